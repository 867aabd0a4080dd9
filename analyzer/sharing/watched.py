"""A conversation whose observers may look at it, and at the bytes of its streams before anybody decodes them."""

from __future__ import annotations

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.login_shapes import LoginShapes
from analyzer.analysis.conversation.observer import BaseObserver, Observer, ObserverGroup
from analyzer.analysis.conversation.tls_layer import Secrets
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.wire.compression import Allowance
from analyzer.sharing.places import Places


class ConversationObserver(BaseObserver):
    """An observer that wants to know the conversation, and the bytes of the streams before anybody decodes them."""

    __slots__ = ()

    @property
    def streams(self) -> bool:
        """Whether it wants the bytes."""
        return False

    def follow(self, conversation: WatchedConversation) -> None:
        """The conversation that it looks on at."""

    def stream(self, sender: int, place: int, data: bytes, frames: list[int]) -> None:
        """Bytes of a stream, in order, before they are decoded; `place` is that of the first."""


class WatchedConversation(Conversation):
    """Tells a `ConversationObserver` of what comes, before it is decoded."""

    __slots__ = ("_places", "_watchers")

    def __init__(
        self,
        tcp: TcpConnection,
        ports: frozenset[int],
        keep: int,
        observer: Observer | None,
        response_ends: Ends,
        secrets: Secrets,
        allowance: Allowance,
        shapes: LoginShapes | None = None,
    ) -> None:
        # Each login is decoded by itself: who watches wants to see its bytes.
        super().__init__(tcp, ports, keep, observer, response_ends, secrets, allowance)
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

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._watchers:
            place = self._places.of(sender, self.tcp.piece_seq)
            for watcher in self._watchers:
                watcher.stream(sender, place, data, frames)
        super().data(sender, data, ends, frames, times)
