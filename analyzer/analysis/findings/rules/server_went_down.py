"""server-went-down: all sessions of a server ended together, and it refused connections after that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.helpers import SECOND, by_server, ended, span
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import CERTAIN, ERROR, LIKELY, Case, Found, Rule, Verdict
from analyzer.analysis.findings.signs import REFUSED, SHUT_DOWN

SHUTDOWN = 1053
# Refusals so long before the end of a session, or after it, belong to it: a listener is closed first, or with the rest.
BEFORE_NS = 30 * SECOND
AFTER_NS = 60 * SECOND
# Sessions that end within so long end together.
TOGETHER_NS = 10 * SECOND
MOST_FRAMES = 20


def applies(case: Case) -> bool:
    error = case.connection.error
    return (error is not None and error.code == SHUTDOWN) or (bool(case.evidence.refused) and by_server(case))


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    end = case.facts.closing.end
    told = c.error is not None and c.error.code == SHUTDOWN and c.error.phase == "command"
    session = c.outcome in ("accepted", "encrypted") or case.facts.faults.assumed
    if not session or not c.tcp.bytes_from_server or "quit" in c.commands or (end is None and not told):
        return
    if not told and not by_server(case):
        return
    over_ns = end[3] if end is not None else c.end_time_ns
    refusals = [each for each in case.evidence.refused if _belongs(each, c.server.address, c.server.port, over_ns)]
    if not refusals and not told:
        return
    evidence = [f"ended at {over_ns}", ended(case)]
    if told and c.error is not None:
        evidence.append(f"frame {c.error.frame}: ERR {SHUTDOWN}, the server says that it is shut down")
    if refusals:
        evidence.append(f"frame {refusals[0][1]}: RST in answer to a SYN, the first of {len(refusals)}")
    frames = [end[2] if end is not None else 0, c.error.frame if told and c.error is not None else 0]
    early = bool(refusals) and refusals[0][2] < over_ns
    yield RULE.says(
        [*frames, *(frame for _, frame, _ in refusals[:1])],
        {"refused": _refused(len(refusals)), "how": _how(told, early)},
        confidence=CERTAIN if told else LIKELY,
        evidence=evidence,
        doubt=None if told else "a crash, kill -9, a shutdown and the machine's own end look alike from here",
    )


def _belongs(refusal: tuple[tuple[str, int], int, int], address: str, port: int, over_ns: int) -> bool:
    return refusal[0] == (address, port) and -BEFORE_NS <= refusal[2] - over_ns <= AFTER_NS


def _refused(count: int) -> str:
    if not count:
        return ""
    return f", and {count} connections to it were refused" if count > 1 else ", and a connection to it was refused"


def _how(told: bool, early: bool) -> str:
    if told:
        return "it was shut down, and said so (error 1053)"
    if early:
        return "it stopped listening before its sessions ended, as a shutdown does"
    return "it was shut down, or crashed: it gave no reason (a shutdown may send error 1053 first, a crash sends none)"


def conclude(found: Sequence[Found], history: History) -> None:
    """Says once how many sessions ended together, and whether one of them was told of a shutdown."""
    servers: dict[tuple[str, int], list[tuple[int, Found]]] = {}
    for each in found:
        servers.setdefault((each[0].server.address, each[0].server.port), []).append((_over_ns(each), each))
    for several in servers.values():
        several.sort(key=lambda one: one[0])
        for over_ns, (_, finding) in several:
            together = [one for one in several if abs(one[0] - over_ns) <= TOGETHER_NS]
            lasted = together[-1][0] - together[0][0]
            if len(together) > 1:
                finding.message = f"{len(together)} sessions ended within {span(lasted)}. " + finding.message
            if any(one[1][1].confidence == CERTAIN for one in together) and finding.confidence != CERTAIN:
                finding.message += " Another session was told so: error 1053, a shutdown."
    for _, finding in found:
        del finding.evidence[0]


def _over_ns(each: Found) -> int:
    """When the session ended, as `check` wrote it."""
    return int(each[1].evidence[0].split()[-1])


RULE = Rule(
    "server-went-down",
    ERROR,
    "The server went down",
    (applies,),
    check,
    given=REFUSED | SHUT_DOWN,
    looks_at=(
        "a session that the server's side ended without COM_QUIT, and connections to the same address and port that "
        "were refused (RST in answer to the SYN) up to 30 s before or a minute after that; or error 1053; how many "
        "sessions ended together"
    ),
    about=(
        "The server process ended: somebody shut it down, it crashed, or was killed (the kernel's out-of-memory killer "
        "sends SIGKILL, and its sockets are closed by the kernel). Every session ends at the same moment, and until "
        "something listens again each new connection is refused ('Can't connect to MySQL server', 2003, 111)."
    ),
    message="The server ended the session{refused}: the server went down; {how}.",
    advice=(
        "Look into the server's error log of that second: 'Normal shutdown' or 'Received SHUTDOWN', or a stack trace "
        "of a crash. If it just ends, look for the out-of-memory killer in the kernel's log (dmesg). What was not "
        "committed was rolled back."
    ),
    causes=(
        "a shutdown or restart of the server (an upgrade, a container that was replaced)",
        "a crash, or the out-of-memory killer",
        "a proxy in front that was restarted, or lost its back end and refuses",
    ),
    sources=("MySQL Reference Manual: The Server Shutdown Process", "MySQL Error Reference: ER_SERVER_SHUTDOWN"),
    conclude=conclude,
)
