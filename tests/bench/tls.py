"""Puts a plain conversation into TLS, as a client that asks for it would have had it: the bench's encrypted captures.

Two ends of the standard ssl module speak to one another in memory; what they hand over is what a capture would hold.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from analyzer.protocol.tables.capabilities import CLIENT_SSL
from tests.servers.certificates import ECDSA, make_certificates

Turn = tuple[bool, bytes]  # from the client?, bytes

HEADER: Final = 4
# Capabilities, largest packet, collation, filler: what the SSLRequest has of the login.
SSL_REQUEST: Final = 32
# Servers hand their write buffer to TLS when it is full: net_buffer_length, which is the longest record too.
WRITE: Final = 16384


class Contexts:
    """Both sides' settings for a capture, in `folder`: a certificate, and `keylog`, which gets each session's keys."""

    def __init__(self, folder: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self.keylog = folder / "keys.txt"
        make_certificates(folder, ECDSA)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(folder / "server-cert.pem", folder / "server-key.pem")
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.client.minimum_version = self.client.maximum_version = version
        self.client.keylog_filename = str(self.keylog)


class _End:
    """One end: `say` gives the bytes that its words become."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self.incoming, self._outgoing, server_side=server_side)

    def shake(self) -> bytes:
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def say(self, data: bytes) -> bytes:
        for start in range(0, len(data), WRITE):
            self._tls.write(data[start : start + WRITE])
        return self._outgoing.read()


def in_tls(turns: Iterable[Turn], contexts: Contexts) -> Iterator[Turn]:
    """The same conversation: greeting, SSLRequest, handshake, and inside it the login and all that follows.

    `turns` begin with the greeting and the login, each whole; what answers the login has one more in its numbers.
    """
    before, inside = around_tls(turns)
    yield from before
    ends = {True: _End(contexts.client, server_side=False), False: _End(contexts.server, server_side=True)}
    yield from _handshake(ends)
    for from_client, data in inside:
        yield from_client, ends[from_client].say(data)


def around_tls(turns: Iterable[Turn]) -> tuple[list[Turn], list[Turn]]:
    """The greeting and the SSLRequest, and what is said inside TLS: as `in_tls` has them."""
    rest = iter(turns)
    greeting = next(rest)
    _, login = next(rest)
    flags = int.from_bytes(login[HEADER : HEADER + 4], "little") | CLIENT_SSL
    request = flags.to_bytes(4, "little") + login[HEADER + 4 : HEADER + SSL_REQUEST]
    inside = [(True, login[:3] + b"\x02" + request + login[HEADER + SSL_REQUEST :])]
    numbered = True
    for from_client, data in rest:
        # Up to the first command, which begins anew.
        numbered = numbered and not (from_client and data[3] == 0)
        inside.append((from_client, _one_more(data) if numbered else data))
    return [greeting, (True, SSL_REQUEST.to_bytes(3, "little") + b"\x01" + request)], inside


def _handshake(ends: dict[bool, _End]) -> Iterator[Turn]:
    from_client = True
    while said := ends[from_client].shake():
        ends[not from_client].incoming.write(said)
        yield from_client, said
        from_client = not from_client


def _one_more(data: bytes) -> bytes:
    """Packets with sequence numbers that are one higher."""
    changed, at = bytearray(data), 0
    while at < len(changed):
        changed[at + 3] = (changed[at + 3] + 1) & 0xFF
        at += HEADER + int.from_bytes(changed[at : at + 3], "little")
    return bytes(changed)
