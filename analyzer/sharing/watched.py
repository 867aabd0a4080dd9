"""A conversation whose observers may look at it, and at the bytes of its streams before anybody decodes them."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.conversation.conversation import Conversation, Settings
from analyzer.analysis.conversation.login_shapes import LoginShape, LoginShapes, Newcomer, PlainSession
from analyzer.analysis.conversation.observer import Observer, ObserverGroup, TurnObserver
from analyzer.net.tcp.pieces import Pieces
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.terminators import Ends
from analyzer.sharing.places import Places

# The last of the sequence numbers, behind which they begin anew.
_NUMBERS: Final = 0xFFFF_FFFF


class StreamPiece(NamedTuple):
    """Bytes of a stream in order; `place` is that of the first. Of TLS that nobody opens no frames are said."""

    sender: int
    place: int
    data: bytes
    frames: list[int]


class WatchedLogin:
    """The pieces of a login: who sent each, its bytes, the place of its first; `frames` are its segments', from 1."""

    __slots__ = ("contents", "frames", "places", "senders")

    def __init__(self, senders: list[int], contents: list[bytes], frames: list[int]) -> None:
        self.senders, self.contents, self.frames = senders, contents, frames
        self.places: list[int] = []

    def place(self, starts: list[int], places: Places) -> None:
        """Finds the places, from the number of each endpoint's first byte."""
        due = starts.copy()
        for index, sender in enumerate(self.senders):
            number = due[sender]
            self.places.append(places.of(sender, number))
            due[sender] = (number + len(self.contents[index])) & _NUMBERS


class ConversationObserver(TurnObserver):
    """An observer that wants to know the conversation, and the bytes of the streams before anybody decodes them."""

    __slots__ = ()

    @property
    def streams(self) -> bool:
        """Whether it wants the bytes."""
        return False

    @property
    def seals(self) -> bool:
        """Whether no session need be made of TLS: `stream` is enough where nobody opens it, and where it is opened
        `known_inside` and `turn` may come in the place of packets. These come all the same, from the first on, where
        something else turns out to be inside."""
        return False

    def follow(self, conversation: WatchedConversation) -> None:
        """The conversation that it looks on at."""

    def stream(self, piece: StreamPiece) -> None:
        """Bytes of a stream, before they are decoded."""

    def quits(self, sender: int) -> None:
        """The bytes that `stream` was told of last are a COM_QUIT."""

    def known_login(self, shape: LoginShape, login: WatchedLogin) -> bool:
        """Takes a whole login of a known shape; False: it wants to see it decoded.

        `see_login` is called when that is done.
        """
        return False

    def known_session(self, plain: PlainSession, login: WatchedLogin, ends: Ends) -> bool:
        """Takes a session that is known as a whole, which begins with a login; False: it wants to be told of both."""
        return False

    def see_login(self, shape: LoginShape, login: WatchedLogin) -> None:
        """A login of this shape was decoded."""

    def known_inside(self, shape: LoginShape, login: Newcomer) -> bool:
        """Takes a whole login of a known shape inside of TLS, behind what asked for that; False: it wants to see it
        decoded."""
        return False


class WatchedConversation(Conversation):
    """Tells a `ConversationObserver` of what comes, before it is decoded."""

    __slots__ = ("_places", "_seals", "_watchers")

    def __init__(
        self,
        tcp: TcpConnection,
        settings: Settings,
        observer: Observer | None = None,
        shapes: LoginShapes | None = None,
    ) -> None:
        super().__init__(tcp, settings, observer, shapes)
        self._places = Places()
        looking = observer.observers if isinstance(observer, ObserverGroup) else [observer]
        self._watchers: list[ConversationObserver] = []
        self._seals = all(isinstance(one, ConversationObserver) and one.seals for one in looking)
        for one in looking:
            if isinstance(one, ConversationObserver):
                one.follow(self)
                if one.streams:
                    self._watchers.append(one)

    @property
    def places(self) -> Places:
        return self._places

    def needs_numbers(self) -> bool:
        return bool(self._watchers) or Conversation.needs_numbers(self)

    def take(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._watchers:
            self._tell(StreamPiece(sender, self._places.of(sender, self.tcp.piece_seq), data, frames))
        super().take(sender, data, ends, frames, times)

    def tell_quit(self, sender: int, data: bytes, frame: int, time_ns: int) -> bool:
        for watcher in self._watchers:
            watcher.quits(sender)
        return True

    def _tell(self, piece: StreamPiece) -> None:
        for watcher in self._watchers:
            watcher.stream(piece)

    @property
    def may_seal(self) -> bool:
        return self._seals

    def hear_sealed(self, pieces: Pieces, first: int, last: int) -> None:
        plain = self.plain
        if plain is None or plain.sealed is None or plain.newcomer is not None or plain.asked is not None:
            return  # it is opened
        if plain.sealed.opened:
            # From the run on that begins to tell what is inside.
            opens = first
            while pieces.segments.frame[pieces.row[opens]] < plain.sealed.opened[0][2]:
                opens += 1
            last = pieces.run_end(opens, last)
        for place in range(first, last):
            data, sender = pieces.content(place, place + 1), pieces.segments.sender[pieces.row[place]]
            number = pieces.first_number(sender, place, place + 1)
            self._tell(StreamPiece(sender, self._places.of(sender, number), data, []))

    def hear_inside(self, newcomer: Newcomer, shape: LoginShape) -> bool:
        known = True
        for watcher in self._watchers:
            known = known and watcher.known_inside(shape, newcomer)
        return known

    def hear_session(self, plain: PlainSession, pieces: Pieces, first: int, last: int) -> bool:
        segments, starts = pieces.segments, [-1, -1]
        senders, contents = [], []
        for piece in range(first, first + plain.shape.length):
            row = pieces.row[piece]
            sender = segments.sender[row]
            if starts[sender] < 0:
                starts[sender] = segments.seq[row]
            senders.append(sender)
            contents.append(pieces.content(piece, piece + 1))
        login = WatchedLogin(senders, contents, plain.frames)
        login.place(starts, self._places)
        known = True
        for watcher in self._watchers:
            known = known and watcher.known_session(plain, login, self.settings.ends)
        return known

    def recognise(self, newcomer: Newcomer, shape: LoginShape) -> None:
        """Where what comes behind a login is in layers that may be opened, who watches sees all of it decoded."""
        login = WatchedLogin(newcomer.senders, newcomer.contents, newcomer.frames)
        login.place(newcomer.starts, self._places)
        plain = shape.steps > 0 and shape.machine.compression is None
        plain = plain or (shape.machine.state == st.TLS_HANDSHAKE and self.may_seal)
        known = plain
        for watcher in self._watchers:
            known = known and watcher.known_login(shape, login)
        if known:
            Conversation.recognise(self, newcomer, shape)
            return
        self.look_closely()
        if plain:
            for watcher in self._watchers:
                watcher.see_login(shape, login)
