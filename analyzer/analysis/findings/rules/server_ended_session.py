"""server-ended-session: the server ended the session unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.analysis.conversation.session_facts import AnsweredError
from analyzer.analysis.findings.conditions import has_tls, left_open
from analyzer.analysis.findings.driver_options import LIFETIME, option
from analyzer.analysis.findings.helpers import (
    HANDED_OVER,
    SECOND,
    by_server,
    client_left_before,
    ended,
    is_echo,
    is_mariadb,
    one_sided,
    span,
)
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import (
    A_BIT_AHEAD,
    CERTAIN,
    LIKELY,
    NETWORK_ERRORS,
    POSSIBLE,
    WARNING,
    Case,
    Rule,
    Verdict,
)
from analyzer.analysis.findings.rules.command_cut_off import was_under_way
from analyzer.analysis.findings.rules.idle_connection_dropped import was_dropped
from analyzer.analysis.findings.rules.session_killed import name_the_kill
from analyzer.analysis.findings.signs import REFUSED
from analyzer.analysis.findings.statements import shape_of
from analyzer.analysis.findings.time_outs import IDLE, nearest
from analyzer.analysis.findings.tls_rules import outside_tls
from analyzer.analysis.model.connection import Connection, Finding

# Errors that servers send unasked.
WHY = {
    4031: "the session was idle longer than wait_timeout (or interactive_timeout)",
    1053: "the server was shut down",
    1927: "the connection was killed",
    1317: "the connection or its statement was killed",
    1205: "a lock was waited for too long",
}
# Errors in answer to a command behind which the server closes, and which say why.
FATAL = NETWORK_ERRORS | frozenset(
    {1040, 1053, 1129, 1152, 1153, 1156, 1157, 1184, 1236, 1317, 1835, 1927, 2006, 2013, 3169, 4031, 4052, 9001}
)
# Reading from or writing to the client failed: errors that servers send to one that has left.
BROKEN = frozenset({1158, 1160})
# Those that answer a command which a KILL ended.
KILLED = frozenset({1317, 1927, 3169})
IDLE_NS = 5 * SECOND
# Commands behind which servers close.
_CLOSES = frozenset({"change_user", "binlog_dump", "binlog_dump_gtid", HANDED_OVER})
# Idle times that are remembered of a server.
MOST_IDLE = 64


def is_unasked(case: Case) -> bool:
    """The server said with an error that it ends the session."""
    return case.connection.error is not None and case.connection.error.phase == "command"


def _may_have_left(case: Case) -> bool:
    """Whether the client ended TLS before (close_notify), or nothing that it said was captured."""
    c, end = case.connection, case.facts.closing.end
    if c.tls is None:
        return case.facts.login.record is None and not c.commands
    return end is not None and client_left_before(case, end[2])


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    if c.error is not None:
        yield from _by_error(case)
        return
    facts = case.facts
    open_end = c.outcome in ("accepted", "encrypted") or facts.faults.assumed
    if not open_end or "quit" in c.commands or not by_server(case) or facts.faults.gaps or facts.closing.end is None:
        return
    killed = _killed(case)
    if killed is not None:
        code = killed.error.error_code
        what = shape_of(killed.command) if killed.command is not None else "a command"
        evidence = [f"frame {killed.frame}: ERR {code} in answer to {what}", ended(case)]
        yield RULE.says(
            [killed.frame],
            {"what": what, "code": code},
            variant="killed",
            confidence=LIKELY,
            evidence=evidence,
            doubt="a KILL itself is not on this connection",
        )
        return
    if _is_said_elsewhere(case) or outside_tls(case) is not None:
        return
    if was_dropped(case) or _may_have_left(case):
        return
    idle = facts.closing.quiet_ns
    figure = nearest(IDLE, idle) if idle >= IDLE_NS else None
    # A server closes after a COM_CHANGE_USER that it refuses, too, and behind the end of a binlog.
    if figure is None and (
        c.outcome != "accepted" or facts.faults.count or _CLOSES & c.commands.keys() or one_sided(case)
    ):
        return
    evidence = [idle_for(idle), ended(case)]
    how = "reset" if facts.closing.end[1] == "rst" else "closed"
    filling: dict[str, object] = {"idle": span(idle), "how": how, "option": option(case, LIFETIME)}
    if figure is None:
        doubt = "nothing on the wire says why: KILL, a shutdown or a crash, or something between client and server"
        yield RULE.says(
            [facts.closing.end[2]], filling, variant="bare", confidence=LIKELY, evidence=evidence, doubt=doubt
        )
        return
    whose = IDLE[figure]
    filling |= {"figure": figure, "whose": f" ({whose})" if whose else ""}
    evidence.append(f"{figure} s is a round figure" + (f": {whose}" if whose else ""))
    sure = LIKELY if is_mariadb(case) or facts.closing.end[1] == "rst" else POSSIBLE
    doubt = "MariaDB's wait_timeout, a proxy and a NAT device end idle connections alike; MySQL would send error 4031"
    yield RULE.says([facts.closing.end[2]], filling, variant="idle", confidence=sure, evidence=evidence, doubt=doubt)


def _killed(case: Case) -> AnsweredError | None:
    """The last word of the session, where it says that somebody ended what was under way."""
    answers, closing = case.facts.answers, case.facts.closing
    last = answers.errors[-1] if answers.errors and all(case.transport.seen) else None
    if last is None or last.error.error_code not in KILLED or last.time_ns != closing.spoke_ns:
        return None
    return last


def _is_said_elsewhere(case: Case) -> bool:
    """Whether a command was under way, or the last answer was an error that says why the session ends."""
    answers, closing = case.facts.answers, case.facts.closing
    sent = answers.last
    if sent is not None and (answers.waiting or answers.cut is not None) and was_under_way(case, sent):
        return True
    if not answers.errors or closing.end is None:
        return False
    error = answers.errors[-1]
    return error.time_ns == closing.spoke_ns and error.error.error_code in FATAL


def _by_error(case: Case) -> Iterator[Verdict]:
    error = case.connection.error
    if error is None or not is_unasked(case) or is_echo(case):
        return
    if error.code in BROKEN and (case.facts.faults.gaps or not all(case.transport.seen)):
        return  # it may be the echo of a client that was not captured as it left
    why = WHY.get(error.code)
    filling: dict[str, object] = {"code": error.code, "text": error.message, "why": f": {why}" if why else ""}
    filling["option"] = option(case, LIFETIME)
    evidence = [f"frame {error.frame}: ERR {error.code} while no command was under way", ended(case)]
    yield RULE.says([error.frame], filling, confidence=CERTAIN, evidence=evidence)


def idle_for(idle_ns: int) -> str:
    """The idle time as a piece of evidence; `idle_of` reads it again."""
    return f"idle for {idle_ns / 1e9:.3f} s between the last byte and the end"


def idle_of(evidence: list[str]) -> float | None:
    """The seconds that `idle_for` wrote, where they are enough to be idle; for `complete`."""
    found = re.match(r"idle for ([0-9.]+) s ", evidence[0]) if evidence else None
    seconds = float(found[1]) if found else 0.0
    return seconds if seconds * SECOND >= IDLE_NS else None


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    """Sessions that all end after the same time were ended by a clock."""
    idle = idle_of(finding.evidence)
    if idle is None:
        return True
    server = (connection.server.address, connection.server.port)
    before = history.idle.get(server)
    if before is None:
        before = []
        history.idle.put(server, before)
    alike = sum(abs(idle - other) <= max(1.0, idle / 100) for other in before)
    if alike:
        plural = "s" if alike > 1 else ""
        finding.message += f" It is not alone: {alike} session{plural} before it ended so after the same time."
        finding.evidence.append(f"{alike} session{plural} before it, idle for {idle:.0f} s too: an idle time-out")
        finding.confidence = LIKELY
    before.append(idle)
    del before[:-MOST_IDLE]
    return True


RULE = Rule(
    "server-ended-session",
    WARNING,
    "The server ended the session unasked",
    (is_unasked, left_open, has_tls),
    check,
    given=REFUSED,
    looks_at=(
        "an error sent while no command was under way (4031, 1053, 1927, 1317); or a FIN or RST of the server"
        " on an idle session, and how long it had been idle"
    ),
    about=(
        "The server (or something that acts for it) ended a session that the client had not closed. MySQL "
        "says why with error 4031 after wait_timeout; MariaDB closes silently; proxies and NAT devices do "
        "too, or forget the connection and answer the next packet with RST. The client notices only when it "
        "uses the connection again: 'server has gone away', 'Lost connection', 'Communications link failure'."
    ),
    message="The server ended the session unasked: error {code}, {text!r}{why}.",
    advice=(
        "4031: raise wait_timeout, or let the client's pool drop or test connections earlier: {option}. 1053: "
        "reconnect. 1927, 1317: somebody or something killed it (see the error log)."
    ),
    variants=(
        (
            "idle",
            (
                "The session was {how} from the server's side after {idle} without a byte, near {figure} s: "
                "an idle time-out{whose}."
            ),
            (
                "Let the client's pool drop or test connections before that time: {option}. Or turn TCP keepalive on, "
                "or raise the limit: wait_timeout on the server, the idle time of the proxy or firewall."
            ),
        ),
        (
            "killed",
            "The server answered {what} with error {code} and closed the session: somebody or something killed it.",
            "Look in the server's error log and for KILL at this time: of a person, a watchdog (pt-kill), a proxy.",
        ),
        (
            "bare",
            "The server {how} the session without a word, {idle} after the last byte.",
            ("Look in the server's error log and for KILL at this time; a crash or a shutdown would show there."),
        ),
    ),
    causes=(
        "wait_timeout of the server",
        "a proxy, load balancer or NAT device with an idle time of its own",
        "KILL, a shutdown, a crash",
    ),
    sources=(
        "MySQL Reference Manual: Server System Variables, wait_timeout; MySQL server has gone away",
        "MySQL Error Reference: ER_CLIENT_INTERACTION_TIMEOUT, ER_SERVER_SHUTDOWN",
        "MariaDB Knowledge Base: wait_timeout",
    ),
    complete=complete,
    conclude=name_the_kill,
    ahead=A_BIT_AHEAD,
)
