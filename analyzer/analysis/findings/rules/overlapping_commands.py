"""overlapping-commands: a command before the answer to the one before it had ended."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import family_of, name_of
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.analysis.findings.statements import shape_of
from analyzer.protocol.tables.commands import COMMANDS

# Drivers that send ahead of the answers, and know whose each is. `name` may begin so where the family is not known.
PIPELINING = frozenset(
    {"MariaDB Connector/J", "MariaDB Connector/Node.js", "libmariadb", "MySqlConnector", "r2dbc-mariadb"}
)
PIPELINING_NAMES = ("r2dbc", "vertx", "vert.x", "reactive", "mariadb")
# Who sends so large a part of many commands ahead means it.
MANY = 20
PART = 0.5


def applies(case: Case) -> bool:
    return case.facts.answers.overlap_count > 0


def check(case: Case) -> Iterator[Verdict]:
    answers = case.facts.answers
    if not answers.overlaps or case.facts.faults.gaps or case.facts.faults.assumed or _means_it(case):
        return
    first = answers.overlaps[0]
    evidence = [
        f"frame {each.frame}: {_name(each.code)} before the answer to {shape_of(each.first)} of frame "
        f"{each.first.frame}"
        " had ended"
        for each in answers.overlaps[:5]
    ]
    filling: dict[str, object] = {
        "count": answers.overlap_count,
        "first": shape_of(first.first),
        "frame": first.frame,
        "driver": name_of(case),
    }
    variant = "one" if answers.overlap_count == 1 else ""
    yield RULE.says(
        [frame for each in answers.overlaps[:5] for frame in (each.first.frame, each.frame)],
        filling,
        variant=variant,
        confidence=LIKELY,
        evidence=evidence,
        doubt="a driver that sends ahead on purpose looks the same; this one is not known to",
    )


def _means_it(case: Case) -> bool:
    """Whether the driver sends commands ahead on purpose."""
    driver = case.connection.driver
    name = driver.name if driver is not None else None
    if family_of(name) in PIPELINING or (name or "").lower().startswith(PIPELINING_NAMES):
        return True
    total = sum(case.connection.commands.values())
    return total >= MANY and case.facts.answers.overlap_count > total * PART


def _name(code: int) -> str:
    return f"COM_{COMMANDS.get(code, hex(code)).upper()}"


_ADVICE = (
    "The protocol answers in order, and says not whose an answer is: give each thread, coroutine and process a "
    "connection of its own (a pool), and throw a connection away after a cancelled or timed-out query instead of using "
    "it again."
)

RULE = Rule(
    "overlapping-commands",
    WARNING,
    "A command before the answer to the one before it had ended",
    (applies,),
    check,
    given=IRREGULAR,
    looks_at="commands that are sent while a response goes on, where the driver is none that sends ahead on purpose",
    about=(
        "A client sends one command and reads its whole answer before it sends the next. Where two threads share one "
        "connection, where a process is forked with it, or where a cancelled query's connection is used again, "
        "commands "
        "overlap; then answers go to the wrong one, and clients say 'packets out of order', 'commands out of sync' or "
        "'bad connection'."
    ),
    message=(
        "{driver} sent a command {count} times before the answer to the one before it had ended, first after {first} "
        "(frame {frame}): several threads or tasks seem to share this connection."
    ),
    advice=_ADVICE,
    variants=(
        (
            "one",
            "{driver} sent a command (frame {frame}) before the answer to {first} had ended: threads seem to share "
            "this "
            "connection, or a cancelled query's connection was used again.",
            _ADVICE,
        ),
    ),
    causes=(
        "threads or coroutines that share a connection",
        "a query that was cancelled or timed out, and its connection used again",
        "a process that was forked with the connection open",
        "a driver that sends ahead on purpose",
    ),
    sources=(
        "MySQL C API: Commands out of sync; Writing C API Threaded Client Programs",
        "MySQL Source Documentation: Command Phase",
    ),
)
