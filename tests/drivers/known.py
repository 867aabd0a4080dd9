"""What is known to be different, as literal tables with the reason in each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERY: Final = "*"
CONNECTOR: Final = "mysql-connector-python, pure"
CONNECTOR_C: Final = "mysql-connector-python, C extension"
MARIADB_PURE: Final = "mariadb (Python), pure"
MARIADB_C: Final = "mariadb (Python), Connector/C"


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
    Deserved(
        "sqlx (Rust)", "mysql97", "cached-login-never-hits",
        "0.8.6 joins nonce and hash of caching_sha2_password in the wrong order: each of its logins is a full one",
    ),
    Deserved(
        MARIADB_PURE, "mysql97", "cached-login-never-hits",
        "2.0.0rc2 joins nonce and hash of caching_sha2_password in the wrong order: each of its logins is a full one",
    ),
)  # fmt: skip
