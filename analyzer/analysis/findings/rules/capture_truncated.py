"""capture-truncated: frames or the file are cut short."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_losses
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict
from analyzer.net.tcp.reassembly import GAP_SNAP

MOST = 20


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    cut = [g for g in facts.faults.gaps if g[2] == GAP_SNAP]
    more, size = facts.faults.more_gaps.get(GAP_SNAP, (0, 0))
    if cut or more:
        evidence = [f"frame {frame}: {length} bytes cut off" for _, length, _, frame in cut[:5]]
        total = sum(g[1] for g in cut) + size
        yield RULE.says([g[3] for g in cut][:MOST], {"size": total}, evidence=evidence)
    elif case.evidence.cut_short and not case.transport.closed:
        where = "inside a packet of this connection" if facts.faults.cut_packets else "while this connection is open"
        yield RULE.says([case.connection.last_frame], {"where": where}, variant="file")


RULE = Rule(
    "capture-truncated",
    WARNING,
    "Frames or the file are cut short",
    (has_losses,),
    check,
    looks_at="frames shorter in the file than on the wire (snap length); a file that ends in the middle",
    about=(
        "The capture holds only the beginning of each frame, or the file itself ends too early. What is cut "
        "off is not known."
    ),
    message="{size} bytes are cut off by the snap length of the capture.",
    advice="Capture whole frames: tcpdump -s 0 (the default of current versions).",
    variants=(
        (
            "file",
            "The capture file is cut short, {where}: what came after is not known.",
            "Use the whole file; it may still be written, or its disk was full.",
        ),
    ),
    sources=(
        "tcpdump(1), -s",
        "IETF draft-ietf-opsawg-pcapng, Enhanced Packet Block",
    ),
)
