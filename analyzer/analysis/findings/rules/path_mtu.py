"""path-mtu: segments of full size are lost again and again, small ones pass."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.rule import ERROR, LIKELY, POSSIBLE, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE
from analyzer.net.tcp.reassembly import SMALL
from analyzer.net.tcp.summary import StreamSummary

# Bytes of options that a segment may hold beside its payload: MSS counts them.
OPTIONS = 40
# So often is a segment sent again before it is more than bad luck, or for so long is a hole not filled.
AGAIN = 3
UNFILLED_NS = SECOND
SIDES = ("client", "server")


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return trouble is not None and any(
        stream.holes or (stream.stuck is not None and stream.stuck.size > SMALL) for stream in trouble.streams
    )


def check(case: Case) -> Iterator[Verdict]:
    trouble = case.transport.trouble
    if trouble is None or not all(case.transport.seen):
        return
    for side, stream in enumerate(trouble.streams):
        if is_repeated(stream):
            yield _repeated(side, stream)
        elif is_never_there(case, stream):
            yield _never_there(case, side, stream)


def is_repeated(stream: StreamSummary) -> bool:
    """Whether a full segment was sent again and again while the receiver got smaller ones behind it."""
    stuck, duplicate = stream.stuck, stream.duplicate_acks
    if stuck is None or duplicate is None or stuck.size <= SMALL or stuck.count < AGAIN or stream.passed:
        return False
    return duplicate.sacked < stuck.size


def is_never_there(case: Case, stream: StreamSummary) -> bool:
    """Whether full segments never came, to be seen or acknowledged, while smaller ones behind them did."""
    hole = next((hole for hole in stream.holes if not hole.acknowledged), None)
    duplicate = stream.duplicate_acks
    if hole is None or duplicate is None or stream.mss is None or stream.mss <= SMALL:
        return False
    if stream.largest > stream.mss - OPTIONS or not is_full(hole.size, stream.mss):
        return False
    over = case.facts.closing.end[3] if case.facts.closing.end is not None else case.evidence.last_ns
    return over - stalled_ns(case, stream) >= UNFILLED_NS


def stalled_ns(case: Case, stream: StreamSummary) -> int:
    """When a side last sent bytes that came; the capture's start of the connection where nobody knows."""
    return case.facts.closing.spoke_ns or case.connection.start_time_ns


def is_full(size: int, mss: int) -> bool:
    """Whether so many bytes are one or several segments of full size: options take up to 40 bytes of each."""
    count = -(-size // mss)
    return size >= count * (mss - OPTIONS)


def _repeated(side: int, stream: StreamSummary) -> Verdict:
    stuck, duplicate = stream.stuck, stream.duplicate_acks
    assert stuck is not None
    assert duplicate is not None
    evidence = [
        f"frames {stuck.first_frame} to {stuck.last_frame}: {stuck.size} bytes of the {SIDES[side]} sent again "
        f"{stuck.count} times in {span(stuck.last_ns - stuck.first_ns)}, never acknowledged",
        f"frame {duplicate.frame}: the {SIDES[1 - side]} awaits them, and "
        + (f"has {duplicate.sacked} bytes behind them" if duplicate.sacked else "got something behind them"),
    ]
    if stream.mss is not None:
        evidence.append(f"MSS of the {SIDES[1 - side]}: {stream.mss}")
    filling: dict[str, object] = {
        "side": SIDES[side],
        "size": stuck.size,
        "count": stuck.count,
        "mss": stream.mss if stream.mss is not None else "not captured",
    }
    return RULE.says(
        [duplicate.frame, stuck.first_frame, stuck.last_frame],
        filling,
        confidence=LIKELY,
        evidence=evidence,
        doubt="a device that drops only some segments for another reason looks the same",
    )


def _never_there(case: Case, side: int, stream: StreamSummary) -> Verdict:
    hole = next(hole for hole in stream.holes if not hole.acknowledged)
    duplicate = stream.duplicate_acks
    assert duplicate is not None
    mss = stream.mss or 0
    count = -(-hole.size // mss)
    evidence = [
        f"before frame {hole.frame}: {hole.size} bytes of the {SIDES[side]} never came ({count} full segments)",
        f"frame {duplicate.frame}: the {SIDES[1 - side]} awaits them and says so",
        f"MSS of the {SIDES[1 - side]}: {mss}; the largest segment that came has {_largest(stream)}",
    ]
    filling: dict[str, object] = {"side": SIDES[side], "size": hole.size, "mss": mss}
    return RULE.says(
        [hole.frame, duplicate.frame],
        filling,
        variant="never there",
        confidence=POSSIBLE if hole.size > 4 * mss else LIKELY,
        evidence=evidence,
        doubt="the capture may have missed them, and the receiver too: then they would have been sent again",
    )


def _largest(stream: StreamSummary) -> str:
    return f"{stream.largest} bytes" if stream.largest > SMALL else f"at most {SMALL} bytes"


RULE = Rule(
    "path-mtu",
    ERROR,
    "Full segments are lost, small ones pass: an MTU black hole",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        "a segment of more than 536 bytes that is sent at least four times and never acknowledged, while the "
        "receiver's duplicate acknowledgements (SACK) show that a smaller one behind it came; or a hole of whole full "
        "segments that is never filled; and no segment of that size that was acknowledged before in this direction"
    ),
    about=(
        "A network on the way (a tunnel, a VPN, PPPoE, a cloud's overlay) takes only packets smaller than those the "
        "sides agreed on, and the message that says so (ICMP 'fragmentation needed') does not arrive. Logins work, "
        "since they are small; a large result, a large statement, or the certificates of a TLS handshake hang until a "
        "side's time runs out."
    ),
    message=(
        "Segments of {size} bytes of the {side} are lost again and again ({count} times after the first), and smaller "
        "ones pass: the path takes only smaller packets than the sides agreed on (MSS {mss})."
    ),
    advice=(
        "Let the ICMP messages 'fragmentation needed' (type 3, code 4; IPv6: 'packet too big') pass the firewalls, or "
        "lower the MTU of the sender's interface, or clamp the MSS on the tunnel's router (iptables -t mangle ... -j "
        "TCPMSS --clamp-mss-to-pmtu). `ping -M do -s 1472 HOST` shows what passes; net.ipv4.tcp_mtu_probing=1 on the "
        "sender works around it."
    ),
    variants=(
        (
            "never there",
            "{size} bytes of the {side} never arrived, whole segments of full size, while smaller ones behind them "
            "did: the path takes only smaller packets than the sides agreed on (MSS {mss}).",
            "",
        ),
    ),
    causes=(
        "a device that drops segments by their content",
        "a link that loses most packets, and by chance only the large ones",
    ),
    sources=("RFC 2923, section 2.1 (black hole detection)", "RFC 4821 (packetization layer path MTU discovery)"),
)
