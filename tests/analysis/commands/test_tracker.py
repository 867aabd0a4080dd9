"""Commands and their responses: what the corpus and the samples know of them, and the two ways to the same list."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.observer import BaseObserver, Observer
from analyzer.analysis.model.command import Command
from analyzer.net.tcp.reassembly import TcpConnection
from tests import corpus
from tests.corpus import REPOSITORY
from tests.reading import connections_of, results_of
from tests.wire.frames import FIN, batches
from tests.wire.mysql import PING, QUIT, eof, err, ok, packet, query
from tests.wire.script import ACCEPTED, MS, Say, conversation, wait

FRAME = 1000  # ns between two frames of a script
SAMPLES = sorted(path for path in (REPOSITORY / "samples").iterdir() if ".pcap" in path.name)


def exchanges(capture: Path, *, plain: bool, keys: Iterable[bytes] = ()) -> list[Command]:
    """All commands of a capture; without `plain` none is taken the short way."""
    sink: Sink = []

    def log(tcp: TcpConnection) -> Observer:
        return CommandTracker(tcp, sink)

    observe = (log,) if plain else (log, lambda tcp: BaseObserver())
    results_of(capture, AnalysisOptions(observe=observe, keylogs=tuple(keys)))
    found = [one.command(capture.name, pending) for _, one, pending in sink]
    return sorted(found, key=lambda exchange: (exchange.stream, exchange.number))


def of_script(*steps: Any) -> list[Command]:
    sink: Sink = []
    script = batches(conversation([*ACCEPTED, *steps, Say("c", flags=FIN), Say("s", flags=FIN)]))
    results_of(script, AnalysisOptions(observe=(lambda tcp: CommandTracker(tcp, sink),)))
    return [log.command("script", pending) for _, log, pending in sink]


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.name)
def test_the_short_way_says_what_the_state_machine_says(capture: Path) -> None:
    assert exchanges(capture, plain=True) == exchanges(capture, plain=False)


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.name)
def test_as_many_commands_as_the_connection_counts(capture: Path) -> None:
    counted: dict[tuple[int, str], int] = {}
    for each in exchanges(capture, plain=True):
        counted[each.stream, each.command] = counted.get((each.stream, each.command), 0) + 1
    expected = {(one.stream, name): times for one in connections_of(capture) for name, times in one.commands.items()}
    assert counted == expected


COLUMN = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"


def result(rows: list[bytes], *, status: int = 2, first: int = 1) -> bytes:
    """A result set of one column, as CLIENT_DEPRECATE_EOF has it."""
    end = b"\xfe\x00\x00" + status.to_bytes(2, "little") + b"\x00\x00"
    payloads = [b"\x01", COLUMN, *(bytes([len(row)]) + row for row in rows), end]
    return b"".join(packet((first + index) & 0xFF, payload) for index, payload in enumerate(payloads))


def test_a_result_set_with_its_times_and_sizes() -> None:
    answer = result([b"1", b"22"])
    one, two = of_script(("c", query("SELECT 1")), wait("s", answer, 0.25), ("c", QUIT))
    assert (one.command, one.statement, one.response) == ("query", "SELECT 1", "resultset")
    assert (one.columns, one.rows, one.affected_rows) == (1, 2, None)
    assert one.latency_ns == one.duration_ns == 250 * MS + FRAME
    assert (one.bytes_request, one.bytes_response) == (len(query("SELECT 1")), len(answer))
    assert (two.command, two.response, two.response_frame, two.latency_ns) == ("quit", "none", None, None)


def test_the_first_and_the_last_byte_of_a_response() -> None:
    answer = result([b"x" * 100] * 20)
    (one,) = of_script(("c", query("SELECT 1")), wait("s", answer[:700], 0.1), wait("s", answer[700:], 0.3))
    assert (one.latency_ns, one.duration_ns, one.rows) == (100 * MS + FRAME, 400 * MS + 2 * FRAME, 20)
    assert one.response_frame is not None
    assert one.response_frame == one.frame + 1


def test_the_first_row_of_a_fetch_begins_its_response() -> None:
    """Nothing comes in front of it, wherever segments end."""
    fetch = packet(0, b"\x1c" + (1).to_bytes(4, "little") + (3).to_bytes(4, "little"))
    rows = b"".join(packet(number, b"\0\0" + b"x" * 8) for number in (1, 2, 3))
    answer = rows + eof(4)
    for cut in (5, len(rows) // 3, len(rows) // 2, len(rows)):
        (one,) = of_script(("c", fetch), wait("s", answer[:cut], 0.1), wait("s", answer[cut:], 0.3))
        assert (one.command, one.response, one.rows) == ("stmt_fetch", "resultset", 3)
        assert (one.latency_ns, one.duration_ns) == (100 * MS + FRAME, 400 * MS + 2 * FRAME), cut


def test_several_results_are_listed_and_summed() -> None:
    more = 0x000A
    answer = (
        result([b"1"], status=more)
        + result([b"1", b"2"], status=more, first=5)
        + packet(10, b"\x00\x03\x00\x02\x00\x00\x00")
    )
    (one,) = of_script(("c", query("CALL p()")), ("s", answer))
    assert one.result_sets is not None
    assert [(each.columns, each.rows, each.affected_rows) for each in one.result_sets] == [
        (1, 1, None),
        (1, 2, None),
        (None, None, 3),
    ]
    assert (one.columns, one.rows, one.response) == (1, 3, "resultset")


def test_an_error_in_the_middle_of_rows() -> None:
    whole = result([b"1", b"2"])
    (one,) = of_script(("c", query("SELECT 1")), ("s", whole[:-11] + err(5, 1317, "interrupted", "70100")))
    assert one.response == "error"
    assert one.error is not None
    assert (one.error.code, one.error.sqlstate, one.error.message) == (1317, "70100", "interrupted")


def test_the_default_schema_is_followed() -> None:
    steps = []
    for statement in ("SELECT 0", "USE `a``b`", "SELECT 1", "use other ;", "SELECT 2", "USELESS", "SELECT 3"):
        steps += [("c", query(statement)), ("s", ok(1))]
    found = [each.database for each in of_script(*steps) if each.statement and each.statement.startswith("SELECT")]
    assert found[1:] == ["a`b", "other", "other"]


def test_a_refused_use_changes_nothing() -> None:
    before, refused, after = of_script(
        *(("c", query("SELECT 1")), ("s", ok(1))),
        *(("c", query("USE secret")), ("s", err(1, 1044, "denied", "42000"))),
        *(("c", query("SELECT 2")), ("s", ok(1))),
    )
    assert refused.response == "error"
    assert after.database == before.database


def test_what_is_not_answered_is_missing() -> None:
    one, two = of_script(("c", PING), ("s", ok(1)), ("c", query("SELECT SLEEP(9)")))
    assert (one.response, two.response) == ("ok", "missing")
    assert (two.latency_ns, two.duration_ns, two.rows) == (None, None, None)


def test_pipelined_commands_get_their_own_answers() -> None:
    asked = query("SELECT 1") + PING + query("SELECT 2")
    found = of_script(("c", asked), ("s", result([b"1"]) + ok(1) + result([b"1", b"2"])))
    assert [(each.command, each.response, each.rows) for each in found] == [
        ("query", "resultset", 1),
        ("ping", "ok", None),
        ("query", "resultset", 2),
    ]


def test_a_lost_answer_is_not_taken_from_the_next() -> None:
    lost = Say("s", result([b"1", b"2"]), lost=True)
    found = of_script(("c", query("SELECT 1")), lost, ("c", query("SELECT 2")), ("s", result([b"1"])))
    by_text = {each.statement: each for each in found}
    assert by_text["SELECT 1"].response == "missing"
    assert by_text["SELECT 2"].rows in (1, None)


def _true_statements(case: str) -> list[dict[str, Any]]:
    found = [each for one in corpus.truth(case)["connections"] for each in one.get("statements", [])]
    return [each for each in found if isinstance(each, dict) and each.get("sql") and not each.get("error")]


@pytest.mark.corpus
@pytest.mark.parametrize("case", [case for case in corpus.cases() if corpus.truth(case)["expect"] == "same"])
def test_both_ways_agree_on_the_corpus(case: str) -> None:
    truth = corpus.truth(case)
    capture = corpus.LAB / truth["capture"]
    log = corpus.LAB / truth["keylog"] if truth["keylog"] else None
    keys = [log.read_bytes()] if log is not None and log.exists() else []
    short, long = (exchanges(capture, plain=plain, keys=keys) for plain in (True, False))
    assert short == long
    rows: dict[str, set[int | None]] = {}
    for each in short:
        rows.setdefault(" ".join((each.statement or "").split()).rstrip("; ").lower(), set()).add(each.rows)
    for statement in _true_statements(case):
        known = rows.get(" ".join(statement["sql"].split()).rstrip("; ").lower())
        if known is not None and isinstance(statement.get("rows"), int):
            assert statement["rows"] in known, statement


def test_every_exchange_is_json() -> None:
    for capture in SAMPLES[:20]:
        for each in exchanges(capture, plain=True):
            assert json.loads(msgspec.json.encode(msgspec.to_builtins(each)))["stream"] == each.stream


def test_a_clone_is_one_command_to_its_end() -> None:
    asked = [packet(0, each) for each in (b"\x20", b"\x01\x03\x01\0\0", b"\x04", b"\x06")]
    said = [ok(1), packet(0, b"\x07" + bytes(9)) + packet(0, b"\x63"), packet(0, b"\x03" * 90) + packet(0, b"\x63")]
    said.append(packet(0, b"\x63"))
    steps = [(who, data) for pair in zip(asked, said, strict=True) for who, data in zip("cs", pair, strict=True)]
    one, two = of_script(*steps, ("c", QUIT))
    assert (one.command, one.response, one.complete, two.command) == ("clone", "ok", True, "quit")
    assert (one.bytes_request, one.bytes_response) == (sum(map(len, asked)), sum(map(len, said)))
    refused = packet(0, b"\x64\x16\x0f\0\0no")
    one, _ = of_script(*steps[:2], ("c", asked[1]), ("s", refused), ("c", asked[3]), ("s", said[3]), ("c", QUIT))
    assert one.error is not None
    assert (one.response, one.error.code, one.error.message) == ("error", 3862, "no")


def test_acknowledgements_are_no_commands() -> None:
    dump, event = packet(0, b"\x12" + bytes(10)), b"\0\xef\x01" + bytes(30)
    acknowledged = ("c", packet(0, b"\xef" + bytes(8) + b"binlog.1"))
    assert [one.command for one in of_script(("c", dump), ("s", packet(1, event)), acknowledged)] == ["binlog_dump"]
