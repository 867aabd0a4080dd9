"""What many sessions have in common is worked out once: certificates, the clients' hellos, cipher suites.

A hello is known again by all of its bytes but those that are made anew for each session: its random, its session id,
and the public keys of its shares. Of those only random and session id are read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from analyzer.tls.ciphers import Suite, suite_of
from analyzer.tls.fingerprints import ja3, ja4
from analyzer.tls.hello import ClientHello, fresh_of, parse_client_hello

if TYPE_CHECKING:
    from analyzer.tls.certificates import CertificateSeen

# Certificates that are remembered, and the bytes of the longest; hellos, and layouts of those of one length.
MOST_CERTIFICATES: Final = 512
LONGEST_CERTIFICATE: Final = 1 << 14
MOST_HELLOS: Final = 512
MOST_LAYOUTS: Final = 8
LONGEST_HELLO: Final = 1 << 13
RANDOM: Final = slice(2, 34)
SESSION_ID: Final = 34  # its length stands there


class HelloSeen(NamedTuple):
    """A hello with its fingerprints."""

    hello: ClientHello
    ja3: str
    ja4: str


class _Layout:
    """Where the bytes of hellos stand that are fixed."""

    __slots__ = ("fixed", "fresh", "known")

    def __init__(self, fresh: list[slice], length: int) -> None:
        self.fresh = fresh
        starts, stops = [0, *(one.stop for one in fresh)], [*(one.start for one in fresh), length]
        self.fixed: Callable[[bytes], Hashable] = itemgetter(*map(slice, starts, stops))
        self.known: dict[Hashable, HelloSeen] = {}


class TlsMemo:
    """What the sessions of one analysis have in common."""

    def __init__(self) -> None:
        self._certificates: dict[bytes, CertificateSeen] = {}
        self._suites: dict[int, Suite] = {}
        self._layouts: dict[int, list[_Layout]] = {}
        self._hellos = 0

    def suite(self, code: int) -> Suite:
        """`suite_of`; there are 65,536 of them at most."""
        found = self._suites.get(code)
        if found is None:
            found = self._suites[code] = suite_of(code)
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
        length = len(body)
        layouts = self._layouts.get(length, ())
        for layout in layouts:
            known = layout.known.get(layout.fixed(body))
            if known is not None:
                session_id = body[SESSION_ID + 1 : SESSION_ID + 1 + body[SESSION_ID]]
                again = msgspec.structs.replace(known.hello, random=body[RANDOM], session_id=session_id)
                return HelloSeen(again, known.ja3, known.ja4)
        hello = parse_client_hello(body)
        seen = HelloSeen(hello, ja3(hello), ja4(hello))
        if self._hellos < MOST_HELLOS and length <= LONGEST_HELLO and len(layouts) < MOST_LAYOUTS:
            self._remember(body, seen)
        return seen

    def _remember(self, body: bytes, seen: HelloSeen) -> None:
        fresh = fresh_of(body)
        layouts = self._layouts.setdefault(len(body), [])
        layout = next((one for one in layouts if one.fresh == fresh), None)
        if layout is None:
            layout = _Layout(fresh, len(body))
            layouts.append(layout)
        layout.known[layout.fixed(body)] = seen
        self._hellos += 1
