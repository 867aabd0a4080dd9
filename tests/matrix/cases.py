"""The cells of the matrix: which login is made, and what has to become of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.servers import Server
from tests.servers.accounts import MYSQL, Account, accounts_on

TLS: Final = ("none", "TLSv1.2", "TLSv1.3")
COMPRESSIONS: Final[dict[str, tuple[str | None, ...]]] = {"mysql": (None, "zlib", "zstd"), "mariadb": (None, "zlib")}

# The plugin that has the last word where an account logs in; the server's default for accounts that name none.
DEFAULT_PLUGIN: Final = {"mysql": "caching_sha2_password", "mariadb": "mysql_native_password"}
PLUGIN_OF: Final = {
    "sha2": "caching_sha2_password",
    "sha256": "sha256_password",
    "native": "mysql_native_password",
    "oldpw": "mysql_old_password",
    "ed": "client_ed25519",
    "multi": "client_ed25519",
    "second": "mysql_native_password",
    "pamu": "dialog",
    "parsec": "parsec",
}
LOCKED: Final = {"mysql": 3118, "mariadb": 4151}
# MariaDB lets the account in and refuses every statement.
EXPIRED: Final = {"mysql": 1862, "mariadb": None}
DENIED: Final = 1045
NO_RIGHT: Final = 1044
NO_DATABASE: Final = 1049
OVER_LIMIT: Final = 1226

# What is done before the login itself.
NOTHING: Final = "nothing"
FORGET: Final = "forget"  # the server has never seen the account: caching_sha2_password goes the long way
REMEMBER: Final = "remember"  # a login over TLS: it goes the short way
HOLD: Final = "hold"  # another connection of the account stays open


@dataclass(frozen=True)
class Trial:
    """One login. `error` is the server's number, None where it is accepted; `before` what is done first.

    `resumed`: in the TLS session of a login that comes before it.
    """

    account: str
    plugin: str
    tls: str
    compression: str | None
    outcome: str
    error: int | None = None
    before: str = NOTHING
    choices: dict[str, Any] = field(default_factory=dict)
    resumed: bool = False

    def __str__(self) -> str:
        return f"{self.account} ({self.plugin}), TLS {self.tls}, {self.compression or 'not compressed'}, {self.outcome}"


def tls_trials(server: Server) -> Iterator[Trial]:
    """Full and resumed handshakes, with and without a client's certificate, of one server and its certificate."""
    mine = {"ssl_cert": server.client_certificate, "ssl_key": server.client_key}
    for tls in TLS[1:]:
        for who, how, choices in (("app", "", {}), ("reqx509", " with client certificate", mine)):
            for resumed in (False, True):
                outcome = f"{'resumed' if resumed else 'full'} handshake{how}"
                yield Trial(who, DEFAULT_PLUGIN[server.flavor], tls, None, outcome, choices=choices, resumed=resumed)


def trials(server: Server) -> Iterator[Trial]:
    """The matrix of one server."""
    for who in accounts_on(server.name):
        plugin = PLUGIN_OF.get(who.name, DEFAULT_PLUGIN[server.flavor])
        for tls in TLS:
            for compression in COMPRESSIONS[server.flavor]:
                for outcome, error, before, choices in _outcomes(server, who, tls):
                    yield Trial(who.name, plugin, tls, compression, outcome, error, before, choices)


_Outcome = tuple[str, int | None, str, dict[str, Any]]


def _outcomes(server: Server, who: Account, tls: str) -> Iterator[_Outcome]:
    """(name, error, what is done first, options) of each outcome that this account can have."""
    flavor = server.flavor
    wrong: _Outcome = ("wrong password", DENIED, NOTHING, {"passwords": (b"not-it",)})
    if who.state == "locked":
        yield "locked", LOCKED[flavor], NOTHING, {}
    elif who.state == "expired":
        yield "expired", EXPIRED[flavor], NOTHING, {}
        handles = (("CAN_HANDLE_EXPIRED_PASSWORDS", True),)
        yield "expired, in the sandbox", None, NOTHING, {"capabilities": handles}
    elif who.state == "require ssl":
        yield ("TLS required", DENIED, NOTHING, {}) if tls == "none" else ("accepted", None, NOTHING, {})
    elif who.state == "require x509":
        yield "certificate required", DENIED, NOTHING, {}
        if tls != "none":
            mine = {"ssl_cert": server.client_certificate, "ssl_key": server.client_key}
            yield "accepted with certificate", None, NOTHING, mine
    elif who.state == "one connection":
        yield "accepted", None, NOTHING, {}
        yield "over its limit", OVER_LIMIT, HOLD, {}
    else:
        yield from _usual(server, who, tls)
        yield wrong
        if who.rights != "replication":
            error = NO_DATABASE if who.rights == "all" else NO_RIGHT
            # RSA can not hold the long password: only the short way comes as far as the database.
            before = REMEMBER if who.name == "longpw" and server.name in MYSQL else NOTHING
            yield "unknown database", error, before, {"database": "no_such_db"}
    if who.name == "app":
        yield "unknown user", DENIED, NOTHING, {"user": "nobody_here"}


def _usual(server: Server, who: Account, tls: str) -> Iterator[_Outcome]:
    """The ways of a login that is accepted."""
    cached = server.name in MYSQL and who.name != "sha256" and who.password != ""
    # RSA can not hold the long password.
    if cached and not (who.name == "longpw" and tls == "none"):
        yield "accepted, full", None, FORGET, {}
    yield "accepted, fast" if cached else "accepted", None, REMEMBER if cached else NOTHING, {}
    if who.name == "app":
        other = DEFAULT_PLUGIN["mariadb" if server.flavor == "mysql" else "mysql"]
        yield "accepted after a switch", None, NOTHING, {"default_auth": other}
    if who.name == "oldpw" and tls == "none":
        yield "accepted, protocol 320", None, NOTHING, {"protocol": 320}
    if who.name == "nonascii":
        yield "accepted, many attributes", None, NOTHING, {"attributes_size": 400}
        yield "accepted, other collation", None, NOTHING, {"collation": 46}
