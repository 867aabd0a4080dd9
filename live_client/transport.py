"""What the client needs of a connection: bytes out, bytes in, an end. A socket is one way to it, a script another."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from live_client.errors import ClosedByServer, ConnectionFailed, TimedOut
from live_client.options import ServerChoices

CHUNK = 1 << 16
# SO_LINGER with a time of zero: close sends RST in place of FIN.
LINGER_ZERO = struct.pack("ii", 1, 0)

Address = tuple[str, int]


class Transport(Protocol):
    """A connection as bytes. `receive` gives b"" where the other side has ended its direction.

    `local` and `peer` are addresses; `private` says that nobody else can listen (a Unix socket). All methods raise
    ConnectionFailed: TimedOut where nothing came in time, ClosedByServer for a reset.
    """

    @property
    def local(self) -> Address: ...
    @property
    def peer(self) -> Address: ...
    @property
    def private(self) -> bool: ...

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def set_timeout(self, seconds: float) -> None: ...

    def end(self) -> None:
        """Nothing more is sent (FIN); what still comes can be received."""

    def close(self) -> None:
        """Lets go of the connection."""

    def abort(self) -> None:
        """Ends the connection at once (RST)."""


class SocketTransport:
    """A TCP or Unix socket that is connected."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._socket = sock
        self._timeout = timeout
        self.private = sock.family == socket.AF_UNIX
        self.local: Address
        self.peer: Address
        if self.private:
            # A recording needs addresses; a Unix socket has none.
            self.local, self.peer = ("127.0.0.1", 49152), ("127.0.0.1", 3306)
        else:
            self.local = sock.getsockname()[:2]
            self.peer = sock.getpeername()[:2]
            # A login is a few small packets in turn: waiting to fill a segment only costs time.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)

    def set_timeout(self, seconds: float) -> None:
        self._timeout = seconds
        if self._socket.fileno() >= 0:
            self._socket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise TimedOut(f"the server took none of {len(data)} bytes for {self._timeout:g} s") from error
        except OSError as error:
            raise ClosedByServer(f"the connection is gone: {reason_of(error)}") from error

    def receive(self) -> bytes:
        try:
            return self._socket.recv(CHUNK)
        except TimeoutError as error:
            raise TimedOut(f"nothing came from the server for {self._timeout:g} s") from error
        except ConnectionResetError as error:
            raise ClosedByServer("the server reset the connection (RST)") from error
        except OSError as error:
            raise ClosedByServer(f"the connection is gone: {reason_of(error)}") from error

    def end(self) -> None:
        # The other side may be gone already: then there is nobody to tell.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        if not self.private:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._socket.close()


def reason_of(error: OSError) -> str:
    """An operating system's error in words."""
    return error.strerror or str(error)


def _show(address: Address) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_socket(options: ServerChoices, step: Callable[[str], None]) -> SocketTransport:
    """Connects to the host and port (or Unix socket) of `options`, trying every address in turn.

    Raises ConnectionFailed, which names each address that was tried and why it did not answer.
    """
    if options.socket is not None:
        return _open_unix(options, step)
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectionFailed(f"the host name {options.host!r} leads to no address: {reason_of(error)}") from error
    failures = []
    for family, kind, protocol, _, address in found:
        where = _show(address)  # type: ignore[arg-type]
        step(f"connect to {where}")
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(options.timeout)
        try:
            sock.connect(address)
        except TimeoutError:
            failures.append((where, f"no answer for {options.timeout:g} s"))
        except OSError as error:
            # The port is closed: it says so itself.
            refused = error.errno == errno.ECONNREFUSED
            failures.append((where, "connection refused: nothing listens there" if refused else reason_of(error)))
        else:
            return SocketTransport(sock, options.timeout)
        sock.close()
        step(f"{where}: {failures[-1][1]}")
    raise ConnectionFailed("no connection: " + "; ".join(f"{where}: {why}" for where, why in failures))


def _open_unix(options: ServerChoices, step: Callable[[str], None]) -> SocketTransport:
    path = str(options.socket)
    step(f"connect to the Unix socket {path}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(options.timeout)
    try:
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise ConnectionFailed(f"no connection to the Unix socket {path}: {reason_of(error)}") from error
    return SocketTransport(sock, options.timeout)
