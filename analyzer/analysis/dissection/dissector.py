"""Packets of a capture one by one: looks on while connections are followed, for whoever makes rows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from analyzer.analysis.conversation.observer import BaseObserver, KnownLogin, Observer
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.dissection.computed_fields import OF_FRAME, REQUEST_FIELDS, FrameView
from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.fields.base import CONNECTION
from analyzer.analysis.dissection.fields.connection import EARLY
from analyzer.analysis.dissection.filters import Filter
from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.dissection.known_groups import KnownGroup, KnownGroups, Looking
from analyzer.analysis.dissection.login_rows import KnownLoginRows, LoginRows
from analyzer.analysis.dissection.packet import GUARDED, Dissection
from analyzer.analysis.dissection.prefilter import Sieve, Skim, in_rows
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.packets.masking import PacketMask
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.commands.admin import ComQuit
from analyzer.protocol.records.commands.text import ComQuery
from analyzer.protocol.tables.commands import COM_QUIT
from analyzer.protocol.wire.framing import HEADER, PacketFramer, RawPacket

NO_BOUND: Final = 1 << 62


def is_late(name: str) -> bool:
    """Whether a field is known only when its connection is over."""
    info = FIELDS.get(name)
    return info is not None and info.scope == CONNECTION and name not in EARLY


class RowRequest:
    """What is asked of each packet.

    fields      display fields that are shown or filtered by; None for all of a packet's own
    by_frame    packets of one frame are filtered and shown together, as Wireshark does
    raw         bytes of packets are shown
    """

    def __init__(
        self,
        keep: Filter | None,
        fields: frozenset[str] | None,
        by_frame: bool,
        raw: bool = False,
        show_secrets: bool = False,
    ) -> None:
        self.filter = keep
        self.fields = fields
        self.by_frame = by_frame
        self.raw = raw or (fields is not None and "mysql" in fields)
        self.mask = None if show_secrets else PacketMask()
        self.filtered = keep.fields if keep is not None else frozenset()
        self.asked = self.filtered | (fields or frozenset())
        self.late = any(map(is_late, self.asked))
        # Rows of result sets: whether one may be shown, or belongs to what is shown of a frame.
        shown = by_frame and (fields is None or any(name not in OF_FRAME and in_rows(name) for name in fields))
        # By name of the record: decided once for each.
        self._shown: dict[str, bool] = {}
        self._tested: dict[str, bool] = {}
        # A row may be the first answer to a command (COM_STMT_FETCH), which then has the latency.
        timed = fields is None or bool(self.asked & REQUEST_FIELDS)
        self.rows = keep is None or shown or timed or keep.can_hold(in_rows)
        self.timed = timed
        self.guarded = fields is not None and not fields.isdisjoint(GUARDED)
        self.skim: Skim | None = None
        if by_frame and fields and not raw and not self.late:
            self.skim = Skim.of(keep, fields)

    def decodes(self, one: Dissection) -> bool:
        """Whether the packet's own fields are needed to show it."""
        if self.fields is None:
            return True
        return self._any(self._shown, self.fields, one) or (self.guarded and one.holds_secret)

    def tests(self, one: Dissection) -> bool:
        """Whether its own fields are needed to filter it."""
        return self._any(self._tested, self.filtered, one)

    @staticmethod
    def _any(known: dict[str, bool], fields: frozenset[str], one: Dissection) -> bool:
        name = one.name
        found = known.get(name)
        if found is None:
            found = known[name] = any(map(one.must_decode, fields))
        return found


class RowsOfTurns(Protocol):
    """Who makes rows of the packets of plain turns.

    logins  who makes those of logins of known shapes; None: packet by packet
    """

    logins: KnownLoginRows | None

    def take(self, scene: RequestTracker, turn: PlainTurn, machine: Machine, codec: str | None) -> None:
        """Takes a turn; `codec` is that of the client's text when it asked."""

    def packet(self, one: Dissection) -> None:
        """Takes a packet that belongs to none, where packets of a frame stand together."""

    def login(self, scene: RequestTracker, login: KnownLogin) -> LoginRows | None:
        """Takes a login of a known shape; None where it has to be taken packet by packet."""

    def flush(self, scene: RequestTracker) -> None:
        """The frame in hand of a connection is over."""


class RowOwner(Protocol):
    """Whom watchers hand their packets to.

    bound     packets of frames past this one are not wanted any more
    sieve     says which packets can be passed over undecoded; None: all are looked at
    repeated  groups of packets that come again and again
    turns     takes packets of plain turns together; None: they come one by one
    """

    wanted: RowRequest
    bound: int
    sieve: Sieve | None
    repeated: KnownGroups
    turns: RowsOfTurns | None

    def begun(self, watcher: PacketWatcher) -> None:
        """The watcher's connection is MySQL's."""

    def ended(self, watcher: PacketWatcher) -> None:
        """The watcher's connection is over."""

    def group(self, group: list[Dissection]) -> None:
        """Packets that are shown together."""

    def known(self, group: KnownGroup, view: FrameView) -> None:
        """The same, of which all but their frame is known."""


class PacketWatcher:
    """Puts the packets of one connection together that are shown together."""

    __slots__ = ("_group", "_known", "_last", "owner", "scene")

    def __init__(self, owner: RowOwner, scene: RequestTracker) -> None:
        self.owner = owner
        self.scene = scene
        # Packets of the frame in hand: one by one, or a known group that nothing was added to.
        self._group: list[Dissection] = []
        self._known: tuple[KnownGroup, FrameView] | None = None
        self._last = 0  # frame of the last packet

    def begin(self, client: int) -> None:
        self.scene.client, self.scene.ways = client, [None, None]
        self.owner.begun(self)

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """A TLS message."""
        one = Dissection(self.scene, role, frame, time_ns)
        one.event = (record, summary, length)
        one.encrypted = True
        self._take(one)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Gaps are no packets."""
        self.flush()

    def close(self) -> None:
        self.flush()
        self.owner.ended(self)

    def flush(self) -> None:
        """Hands on the packets of the frame in hand."""
        turns = self.owner.turns
        if turns is not None:
            turns.flush(self.scene)
        elif self._known is not None:
            known, self._known = self._known, None
            self.owner.known(*known)
        elif self._group:
            group, self._group = self._group, []
            self.owner.group(group)

    def _goes_on(self, role: int, frame: int) -> bool:
        """Whether what comes belongs to the frame in hand, of which there are packets then; ends it if not."""
        known = self._known
        if known is not None and known[1].frame == frame and known[0].role == role:
            self._group, self._known = known[0].again(known[1]), None
        group = self._group
        if group and group[0].frame == frame and group[0].role == role:
            return True
        self.flush()
        return False

    def _again(self, group: KnownGroup, frame: int, time_ns: int) -> None:
        """Takes a known group in a frame."""
        if frame > self.owner.bound:
            return
        view, known = FrameView(self.scene, group.role, frame, time_ns), self._known
        if known is not None and known[1].frame != frame:  # most are alone in their frame
            self._known = group, view
            self.owner.known(*known)
        elif self._goes_on(group.role, frame):
            self._group += group.again(view)
        else:
            self._known = group, view

    def _take(self, one: Dissection) -> None:
        if not self.owner.wanted.by_frame:
            self.owner.group([one])
            return
        turns, wanted = self.owner.turns, self.owner.wanted
        if turns is None:
            self._goes_on(one.role, one.frame)
        # Later packets of the frame may change what is negotiated: what they need is worked out first.
        one.settle(wanted.decodes(one) or wanted.tests(one), wanted.raw)
        if turns is None:
            self._group.append(one)
        else:
            turns.packet(one)


class _PacketObserver(PacketWatcher, BaseObserver):
    """The observer of one connection: of each of its packets, and what is in it."""

    # The character set of the client's text, as it was behind the packet that came last.
    __slots__ = ("_codec",)

    def __init__(self, owner: RowOwner, scene: RequestTracker) -> None:
        super().__init__(owner, scene)
        self._codec: str | None = None

    @property
    def turns(self) -> bool:
        return self.owner.turns is not None

    executes = all_turns = failures = turns

    @property
    def logins(self) -> bool:
        return self.owner.turns is None or self.owner.turns.logins is None

    def known(self, login: KnownLogin) -> None:
        turns = self.owner.turns
        rows = turns.login(self.scene, login) if turns is not None else None
        if rows is None:
            login.show(self)
        else:
            self._codec = rows.codec

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        turns = self.owner.turns
        assert turns is not None
        turns.take(self.scene, turn, machine, self._codec)
        self._codec = machine.context.client_codec

    @property
    def full(self) -> bool:
        return not self.owner.wanted.rows or self._last > self.owner.bound

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        owner = self.owner
        self._last, self._codec = packet.frame, machine.context.client_codec
        if packet.frame > owner.bound:
            return
        sieve = owner.sieve
        if sieve is None or sieve.passes(self.scene, role, packet, record, machine):
            self._take(Dissection.of(self.scene, role, packet, record, machine, before, owner.wanted.timed))


class _Skimming(PacketWatcher, BaseObserver):
    """The same where most packets can be passed over."""

    __slots__ = ("skim",)

    def __init__(self, owner: RowOwner, scene: RequestTracker, skim: Skim) -> None:
        super().__init__(owner, scene)
        self.skim = skim

    @property
    def turns(self) -> bool:
        return self.skim.turns

    @property
    def executes(self) -> bool:
        return self.skim.executes

    @property
    def failures(self) -> bool:
        return self.skim.failures

    @property
    def frames(self) -> bool:
        return self.skim.frames

    @property
    def logins(self) -> bool:
        return False

    def known(self, login: KnownLogin) -> None:
        groups = self.owner.repeated.of_login(login, self._looking)
        if groups is None:
            login.show(self)
            return
        frames, times = login.frames, login.times
        for group, place in groups:
            self._again(group, frames[place], times[place])

    def _looking(self) -> Looking:
        return _FirstLook(self.owner.wanted, self.scene)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if packet.frame > self.owner.bound:
            return
        if self.skim.wants(record):
            self._take(Dissection.of(self.scene, role, packet, record, machine, before, False))
        elif self.skim.frames:
            self._unread(role, packet.frame, packet.time_ns)

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        if self.skim.frames:
            self._unread(SERVER, *framer.mark)

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        begin, middle, stop = turn.span
        if self.owner.bound != NO_BOUND:
            frames = turn.pieces.run(begin, middle)[3]
            if (frames[0] if frames else turn.frame) > self.owner.bound:
                return
        if turn.code in self.skim.spoken:
            self._command(turn, machine.context)
        elif self.skim.frames:
            self._unread(CLIENT, turn.frame, turn.time_ns)
        if self.skim.frames and turn.code != COM_QUIT:
            if stop == middle + 1:
                self._unread(SERVER, turn.last_frame, turn.last_ns)
            else:
                _, response, ends, frames, times = turn.pieces.run(middle, stop)
                for index in frames_with_ends(response, ends):
                    self._unread(SERVER, frames[index], times[index])

    def _command(self, turn: PlainTurn, context: Context) -> None:
        """A plain query, or what ends a session."""
        payload = turn.request[HEADER:]
        key = (payload, context.client_codec, context.in_force, context.secure)
        known = self.owner.repeated.statement(key, partial(self._spoken, payload, turn, context))
        if known is None:
            self._take(self._spoken(payload, turn, context))
        else:
            self._again(known, turn.frame, turn.time_ns)

    def _spoken(self, payload: bytes, turn: PlainTurn, context: Context) -> Dissection:
        wanted = self.owner.wanted
        one = Dissection(self.scene, CLIENT, turn.frame, turn.time_ns)
        begun, begun_ns = turn.frame, turn.time_ns
        begin, middle, _ = turn.span
        if begin < middle:  # what ends a session is one piece
            _, _, _, frames, times = turn.pieces.run(begin, middle)
            begun, begun_ns = frames[0], times[0]
        one.packet = RawPacket(0, payload, len(payload), turn.frame, turn.time_ns, begun, begun_ns, 0)
        one.record = (ComQuit if turn.code == COM_QUIT else ComQuery).from_bytes(payload, context)
        one.context, one.before = context, st.COMMAND
        one.speak(context.client_codec)
        one.encrypted = context.secure
        one.settle(wanted.decodes(one) or wanted.tests(one), wanted.raw)
        return one

    def _unread(self, role: int, frame: int, time_ns: int) -> None:
        """Packets of a frame that hold nothing of what is asked."""
        known = self._known
        if known is not None and known[1].frame == frame and known[0].role == role:
            return
        group = self._group
        if group and group[0].frame == frame and group[0].role == role and group[-1].event is None:
            return
        view = FrameView(self.scene, role, frame, time_ns)
        self._again(self.owner.repeated.unread(view), frame, time_ns)


class _FirstLook:
    """Takes the packets of one connection for its own sake: they stand for those of others."""

    def __init__(self, wanted: RowRequest, scene: RequestTracker) -> None:
        self.wanted = wanted
        self.bound = NO_BOUND
        self.sieve: Sieve | None = None
        self.repeated = KnownGroups(wanted.asked)
        self.turns: RowsOfTurns | None = None
        self._watcher = watcher_of(self, scene.frames, scene.tcp)
        self.watcher: Observer = self._watcher
        self._groups: list[list[Dissection]] = []

    def begun(self, watcher: PacketWatcher) -> None:
        """It is."""

    def ended(self, watcher: PacketWatcher) -> None:
        """Nobody else is told."""

    def group(self, group: list[Dissection]) -> None:
        self._groups.append(group)

    def known(self, group: KnownGroup, view: FrameView) -> None:
        self._groups.append(group.again(view))

    def groups(self) -> list[list[Dissection]]:
        """All of them; nothing more comes."""
        self._watcher.flush()
        return self._groups


def watcher_of(owner: RowOwner, frames: FrameIndex, tcp: TcpConnection) -> _PacketObserver | _Skimming:
    """The observer of one connection for an owner: one that passes most packets over, where that can be."""
    scene = RequestTracker(tcp, frames, owner.wanted.mask)
    skim = owner.wanted.skim
    return _PacketObserver(owner, scene) if skim is None else _Skimming(owner, scene, skim)


def frames_with_ends(response: bytes, ends: Sequence[int]) -> Iterator[int]:
    """Of the pieces that make up a whole response, and end at `ends`, those in which packets end."""
    stop, index, told = 0, 0, -1
    while stop < len(response):
        stop += HEADER + (response[stop] | response[stop + 1] << 8 | response[stop + 2] << 16)
        while ends[index] < stop:
            index += 1
        if index != told:
            yield index
            told = index
