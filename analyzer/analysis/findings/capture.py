"""Findings about the capture itself: what can not be known, and why."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.base import LIKELY, Case, Said
from analyzer.net.reassembly import GAP_LOST, GAP_SNAP


def gap(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    lost = [g for g in facts.gaps if g[2] != GAP_SNAP]
    more, size = facts.more_gaps.get(GAP_LOST, (0, 0))
    if not (lost or more) or _one_sided(case):
        return
    size += sum(length for _, length, _, _ in lost)
    taken_up = " Decoding took up again after it." if facts.taken_up else ""
    yield Said(
        f"{size} bytes in {len(lost) + more} places were sent and are not in the capture; what they held is not known."
        + taken_up,
        "Capture with a larger kernel buffer (tcpdump -B), or nearer to one end.",
        [frame for _, _, _, frame in lost][:20],
    )


def truncated(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    cut = [g for g in facts.gaps if g[2] == GAP_SNAP]
    more, size = facts.more_gaps.get(GAP_SNAP, (0, 0))
    if cut or more:
        yield Said(
            f"{sum(g[1] for g in cut) + size} bytes are cut off by the snap length of the capture.",
            "Capture whole frames: tcpdump -s 0.",
            [g[3] for g in cut][:20],
        )
    elif case.evidence.cut_short and not case.talk.tcp.closed:
        where = "inside a packet of this connection" if facts.cut_packets else "while this connection is open"
        yield Said(
            f"The capture file is cut short, {where}: what came after is not known.",
            "Use the whole file; it may still be written, or its disk was full.",
            [case.connection.last_frame],
        )


def _one_sided(case: Case) -> bool:
    halves = case.talk.tcp.halves
    seen = [half.next >= 0 for half in halves]
    return seen != [True, True] and any(half.bytes for half in halves)


def one_sided(case: Case) -> Iterator[Said]:
    if not _one_sided(case):
        return
    tcp = case.connection.tcp
    side = "client" if tcp.bytes_from_client else "server"
    yield Said(
        f"Only what the {side} sent is in the capture; the other side's answers are not known.",
        "Capture where both directions pass (asymmetric routes, a mirror port of one direction).",
        [case.connection.first_frame],
    )


def mid_stream(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    if facts.assumed and case.connection.tcp.syn is False and any(h.bytes for h in case.talk.tcp.halves):
        yield Said(
            "The capture begins in the middle of this connection; that it is MySQL is assumed from the port.",
            "Start the capture before the connection is made to see its login.",
            [case.connection.first_frame],
            LIKELY,
        )
