"""Everything a user can choose about a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DISABLED: Final = "disabled"
PREFERRED: Final = "preferred"
REQUIRED: Final = "required"
VERIFY_CA: Final = "verify-ca"
VERIFY_IDENTITY: Final = "verify-identity"
SSL_MODES: Final = (DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY)
TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
COMPRESSIONS: Final = ("zlib", "zstd")

# The greeting's field has one byte: 255 is utf8mb4_0900_ai_ci on MySQL 8 and later. MariaDB has no such number.
UTF8MB4_MYSQL: Final = 255
UTF8MB4_MARIADB: Final = 45


@dataclass(frozen=True)
class ServerChoices:
    """Where to, and how long it may take.

    proxy_header   v1 or v2: a PROXY protocol header in front, naming this connection's own addresses
    timeout        seconds for each step: a connect, a packet
    deadline       seconds for the whole connection; None: as long as it takes
    """

    host: str = "127.0.0.1"
    port: int = 3306
    socket: Path | None = None
    proxy_header: str | None = None
    timeout: float = 10.0
    deadline: float | None = None


@dataclass(frozen=True)
class UserChoices:
    """Who logs in, and what may be done with the password.

    passwords      one for each factor of the login, the first for the first
    default_auth   plugin to begin with; None is the server's own default
    cleartext      the password may be sent as it is: without TLS, and by mysql_clear_password and dialog
    old_password   the scramble of before 4.1 may be sent where the server asks for it
    client_nonce   what parsec signs beside the server's nonce; random where None
    prompt         answers further questions of a server (dialog): its text, and whether the answer is to be hidden
    """

    user: str = ""
    passwords: tuple[bytes, ...] = (b"",)
    database: str | None = None
    default_auth: str | None = None
    cleartext: bool = False
    old_password: bool = False
    server_public_key: bytes | None = None
    get_server_public_key: bool = False
    client_nonce: bytes | None = None
    prompt: Callable[[str, bool], bytes] | None = None


@dataclass(frozen=True)
class TlsChoices:
    """How TLS is done.

    ssl_mode       disabled, preferred (TLS where the server offers it), required, verify-ca, verify-identity
    tls_versions   those that are offered; empty leaves it to the TLS library
    """

    ssl_mode: str = PREFERRED
    ssl_ca: Path | None = None
    ssl_cert: Path | None = None
    ssl_key: Path | None = None
    tls_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginChoices:
    """What the login says beside the user.

    attributes     what --attribute adds; the standard ones are sent too unless `send_attributes` is off
    attributes_size   bytes that the attributes are filled up to with one more, named `filling`
    collation      None takes utf8mb4
    protocol       41, or 320 for the login of servers before 4.1
    capabilities   (name without or with its CLIENT_ prefix, on or off): changes to what is asked for by default
    """

    compression: str | None = None
    zstd_level: int = 3
    attributes: tuple[tuple[str, str], ...] = ()
    send_attributes: bool = True
    attributes_size: int = 0
    collation: int | None = None
    protocol: int = 41
    capabilities: tuple[tuple[str, bool], ...] = ()
    max_packet_size: int = 1 << 24


@dataclass(frozen=True)
class Options(ServerChoices, UserChoices, TlsChoices, LoginChoices):
    """The choices of one connection, with the defaults of the command line: what `connect` takes by name.

    fault          name of a deliberate fault
    """

    fault: str | None = None

    def __repr__(self) -> str:
        """Without the passwords, wherever this may be printed."""
        return f"Options(host={self.host!r}, port={self.port}, user={self.user!r}, database={self.database!r})"
