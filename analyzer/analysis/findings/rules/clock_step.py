"""clock-step: the clock that stamped the frames went back."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.signs import CLOCK
from analyzer.analysis.model.connection import Connection
from analyzer.net.clock_steps import OTHER_CLOCK, ClockStep

MOST_NAMED = 5


def applies(case: Case) -> bool:
    return case.evidence.clock.tells or is_unusable(case.connection)


def late_frames(case: Case) -> list[ClockStep]:
    """Frames of the time of the connection that are stamped by another clock than those in front of them, if any."""
    c = case.connection
    late = [step for step in case.evidence.clock.steps if step.late and c.first_frame < step.frame <= c.last_frame]
    return late if len(late) >= OTHER_CLOCK else []


def is_unusable(c: Connection) -> bool:
    """Whether both sides spoke, and no time passed, or less than none."""
    return c.end_time_ns <= c.start_time_ns and c.tcp.bytes_from_client > 0 < c.tcp.bytes_from_server


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    late = late_frames(case)
    if late:
        evidence = [
            f"frame {step.frame}: its time is {step.size_ns / 1e9:.6f} s too early" for step in late[:MOST_NAMED]
        ]
        size = span(max(step.size_ns for step in late))
        yield RULE.says([step.frame for step in late], {"size": size}, variant="apart", evidence=evidence)
        return
    steps = [step for step in case.evidence.clock.steps if not step.late and c.first_frame < step.frame <= c.last_frame]
    if not steps and is_unusable(c):
        back = c.start_time_ns - c.end_time_ns
        variant = "backwards" if back else "still"
        evidence = [f"frame {c.last_frame} has the time of frame {c.first_frame}"]
        if back:
            evidence = [f"the time of frame {c.last_frame} is {span(back)} before that of frame {c.first_frame}"]
        yield RULE.says([c.first_frame, c.last_frame], variant=variant, evidence=evidence)
    for step in steps:
        yield RULE.says(
            [step.frame],
            {"size": span(step.size_ns), "frame": step.frame},
            evidence=[f"frame {step.frame}: its time is {step.size_ns / 1e9:.6f} s before that of frames before it"],
        )


RULE = Rule(
    "clock-step",
    INFO,
    "The clock of the capture went back, or stands still",
    (applies,),
    check,
    given=CLOCK,
    looks_at=(
        "a frame whose time is at least 100 ms before the latest time so far, and the frames behind it, which stay "
        "there, or several that do not stay there, as where two interfaces have a clock each; said of connections that "
        "were open at that moment. Or a connection of which both sides spoke, and "
        "whose last frame has the time of its first or one before it"
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
    variants=(
        (
            "apart",
            "Frames of this connection, or of others at its time, are stamped by clocks up to {size} apart: times "
            "between them are not usable.",
            "Analyse the files of each place or interface by themselves, or set their clocks right first (editcap -t "
            "moves a file's times).",
        ),
        (
            "still",
            "The frames of this connection all have the same time: times and durations are not usable.",
            "What wrote the file did not keep times (text2pcap without -t, converters, some mirrors). The order of the "
            "frames is used alone.",
        ),
        (
            "backwards",
            "The times of this connection's frames run backwards: times and durations are not usable.",
            "Put the frames in the order in which they were captured: reordercap sorts by time, which is right where "
            "only their order in the file is wrong.",
        ),
    ),
    sources=("Wireshark User's Guide: Time Stamps", "chrony.conf(5): makestep"),
)
