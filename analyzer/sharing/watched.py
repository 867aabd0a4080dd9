"""A conversation whose observers may look at it, and at the bytes of its streams before anybody decodes them."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.conversation.conversation import Conversation, Settings
from analyzer.analysis.conversation.login_shapes import LoginShape, LoginShapes, Newcomer
from analyzer.analysis.conversation.observer import BaseObserver, Observer, ObserverGroup
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places

# The last of the sequence numbers, behind which they begin anew.
_NUMBERS: Final = 0xFFFF_FFFF


class StreamPiece(NamedTuple):
    """Bytes of a stream in order; `place` is that of the first."""

    sender: int
    place: int
    data: bytes
    frames: list[int]


class WatchedLogin:
    """The pieces of a login: who sent each, its bytes, and the place of its first."""

    __slots__ = ("contents", "places", "senders")

    def __init__(self, newcomer: Newcomer, places: Places) -> None:
        self.senders, self.contents = newcomer.senders, newcomer.contents
        self.places: list[int] = []
        due = newcomer.starts.copy()
        for index, sender in enumerate(self.senders):
            number = due[sender]
            self.places.append(places.of(sender, number))
            due[sender] = (number + len(self.contents[index])) & _NUMBERS


class ConversationObserver(BaseObserver):
    """An observer that wants to know the conversation, and the bytes of the streams before anybody decodes them."""

    __slots__ = ()

    @property
    def streams(self) -> bool:
        """Whether it wants the bytes."""
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

    def see_login(self, shape: LoginShape, login: WatchedLogin) -> None:
        """A login of this shape was decoded."""


class WatchedConversation(Conversation):
    """Tells a `ConversationObserver` of what comes, before it is decoded."""

    __slots__ = ("_places", "_watchers")

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

    def recognise(self, newcomer: Newcomer, shape: LoginShape) -> None:
        """Where what comes behind a login has layers around it, who watches sees all of it decoded."""
        login = WatchedLogin(newcomer, self._places)
        plain = shape.steps > 0 and shape.machine.compression is None
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
