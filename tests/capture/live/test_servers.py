"""Real servers, the raw client and `live` together: what is shown is what the client knows, and what the file says."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from analyzer.analysis.connection.truth import compare
from live_client.session import Session
from tests.capture.live.network import Network, network
from tests.capture.live.support import ENVIRONMENT, SECONDS, Json, Live, analysed, live, may_capture
from tests.corpus import REPOSITORY
from tests.matrix.running import admin_options, login_options
from tests.servers import Server, require_servers

pytestmark = pytest.mark.server

# name -> what the client is told; every connection is of its own process, all at once.
CASES: dict[str, list[str]] = {
    "plain": ["--user", "app", "--password", "app-pw", "--ssl-mode", "disabled", "--get-server-public-key"],
    "wrong": ["--user", "app", "--password", "wrong", "--ssl-mode", "disabled", "--get-server-public-key"],
    "tls": ["--user", "app", "--password", "app-pw", "--ssl-mode", "required"],
}


@contextmanager
def relay(address: str, server: Server) -> Iterator[int]:
    """A port of `address` behind which the server is, for who can not reach the server's own address."""
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, server: Server) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return  # the test is over
        far = socket.create_connection((server.host, server.port))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def clients(wire: Network, ports: dict[str, int], folder: Path, keylog: Path) -> dict[str, Json]:
    """All cases at each port; what each client knows of its connection."""
    started = []
    for name, port in ports.items():
        for case, words in CASES.items():
            truth = folder / f"{name}-{case}.json"
            command = [*wire.inside, sys.executable, "-m", "live_client", "--host", wire.address, "--port", str(port)]
            command += [*words, "--quiet", "-e", "SELECT 1", "--truth", str(truth), "--keylog", str(keylog)]
            process = subprocess.Popen(
                command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            started.append((truth, process))
    found = {}
    for truth, process in started:
        _, errors = process.communicate(timeout=SECONDS)
        assert truth.exists(), errors.decode()
        found[truth.stem] = json.loads(truth.read_text(encoding="utf-8"))
    return found


def of(rows: list[Json], truth: Json) -> list[Json]:
    """The rows of the connection that a client knows."""
    return [row for row in rows if row["client"] == truth["client"] and row["server"] == truth["server"]]


def test_what_is_shown_is_what_the_clients_know_and_what_the_file_says(tmp_path: Path) -> None:
    may_capture()
    servers = require_servers()
    file, keylog = tmp_path / "out.pcapng", tmp_path / "keys.txt"
    with network(5) as wire:
        relays = {server.name: relay(wire.address, server) for server in servers}
        ports = {name: one.__enter__() for name, one in relays.items()}
        try:
            filters = " or ".join(f"tcp port {port}" for port in ports.values())
            words: list[str | Path] = [
                "-i",
                wire.near,
                "-f",
                filters,
                "-w",
                file,
                "--format",
                "jsonl",
                "--keylog",
                keylog,
            ]
            with live(*words) as run:
                truths = clients(wire, ports, tmp_path, keylog)
                run.wait_for_rows(len(truths), final=False)
                assert run.end() == 0
        finally:
            for one in relays.values():
                one.__exit__(None, None, None)
    assert len(truths) == 3 * len(servers)
    last = run.rows(final=True)
    assert len(last) == len(truths) == run.number("MySQL connections")
    assert run.number("dropped by the kernel") == 0
    for name, truth in truths.items():
        rows = of(run.rows(), truth)
        assert [row["final"] for row in rows] == [False, True], name
        for row in rows:
            assert row["outcome"] == ("rejected" if name.endswith("-wrong") else "accepted"), name
        assert compare(rows[1], truth) == [], name
        assert bool(rows[1]["tls"]) == name.endswith("-tls")
    written = {row["stream"]: row for row in analysed(file, keylog=keylog)}
    for row in last:
        theirs = written[row["stream"]]
        # Live tells of each connection at once; a file's findings know of those that came later too.
        known = [key for key in theirs if key not in ("capture", "findings")]
        assert {key: row[key] for key in known} == {key: theirs[key] for key in known}
        told = [[(finding["code"], finding["severity"]) for finding in one["findings"]] for one in (row, theirs)]
        assert told[0] == told[1]


@pytest.fixture
def mysql() -> Server:
    may_capture()
    return require_servers("mysql97")[0]


def session(server: Server, port: int, keylog: Path) -> Session:
    return Session(replace(admin_options(server), port=port), keylog=keylog)


@contextmanager
def watched(server: Server, keylog: Path) -> Iterator[tuple[int, Live]]:
    """The server at a port that nobody else knows, and `live` that captures it."""
    with relay("127.0.0.1", server) as port:
        words = ["-i", "lo", "-f", f"tcp port {port}", "--format", "jsonl", "--keylog", str(keylog)]
        with live(*words) as run:
            yield port, run


def mine(run: Live, number: int) -> list[Json]:
    return [row for row in run.rows() if row["greeting"] and row["greeting"]["connection_id"] == number]


def wait_for_mine(run: Live, number: int, count: int) -> list[Json]:
    run.wait_until(lambda: len(mine(run, number)) >= count)
    return mine(run, number)


def test_keys_that_come_late_open_a_session_that_is_still_there(mysql: Server, tmp_path: Path) -> None:
    secret, keylog = tmp_path / "secret.txt", tmp_path / "keys.txt"
    with watched(mysql, keylog) as (port, run):
        run.wait_for("is not there yet")
        with session(mysql, port, secret).open() as open_one:
            open_one.query("SELECT 1")
            number = msgspec.json.decode(msgspec.json.encode(open_one.truth()))["connection_id"]
            # Without keys nothing can be said but that it is encrypted; that waits a little, as keys may come.
            (first,) = wait_for_mine(run, number, 1)
            assert (first["final"], first["outcome"]) == (False, "encrypted")
            keys = secret.read_bytes()
            with keylog.open("ab") as file:
                file.write(keys[:100])
                file.flush()
                time.sleep(0.3)
                file.write(keys[100:])
            second = wait_for_mine(run, number, 2)[1]
            assert (second["final"], second["outcome"], second["login"]["user"]) == (False, "accepted", "admin")
            open_one.query("SELECT 2")
        last = wait_for_mine(run, number, 3)[2]
        assert run.end() == 0
    assert (last["final"], last["outcome"], last["tls"]["decrypted"]) == (True, "accepted", True)
    assert last["commands"] == {"query": 2, "quit": 1}


def test_keys_that_come_at_once_make_one_verdict(mysql: Server, tmp_path: Path) -> None:
    keylog = tmp_path / "keys.txt"
    keylog.touch()
    with watched(mysql, keylog) as (port, run):
        with session(mysql, port, keylog).open() as one:
            number = msgspec.json.decode(msgspec.json.encode(one.truth()))["connection_id"]
            (row,) = wait_for_mine(run, number, 1)
            assert (row["final"], row["outcome"]) == (False, "accepted")
        wait_for_mine(run, number, 2)
        assert run.end() == 0
    assert [row["final"] for row in mine(run, number)] == [False, True]


def test_a_connection_that_was_open_before(mysql: Server) -> None:
    from tests.matrix.cases import trials

    trial = next(one for one in trials(mysql) if one.tls == "none" and not one.compression and one.account == "app")
    with relay("127.0.0.1", mysql) as port:
        words = ["-i", "lo", "-f", f"tcp port {port}", "--port", str(port), "--format", "jsonl"]
        options = replace(login_options(mysql, trial), port=port)
        with Session(options).open() as early, live(*words) as run:
            early.query("SELECT 1")
            client = msgspec.json.decode(msgspec.json.encode(early.truth()))["client"]
            run.wait_until(lambda: [row for row in run.rows() if row["client"] == client])
            assert run.end() == 0
    rows = [row for row in run.rows() if row["client"] == client]
    assert [(row["final"], row["outcome"], row["commands"].get("query")) for row in rows] == [
        (False, "unknown", 1),
        (True, "unknown", 1),
    ]
