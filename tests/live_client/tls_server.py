"""A scripted server that speaks TLS after the SSLRequest: the ssl module on memory buffers, no socket."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from live_client.errors import ClosedByServer
from tests.live_client.scripted import ScriptedTransport


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Lives, and is removed, with the process."""
    return tempfile.TemporaryDirectory(prefix="handshark-test-")


@cache
def certificate() -> tuple[Path, Path]:
    """(certificate, key) of a server named db.example and 192.0.2.2, signed by itself."""
    folder = Path(_folder().name)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("db.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.2"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path


def server_context(maximum: str | None = None) -> ssl.SSLContext:
    """What servers share that know one another's sessions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    if maximum is not None:
        context.maximum_version = ssl.TLSVersion[maximum]
    return context


class TlsServer(ScriptedTransport):
    """Says `plain` first, one piece a receive; then TLS, and inside it a piece of `inside` for each packet it gets."""

    def __init__(
        self,
        plain: Sequence[bytes],
        inside: Sequence[bytes],
        *,
        maximum: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(*plain)
        context = context or server_context(maximum)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._inside = deque(inside)
        self._clear = b""
        self._before = b""
        self.secure = False
        self._broken = False
        self._begun = False

    def send(self, data: bytes) -> None:
        super().send(data)
        # A ClientHello is a handshake record; MySQL packets of that length byte do not occur here.
        self._begun = self._begun or data[:2] == b"\x16\x03"
        if not self._begun:
            self._before += data
            return
        self._in.write(data)
        self._turn()

    def _turn(self) -> None:
        try:
            if not self.secure:
                self._tls.do_handshake()
                self.secure = True
            while True:
                got = self._tls.read(65536)
                if not got:
                    break
                self._clear += got
                if self._inside:
                    self._tls.write(self._inside.popleft())
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._broken = True
        if self._out.pending:
            self.script.append(self._out.read())

    def receive(self) -> bytes:
        if self._broken and not self.script:
            raise ClosedByServer("the server reset the connection (RST)")
        return super().receive()

    def packets_inside(self) -> list[tuple[int, bytes]]:
        return _split(self._clear)

    def packets_before(self) -> list[tuple[int, bytes]]:
        return _split(self._before)


def _split(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        length = int.from_bytes(data[:3], "little")
        found.append((data[3], data[4 : 4 + length]))
        data = data[4 + length :]
    return found
