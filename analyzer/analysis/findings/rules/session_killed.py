"""session-killed: the client had another session ended; and what findings about that session say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.history import History, Kill
from analyzer.analysis.findings.rule import CERTAIN, INFO, LIKELY, Case, Found, Rule, Verdict
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.analysis.model.connection import Connection, Finding

# A session that is killed ends within so long, where nothing has to be rolled back.
AT_ONCE_NS: Final = 5 * SECOND
_EVIDENCE = re.compile(r"frame (\d+): KILL of thread id (\d+) at (\d+) ns")


def applies(case: Case) -> bool:
    return bool(case.facts.answers.kills)


def check(case: Case) -> Iterator[Verdict]:
    kills = case.facts.answers.kills
    if not kills:
        return
    numbers = list(dict.fromkeys(str(number) for number, _, _ in kills))
    yield RULE.says(
        [frame for _, frame, _ in kills],
        {"numbers": ", ".join(numbers), "s": "s" if len(numbers) > 1 else ""},
        evidence=[f"frame {frame}: KILL of thread id {number} at {time_ns} ns" for number, frame, time_ns in kills],
    )


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    """Remembers who had which session ended."""
    server, client = connection.server, connection.client
    for position, said in enumerate(finding.evidence):
        found = _EVIDENCE.fullmatch(said)
        if found is None:
            continue
        kill = Kill(connection.stream, f"{client.address}:{client.port}", int(found[1]), int(found[3]))
        history.kills.put(((server.address, server.port), int(found[2])), kill)
        finding.evidence[position] = said.partition(" at ")[0]
    return True


def name_the_kill(found: Sequence[Found], history: History) -> None:
    """Of sessions that the server ended: whether a client had it done. Thread ids are those of greetings."""
    for connection, finding in found:
        greeting, server = connection.greeting, connection.server
        if greeting is None:
            continue
        kill = history.kills.get(((server.address, server.port), greeting.connection_id))
        if kill is None or not connection.start_time_ns <= kill.time_ns <= connection.end_time_ns:
            continue
        elapsed = connection.end_time_ns - kill.time_ns
        after = span(elapsed)
        number = greeting.connection_id
        who = f"{kill.client} (stream {kill.stream})"
        finding.message += f" It was killed: {who} sent KILL {number} {after} before the end."
        finding.advice = f"Ask whoever works there, or look at what {who} ran before and after."
        finding.frames.append(kill.frame)
        finding.evidence.append(f"frame {kill.frame}: KILL {number}, which is this session's id in its greeting")
        finding.confidence, finding.doubt, finding.alternatives = CERTAIN, None, []
        if elapsed > AT_ONCE_NS:
            finding.confidence = LIKELY
            finding.doubt = "a killed session ends at once, or when what it was doing is rolled back"


RULE = Rule(
    "session-killed",
    INFO,
    "The client had another session ended",
    (applies,),
    check,
    given=IRREGULAR,
    looks_at=(
        "COM_PROCESS_KILL, KILL statements (not KILL QUERY) and the procedures rds_kill and az_kill, none refused"
    ),
    about=(
        "KILL ends the session with a thread id: the server closes it, with a statement under way or not. Its client "
        "says 'Lost connection' or 'server has gone away'. Where the greeting of that session is in the capture, what "
        "is said of its end names who had it killed."
    ),
    message="The client had session{s} {numbers} killed.",
    advice="Look for the session with this id in its greeting: what it did is why it was killed, most likely.",
    sources=("MySQL Reference Manual: KILL Statement", "MariaDB Knowledge Base: KILL"),
    complete=complete,
)
