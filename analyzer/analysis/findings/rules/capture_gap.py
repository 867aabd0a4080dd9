"""capture-gap: bytes that were sent are not in the capture."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_losses
from analyzer.analysis.findings.helpers import one_sided
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict
from analyzer.net.tcp.reassembly import GAP_LOST

MOST = 20


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    lost = [g for g in facts.faults.gaps if g[2] == GAP_LOST]
    more, size = facts.faults.more_gaps.get(GAP_LOST, (0, 0))
    if not (lost or more) or one_sided(case):
        return
    size += sum(length for _, length, _, _ in lost)
    names = {case.facts.client: "client", 1 - case.facts.client: "server"}
    evidence = [f"before frame {frame}: {length} bytes of the {names[who]}" for who, length, _, frame in lost[:5]]
    taken_up = " Decoding took up again after it." if facts.faults.taken_up else ""
    filling: dict[str, object] = {"size": size, "count": len(lost) + more, "taken_up": taken_up}
    yield RULE.says([frame for _, _, _, frame in lost][:MOST], filling, evidence=evidence)


RULE = Rule(
    "capture-gap",
    WARNING,
    "Bytes that were sent are not in the capture",
    (has_losses,),
    check,
    looks_at="sequence numbers that the other side acknowledged and that no captured segment holds",
    about=(
        "The other side acknowledged bytes that are not in the capture file: the capture lost them, not the "
        "network. What they held is not known; nothing after a gap is decoded on the old assumptions."
    ),
    message=(
        "{size} bytes in {count} places were sent and are not in the capture; what they held is not known.{taken_up}"
    ),
    advice=(
        "Capture with a larger kernel buffer (tcpdump -B 65536), a filter (port 3306), to a faster disk, or "
        "nearer to one end. tcpdump says at its end how many packets the kernel dropped."
    ),
    causes=("asymmetric routes: a part of the segments takes another way",),
    sources=(
        "tcpdump(1), -B",
        "RFC 9293, section 3.4",
    ),
)
