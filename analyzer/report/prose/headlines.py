"""The first words of a report: what happened, one sentence for each kind of trouble, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from analyzer.analysis.commands.failures import CUT_OFF, FAILED, WAITED
from analyzer.report.prose import labels
from analyzer.report.prose.capture_story import TITLES, CaptureStory, FindingTally, named

MOST: Final = 6
MOST_WARNINGS: Final = 3


class Headline(NamedTuple):
    """A sentence, how grave it is, and the code of the finding behind it (empty: commands)."""

    severity: str
    sentence: str
    code: str


def headlines(story: CaptureStory) -> list[Headline]:
    """At most MOST; the last says how many more kinds there are."""
    found = [_of_finding(tally) for tally in story.ranked("error")]
    found += _of_commands(story)
    warnings = [_of_finding(tally) for tally in story.ranked("warning")]
    room = MOST - len(found)
    shown = warnings[: max(0, min(MOST_WARNINGS, room))]
    if len(warnings) > len(shown) and room > 0 and len(warnings) <= room:
        shown = warnings
    left = len(found) - MOST if len(found) > MOST else 0
    left += len(warnings) - len(shown)
    found = found[:MOST] + shown
    if left:
        found.append(Headline("info", f"{labels.count(left, 'more kind')} of trouble follow below.", ""))
    return found


def _of_finding(tally: FindingTally) -> Headline:
    one, number = tally.first, tally.connections
    title = TITLES.get(one.code, one.code)
    who = f" of {named(tally.users, quoted=True)}" if tally.users else ""
    where = f"{who} from {named(tally.clients)}"
    errors = f" (error {', '.join(map(str, sorted(tally.errors)))})" if 0 < len(tally.errors) <= 3 else ""
    if tally.refused == number:
        what = title[0].lower() + title[1:] if title[1:2].islower() else title
        were = "was" if number == 1 else "were"
        return Headline(
            one.severity, f"{labels.count(number, 'login')}{where} {were} refused: {what}{errors}.", one.code
        )
    return Headline(one.severity, f"{title}{errors}: {labels.count(number, 'connection')}{where}.", one.code)


def _of_commands(story: CaptureStory) -> Iterator[Headline]:
    failures = story.workload.failures
    groups = failures.of(FAILED)
    if groups:
        codes: dict[int, int] = {}
        for group in groups:
            codes[group.code or 0] = codes.get(group.code or 0, 0) + group.when.count
        ranked = sorted(codes.items(), key=lambda item: (-item[1], item[0]))
        said = [f"error {code} ({times:,} x)" for code, times in ranked[:3]]
        more = f" and {len(ranked) - 3} more" if len(ranked) > 3 else ""
        number = failures.count(FAILED)
        sentence = f"The server refused {labels.count(number, 'command')}: {', '.join(said)}{more}."
        yield Headline("error", sentence, "")
    for reason, words in (
        (CUT_OFF, "no whole answer in the capture"),
        (WAITED, "its answer began after a second or more"),
    ):
        number = failures.count(reason)
        if number:
            yield Headline("warning", f"{labels.count(number, 'command')}: {words}.", "")
