"""answer-lost: a response was sent again and again, and never acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import ended, span
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.rules import path_mtu
from analyzer.analysis.findings.signs import TROUBLE

AGAIN = 3
SERVER = 1


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return trouble is not None and trouble.streams[SERVER].stuck is not None


def check(case: Case) -> Iterator[Verdict]:
    trouble = case.transport.trouble
    if trouble is None or not all(case.transport.seen):
        return
    stream = trouble.streams[SERVER]
    stuck = stream.stuck
    if stuck is None or stuck.count < AGAIN or stream.duplicate_acks is not None or path_mtu.is_repeated(stream):
        return
    if any(not window.until_frame for window in trouble.streams[1 - SERVER].shut_windows):
        return  # the client takes nothing: slow-reader
    lasted = span(stuck.last_ns - stuck.first_ns)
    evidence = [
        f"frames {stuck.first_frame} to {stuck.last_frame}: {stuck.size} bytes of the server sent again {stuck.count} "
        f"times in {lasted}",
        "none of them was acknowledged",
        ended(case),
    ]
    yield RULE.says(
        [stuck.first_frame, stuck.last_frame],
        {"size": stuck.size, "count": stuck.count, "lasted": lasted},
        confidence=LIKELY,
        evidence=evidence,
        doubt="whether the client's machine got them and its acknowledgements were lost can not be seen from here",
    )


RULE = Rule(
    "answer-lost",
    WARNING,
    "The answer was sent again and again, and never acknowledged",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        "bytes of the server that were sent at least four times, none of which the client acknowledged, and no "
        "duplicate acknowledgement of the client that would show that others came"
    ),
    about=(
        "The server answered, and the answer did not arrive: something between the two drops it, or the client's "
        "machine is gone. The client waits until its own time runs out ('Lost connection during query', 'read "
        "timeout'); what the command did has been done."
    ),
    message=(
        "{size} bytes of the server's answer were sent again {count} times in {lasted}, and the client never "
        "acknowledged them: the answer is lost on the way to it."
    ),
    advice=(
        "Capture at the client too: if the answer is not there, a firewall, a NAT device or a route on the way drops "
        "it (asymmetric routes and connection tables that ran full are usual). The command was carried out: look at "
        "what it changed before it is repeated."
    ),
    causes=(
        "the client's machine or container was stopped",
        "a connection table on the way forgot the connection while the command ran",
        "acknowledgements of the client are lost instead",
    ),
    sources=("RFC 6298 (retransmission timer)", "MySQL Reference Manual: Lost connection to MySQL server"),
)
