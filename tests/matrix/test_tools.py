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
from tests.drivers.deeds import against_log, listed
from tests.drivers.tools import ASKED, TOOLS, Tool, filled
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
    log = log_of(server, since)

    keylog = AnalysisOptions(keylogs=(server.keylog.read_bytes(),))
    found = [msgspec.to_builtins(each) for each in connections_of(capture, keylog)]
    found = [each for each in found if each["login"] and each["login"]["user"] == who.name]
    assert found
    # As many as the server let in, and no other.
    let_in = {thread for thread, lines in log.items() if lines[0][1].startswith(f"{who.name}@")}
    assert {each["greeting"]["connection_id"] for each in found} == let_in
    commands = listed(capture, server.keylog)
    for connection in found:
        assert connection["outcome"] == "accepted"
        assert [each for each in connection["findings"] if each["severity"] == "error"] == []
        rows = commands[connection["stream"]]
        lines = log[connection["greeting"]["connection_id"]]
        assert list(against_log(rows, lines, broken=server.flavor == "mariadb")) == []
        # Statements were compared one by one; of several in one command each is logged.
        logged = (word.lower().replace(" ", "_") for word, _ in lines)
        wanted = Counter(LOGGED.get(word, word) for word in logged if word not in ("connect", "query"))
        seen = Counter({key: count for key, count in connection["commands"].items() if key not in UNLOGGED})
        if server.flavor == "mysql":
            # What it can not prepare it does not log.
            seen["stmt_prepare"] -= sum(row["command"] == "stmt_prepare" and bool(row["error"]) for row in rows)
        assert +seen == +wanted
    if tool.words[0].endswith((".lua", ".tcl")):
        assert done.stdout.split() == [str(count) for _, count in ASKED]
