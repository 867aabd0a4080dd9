"""Programs that people run against servers: every connection and statement is what the server has logged."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from analyzer.analysis import AnalysisOptions
from tests.corpus import give_up
from tests.drivers.deeds import Row, against_log, listed
from tests.drivers.tools import ASKED, TOOLS, Tool, filled, phpmyadmin
from tests.drivers.truth import LOGGED
from tests.matrix.boxes import Lossy, NoCapture, log_of, now
from tests.reading import connections_of
from tests.servers import Server, require_servers, servers_dir
from tests.servers.accounts import Account, account
from tests.servers.boxes import free_ports
from tests.servers.capturing import tcpdump
from tests.servers.own import own_account
from tests.servers.packages import Prefix

pytestmark = [pytest.mark.server, pytest.mark.tool]
SECONDS = 60
ER_ACCESS_DENIED = 1045
# Commands that the servers do not log, or not under their name.
UNLOGGED = ("query", "ping", "set_option", "reset_connection", "stmt_fetch")
CASES = [pytest.param(tool, server, id=f"{tool.name}, {server}") for tool in TOOLS for server in tool.servers]


def started(tool: Tool) -> list[str]:
    """The words that start the program; without it the test ends here."""
    if tool.program.startswith("usr/"):
        return Prefix(servers_dir() / "packages" / tool.package / "root").command(tool.program)
    found = shutil.which(tool.program)
    if found is None:
        reason = f"{tool.program} is missing: install {tool.package}"
        if tool.required:
            give_up(reason)
        pytest.skip(reason)
    return [found]


def run(tool: Tool, server: Server, who: Account, place: Path) -> subprocess.CompletedProcess[str]:
    """What the program said."""
    (free,) = free_ports(1)
    words = [*started(tool), *(filled(word, server, who, place, free) for word in tool.words)]
    more = {name: filled(text, server, who, place, free) for name, text in tool.environment}
    # A dump holds bytes that are no text.
    with subprocess.Popen(
        words,
        env={**os.environ, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        if tool.page:
            page = _fetched(filled(tool.page, server, who, place, free))
            process.terminate()
            said, errors = process.communicate(timeout=SECONDS)
            return subprocess.CompletedProcess(words, 0, page + said, errors)
        try:
            said, errors = process.communicate(tool.given, SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, said, errors)


def _fetched(address: str) -> str:
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=SECONDS) as page:
                return str(page.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def held_against_log(server: Server, who: Account, since: str, capture: Path) -> tuple[Counter[str], list[Row]]:
    """Every connection of an account, and each of its commands, is what the server has logged.

    Returns how many had which outcome, and all commands.
    """
    log = log_of(server, since)
    keylog = AnalysisOptions(keylogs=(server.keylog.read_bytes(),))
    found = [msgspec.to_builtins(each) for each in connections_of(capture, keylog)]
    found = [each for each in found if each["login"] and each["login"]["user"] == who.name]
    assert found
    # As many as the server let in, and no other.
    let_in = {thread for thread, lines in log.items() if lines[0][1].startswith(f"{who.name}@")}
    assert {each["greeting"]["connection_id"] for each in found} == let_in
    told: list[Row] = []
    commands = listed(capture, server.keylog)
    for connection in found:
        lines = log[connection["greeting"]["connection_id"]]
        refused = any(word == "Connect" and text.startswith("Access denied") for word, text in lines)
        assert connection["outcome"] == ("rejected" if refused else "accepted")
        if refused:
            assert connection["error"]["code"] == ER_ACCESS_DENIED
            continue
        assert [each for each in connection["findings"] if each["severity"] == "error"] == []
        rows = commands[connection["stream"]]
        told += rows
        assert list(against_log(rows, lines, broken=server.flavor == "mariadb")) == []
        # Statements were compared one by one; of several in one command each is logged.
        logged = (word.lower().replace(" ", "_") for word, _ in lines)
        wanted = Counter(LOGGED.get(word, word) for word in logged if word not in ("connect", "query"))
        seen = Counter({key: count for key, count in connection["commands"].items() if key not in UNLOGGED})
        if server.flavor == "mysql":
            # What it can not prepare it does not log.
            seen["stmt_prepare"] -= sum(row["command"] == "stmt_prepare" and bool(row["error"]) for row in rows)
        assert +seen == +wanted
    return Counter(each["outcome"] for each in found), told


@pytest.mark.parametrize(("tool", "name"), CASES)
def test_a_tool(tool: Tool, name: str, tmp_path: Path) -> None:
    (server,) = require_servers(name)
    started(tool)
    capture = tmp_path / "tool.pcap"
    since = now(server)
    rights = replace(account("admin"), name="tool")
    try:
        with (
            own_account(server, rights) as who,
            tcpdump(capture, server.quiet_host, server.port, cannot=NoCapture, lossy=Lossy),
        ):
            done = run(tool, server, who, tmp_path / "made")
    except NoCapture as problem:
        give_up(str(problem))
    assert done.returncode in tool.exit_codes, done.stderr[-600:]
    outcomes, _ = held_against_log(server, who, since, capture)
    assert set(outcomes) == {"accepted"}
    if tool.words[0].endswith((".lua", ".tcl")):
        assert done.stdout.split() == [str(count) for _, count in ASKED]


@pytest.mark.parametrize("name", ["mysql97", "mariadb118"])
def test_phpmyadmin(name: str, tmp_path: Path) -> None:
    """A visitor logs in, first with a wrong password, looks at a table, types a statement, and leaves."""
    (server,) = require_servers(name)
    if reason := phpmyadmin.missing():
        pytest.skip(reason)
    capture = tmp_path / "pages.pcap"
    since = now(server)
    with (
        own_account(server, account("app")) as who,
        phpmyadmin.serving(tmp_path / "pages", server) as address,
    ):
        try:
            with tcpdump(capture, server.quiet_host, server.port, cannot=NoCapture, lossy=Lossy):
                phpmyadmin.visit(address, who)
        except NoCapture as problem:
            give_up(str(problem))
    outcomes, rows = held_against_log(server, who, since, capture)
    assert outcomes["rejected"] == 1
    assert outcomes["accepted"] >= phpmyadmin.PAGES
    typed = [row for row in rows if row["statement"] and phpmyadmin.TYPED in row["statement"]]
    assert {row["rows"] for row in typed} == {phpmyadmin.SHOWN}
    # It limits what it is given.
    failed = [row["error"]["code"] for row in rows if (row["statement"] or "").startswith(phpmyadmin.WRONG)]
    assert failed == [phpmyadmin.WRONG_CODE]
