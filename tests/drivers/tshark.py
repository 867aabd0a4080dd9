"""TShark on the same captures: where it reads a field right, the analyzer has to say the same."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from analyzer.protocol.tables.commands import COMMANDS
from tests.drivers.compare import Verdict
from tests.drivers.run import ServerRun, Unusable

FIELDS: Final = ("tcp.stream", "mysql.user", "mysql.version", "mysql.schema", "mysql.error_code", "mysql.command")
SECONDS: Final = 120
# Prefix that MariaDB puts before its version for old replicas: TShark shows it, the contract leaves it out.
REPLICATION_PREFIX: Final = "5.5.5-"


@dataclass(frozen=True)
class Allowed:
    """Where TShark 4.0 is known to be wrong: a field, and what of the connection makes it so."""

    field: str
    when: str  # path | plugin | compression | case | outcome
    value: str
    reason: str

    def covers(self, field: str, verdict: Verdict, connection: dict[str, Any]) -> bool:
        """Whether this row is about that field of that connection."""
        if self.when == "case":
            return field == self.field and verdict.told.case["name"] == self.value
        place = connection if self.when in ("compression", "outcome") else connection["authentication"]
        found = place[self.when]
        return field == self.field and found == self.value


ALLOWED: Final[tuple[Allowed, ...]] = (
    Allowed(
        "mysql.command", "compression", "zlib",
        "It takes the compressed payload of some packets for the commands themselves: 96 and 193 are no commands.",
    ),
    Allowed(
        "mysql.command", "compression", "zstd",
        "It takes what zstd has compressed for the packets themselves.",
    ),
    Allowed(
        "mysql.command", "path", "full",
        "It takes what the client sends in the rest of caching_sha2_password's full authentication for commands.",
    ),
    Allowed(
        "mysql.schema", "path", "full",
        "It takes the password that the client has encrypted for COM_INIT_DB, where it begins with that byte.",
    ),
    Allowed(
        "mysql.command", "outcome", "rejected",
        "It counts the COM_QUIT of a client that the server has refused; here no command comes after a refusal.",
    ),
    Allowed(
        "mysql.command", "case", "change user",
        "It takes the answer to a switch of plugins after COM_CHANGE_USER for a command.",
    ),
    Allowed(
        "mysql.command", "case", "ended",
        "It takes the first byte of a file that LOAD DATA LOCAL INFILE sends for a command: 102 is none.",
    ),
)  # fmt: skip


@dataclass
class Agreement:
    """Counts of compared fields, and what was different."""

    compared: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    # (difference, reason)
    known: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Seen:
    """What TShark shows of one connection, in order."""

    users: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    schemas: list[str] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)


def read(run: ServerRun) -> dict[int, Seen]:
    """By the number of the connection, which is the same in both programs."""
    words = ["tshark", "-n", "-r", str(run.capture), "-d", f"tcp.port=={run.server.port},mysql", "-Y", "mysql"]
    words += ["-T", "fields", *(word for name in FIELDS for word in ("-e", name))]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=SECONDS)
    if done.returncode:
        raise Unusable(f"tshark: {done.stderr.strip()}")
    found: dict[int, Seen] = {}
    for line in done.stdout.split("\n"):
        columns = line.split("\t")
        if len(columns) != len(FIELDS) or not columns[0].isdigit():
            # The bytes of an authentication packet, taken for text, may hold anything.
            continue
        stream, user, version, schema, error, command = columns
        seen = found.setdefault(int(stream), Seen())
        seen.users += [user] if user else []
        seen.versions += [version] if version else []
        seen.schemas += [schema] if schema else []
        seen.commands.update(COMMANDS.get(int(code), f"command {code}") for code in command.split(",") if code)
        seen.errors += [int(code) for code in error.split(",") if code]
    return found


def pairs(connection: dict[str, Any], seen: Seen) -> list[tuple[str, Any, Any]]:
    """(field, what TShark shows, what the analyzer says) of a plain-text connection."""
    greeting, login, error = connection["greeting"], connection["login"], connection["error"]
    version = seen.versions[0].removeprefix(REPLICATION_PREFIX) if seen.versions else None
    found: list[tuple[str, Any, Any]] = [
        ("mysql.version", version, greeting["server_version"]),
        ("mysql.user", seen.users[0] if seen.users else None, login["user"]),
        ("mysql.schema", seen.schemas[0] if seen.schemas else None, login["database"]),
        ("mysql.command", dict(sorted(seen.commands.items())), dict(sorted(connection["commands"].items()))),
    ]
    if connection["outcome"] != "accepted":
        found.append(("mysql.error_code", seen.errors[-1:], [error["code"]] if error else []))
    return found


def agreement(run: ServerRun, verdicts: Sequence[Verdict]) -> Agreement:
    """All plain-text connections of one server."""
    shown = read(run)
    result = Agreement()
    for verdict in verdicts:
        connection = verdict.connection
        if connection is None or connection["tls"] is not None:
            continue
        rows = pairs(connection, shown.get(connection["stream"], Seen()))
        for name, theirs, ours in rows:
            result.compared[name] += 1
            if theirs == ours:
                result.same[name] += 1
                continue
            text = f"{verdict.title()}: {name}: TShark shows {theirs!r}, the analyzer says {ours!r}"
            row = next((row for row in ALLOWED if row.covers(name, verdict, connection)), None)
            if row is None:
                result.differences.append(text)
            else:
                result.known.append((text, row.reason))
    return result
