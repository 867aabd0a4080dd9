"""Logins of one shape, decoded once: the same connections, byte for byte, as where each is decoded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.batches import FrameBatch
from analyzer.engine.collectors import Connections, Rendering
from analyzer.engine.reading import Reading
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.wire.framing import RawPacket
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.analysis.conversation.copies import COPIES, LATER_NS, NAMES, SAMPLES, WHOLE, Change, again, damaged, said
from tests.bench import tls
from tests.bench.replay import frames_of
from tests.corpus import captures
from tests.reading import opened, read_through
from tests.wire.frames import Frame, batches

LINES = Rendering(lambda result: encode(result[0]), alike=lambda one: lines_of([one]))


def _told(
    frames: list[FrameBatch] | Path,
    shapes: bool,
    columns: bool = True,
    keylogs: tuple[bytes, ...] = (),
    watched: bool = False,
) -> tuple[list[bytes], int]:
    """All connections as JSON, and how many logins had a known shape; where they are watched, their commands too."""
    sink: Sink = []
    observe = (lambda tcp: CommandTracker(tcp, sink),) if watched else ()
    options = AnalysisOptions(shapes=shapes, columns=columns, keylogs=keylogs, observe=observe)
    analysis = Analysis("capture", options)
    with opened(frames) as source:
        lines = [line for _, line in Reading(analysis, source).collected(Connections(LINES))]
    lines += [encode(tracker.command("capture", pending)) for _, tracker, pending in sink]
    return lines, analysis.shapes.found if analysis.shapes is not None else 0


def _same(frames: list[Frame], size: int = 0, columns: bool = True, watched: bool = False) -> int:
    lines, found = _told(batches(frames, size), True, columns, watched=watched)
    assert lines == _told(batches(frames, size), False, columns, watched=watched)[0]
    return found


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", WHOLE)
def test_a_login_that_comes_again(name: str, size: int) -> None:
    assert _same(again(name, []), size) == _same(again(name, []), size, watched=True)
    _same(again(name, []), size, columns=False)


@pytest.mark.parametrize(
    "name",
    [
        "mysql97_cli_fast-auth.pcap",
        "mysql97_cli_full-auth-rsa.pcapng",
        "mysql97_cli_wrong-password.pcap",
        "mariadb1011_cli_native.pcap",
        "mariadb1011_cli_ed25519.pcapng",
        "mariadb1011_cli_unknown-user.pcap",
        "mariadb118_cli_parsec.pcapng",
    ],
)
def test_all_but_two_are_known(name: str) -> None:
    found = _same(again(name, []))
    assert found == COPIES - 2
    # With other numbers of connections and other nonces they are still.
    version = said(name)[0][1].index(b"\0", 5)
    others = [(copy, 0, version + 1 + place, 1 + copy * 7 + place) for copy in range(COPIES) for place in range(12)]
    assert _same(again(name, others)) == COPIES - 2


@pytest.mark.parametrize("keys", [True, False], ids=["with keys", "without"])
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("watched", [False, True])
def test_up_to_tls(tmp_path: Path, watched: bool, size: int, keys: bool) -> None:
    contexts = tls.Contexts(tmp_path)
    frames: list[Frame] = []
    rng = random.Random(8)
    for copy in range(COPIES):
        turns = tls.in_tls(said("mariadb1011_cli_native.pcap"), contexts)
        start = copy * 1_000 * LATER_NS
        frames += [Frame(data, timestamp_ns=time_ns) for time_ns, data in frames_of(turns, copy, start, rng)]
    keylogs = (contexts.keylog.read_bytes(),) if keys else ()
    told, found = _told(batches(frames, size), True, keylogs=keylogs, watched=watched)
    assert told == _told(batches(frames, size), False, keylogs=keylogs, watched=watched)[0]
    users = sum(line.count(b'"user":"app"') for line in told[:COPIES])
    assert users == (COPIES if keys else 0)
    assert found == COPIES - 2


def test_what_is_free_is_each_connections_own() -> None:
    name = "mariadb1011_cli_native.pcap"
    version = said(name)[0][1].index(b"\0", 5)
    pid = said(name)[1][1].index(b"_pid") + 5
    changes = [(copy, 0, version + 1, copy + 1) for copy in range(COPIES)]
    changes += [(copy, 1, pid, ord("1") + copy) for copy in range(COPIES)]
    analysis = Analysis("capture", AnalysisOptions())
    told = [connection for connection, _ in read_through(analysis, batches(again(name, changes)))]
    assert analysis.shapes is not None
    assert analysis.shapes.found == COPIES - 2
    greetings = [one.greeting.connection_id & 0xFF for one in told if one.greeting is not None]
    assert greetings == [copy + 1 for copy in range(COPIES)]
    pids = [(one.login.attributes or {})["_pid"][0] for one in told if one.login is not None]
    assert pids == [str(copy + 1) for copy in range(COPIES)]


@pytest.mark.parametrize(
    ("name", "behind"),
    [
        ("mysql97_cli_fast-auth.pcap", True),
        ("mariadb1011_cli_native.pcap", True),
        ("mysql97_cli_wrong-password.pcap", False),  # a login that is refused is a whole session
        ("mariadb1011_cli_unknown-user.pcap", False),
    ],
)
def test_a_whole_session_that_comes_again(name: str, behind: bool) -> None:
    """The third is the first whose login is known: what it says behind that is learnt, and the others are known."""
    analysis = Analysis("capture", AnalysisOptions())
    told = [connection for connection, _ in read_through(analysis, batches(again(name, [])))]
    assert analysis.shapes is not None
    assert analysis.shapes.whole == COPIES - 3
    assert bool(told[-1].commands) == behind
    followed = Analysis("capture", AnalysisOptions(shapes=False))
    read_through(followed, batches(again(name, [])))
    assert analysis.totals.turns == followed.totals.turns
    # In batches that end within them none is whole.
    parted = Analysis("capture", AnalysisOptions())
    read_through(parted, batches(again(name, []), 1))
    assert parted.shapes is not None
    assert not parted.shapes.whole


def test_what_differs_in_one_byte_is_not_the_same_session() -> None:
    name = "mysql97_cli_fast-auth.pcap"
    turns = said(name)
    asked = next(place for place, (_, data) in enumerate(turns) if data[3:5] == b"\0\3")
    frames = again(name, [(COPIES - 1, asked, len(turns[asked][1]) - 1, ord("x"))])
    analysis = Analysis("capture", AnalysisOptions())
    read_through(analysis, batches(frames))
    assert analysis.shapes is not None
    assert analysis.shapes.whole == COPIES - 4
    _same(frames)


def test_what_a_known_session_leaves_behind_is_its_own() -> None:
    """Frames and times of its commands, where somebody asks: as those of one that was followed."""
    made: list[Conversation] = []

    class Kept(Conversation):
        """Is kept when it is over."""

        def release(self) -> None:
            made.append(self)

    class Keeping(Analysis):
        """Follows connections that are kept."""

        conversation = Kept

    frames = again("mysql97_cli_fast-auth.pcap", [])
    for shapes in (True, False):
        read_through(Keeping("capture", AnalysisOptions(shapes=shapes)), batches(frames))
    facts = [(one.answers.opening, one.answers.last, one.answers.turns, one.closing.spoke_ns) for one in made]
    assert len(facts) == 2 * COPIES
    assert facts[:COPIES] == facts[COPIES:]


def test_who_looks_at_commands_alone_is_told_of_the_login() -> None:
    class Told(CommandTracker):
        """Notes what it is told of."""

        def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
            super().login(record, machine)
            if record is not None:  # not where it is only another machine that stands there
                told.append((self.user, self.database))

        def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
            super().packet(role, packet, record, machine, before)
            packets.append(before)

    told: list[tuple[str | None, str | None]] = []
    packets: list[str] = []
    sink: Sink = []
    analysis = Analysis("capture", AnalysisOptions(observe=(lambda tcp: Told(tcp, sink),)))
    read_through(analysis, batches(again("mariadb1011_cli_native.pcap", [])))
    assert told == [("app", "labdb")] * (COPIES - 2)
    assert packets.count(state.GREETING) == 2
    assert {pending.request.user for _, _, pending in sink} == {"app"}


def test_a_process_that_is_no_number_is_another_shape() -> None:
    name = "mariadb1011_cli_native.pcap"
    pid = said(name)[1][1].index(b"_pid") + 5
    assert _same(again(name, [(COPIES - 1, 1, pid, ord("x"))])) == COPIES - 3


def test_another_user_is_another_shape() -> None:
    name = "mariadb1011_cli_native.pcap"
    user = said(name)[1][1].index(b"\0", 36) - 1
    found = _same(again(name, [(copy, 1, user, ord("a") + copy) for copy in range(COPIES)]))
    assert not found


def test_where_a_password_is_checked_each_is_decoded() -> None:
    frames = batches(again("mariadb1011_cli_native.pcap", []))
    analysis = Analysis("capture", AnalysisOptions(password=b"secret"))
    assert len(read_through(analysis, frames)) == COPIES
    assert analysis.shapes is None


def test_a_greeting_says_what_of_it_is_free() -> None:
    greeting = HandshakeV10("1", 1, b"12345678", 0, 0)
    assert set(greeting.free(Context())) == {"thread_id", "auth_plugin_data_part_1", "auth_plugin_data_part_2"}


@given(
    name=st.sampled_from(WHOLE),
    changes=st.lists(
        st.tuples(st.integers(0, COPIES), st.integers(0, 8), st.integers(0, 400), st.integers(0, 255)), max_size=6
    ),
    size=st.one_of(st.just(0), st.integers(1, 80)),
    lost=st.lists(st.integers(0, 400), max_size=2),
    swapped=st.lists(st.integers(0, 400), max_size=2),
    columns=st.booleans(),
    watched=st.booleans(),
)
@example(
    name="mysql97_group-replication.pcapng",
    changes=[(0, 4, 348, 8)],
    size=0,
    lost=[],
    swapped=[],
    columns=False,
    watched=False,
)  # the OK of a handover that says more results follow
def test_whatever_is_broken(
    name: str, changes: list[Change], size: int, lost: list[int], swapped: list[int], columns: bool, watched: bool
) -> None:
    frames = damaged(again(name, changes), swapped, lost)
    _same(frames, size, columns, watched)


@pytest.mark.parametrize("capture", [*(SAMPLES / name for name in NAMES), *captures()], ids=lambda path: path.name)
def test_every_capture_says_the_same(capture: Path) -> None:
    for watched in (False, True):
        assert _told(capture, True, watched=watched)[0] == _told(capture, False, watched=watched)[0]
