"""seen-twice: the capture holds the frames of a connection twice."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import CERTAIN, INFO, LIKELY, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE
from analyzer.analysis.model.connection import COPY_OF
from analyzer.net.tcp.summary import TcpSummary
from analyzer.net.tcp.trouble import TWICE_NS


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return case.evidence.twin is not None or (trouble is not None and trouble.mirrored)


def check(case: Case) -> Iterator[Verdict]:
    c, trouble, twin = case.connection, case.transport.trouble, case.evidence.twin
    if twin is not None and {c.client.address, c.server.address} == {address for address, _ in twin.endpoints}:
        apart = span(abs(c.start_time_ns - twin.first_ns))
        yield RULE.says(
            [twin.first_frame, c.first_frame],
            {"stream": twin.number, "apart": apart},
            variant="again",
            evidence=[
                f"{COPY_OF}{twin.number}, from frame {twin.first_frame} on",
                f"both directions begin with the same sequence numbers, {apart} apart",
            ],
        )
    elif twin is not None:
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
        yield from _mirrored(trouble)


def _mirrored(trouble: TcpSummary) -> Iterator[Verdict]:
    if not trouble.copies:
        evidence = [f"every segment of both directions came again, from frame {trouble.unsure_frame} on"]
        doubt = "the packets have no number in their IP headers that would tell"
        yield RULE.says([trouble.unsure_frame], variant="all", confidence=LIKELY, evidence=evidence, doubt=doubt)
        return
    evidence = [f"{trouble.copies} segments with {trouble.copied} bytes twice, from frame {trouble.copy_frame} on"]
    apart = trouble.copy_ns > TWICE_NS
    if trouble.copy_hops:
        evidence.append(f"the times to live of the two differ by {trouble.copy_hops}")
    if apart:
        evidence.append(f"the second comes up to {span(trouble.copy_ns)} behind the first")
    filling: dict[str, object] = {"count": trouble.copies, "apart": span(trouble.copy_ns)}
    variant = "apart" if apart else ""
    yield RULE.says([trouble.copy_frame], filling, variant=variant, confidence=CERTAIN, evidence=evidence)


RULE = Rule(
    "seen-twice",
    INFO,
    "The capture holds the connection twice",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        "segments with the same numbers, bytes and IP identification (or another time to live), or just behind one "
        "another; or another connection that begins with the same sequence numbers in both directions: between other "
        "addresses at the same moment, or between the same at any"
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
            "apart",
            "Each segment is in the capture twice ({count} copies), up to {apart} apart: they are no retransmissions. "
            "The capture was made at two places whose clocks differ, or that are so far from each other.",
            "Analyse the file of each place by itself: times between frames of the two say nothing.",
        ),
        (
            "all",
            "Each segment of both directions is in the capture twice: the capture was made at two places, and hardly "
            "was all of it sent twice.",
            "Analyse the file of each place by itself.",
        ),
        (
            "again",
            "This is the connection of stream {stream} once more, {apart} apart: the capture was made at two places "
            "whose clocks differ, or holds a file twice. It is counted once in summaries.",
            "Analyse the file of each place by itself.",
        ),
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
