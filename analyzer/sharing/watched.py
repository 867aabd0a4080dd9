"""A conversation whose observers may look at it, and at the bytes of its streams before anybody decodes them."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.analysis.conversation.conversation import Conversation, Settings
from analyzer.analysis.conversation.login_shapes import LoginShape, LoginShapes, Newcomer
from analyzer.analysis.conversation.observer import BaseObserver, Observer, ObserverGroup
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places


class StreamPiece(NamedTuple):
    """Bytes of a stream in order; `place` is that of the first."""

    sender: int
    place: int
    data: bytes
    frames: list[int]


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

    def known_login(self, shape: LoginShape, pieces: list[StreamPiece]) -> bool:
        """Takes the pieces of a whole login of a known shape; False: it wants to see it decoded.

        `see_login` is called when that is done.
        """
        return False

    def see_login(self, shape: LoginShape, pieces: list[StreamPiece]) -> None:
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
        return bool(self._watchers) or super().needs_numbers()

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
        numbers = zip(newcomer.numbers(), newcomer.chunks(), strict=True)
        login = [StreamPiece(one[0], self._places.of(one[0], number), one[1], one[3]) for number, one in numbers]
        plain = shape.steps > 0 and shape.machine.compression is None
        if plain and all(watcher.known_login(shape, login) for watcher in self._watchers):
            super().recognise(newcomer, shape)
            return
        self.look_closely()
        if plain:
            for watcher in self._watchers:
                watcher.see_login(shape, login)
