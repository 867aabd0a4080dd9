"""client-gave-up: the client left while it waited for the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.helpers import SECOND, by_client, ended, one_sided
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Found, Rule, Verdict
from analyzer.analysis.findings.rules import answer_lost, idle_connection_dropped, path_mtu
from analyzer.analysis.findings.statements import shape_of
from analyzer.analysis.findings.time_outs import CONNECT, READ, named
from analyzer.protocol.tables.commands import COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_QUIT

# Who leaves sooner did not wait, or was asked to stop.
WAITED_NS = SECOND // 2
# So many that leave after the same time have one time-out.
SEVERAL = 3
# Times are the same where they differ by no more than this share, or this.
SHARE = 50
JITTER_NS = SECOND // 20
# Nothing is due to who was refused; inside TLS nobody sees it.
ANSWERED = frozenset({"rejected", "encrypted"})
NOT_AWAITED = frozenset({COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_QUIT})


def applies(case: Case) -> bool:
    """Whether the client left first, and something may have been due: an answer, or a verdict."""
    end, facts = case.facts.closing.end, case.facts
    if end is None or end[0] != facts.client or case.connection.outcome in ANSWERED:
        return False
    return case.connection.outcome != "accepted" or facts.answers.left is not None or facts.auth.verdict_frame > end[2]


def check(case: Case) -> Iterator[Verdict]:
    found = waited(case)
    end = case.facts.closing.end
    if found is None or end is None or case.facts.faults.gaps or one_sided(case) or _is_explained(case):
        return
    since, frame, what, table = found
    lasted = end[3] - since
    if lasted < WAITED_NS:
        return
    filling: dict[str, object] = {"what": what, "waited": seconds(lasted), "near": named(table, lasted)}
    filling["unheard"] = ""
    evidence = [f"waited {lasted / 1e9:.3f} s for {what}, since frame {frame}", ended(case)]
    trouble = case.transport.trouble
    stuck = trouble.streams[0].stuck if trouble is not None else None
    if stuck is not None:
        filling["unheard"] = f" What it had sent was sent again {_times(stuck.count)} and never acknowledged."
        evidence.append(f"frames {stuck.first_frame} to {stuck.last_frame}: {stuck.size} bytes of the client again")
    yield RULE.says(
        [frame, end[2]],
        filling,
        confidence=LIKELY,
        evidence=evidence,
        doubt="a program that is stopped, or a person who cancels, leaves in the same way",
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def seconds(ns: int) -> str:
    return f"{ns / 1e9:.1f} s"


def waited(case: Case) -> tuple[int, int, str, dict[int, str]] | None:
    """(since when, frame, for what, known time-outs) a client waited that was the first to leave."""
    c, facts = case.connection, case.facts
    if not by_client(case) or not c.tcp.syn or not case.transport.answered or c.outcome in ANSWERED:
        return None
    end = facts.closing.end
    if end is None:
        return None
    if not c.tcp.bytes_from_server or facts.greeting.frame > end[2]:
        since = c.start_time_ns + (c.timing.tcp_connect_ns or 0)
        return (since, c.first_frame, "the server's greeting", CONNECT) if not c.tcp.bytes_from_client else None
    sent = facts.answers.left
    if sent is not None:
        return (sent.time_ns, sent.frame, f"the answer to {shape_of(sent)}", READ) if is_awaited(sent.code) else None
    asked = facts.login.record is not None and facts.login.frame < end[2]
    if asked and (facts.auth.verdict is None or facts.auth.verdict_frame > end[2]) and len(facts.auth.steps) <= 1:
        return facts.login.time_ns, facts.login.frame, "the answer to its login", CONNECT
    return None


def is_awaited(code: int) -> bool:
    """Whether clients wait for the end of a command's answer."""
    return code not in NOT_AWAITED


def _is_explained(case: Case) -> bool:
    """Whether something that was lost on the way says why nothing came."""
    rules = (answer_lost, path_mtu, idle_connection_dropped)
    return any(True for rule in rules if rule.applies(case) for _ in rule.check(case))


def conclude(found: Sequence[Found], history: History) -> None:
    """Says of those that left after the same time that it is a time-out."""
    clients: dict[str, list[tuple[float, Found]]] = {}
    for each in found:
        clients.setdefault(each[0].client.address, []).append((waited_ns(each), each))
    for several in clients.values():
        for time_ns, (_, finding) in several:
            most = max(time_ns / SHARE, JITTER_NS)
            alike = sum(abs(other - time_ns) <= most for other, _ in several)
            if alike >= SEVERAL:
                finding.message += f" {alike} connections from there left after the same time: it is a time-out."
                finding.doubt = None


def waited_ns(each: Found) -> float:
    """The time that `check` wrote into its evidence."""
    return float(each[1].evidence[0].split()[1]) * SECOND


RULE = Rule(
    "client-gave-up",
    WARNING,
    "The client left while it waited for the server",
    (applies,),
    check,
    looks_at=(
        "a FIN or RST of the client while a command had no answer, or before the greeting or the login's answer, and "
        "how long it had waited; how many connections of the same client left after the same time"
    ),
    about=(
        "The client asked, waited, and closed the connection before the answer came: its time-out ran out, or somebody "
        "stopped it. The server does not notice before it answers: the statement runs on, with its locks. Programs say "
        "'read timeout', 'context deadline exceeded', 'Lost connection during query' (2013)."
    ),
    message="The client left after it had waited {waited} for {what}{near}.{unheard}",
    advice=(
        "Look at why the server took so long (slow query log, SHOW PROCESSLIST, locks), and whether the client's "
        "time-out is meant: readTimeout or socketTimeout, connectTimeout for greeting and login. What the server did "
        "after that is not undone: look before the statement is repeated, and give statements a limit on the server "
        "too (max_execution_time, KILL QUERY)."
    ),
    causes=("the program was stopped or crashed while it waited", "a person cancelled the statement"),
    sources=("MySQL Reference Manual: Lost connection to MySQL server", "Connector/J: connectTimeout, socketTimeout"),
    conclude=conclude,
)
