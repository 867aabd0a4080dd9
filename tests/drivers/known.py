"""What is known to be different, as literal tables with the reason in each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERY: Final = "*"
CONNECTOR: Final = "mysql-connector-python, pure"
CONNECTOR_C: Final = "mysql-connector-python, C extension"
MARIADB_PURE: Final = "mariadb (Python), pure"
MARIADB_C: Final = "mariadb (Python), Connector/C"
R2DBC: Final = ("R2DBC MySQL 1.4", "R2DBC MySQL 1.2")


@dataclass(frozen=True)
class Ending:
    """A login that ends otherwise than the case has it, by the driver's own doing."""

    driver: str
    flavor: str
    cases: tuple[str, ...]
    # What the driver reports, and how the login ended on the wire; the server's error there, None for none.
    code: int
    outcome: str
    server_code: int | None
    reason: str
    # With old servers too: it is not about a plugin that those have not.
    old: bool = False


ENDINGS: Final[tuple[Ending, ...]] = (
    Ending(
        CONNECTOR, "mysql", ("first login",), 1045, "rejected", 1045,
        "asked for the password itself it sends it in clear text, TLS or not; the server takes that for a wrong one",
    ),
    Ending(
        CONNECTOR_C, "mysql", ("first login", "wrong password"), 2061, "aborted", None,
        "asked for the password itself without TLS it leaves: it was not told to ask for the server's key",
    ),
    Ending(
        MARIADB_C, "mysql", (EVERY,), 1045, "rejected", 1045,
        "its wheel lacks the plugin caching_sha2_password: it answers the server's switch to it with nothing",
    ),
    *(
        Ending(
            "p1_mysql (Erlang)", flavor, ("wrong password", "wrong password, TLS"), -1, "rejected", 1045,
            "it keeps neither the number nor the text of what the server says to a login", old=True,
        )
        for flavor in ("mysql", "mariadb")
    ),
    *(
        Ending(
            "Diesel (Rust)", flavor, cases, -1, "rejected", code,
            "it keeps the text and not the number of what the server says to a login", old=True,
        )
        for flavor in ("mysql", "mariadb")
        for cases, code in ((("wrong password", "wrong password, TLS"), 1045), (("unknown database",), 1049))
    ),
    Ending(
        "R2DBC MariaDB 1.3", "mysql", ("wrong password", "wrong password, TLS"), 9000, "rejected", 1045,
        "what the server says within caching_sha2_password it tells with a number of its own",
    ),
    Ending(
        "R2DBC MariaDB 1.3", "mysql", ("unknown database",), 9000, "rejected", 1049, "the same",
    ),
    *(
        Ending(
            driver, "mysql", ("first login", "wrong password"), 0, "aborted", None,
            "asked for the password itself without TLS it leaves: it does not ask for the server's key",
        )
        for driver in R2DBC
    ),
    Ending(
        "Boost.MySQL 1.88", "mysql", ("first login", "wrong password"), -1, "aborted", None,
        "asked for the password itself without TLS it leaves: before 1.90 it does not know the server's key",
    ),
    Ending(
        "Boost.MySQL 1.88", "mysql", ("unknown database",), -1, "rejected", 1049,
        "it can not read the error that follows on fast_auth_success",
    ),
)  # fmt: skip

# Statements of its own that MySQL can not parse and so does not log: `select $$`, to see whether it knows such quotes.
OWN_STATEMENTS: Final = {"mysql 9.7 command line": 1}


@dataclass(frozen=True)
class Known:
    """A difference that is allowed: `key` is what the line of the difference begins with."""

    driver: str
    server: str
    case: str
    key: str
    reason: str

    def covers(self, driver: str, server: str, case: str, difference: str) -> bool:
        """Whether this row is about that difference."""
        mine = (self.driver, self.server, self.case)
        fits = all(one in (EVERY, other) for one, other in zip(mine, (driver, server, case), strict=True))
        return fits and difference.startswith(self.key)


# None at present: an entry here needs a reason.
DIFFERENCES: Final[tuple[Known, ...]] = ()


@dataclass(frozen=True)
class Deserved:
    """A warning that the analyzer gives and that is right: what the driver does on its own account."""

    driver: str
    server: str
    code: str
    reason: str


DESERVED: Final[tuple[Deserved, ...]] = (
    *(
        Deserved(
            driver, "mysql97", "cached-login-never-hits",
            f"{version} joins nonce and hash of caching_sha2_password in the wrong order: each login is a full one",
        )
        for driver, version in (("sqlx (Rust)", "0.8.6"), ("sqlx (Rust) 0.7", "0.7.4"))
    ),
    Deserved(
        MARIADB_PURE, "mysql97", "cached-login-never-hits",
        "2.0.0rc2 joins nonce and hash of caching_sha2_password in the wrong order: each of its logins is a full one",
    ),
    Deserved(
        "R2DBC MariaDB 1.3", "mysql97", "cached-login-never-hits",
        "1.3.0 leaves out the last byte of caching_sha2_password's nonce: each of its logins is a full one",
    ),
    *(
        Deserved(
            driver, server, "plaintext-in-tls", f"{version} sends COM_QUIT past TLS, in plain text",
        )
        for driver, version in (("Boost.MySQL", "1.90"), ("Boost.MySQL 1.88", "1.88"))
        for server in ("mysql97", "mariadb118", "mariadb1011")
    ),
    *(
        Deserved(
            driver, "mysql97", "full-auth-refused", "asked for the password itself without TLS it leaves",
        )
        for driver in R2DBC
    ),
)  # fmt: skip
