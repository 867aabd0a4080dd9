"""What many sessions have in common is worked out once: certificates, hellos, cipher suites.

A hello is known again by all of its bytes but those that are made anew for each session: its random, its session id,
and the public keys of its shares. Of those only random and session id are read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import msgspec

from analyzer.tls.fingerprints import ja3, ja4
from analyzer.tls.hello import (
    HELLO_RETRY,
    ClientHello,
    ServerHello,
    fresh_of,
    fresh_of_server,
    parse_client_hello,
    parse_server_hello,
)
from analyzer.tls.suites import Suite, suite_of

if TYPE_CHECKING:
    from analyzer.tls.certificates import CertificateSeen
    from analyzer.tls.clean_opening import CleanOpening

# Certificates that are remembered, and the bytes of the longest; hellos, and layouts of those of one length.
MOST_CERTIFICATES: Final = 512
LONGEST_CERTIFICATE: Final = 1 << 14
MOST_HELLOS: Final = 512
MOST_LAYOUTS: Final = 8
LONGEST_HELLO: Final = 1 << 13
RANDOM: Final = slice(2, 34)
SESSION_ID: Final = 34  # its length stands there


T = TypeVar("T")


class HelloSeen(NamedTuple):
    """A hello with its fingerprints."""

    hello: ClientHello
    ja3: str
    ja4: str


class KnownHello(Generic[T]):
    """What the first of many hellos says that are alike: there is one of it for all of them."""

    __slots__ = ("seen",)

    def __init__(self, seen: T) -> None:
        self.seen = seen


class _Layout(Generic[T]):
    """Where the bytes of hellos stand that are fixed."""

    __slots__ = ("fixed", "fresh", "known")

    def __init__(self, fresh: list[slice], length: int) -> None:
        self.fresh = fresh
        starts, stops = [0, *(one.stop for one in fresh)], [*(one.start for one in fresh), length]
        self.fixed: Callable[[bytes], Hashable] = itemgetter(*map(slice, starts, stops))
        self.known: dict[Hashable, KnownHello[T]] = {}


class KnownHellos(Generic[T]):
    """Hellos of one side by what is fixed of them; `fresh_of` says where the rest stands."""

    __slots__ = ("_count", "_fresh_of", "_layouts")

    def __init__(self, fresh_of: Callable[[bytes], list[slice]]) -> None:
        self._fresh_of = fresh_of
        self._layouts: dict[int, list[_Layout[T]]] = {}
        self._count = 0

    def find(self, body: bytes) -> KnownHello[T] | None:
        """What is known of a hello like this one."""
        for layout in self._layouts.get(len(body), ()):
            known = layout.known.get(layout.fixed(body))
            if known is not None:
                return known
        return None

    def remember(self, body: bytes, seen: T) -> None:
        """Remembers a hello that was read, where there is room."""
        length = len(body)
        layouts = self._layouts.setdefault(length, [])
        if self._count >= MOST_HELLOS or length > LONGEST_HELLO or len(layouts) >= MOST_LAYOUTS:
            return
        fresh = self._fresh_of(body)
        layout = next((one for one in layouts if one.fresh == fresh), None)
        if layout is None:
            layout = _Layout(fresh, length)
            layouts.append(layout)
        layout.known[layout.fixed(body)] = KnownHello(seen)
        self._count += 1


class TlsMemo:
    """What the sessions of one analysis have in common."""

    def __init__(self) -> None:
        self._certificates: dict[bytes, CertificateSeen] = {}
        self._suites: dict[int, Suite] = {}
        self._openings: dict[int, CleanOpening] = {}
        self._clients: KnownHellos[HelloSeen] = KnownHellos(fresh_of)
        self._servers: KnownHellos[ServerHello] = KnownHellos(fresh_of_server)

    def suite(self, code: int) -> Suite:
        """`suite_of`; there are 65,536 of them at most."""
        found = self._suites.get(code)
        if found is None:
            found = self._suites[code] = suite_of(code)
        return found

    def opening(self, code: int) -> CleanOpening:
        """What opens sessions of a suite where nothing else comes than in most."""
        found = self._openings.get(code)
        if found is None:
            from analyzer.tls.clean_opening import CleanOpening

            found = self._openings[code] = CleanOpening(self.suite(code))
        return found

    def certificate(self, der: bytes) -> CertificateSeen:
        """`describe_certificate`. Raises ValueError where `der` is none."""
        found = self._certificates.get(der)
        if found is None:
            from analyzer.tls.x509 import describe_certificate

            found = describe_certificate(der)
            if len(self._certificates) < MOST_CERTIFICATES and len(der) <= LONGEST_CERTIFICATE:
                self._certificates[der] = found
        return found

    def client_hello(self, body: bytes) -> HelloSeen:
        """`parse_client_hello`, with JA3 and JA4. Raises ValueError."""
        known = self.known_client(body)
        if known is not None:
            seen = known.seen
            return HelloSeen(_again(seen.hello, body), seen.ja3, seen.ja4)
        hello = parse_client_hello(body)
        seen = HelloSeen(hello, ja3(hello), ja4(hello))
        self._clients.remember(body, seen)
        return seen

    def server_hello(self, body: bytes) -> ServerHello:
        """`parse_server_hello`. Raises ValueError."""
        known = self.known_server(body)
        if known is not None:
            return _again(known.seen, body)
        seen = parse_server_hello(body)
        if not seen.retry:
            self._servers.remember(body, seen)
        return seen

    def known_client(self, body: bytes) -> KnownHello[HelloSeen] | None:
        """What is known of a ClientHello like this one."""
        return self._clients.find(body)

    def known_server(self, body: bytes) -> KnownHello[ServerHello] | None:
        """The same of a ServerHello; a HelloRetryRequest is like none."""
        return None if body[RANDOM] == HELLO_RETRY else self._servers.find(body)


H = TypeVar("H", ClientHello, ServerHello)


def _again(known: H, body: bytes) -> H:
    """A hello that is like a known one."""
    session_id = body[SESSION_ID + 1 : SESSION_ID + 1 + body[SESSION_ID]]
    return msgspec.structs.replace(known, random=body[RANDOM], session_id=session_id)
