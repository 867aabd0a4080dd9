"""The commands that the report lists: those that `handshark commands` knows, right however many there are."""

from __future__ import annotations

import heapq
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail
from analyzer.analysis.commands.excerpt import (
    FAILED,
    FIRST,
    LONGEST_MESSAGE,
    LONGEST_STATEMENT,
    SLOWEST,
    Shown,
    shown_text,
)
from analyzer.analysis.commands.pending import PendingCommand, Request
from analyzer.analysis.model.command import ERROR, OK, Command
from analyzer.analysis.packets.packet_list import PacketList
from analyzer.analysis.pipeline import PACKETS_SHOWN
from analyzer.cli import main
from analyzer.errors import ServerError
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.tables.commands import COM_QUERY
from analyzer.report.html.packets import packet_columns
from live_client import Session
from tests import corpus
from tests.bench import oltp, replay, tls
from tests.corpus import REPOSITORY
from tests.live_client.on_servers import options, run, server
from tests.net.tcp.segments import key_of
from tests.reading import results_of
from tests.report.html.reading import blocks, parsed
from tests.servers.accounts import account

SAMPLES = REPOSITORY / "samples"
CAPTURES = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".pcap", ".pcapng"))
Exchanges = dict[int, dict[int, dict[str, Any]]]


def told(path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Exchanges:
    """What `handshark commands` says: stream -> number -> its object."""
    assert main(["commands", "--format", "jsonl", *keylog(path), str(path)]) in (0, 3)
    found: Exchanges = defaultdict(dict)
    for line in capsysbinary.readouterr().out.splitlines():
        one = json.loads(line)
        found[one["stream"]][one["number"]] = one
    return found


def keylog(path: Path) -> list[str]:
    keys = path.with_suffix(".keys")
    return ["--keylog", str(keys)] if keys.exists() else []


def shown(path: Path, packets: int = PACKETS_SHOWN, **choices: Any) -> list[tuple[Connection, ConnectionDetail]]:
    keys = tuple(Path(name).read_bytes() for name in keylog(path)[1:])
    found = results_of(path, AnalysisOptions(packets=packets, commands=True, keylogs=keys, **choices))
    return [(connection, detail) for connection, detail in found if detail is not None]


def check(connection: Connection, detail: ConnectionDetail, exchanges: dict[int, dict[str, Any]]) -> None:
    """What is listed is what `commands` says, and it is the right choice of it."""
    assert detail.commands_seen == len(exchanges)
    numbers = [one.number for one in detail.commands]
    assert numbers == sorted(set(numbers))
    assert numbers == sorted(chosen(exchanges.values()))
    for one in detail.commands:
        other = exchanges[one.number]
        assert (one.frame, one.command, one.response) == (other["frame"], other["command"], other["response"])
        assert (one.latency_ns, one.duration_ns) == (other["latency_ns"], other["duration_ns"])
        assert (one.rows, one.affected_rows) == (other["rows"], other["affected_rows"])
        assert one.response_frame == other["response_frame"]
        assert one.time_ns == other["time_ns"]
        if other["statement"] is not None:
            assert one.statement == other["statement"][:LONGEST_STATEMENT]
            whole = len(other["statement"]) <= LONGEST_STATEMENT and not other["statement_cut"]
            assert (one.statement_cut is None) == whole
        error = other["error"]
        assert (one.error is None) == (error is None)
        if error is not None:
            assert one.error is not None
            assert (one.error.code, one.error.sqlstate) == (error["code"], error["sqlstate"])
            assert error["message"][:100] in one.error.message


def chosen(exchanges: Iterable[dict[str, Any]]) -> set[int]:
    """The first, and of those after them the slowest and the first that failed."""
    later = [one for one in exchanges if one["number"] >= FIRST]
    answered = [one for one in later if one["duration_ns"] is not None]
    slow = heapq.nlargest(SLOWEST, answered, key=lambda one: (one["duration_ns"], -one["number"]))
    failed = [one["number"] for one in later if one["error"] is not None]
    found = {one["number"] for one in slow} | set(sorted(failed)[:FAILED])
    return found | {one["number"] for one in exchanges if one["number"] < FIRST}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_as_commands_says_whatever_is_shown_of_the_packets(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """When the list of packets is full the connection is taken in turns: nothing of what is said changes by that."""
    exchanges = told(path, capsysbinary)
    every = shown(path, 1 << 20)
    for limit in (1 << 20, PACKETS_SHOWN, 20, 7):
        for (connection, detail), (_, all_of_it) in zip(shown(path, limit), every, strict=True):
            check(connection, detail, exchanges[connection.stream])
            assert detail.packets == all_of_it.packets[:limit] or detail.packets_left_out
            assert len(detail.packets) + detail.packets_left_out == len(all_of_it.packets)


@pytest.mark.corpus
@pytest.mark.skipif(not corpus.LAB.is_dir(), reason=f"no captures in {corpus.CORPUS}; set HANDSHARK_CORPUS")
def test_as_commands_says_of_captures_nobody_here_made(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    listed = 0
    for path in corpus.captures():
        if path.stat().st_size > 1 << 20:
            continue
        found = shown(path)
        if sum(detail.commands_seen for _, detail in found) < 4:
            continue
        exchanges = told(path, capsysbinary)
        for connection, detail in found:
            check(connection, detail, exchanges[connection.stream])
            listed += len(detail.commands)
    assert listed > 300


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two connections of over 400 commands, of which the first 200 packets hold a few."""
    path = tmp_path_factory.mktemp("busy") / "busy.pcap"
    oltp.oltp(SAMPLES, path, 20, 2)
    return path


def test_commands_beyond_the_packets(busy: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    exchanges = told(busy, capsysbinary)
    every = shown(busy, 1 << 20)
    for (connection, detail), (_, all_of_it) in zip(shown(busy), every, strict=True):
        check(connection, detail, exchanges[connection.stream])
        assert detail.commands_seen == sum(connection.commands.values()) > 2 * FIRST
        assert len(detail.commands) == FIRST + SLOWEST
        last = detail.packets[-1].frame
        assert sum(one.frame > last for one in detail.commands) > 150
        assert len(detail.packets) == PACKETS_SHOWN
        assert len(detail.packets) + detail.packets_left_out == len(all_of_it.packets)


def test_the_page_says_which_are_listed(busy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert main(["report", str(busy), "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    parsed(text)
    total = 0
    for columns in blocks(text, "packets"):
        for commands, (left_out, note) in zip(columns[-1], columns[-2], strict=True):
            assert left_out > 0
            [(listed, seen)] = re.findall(r"([\d,]+) of ([\d,]+) commands are listed", note)
            assert int(listed) == len(commands) == FIRST + SLOWEST
            # What is not listed is said where it is missing.
            assert sum(row[0] for row in commands) + len(commands) <= int(seen)
            assert any(row[0] for row in commands)
            total += int(seen)
    assert total == oltp.commands_of(20, 2)
    assert f"The first 40; with JavaScript this page lists {FIRST + SLOWEST}." in text


def test_read_once_lists_the_same(busy: Path, tmp_path: Path) -> None:
    """Where a capture can not be read again, all connections are watched on the way."""
    import subprocess
    import sys

    one, other = tmp_path / "one.html", tmp_path / "other.html"
    assert main(["report", str(busy), "-o", str(one)]) == 0
    command = [sys.executable, "-m", "analyzer", "report", "-", "-o", str(other)]
    with busy.open("rb") as file:
        subprocess.run(command, stdin=file, check=True, cwd=SAMPLES.parent)
    pages = [blocks(path.read_text(encoding="utf-8"), "packets") for path in (one, other)]
    assert pages[0] == pages[1]


def test_inside_tls(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    contexts = tls.Contexts(tmp_path)
    turns = tls.in_tls(oltp.turns(SAMPLES, 15, 0), contexts)
    path = tmp_path / "tls.pcap"
    replay.write_pcap(path, replay.frames_of(turns, 0, replay.START_NS, random.Random(2)))
    contexts.keylog.rename(path.with_suffix(".keys"))
    exchanges = told(path, capsysbinary)
    [(connection, detail)] = shown(path)
    assert connection.tls is not None
    assert connection.tls.decrypted
    assert detail.commands_seen > FIRST
    check(connection, detail, exchanges[0])


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "compression", "version"),
    [
        ("mysql97", "zlib", "none"),
        ("mysql97", "zstd", "TLSv1.3"),
        ("mariadb118", "zlib", "TLSv1.2"),
        ("mariadb1011", None, "none"),
    ],
)
def test_of_a_real_session(
    name: str, compression: str | None, version: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "session.pcapng"

    def work(session: Session) -> None:
        for number in range(130):
            session.query(f"SELECT {number}, 'x'")
            if number % 10 == 3:
                with pytest.raises(ServerError):
                    session.query("SELECT nonsense")
        prepared = session.prepared("SELECT ? + 1 AS more")
        for number in range(110):
            prepared.execute(number)
        session.query("SELECT SLEEP(0.05)")
        session.query(f"SELECT LENGTH('{'y' * 3000}')")
        for _ in range(3):
            with pytest.raises(ServerError):
                session.query("SELECT 1 FROM nowhere.at_all")
        session.ping()

    _, failed = run(path, options(server(name), account("app"), compression=compression, tls=version), work)
    assert failed is None
    exchanges = told(path, capsysbinary)
    [(connection, detail)] = shown(path)
    check(connection, detail, exchanges[0])
    assert connection.compression == (compression or "none")
    later = [one for one in detail.commands if one.number >= FIRST]
    assert any(one.statement == "SELECT SLEEP(0.05)" and (one.latency_ns or 0) > 45_000_000 for one in later)
    assert sum(one.error is not None for one in later) == 3


def one_shown(show_secrets: bool = False) -> Shown:
    tcp = TcpConnection(key_of(("10.0.0.1", 4000), ("10.0.0.2", 3306)), 1, 1000)
    return Shown(tcp, PacketList(0, show_secrets, 1000))


def ended(number: int, text: bytes, took: int | None, failed: bool) -> PendingCommand:
    """A query that is complete."""
    one = PendingCommand(number, Request(2 * number + 1, 1000 + number, COM_QUERY, length=len(text) + 5, text=text))
    if took is not None:
        one.response_frame, one.first_ns, one.last_ns = (
            2 * number + 2,
            one.request.time_ns + took,
            one.request.time_ns + took,
        )
        one.response = ERROR if failed else OK
        one.error = ErrPacket(1064, "42000", "no" * 1000) if failed else None
    return one


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 3000))
def test_what_is_kept_is_bounded_and_the_right_part(seed: int, many: int) -> None:
    rng = random.Random(seed)
    one = one_shown()
    pendings = []
    for number in range(many):
        took = None if rng.random() < 0.1 else rng.randrange(50)
        pendings.append(ended(number, b"SELECT %d" % number, took, rng.random() < 0.2))
        one.number += 1
        one.complete(pendings[-1])
    detail = one.detail()
    assert detail.commands_seen == many
    assert len(detail.commands) <= FIRST + SLOWEST + FAILED
    exchanges = [
        {
            "number": each.number,
            "duration_ns": None if each.response_frame is None else each.last_ns - each.request.time_ns,
            "error": each.error,
        }
        for each in pendings
    ]
    assert [each.number for each in detail.commands] == sorted(chosen(exchanges))
    assert all(each.error is None or len(each.error.message) <= LONGEST_MESSAGE for each in detail.commands)


def kept(statement: bytes, show_secrets: bool = False) -> Command:
    one = one_shown(show_secrets)
    one.number += 1
    one.complete(ended(0, statement, 5, False))
    [command] = one.detail().commands
    return command


def test_long_statements_are_shortened_and_their_length_said() -> None:
    statement = "SELECT '" + "é" * 2000 + "'"
    command = kept(statement.encode())
    assert command.statement == statement[:LONGEST_STATEMENT]
    assert shown_text(command) == (statement[:LONGEST_STATEMENT], len(statement.encode()))
    detail = ConnectionDetail([], 0, [command], 1)
    from tests.report import examples

    [row] = packet_columns(examples.accepted(), detail)[-1]
    assert f"{len(statement.encode()):,} bytes in all" in row
    assert kept(b"SELECT 1").statement_cut is None
    assert shown_text(kept(b"\xff\xfe" * 300))[1] == 600


@given(st.integers(LONGEST_STATEMENT - 60, LONGEST_STATEMENT + 5), st.text("ab\\'", min_size=1, max_size=80))
def test_a_password_that_the_end_cuts_stays_masked(before: int, password: str) -> None:
    head = "/*" + "-" * before + "*/ SET PASSWORD = '"
    quoted = ("zqz" + password).replace("\\", "\\\\").replace("'", "''")
    assert "zqz" not in str(kept(f"{head}{quoted}' -- the end".encode()))
    shown_as = kept(f"SET PASSWORD = '{quoted}' {'x' * 500}".encode())
    assert (shown_as.statement or "").startswith("SET PASSWORD = '***'")
    assert kept(f"SET PASSWORD = '{quoted}'".encode(), True).statement == f"SET PASSWORD = '{quoted}'"
