"""slow-reader: a client took no bytes for long."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import SECOND, by_server, ended
from analyzer.analysis.findings.rule import INFO, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE
from analyzer.analysis.findings.time_outs import SERVER, named
from analyzer.net.tcp.trouble import ShutWindow

# A window that is shut for so long is worth a word.
LONG_NS = 2 * SECOND
CLIENT = 0


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return trouble is not None and bool(trouble.streams[CLIENT].shut_windows)


def check(case: Case) -> Iterator[Verdict]:
    trouble = case.transport.trouble
    if trouble is None:
        return
    windows = trouble.streams[CLIENT].shut_windows
    longest = max(windows, key=lambda window: shut_ns(case, window), default=None)
    if longest is None or shut_ns(case, longest) < LONG_NS:
        return
    lasted = shut_ns(case, longest)
    end = case.facts.closing.end
    gave_up = by_server(case) and end is not None and windows[-1].frame < end[2] and _cut(case)
    evidence = [f"frame {longest.frame}: the client's window is 0"]
    if longest.until_frame:
        evidence.append(f"frame {longest.until_frame}: it opens again, {lasted / 1e9:.1f} s later")
    else:
        evidence.append(f"it stays shut for {lasted / 1e9:.1f} s, to the end")
    evidence.append(ended(case))
    if len(windows) > 1:
        evidence.append(f"the window was shut {len(windows)} times")
    filling: dict[str, object] = {"lasted": f"{lasted / 1e9:.1f}", "near": named(SERVER, lasted)}
    frames = [longest.frame, longest.until_frame, end[2] if gave_up and end is not None else 0]
    yield RULE.says(
        frames,
        filling,
        variant="gave up" if gave_up else "",
        severity=WARNING if gave_up or not longest.until_frame else INFO,
        confidence=LIKELY,
        evidence=evidence,
        doubt="what the client did in that time is not on the wire",
    )


def shut_ns(case: Case, window: ShutWindow) -> int:
    """How long a window was shut; to the end of the connection, or of the capture, where it never opened."""
    if window.until_frame:
        return window.until_ns - window.since_ns
    end = case.facts.closing.end
    return (end[3] if end is not None and end[2] > window.frame else case.evidence.last_ns) - window.since_ns


def _cut(case: Case) -> bool:
    """Whether a response had not ended when the connection did; of what is encrypted nobody knows."""
    return (
        case.facts.answers.waiting > 0 or case.connection.outcome == "encrypted" or case.facts.answers.cut is not None
    )


RULE = Rule(
    "slow-reader",
    WARNING,
    "The client took no bytes for long",
    (applies,),
    check,
    given=TROUBLE,
    looks_at="how long the client's TCP window was zero, and whether the server ended the session meanwhile",
    about=(
        "The client's machine takes bytes until its buffer is full; then its window is zero and the server has to "
        "wait. The program does not read its result: it works on each row, waits for something else, or hangs. The "
        "server waits net_write_timeout (60 s unless it was changed) and then gives up: 'Lost connection during "
        "query', error 1160 or 1161 in its log. Locks and the read view of the statement are held as long."
    ),
    message="The client took no bytes of the result for {lasted} s: its TCP window was zero; the server had to wait.",
    advice=(
        "Fetch the result whole before working on it (store instead of streaming it), in pages (LIMIT, a cursor with a "
        "fetch size), or in a program that keeps up; else raise net_write_timeout for this session."
    ),
    variants=(
        (
            "gave up",
            "The client took no bytes of the result for {lasted} s{near}: its TCP window was zero, and the server gave "
            "up and ended the session (net_write_timeout).",
            "",
        ),
    ),
    causes=("the client's machine or process was stopped (a debugger, a full disk, swapping)",),
    sources=(
        "MySQL Reference Manual: Server System Variables, net_write_timeout",
        "RFC 9293, section 3.8.6.1 (zero-window probing)",
    ),
)
