"""The TLS secrets of single connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.watched import ConversationObserver
from analyzer.tls import keylog
from analyzer.tls.keylog import KeyLog


class SessionName(NamedTuple):
    """By what a session's secrets are found: its client random, and for RSA the first bytes of what was encrypted.

    `master` is the secret of the session that it resumes, where it has none of its own.
    """

    random: bytes
    exchange: bytes
    master: bytes | None


class SessionNames:
    """Names of the TLS sessions of connections that are over, until they are taken."""

    def __init__(self) -> None:
        self._names: dict[int, SessionName] = {}

    def watcher(self) -> Callable[[TcpConnection], KeyWatcher]:
        """Makes an observer for each connection."""
        return lambda tcp: KeyWatcher(tcp, self._names)

    def take(self, number: int) -> SessionName | None:
        """The name of the session of the connection with this number."""
        return self._names.pop(number, None)


class KeyWatcher(ConversationObserver):
    """Notes the name of a connection's TLS session; of packets it wants none."""

    __slots__ = ("_conversation", "_names", "_tcp")

    def __init__(self, tcp: TcpConnection, names: dict[int, SessionName]) -> None:
        self._tcp = tcp
        self._names = names
        self._conversation: Conversation | None = None

    @property
    def plain(self) -> bool:
        return True

    @property
    def turns(self) -> bool:
        return True

    @property
    def executes(self) -> bool:
        return True

    def follow(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def close(self) -> None:
        conversation, self._conversation = self._conversation, None
        session = conversation.tls if conversation is not None else None
        if conversation is None or session is None or session.handshake.keys.client_hello is None:
            return
        keys = session.handshake.keys
        hello, server, log = keys.client_hello, keys.server_hello, conversation.settings.secrets.keys
        master = None
        if hello is not None and session.handshake.resumed and not log.knows(hello.random):
            for name in (server.session_id if server is not None else b"", hello.ticket):
                master = master or (log.recall(name) if name else None)
        if hello is not None:
            exchange = keys.key_exchange[2:10] if keys.key_exchange else b""
            self._names[self._tcp.number] = SessionName(hello.random, exchange, master)


def lines_of(log: KeyLog, names: list[SessionName]) -> bytes:
    """The secrets of these sessions as a key log; empty where there are none."""
    if not names:
        return b""
    wanted = {name.random for name in names} | {name.exchange for name in names if name.exchange}
    lines = [
        f"{label} {belongs_to.hex()} {secret.hex()}\n"
        for (label, belongs_to), secret in log.secrets().items()
        if belongs_to in wanted
    ]
    lines += [
        f"{keylog.CLIENT_RANDOM} {name.random.hex()} {name.master.hex()}\n" for name in names if name.master is not None
    ]
    return "".join(lines).encode()
