"""clock-step: the clock that stamped the frames went back."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.signs import CLOCK


def applies(case: Case) -> bool:
    return bool(case.evidence.clock.steps)


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    for step in case.evidence.clock.steps:
        if c.first_frame < step.frame <= c.last_frame:
            yield RULE.says(
                [step.frame],
                {"size": span(step.size_ns), "frame": step.frame},
                evidence=[
                    f"frame {step.frame}: its time is {step.size_ns / 1e9:.6f} s before that of frames before it"
                ],
            )


RULE = Rule(
    "clock-step",
    INFO,
    "The clock of the capture went back",
    (applies,),
    check,
    given=CLOCK,
    looks_at=(
        "a frame whose time is at least 100 ms before the latest time so far, and the frames behind it, which stay "
        "there; said of connections that were open at that moment"
    ),
    about=(
        "Frames are stamped by the clock of the machine that captures. When that is set back (NTP, a virtual machine "
        "that was resumed, a person), or files are put one behind the other in the wrong order, times before and after "
        "can not be compared. Durations that would be negative are left out; others that cross the step are too short "
        "by its size. A step forward can not be told from silence."
    ),
    message="The clock of the capture went back by {size} at frame {frame}; times across it are not known.",
    advice=(
        "Do not trust durations across this frame. Let the capturing machine's clock be slewed (chrony, ntpd -x), and "
        "merge files by time (mergecap without -a)."
    ),
    sources=("Wireshark User's Guide: Time Stamps", "chrony.conf(5): makestep"),
)
