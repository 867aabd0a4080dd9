"""Connections in TLS that nothing opens: those with one outline are told of as the whole way tells of each."""

from __future__ import annotations

import random
import ssl
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.connection.kinds import FRAMES, STEPS
from analyzer.analysis.connection.sealed_kinds import COVERED, LONG_NS, OF_KEY, RULED_OUT, SAID
from analyzer.analysis.conversation.sealed_session import MOST_BYTES, MOST_SEGMENTS
from analyzer.analysis.findings.engine import OF_LOGIN, asked_of
from analyzer.analysis.findings.signs import NO_LOGIN, TLS
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.analysis.conversation.copies import damaged
from tests.bench.replay import Turn, frames_of, turns_of
from tests.bench.tls import Contexts, in_tls
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame, batches

SAMPLES = ("mysql97_cli_fast-auth.pcap", "mysql97_cli_wrong-password.pcap", "mariadb1011_cli_native.pcap")
COPIES = 8
APART_NS = 10_000_000_000
# Where the hellos stand in the turns: behind greeting and SSLRequest.
CLIENT_HELLO, SERVER_HELLO = 2, 3
# In a record with a hello: behind headers, version, random and a session id of 32 bytes; the first suite.
SUITE = 5 + 4 + 2 + 32 + 33 + 3


@cache
def _said(name: str = SAMPLES[0], version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> list[list[Turn]]:
    """One conversation several times, each with a handshake of its own; each ends alike."""
    turns = turns_of(REPOSITORY / "samples" / name)
    with TemporaryDirectory() as folder:
        contexts = Contexts(Path(folder), version)
        # Of the server's signature some are longer.
        made = [[*in_tls(turns, contexts)] for _ in range(6 * COPIES)]
        made.sort(key=lambda said: [len(data) for _, data in said])
    sizes = [[len(data) for _, data in said] for said in made]
    usual = max(sizes, key=sizes.count)
    return [said for said, size in zip(made, sizes, strict=True) if size == usual][:COPIES]


def _frames(said: Sequence[Sequence[Turn]], apart_ns: int = APART_NS, slower: int = 1) -> list[Frame]:
    rng = random.Random(3)
    frames: list[Frame] = []
    for number, turns in enumerate(said):
        start = number * apart_ns
        made = frames_of(turns, number, start, rng)
        frames += [Frame(data, timestamp_ns=start + slower * (time_ns - start)) for time_ns, data in made]
    return frames


def _told(frames: list[Frame], shapes: bool, size: int = 0, keys: Sequence[tuple[int, bytes]] = ()) -> list[bytes]:
    """The lines of all connections, those of kinds marked. `keys`: logs that come with some batch."""
    analysis = Analysis("capture", AnalysisOptions(shapes=shapes))
    analysis.look_ahead(list)
    lines: list[bytes] = []

    def take(told: object) -> None:
        if isinstance(told, Alike):
            line = lines_of([told])
            assert line == encode(told.connection())
            lines.append(b"~" + line)
        elif isinstance(told, tuple):
            lines.append(encode(told[0]))

    for number, batch in enumerate(batches(frames, size)):
        for at, content in keys:
            if at == number:
                analysis.add_keys(content)
        for one in analysis.told(batch):
            take(one)
    for one in analysis.told_last(False):
        take(one)
    return lines


def _same(frames: list[Frame], size: int = 0, keys: Sequence[tuple[int, bytes]] = ()) -> int:
    """How many were of a kind; all have to be what the whole way says of them."""
    lines = _told(frames, True, size, keys)
    assert [line.removeprefix(b"~") for line in lines] == _told(frames, False, size, keys)
    return sum(line.startswith(b"~") for line in lines)


def _changed(said: list[Turn], turn: int, place: int, byte: int) -> list[Turn]:
    data = bytearray(said[turn][1])
    data[place] = byte
    return [*said[:turn], (said[turn][0], bytes(data)), *said[turn + 1 :]]


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("name", SAMPLES)
def test_all_but_the_first_are_of_a_kind(name: str, size: int) -> None:
    # Two teach the shape up to TLS and the hellos; of those that follow two are seen, and one proves the kind.
    # (Segments that batches tear apart may make it another shape.)
    assert COPIES - (6 if size > 1 else 5) <= _same(_frames(_said(name)), size) <= COPIES - 5


def test_each_has_its_own_frames_and_random() -> None:
    analysis = Analysis("capture", AnalysisOptions())
    frames = _frames(_said())
    told = [*analysis.told(batches(frames)[0]), *analysis.told_last(False)]
    alike = [one for one in told if isinstance(one, Alike)]
    assert alike
    for one in alike:
        connection, row = one.connection(), one.row
        assert connection.tls is not None
        assert connection.greeting is not None
        assert connection.tls.requested_frame in row[STEPS:]
        assert row[FRAMES] == row[STEPS] == connection.greeting.frame
        (missing,) = (finding for finding in connection.findings if finding.code == "keys-missing")
        assert missing.evidence == [f"the session's client random: {row[-1]}"]
        assert connection.first_frame < missing.frames[0] < connection.last_frame
        assert bytes.fromhex(row[-1]) in frames[missing.frames[0] - 1].data


def test_several_kinds_side_by_side() -> None:
    said = [turns for copies in zip(*(_said(name) for name in SAMPLES), strict=True) for turns in copies]
    assert _same(_frames(said)) >= len(SAMPLES) * (COPIES - 5)
    assert _same(_frames(said, apart_ns=100_000), 20) >= len(SAMPLES) * (COPIES - 5)


def test_a_connection_that_lasts_is_of_no_kind() -> None:
    slower = 2 * LONG_NS // _frames(_said()[:1])[-1].timestamp_ns
    assert _same(_frames(_said(), slower=slower)) == 0


def test_another_version_of_tls_goes_the_whole_way() -> None:
    assert _same(_frames(_said(version=ssl.TLSVersion.TLSv1_2))) == 0


def test_more_than_is_kept_goes_the_whole_way() -> None:
    record = b"\x17\3\3\0\x40" + bytes(64)
    many = [[*turns, *((bool(place % 2), record) for place in range(MOST_SEGMENTS))] for turns in _said()]
    assert _same(_frames(many)) == 0
    large = b"\x17\3\3\x04\0" + bytes(1024)
    long = [[*turns, *((True, large) for _ in range(MOST_BYTES // len(large) + 1))] for turns in _said()]
    assert _same(_frames(long)) == 0


@pytest.mark.parametrize("what", ["alert", "no record", "half a record", "another hello", "retry", "early"])
def test_something_else_goes_the_whole_way(what: str) -> None:
    said = [list(turns) for turns in _said()]
    last = said[-1]
    if what == "alert":
        last.append((False, b"\x15\3\3\0\2\2\x28"))
    elif what == "no record":
        last.append((False, b"\x12\0\0\0\xff\x15\4#08S01Bad handshake"))
    elif what == "half a record":
        last.append((True, b"\x17\3\3\0\x40" + bytes(60)))
    elif what == "another hello":
        said[-1] = _changed(last, CLIENT_HELLO, SUITE, 5)
    elif what == "retry":
        retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
        sender, data = last[SERVER_HELLO]
        last[SERVER_HELLO] = (sender, data[:11] + retry + data[43:])
    else:
        last.insert(CLIENT_HELLO, (True, b"\x17\3\3\0\x40" + bytes(64)))
    assert _same(_frames(said)) == COPIES - 6
    assert _same(_frames(said), 1) == COPIES - 6


def test_data_behind_the_end_is_another_outline() -> None:
    said = _frames(_said())
    assert _same(said) == COPIES - 5
    # A FIN of the client comes with its last bytes: what it has to say of the end is not in a frame of its own.
    lost = [frame for frame in said if frame.data[47] != 0x11 or frame.data[34:36] == b"\x0c\xea"]
    assert _same(lost) == _same(lost, 1)


def test_keys_that_come_late_open_what_was_kept(tmp_path: Path) -> None:
    turns, contexts = turns_of(REPOSITORY / "samples" / SAMPLES[0]), Contexts(tmp_path)
    frames = _frames([[*in_tls(turns, contexts)] for _ in range(COPIES)])
    log = contexts.keylog.read_bytes()
    half = len(frames) // COPIES // 2
    # While the seventh is under way, which would be of a kind.
    for at in range(6 * 2 * half + 5, 6 * 2 * half + 2 * half - 1):
        _same(frames, 1, [(at, log)])
        opened = [b'"decrypted":true' in line for line in _told(frames, True, 1, [(at, log)])]
        assert (opened[0], opened[6:]) == (False, [True, True])


def test_the_key_and_what_is_ruled_out_are_all_that_rules_ask() -> None:
    asked = {condition for _, condition in asked_of(TLS | NO_LOGIN)}
    assert COVERED
    assert asked - OF_LOGIN == OF_KEY | RULED_OUT
    assert {"keys-missing", "encrypted-login"} == SAID


@given(
    changes=st.lists(
        st.tuples(st.integers(0, COPIES - 1), st.integers(0, 20), st.integers(0, 400), st.integers(0, 255)), max_size=4
    ),
    size=st.one_of(st.just(0), st.integers(1, 80)),
    lost=st.lists(st.integers(0, 400), max_size=2),
    swapped=st.lists(st.integers(0, 400), max_size=2),
    apart_ns=st.sampled_from([0, 100_000, APART_NS]),
)
def test_whatever_is_broken(
    changes: list[tuple[int, int, int, int]], size: int, lost: list[int], swapped: list[int], apart_ns: int
) -> None:
    said = [list(turns) for turns in _said()]
    for copy, turn, place, byte in changes:
        of = turn % len(said[copy])
        said[copy] = _changed(said[copy], of, place % len(said[copy][of][1]), byte)
    frames = damaged(_frames(said, apart_ns=apart_ns), swapped, lost)
    _same(frames, size)
