"""command-cut-off: the session ended while a command was under way."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.conversation.session_facts import SentCommand
from analyzer.analysis.findings.helpers import SECOND, by_server, ended, foreign_reset, span
from analyzer.analysis.findings.rule import A_BIT_AHEAD, INFO, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.rules.packet_too_large import TOO_LARGE
from analyzer.analysis.findings.rules.session_killed import name_the_kill
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.analysis.findings.statements import shape_of
from analyzer.analysis.findings.time_outs import READ, SERVER, named
from analyzer.protocol.machine.machine import CLIENT
from analyzer.protocol.tables.commands import COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID

STREAMS = frozenset({COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID})


def applies(case: Case) -> bool:
    answers = case.facts.answers
    if case.facts.closing.end is None and case.connection.error is None and answers.early is None:
        return False
    return answers.waiting > 0 or answers.cut is not None or answers.early is not None


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    answers = facts.answers
    if not applies(case) or facts.faults.gaps or case.transport.one_sided or case.evidence.cut_short:
        return
    if any(case.transport.left_unseen):
        return  # a side had closed, and its FIN is not in the capture
    if TOO_LARGE in answers.error_counts or case.connection.phase_reached != "command" or facts.faults.sequence_errors:
        return
    cut = answers.cut or answers.early
    if cut is not None and cut.role == CLIENT:
        yield from _in_the_request(case)
    elif answers.waiting and answers.last is not None and was_under_way(case, answers.last):
        yield from _in_the_answer(case, answers.last)


def was_under_way(case: Case, sent: SentCommand) -> bool:
    """Whether the command was sent before the other side ended the connection."""
    end = case.facts.closing.end
    return end is not None and sent.frame < end[2]


def _in_the_request(case: Case) -> Iterator[Verdict]:
    answers = case.facts.answers
    cut = answers.cut or answers.early
    end = case.facts.closing.end
    if cut is None:
        return
    over_ns = end[3] if end is not None else case.connection.end_time_ns
    waited = over_ns - cut.time_ns
    evidence = [f"frame {cut.frame}: a packet of {cut.announced:,} bytes begins, {cut.have:,} of it came", ended(case)]
    evidence += [f"frame {each.frame}: ERR {each.error.error_code} after it" for each in answers.errors[-1:]]
    who = "server" if by_server(case) else "client"
    filling: dict[str, object] = {
        "have": f"{cut.have:,}",
        "announced": f"{cut.announced:,}",
        "who": who,
        "after": span(waited),
        "near": named(SERVER if who == "server" else READ, waited),
    }
    doubt = "why the client stopped sending is not on the wire"
    frames = [cut.frame, end[2] if end is not None else 0]
    yield RULE.says(frames, filling, variant="sending", confidence=LIKELY, evidence=evidence, doubt=doubt)


def _in_the_answer(case: Case, sent: SentCommand) -> Iterator[Verdict]:
    answers, end = case.facts.answers, case.facts.closing.end
    if end is None:
        return
    server = by_server(case)
    if not server and (not answers.begun or sent.code in STREAMS):
        return  # a client that stops waiting: client-gave-up; a replica that is stopped
    after = end[3] - sent.time_ns
    begun = ", in the middle of its answer" if answers.begun else ""
    filling: dict[str, object] = {
        "shape": shape_of(sent),
        "who": "server" if server else "client",
        "how": "reset" if end[1] == "rst" else "closed",
        "after": span(after),
        "begun": begun,
        "near": named(READ, after) if after >= SECOND else "",
    }
    evidence = [f"frame {sent.frame}: {shape_of(sent)}, the answer to which {_state(case)}", ended(case)]
    doubt = "nothing on the wire says why: KILL, a time-out of a proxy, a crash and a shutdown look alike"
    foreign = foreign_reset(case)
    if foreign is not None:
        evidence.append(foreign)
        doubt = "its time to live says that a firewall, load balancer or proxy made the reset, not why"
    severity = None if server else INFO
    yield RULE.says([sent.frame, end[2]], filling, confidence=LIKELY, severity=severity, evidence=evidence, doubt=doubt)


def _state(case: Case) -> str:
    return "had begun" if case.facts.answers.begun else "did not begin"


RULE = Rule(
    "command-cut-off",
    WARNING,
    "The session ended while a command was under way",
    (applies,),
    check,
    given=IRREGULAR,
    looks_at=(
        "a command without its whole answer, or a packet of which a part came, and the FIN or RST that ended the "
        "session"
    ),
    about=(
        "The connection ended before a command was done: clients say 'Lost connection to MySQL server during query' or "
        "'MySQL server has gone away'. Whether the command took effect is not known to the client: a transaction that "
        "was not committed is rolled back; a commit may have been made."
    ),
    message="The {who} {how} the connection {after} after {shape} was sent{begun}{near}.",
    advice=(
        "Look at the server's error log of that second: KILL is noted with log_error_verbosity=3 (log_warnings), a "
        "crash "
        "leaves a stack trace, a shutdown says so. Without any of it, look at time-outs of what is in between "
        "(HAProxy's "
        "timeout server, ProxySQL's mysql-default_query_timeout) and at max_execution_time."
    ),
    variants=(
        (
            "sending",
            "The session ended in the middle of a packet: {have} of {announced} bytes had come, and {after} after it "
            "began the {who} ended the connection{near}.",
            "The client stopped sending: it hung, was stopped, or its network failed; the server waits "
            "net_read_timeout "
            "(30 s) for the rest. Look at the client's own log of that time.",
        ),
    ),
    causes=(
        "KILL of the session",
        "the server crashed, or was shut down",
        "a time-out of a proxy or load balancer in between",
        "net_read_timeout or net_write_timeout, where a packet was cut",
    ),
    sources=(
        "MySQL Reference Manual: Lost connection to MySQL server; MySQL server has gone away",
        "MySQL Reference Manual: Server System Variables, net_read_timeout",
    ),
    conclude=name_the_kill,
    ahead=A_BIT_AHEAD,
)
