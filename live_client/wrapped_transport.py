"""Transports around a transport: what is not theirs to change they pass on."""

from __future__ import annotations

import time
from collections.abc import Callable

from live_client.errors import TimedOut
from live_client.transport import Address, Transport

Clock = Callable[[], float]


class WrappedTransport:
    """A Transport that passes all on to another. Raises what that raises."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    @property
    def local(self) -> Address:
        return self.inner.local

    @property
    def peer(self) -> Address:
        return self.inner.peer

    @property
    def private(self) -> bool:
        return self.inner.private

    def set_timeout(self, seconds: float) -> None:
        self.inner.set_timeout(seconds)

    def send(self, data: bytes) -> None:
        self.inner.send(data)

    def receive(self) -> bytes:
        return self.inner.receive()

    def end(self) -> None:
        self.inner.end()

    def close(self) -> None:
        self.inner.close()

    def abort(self) -> None:
        self.inner.abort()


class Parting(WrappedTransport):
    """On its way out: what comes is received for so many seconds in all, however much it is."""

    def __init__(self, inner: Transport, seconds: float, now: Clock = time.monotonic) -> None:
        super().__init__(inner)
        self._seconds = seconds
        self._now = now
        self._until = now() + seconds

    def set_timeout(self, seconds: float) -> None:
        self._until = self._now() + seconds

    def receive(self) -> bytes:
        left = self._until - self._now()
        if left <= 0:
            raise TimedOut(f"the server has not ended the connection within {self._seconds:g} s")
        self.inner.set_timeout(left)
        return self.inner.receive()


class Bounded(WrappedTransport):
    """Ends at a deadline for everything, however lively the other side is. `timeout` is for each wait before it."""

    def __init__(self, inner: Transport, timeout: float, seconds: float, until: float, now: Clock) -> None:
        super().__init__(inner)
        self._timeout = timeout
        self._seconds = seconds
        self._until = until
        self._now = now

    def set_timeout(self, seconds: float) -> None:
        self._timeout = seconds

    def _wait(self) -> None:
        left = self._until - self._now()
        if left <= 0:
            raise TimedOut(f"the deadline of {self._seconds:g} s for the whole connection has passed")
        self.inner.set_timeout(min(left, self._timeout))

    def send(self, data: bytes) -> None:
        self._wait()
        self.inner.send(data)

    def receive(self) -> bytes:
        self._wait()
        try:
            return self.inner.receive()
        finally:
            self.inner.set_timeout(self._timeout)
