"""seen-twice: the capture holds the frames of a connection twice."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import CERTAIN, INFO, LIKELY, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE
from analyzer.analysis.model.connection import COPY_OF


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return case.evidence.twin is not None or (trouble is not None and trouble.mirrored)


def check(case: Case) -> Iterator[Verdict]:
    c, trouble, twin = case.connection, case.transport.trouble, case.evidence.twin
    if twin is not None:
        (client, client_port), (server, server_port) = twin.endpoints
        pair = f"{client}:{client_port} to {server}:{server_port}"
        yield RULE.says(
            [twin.first_frame, c.first_frame],
            {"stream": twin.number, "pair": pair},
            variant="translated",
            confidence=LIKELY,
            evidence=[
                f"{COPY_OF}{twin.number}, {pair}, from frame {twin.first_frame} on",
                "both directions begin with the same sequence numbers, at the same time",
            ],
            doubt="the addresses are others; the numbers and times are the same",
        )
    elif trouble is not None and trouble.mirrored:
        yield RULE.says(
            [trouble.copy_frame],
            {"count": trouble.copies},
            confidence=CERTAIN,
            evidence=[
                f"{trouble.copies} segments with {trouble.copied} bytes twice, from frame {trouble.copy_frame} on"
            ],
        )


RULE = Rule(
    "seen-twice",
    INFO,
    "The capture holds the connection twice",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        "segments with the same numbers, bytes and IP identification just behind one another; or another connection, "
        "between other addresses, that begins with the same sequence numbers in both directions within a second"
    ),
    about=(
        "A mirror port that copies both directions of a switch, two interfaces of one host, or -i any on a machine "
        "that routes, bridges or translates addresses (Docker, Kubernetes) shows each frame more than once. Copies are "
        "no retransmissions. What is there twice is counted once in summaries."
    ),
    message="Each segment is in the capture twice ({count} copies): they are no retransmissions.",
    advice=(
        "Capture on one interface instead of any, or let the mirror port copy one direction of each port only; "
        "`editcap -d` removes copies that are equal byte for byte."
    ),
    variants=(
        (
            "translated",
            "This is the connection of stream {stream} ({pair}) once more, with other addresses: it was captured "
            "before and after address translation. It is counted once in summaries.",
            "",
        ),
    ),
    sources=(
        "Wireshark Wiki: CaptureSetup/Ethernet, Port Mirroring",
        "tcpdump(8): -i any",
        "RFC 9293, section 3.4 (sequence numbers)",
    ),
)
