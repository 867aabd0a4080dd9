"""idle-connection-dropped: a device on the way forgot a connection that was idle."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import LIFETIME, option
from analyzer.analysis.findings.helpers import SECOND, foreign_reset, span
from analyzer.analysis.findings.rule import CERTAIN, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE
from analyzer.analysis.findings.time_outs import IDLE, named
from analyzer.net.tcp.summary import TcpSummary
from analyzer.net.tcp.trouble import PAUSE_NS

# A reset comes at once where it comes so soon after what it answers.
AT_ONCE_NS = 3 * SECOND
# A command that nobody acknowledges is sent again at least so often, or waits so long, before it is called lost.
AGAIN = 2
UNHEARD_NS = SECOND


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return trouble is not None and trouble.pause is not None and trouble.ended_by_client


def was_dropped(case: Case) -> bool:
    """Whether what ended a pause was reset at once, or never reached the server."""
    trouble = case.transport.trouble
    if trouble is None or trouble.pause is None or not trouble.ended_by_client or not trouble.pause.size:
        return False
    if trouble.answered or case.connection.phase_reached in ("tcp", "greeting") or not all(case.transport.seen):
        return False
    end = case.facts.closing.end
    if end is not None and end[2] < trouble.pause.frame:
        return False  # a side had closed before
    return reset_at_once(case, trouble) or never_heard(case, trouble)


def reset_at_once(case: Case, trouble: TcpSummary) -> bool:
    """Whether the server's side answered the first bytes after a pause with a reset."""
    reset = case.facts.closing.reset
    if reset is None or trouble.pause is None or reset[0] == case.facts.client:
        return False
    return 0 <= reset[3] - trouble.pause.time_ns <= AT_ONCE_NS


def never_heard(case: Case, trouble: TcpSummary) -> bool:
    """Whether the first bytes after a pause were never acknowledged, however often they were sent."""
    stuck = trouble.streams[0].stuck
    if trouble.resumed or trouble.pause is None or stuck is None or stuck.seq != trouble.pause.seq:
        return False
    return stuck.count >= AGAIN or stuck.last_ns - trouble.pause.time_ns >= UNHEARD_NS


def check(case: Case) -> Iterator[Verdict]:
    trouble = case.transport.trouble
    if not was_dropped(case) or trouble is None or trouble.pause is None:
        return
    pause = trouble.pause
    idle = pause.time_ns - pause.before_ns
    evidence = [
        f"frame {pause.before_frame}: the last segment before the pause",
        f"frame {pause.frame}: {pause.size} bytes of the client, {idle / 1e9:.1f} s later",
    ]
    frames = [pause.before_frame, pause.frame]
    reset = case.facts.closing.reset
    stuck = trouble.streams[0].stuck
    variant, foreign = "", None
    if reset is not None and reset_at_once(case, trouble):
        evidence.append(f"frame {reset[2]}: RST of the server's side, {span(reset[3] - pause.time_ns)} after it")
        frames.append(reset[2])
        foreign = foreign_reset(case)
    elif stuck is not None:
        variant = "lost"
        evidence.append(
            f"sent again {stuck.count} times until frame {stuck.last_frame}, "
            f"{span(stuck.last_ns - pause.time_ns)} after the first time; never acknowledged"
        )
        frames.append(stuck.last_frame)
    filling: dict[str, object] = {
        "idle": f"{idle / 1e9:.1f}",
        "near": named(IDLE, idle),
        "option": option(case, LIFETIME),
        "count": stuck.count if stuck is not None else 0,
    }
    doubt: str | None = (
        "a server that had closed the session before, unseen, answers in the same way, or one that crashed"
    )
    if foreign is not None:
        evidence.append(foreign)
        doubt = None
    sure = LIKELY if doubt else CERTAIN
    yield RULE.says(frames, filling, variant=variant, confidence=sure, evidence=evidence, doubt=doubt)


RULE = Rule(
    "idle-connection-dropped",
    WARNING,
    "A device on the way forgot an idle connection",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        f"a time of {PAUSE_NS // SECOND} s and more in which no segment was sent, not even a keep-alive, and what "
        f"became "
        "of the next bytes of the client: reset at once, or sent again and again and never acknowledged"
    ),
    about=(
        "NAT gateways, firewalls and load balancers keep a table of connections, and drop from it what was idle for "
        "long, without a word to either side. The next command is answered with a reset, or vanishes. Programs say "
        "'MySQL server has gone away', 'Lost connection', 'Communications link failure' or 'bad connection', always "
        "for the first command after a quiet time. The server still shows the session in its process list."
    ),
    message=(
        "The connection was idle for {idle} s{near}, and the next command was answered with a reset: a device on the "
        "way had forgotten the connection."
    ),
    advice=(
        "Let the pool drop or test connections before that time: {option}. Or turn TCP keepalive on with an interval "
        "below it (net.ipv4.tcp_keepalive_time is 7,200 s unless it was changed), or raise the idle time of the NAT "
        "gateway, firewall or load balancer on the way."
    ),
    variants=(
        (
            "lost",
            "The connection was idle for {idle} s{near}, and the next command was never acknowledged, though it was "
            "sent again {count} times: a device on the way had forgotten the connection and drops what is of it.",
            "",
        ),
    ),
    causes=(
        "the server closed the session while idle (wait_timeout), and its FIN was lost or not captured",
        "the server's machine was restarted or went down during the pause",
        "a fail-over moved the server's address to another machine",
    ),
    sources=(
        "AWS, Network Load Balancers: idle timeout; NAT gateways: troubleshooting",
        "Microsoft Azure, Load Balancer TCP reset and idle timeout",
        "RFC 5382, section 5 (NAT: idle time of established connections)",
    ),
)
