"""retransmission-differs: other bytes came in the place of those that came first."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TROUBLE

MOST_NAMED = 5


def applies(case: Case) -> bool:
    trouble = case.transport.trouble
    return trouble is not None and bool(trouble.differing)


def check(case: Case) -> Iterator[Verdict]:
    trouble = case.transport.trouble
    if trouble is None or not trouble.differing:
        return
    named = trouble.differing[:MOST_NAMED]
    first, again, size = named[0]
    count = len(trouble.differing)
    more = f" (and {count - 1} more so)" if count > 1 else ""
    yield RULE.says(
        [frame for first, again, _ in named for frame in (first, again)],
        {"first": first, "again": again, "size": size, "more": more},
        evidence=[
            f"frame {again}: {size} bytes, not those of frame {first} at the same place" for first, again, size in named
        ],
    )


RULE = Rule(
    "retransmission-differs",
    WARNING,
    "Other bytes came in the place of those that came first",
    (applies,),
    check,
    given=TROUBLE,
    looks_at=(
        "a segment with the sequence number and size of one a few segments before, and with other bytes than that"
    ),
    about=(
        "What TCP sends again are the same bytes. Where they are not, something between the two sides changes packets "
        "(a middlebox, a network card, memory that fails), somebody puts in packets of his own, or the capture is "
        "damaged. Which of the two the receiver took is not in the capture: most take what comes first."
    ),
    message=(
        "Frame {again} carries {size} bytes that are not those of frame {first} in the same place{more}. What came "
        "first is shown; the receiver may have taken the other."
    ),
    advice=(
        "Compare the two frames, and their TCP checksums, with Wireshark (tcp.checksum.bad, where the capture was not "
        "made on the sender). Capture at both ends: where both agree, the packets were changed in between."
    ),
    causes=(
        "a middlebox that rewrites packets",
        "packets that somebody injects",
        "a network card, a cable or memory that damages packets",
    ),
    sources=("RFC 9293, section 3.10.7.4 (segments that overlap)", "Zeek: rexmit_inconsistency"),
)
