"""Commands that failed, were cut off or waited, in words."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.commands.failures import CUT_OFF, FAILED, MOST_CONNECTIONS, WAITED, FailureGroup
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock

REASON_TITLES: Final = {
    FAILED: "Commands that failed",
    CUT_OFF: "Commands whose answer is not in the capture, or not all of it",
    WAITED: "Commands whose answer began after a second or more",
}


def failure_words(group: FailureGroup, clock: WallClock = UTC_CLOCK) -> str:
    """How a group's commands failed, on how many connections, and when; at most 69 characters."""
    when = group.when
    words = [f"error {group.code}"] if group.code is not None else []
    words += [f"up to {labels.duration(group.longest_ns)}"] if group.reason == WAITED else []
    known = len(group.connections)
    words.append(f"{known:,}+ connections" if known >= MOST_CONNECTIONS else labels.count(known, "connection"))
    first, last = clock.time_of_day(when.first_ns), clock.time_of_day(when.last_ns)
    words.append(first if first == last else f"{first} to {last}")
    start, length, most = when.busiest()
    if len(when.slots) > 1 and most > 1:
        words.append(f"most from {clock.time_of_day(start)} ({most:,} in {labels.duration(length)})")
    return ", ".join(words)
