"""unanswered-commands: commands that wait for an answer until the capture ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Found, Rule, Verdict
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.analysis.findings.statements import shape_of
from analyzer.protocol.tables.commands import (
    COM_BINLOG_DUMP,
    COM_BINLOG_DUMP_GTID,
    COM_QUIT,
    COM_TABLE_DUMP,
)

# One command that has waited for so long is worth a word; several alike are, where one of them has for so long.
ALONE_NS = 2 * SECOND
TOGETHER_NS = SECOND // 2
SEVERAL = 3
# What is answered for as long as the connection lasts, or never.
ENDLESS = frozenset({COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_TABLE_DUMP, COM_QUIT})


def applies(case: Case) -> bool:
    return case.facts.answers.waiting > 0 and case.facts.closing.end is None


def check(case: Case) -> Iterator[Verdict]:
    """The first half: a command that waits. `conclude` says how many do, and drops those that are nothing special."""
    facts = case.facts
    sent = facts.answers.last
    if not applies(case) or sent is None or sent.code in ENDLESS or facts.answers.begun or facts.faults.gaps:
        return
    if case.transport.one_sided or not all(case.transport.seen):
        return
    waited = case.evidence.last_ns - sent.time_ns
    if waited <= 0:
        return
    shape = shape_of(sent)
    more = f" and {facts.answers.waiting - 1} behind it" if facts.answers.waiting > 1 else ""
    yield RULE.says(
        [sent.frame],
        {"shape": shape, "waited": span(waited), "more": more},
        confidence=LIKELY,
        evidence=[f"waits for {waited / 1e9:.3f} s: {shape}", f"frame {sent.frame}: the last byte of it{more}"],
        doubt="the answer may come after the capture has ended; nothing on the wire says what the server waits for",
    )


def conclude(found: Sequence[Found], history: History) -> None:
    """Says of all that wait at one server what they have in common."""
    servers: dict[tuple[str, int], list[Found]] = {}
    for each in found:
        servers.setdefault((each[0].server.address, each[0].server.port), []).append(each)
    for several in servers.values():
        waits = [_wait_of(finding.evidence[0]) for _, finding in several]
        longest = max(wait for wait, _ in waits)
        together = len(several) >= SEVERAL and longest * SECOND >= TOGETHER_NS
        for (connection, finding), (wait, _) in zip(several, waits, strict=True):
            if together:
                _tell_together(finding.evidence, waits)
                finding.message = _message(waits, longest)
                finding.frames = [each.frames[0] for _, each in several][:20]
            elif wait * SECOND < ALONE_NS:
                connection.findings.remove(finding)


def _wait_of(evidence: str) -> tuple[float, str]:
    """Seconds and shape, as `check` wrote them."""
    seconds, _, shape = evidence.removeprefix("waits for ").partition(" s: ")
    return float(seconds), shape


def _tell_together(evidence: list[str], waits: list[tuple[float, str]]) -> None:
    counts: dict[str, int] = {}
    for _, shape in waits:
        counts[shape] = counts.get(shape, 0) + 1
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    evidence.append("waiting at this server: " + ", ".join(f"{count} x {shape}" for shape, count in most))


def _message(waits: list[tuple[float, str]], longest: float) -> str:
    shapes = {shape for _, shape in waits}
    tables = {shape.partition(" ")[2] for shape in shapes}
    common = ""
    if len(shapes) == 1:
        common = f", all of them {next(iter(shapes))}"
    elif len(tables) == 1 and next(iter(tables)):
        common = f", all of them on the table {next(iter(tables))}"
    return (
        f"{len(waits)} commands on {len(waits)} connections wait for an answer when the capture ends{common}: the "
        f"longest for {span(int(longest * SECOND))}."
    )


RULE = Rule(
    "unanswered-commands",
    WARNING,
    "Commands wait for an answer until the capture ends",
    (applies,),
    check,
    given=IRREGULAR,
    looks_at="commands without a byte of an answer when the capture ends, how long they wait, verb and table of each",
    about=(
        "A command was sent and nothing has come back by the end of the capture. One long query does that; many alike "
        "at one time wait for the same thing: a row or table lock, a metadata lock behind an open transaction, a full "
        "disk, a stalled node. What they have in common says where to look."
    ),
    message="{shape} waits for an answer since {waited} when the capture ends{more}.",
    advice=(
        "While it lasts: SHOW FULL PROCESSLIST, then who holds the lock (sys.innodb_lock_waits, "
        "performance_schema.metadata_locks, SHOW ENGINE INNODB STATUS). A client that gives up sooner than the server "
        "leaves its statement running."
    ),
    causes=(
        "a lock that another transaction holds",
        "a statement that takes long",
        "a server or disk that stands still",
        "an answer that was lost, or that is not in the capture",
    ),
    sources=(
        "MySQL Reference Manual: InnoDB Locking; Metadata Locking; The metadata_locks Table",
        "MariaDB Knowledge Base: Metadata Locking",
    ),
    conclude=conclude,
)
