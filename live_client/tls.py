"""TLS over any transport: the standard ssl module on memory buffers, so that the bytes on the wire stay in sight."""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from live_client.errors import ClosedByServer, TimedOut, TlsFailed
from live_client.options import VERIFY_CA, VERIFY_IDENTITY, TlsChoices
from live_client.transport import CHUNK, Transport
from live_client.wrapped_transport import WrappedTransport

_VERSIONS: Final[dict[str, ssl.TLSVersion]] = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD: Final = frozenset({"TLSv1", "TLSv1.1"})


class TemporaryKeyLog:
    """The secrets of the sessions of one context, in a file that only this user can read, until `remove`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="handshark-"))
        self.path = self._folder / "keys"
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def lines(self) -> bytes:
        """The key log so far, without the ssl module's comments."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        return b"".join(line for line in raw.splitlines(keepends=True) if not line.startswith(b"#"))

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class SavedTls:
    """A TLS session that another connection may take up (RFC 5077; RFC 8446, 2.2), with the context it belongs to.

    The ssl module lets no other context use a session, and can not write one to a file.
    """

    context: ssl.SSLContext
    session: ssl.SSLSession


def make_context(options: TlsChoices) -> ssl.SSLContext:
    """The TLS context that the options describe. Raises TlsFailed where a file can not be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = options.ssl_mode == VERIFY_IDENTITY
    verify = options.ssl_mode in (VERIFY_CA, VERIFY_IDENTITY)
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if options.tls_versions:
        if _OLD & set(options.tls_versions):
            # OpenSSL refuses the signatures of these versions at its usual level.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        wanted = sorted(_VERSIONS[name] for name in options.tls_versions)
        with warnings.catch_warnings():
            # The user asked for an old version by name and knows that it is one.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = wanted[0], wanted[-1]
    try:
        if options.ssl_ca is not None:
            context.load_verify_locations(cafile=options.ssl_ca)
        elif verify:
            context.load_default_certs()
        if options.ssl_cert is not None:
            context.load_cert_chain(options.ssl_cert, options.ssl_key)
    except (OSError, ssl.SSLError) as error:
        # OpenSSL does not say which file it could not read.
        names = [str(path) for path in (options.ssl_ca, options.ssl_cert, options.ssl_key) if path is not None]
        raise TlsFailed(f"a certificate or key file can not be used ({', '.join(names)}): {error}") from error
    return context


def log_to(context: ssl.SSLContext, keylog: TemporaryKeyLog | None) -> None:
    """Secrets go to this log from now on: a context that is used again has the log of the connection before."""
    context.keylog_filename = str(keylog.path) if keylog is not None else None  # type: ignore[assignment]


class TlsTransport(WrappedTransport):
    """A Transport inside TLS, over another one."""

    def __init__(
        self, inner: Transport, context: ssl.SSLContext, hostname: str | None, session: ssl.SSLSession | None = None
    ) -> None:
        super().__init__(inner)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname, session=session)
        self._seconds: float | None = None

    @property
    def version(self) -> str:
        return self._tls.version() or ""

    @property
    def cipher(self) -> str:
        """The cipher suite as OpenSSL names it."""
        found = self._tls.cipher()
        return found[0] if found else ""

    def cipher_number(self) -> int | None:
        """The cipher suite's number in the registry, which all names of it share."""
        for suite in self._tls.context.get_ciphers():
            if suite["name"] == self.cipher:
                return int(suite["id"]) & 0xFFFF
        return None

    @property
    def resumed(self) -> bool:
        """Whether the server took up the session that was offered."""
        return bool(self._tls.session_reused)

    def saved(self) -> SavedTls | None:
        """What another connection may take up. In TLS 1.3 servers hand it out after the handshake: ask late."""
        session = self._tls.session
        if session is None or not (session.has_ticket or session.id):
            return None
        return SavedTls(self._tls.context, session)

    @property
    def verified(self) -> bool:
        """Whether the server's certificate was checked against authorities that the user trusts."""
        return self._tls.context.verify_mode == ssl.CERT_REQUIRED

    def certificate(self) -> bytes | None:
        """The server's certificate, DER."""
        return self._tls.getpeercert(binary_form=True)

    def handshake(self) -> None:
        """Raises TlsFailed with what the other side, or the check of its certificate, said."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.inner.receive()
                if not data:
                    raise TlsFailed("the server closed the connection in the middle of the TLS handshake") from None
                self._incoming.write(data)
            except ssl.SSLCertVerificationError as error:
                self._flush()
                raise TlsFailed(f"the server's certificate is refused: {error.verify_message}") from error
            except ssl.SSLError as error:
                self._flush()
                raise TlsFailed(f"no TLS with this server: {_reason(error)}") from error
            else:
                self._flush()
                return

    def rest(self) -> bytes:
        """What came behind the last record that was read: after a failed handshake, the server's plain words."""
        return self._incoming.read()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self.inner.send(data)

    def set_timeout(self, seconds: float) -> None:
        self._seconds = seconds
        self.inner.set_timeout(seconds)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._tls.write(view)
            view = view[written:]
        self._flush()

    def receive(self) -> bytes:
        until = None if self._seconds is None else time.monotonic() + self._seconds
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                self._flush()
                data = self.inner.receive()
                if not data:
                    return b""
                self._incoming.write(data)
                if until is not None and time.monotonic() > until:
                    # Bytes come, and make no whole record.
                    raise TimedOut(f"no whole TLS record came from the server for {self._seconds:g} s") from None
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                raise ClosedByServer(f"TLS ended with an error: {_reason(error)}") from error

    def end(self) -> None:
        # unwrap wants the other side's goodbye, which nobody waits for; ours is in the buffer all the same.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self.inner.end()


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words: TLSV1_ALERT_PROTOCOL_VERSION becomes "tlsv1 alert protocol version"."""
    return (error.reason or str(error)).replace("_", " ").lower()
