"""`handshark explain` as text: the story of a connection, and the long text of a finding.

Text from the wire goes through `escape.terminal` here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import CERTAIN, Rule
from analyzer.analysis.model.connection import Connection, Finding, Source
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.capture_story import CaptureStory, Point
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.story import story
from analyzer.report.prose.templates import template
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import cells, wrap

NARROWEST: Final = 40


class Explainer:
    """Writes lines through `write`, each in at most `width` cells. `color`: with terminal colours."""

    def __init__(
        self, write: Callable[[str], object], width: int = 80, color: bool = False, clock: WallClock = UTC_CLOCK
    ) -> None:
        self._write = write
        self._clock = clock
        self._width = max(width, NARROWEST)
        self._color = color

    def capture(
        self, story: CaptureStory, name: str, sources: Sequence[Source], limit: int, only: Connection | None = None
    ) -> None:
        """The story of the whole capture; at most `limit` things that went wrong are told. `only`: its one connection,
        whose steps follow."""
        self._line(name, "bold")
        self._blank()
        self._paragraph("", " ".join(story.opening(sources)))
        points = story.points()
        if points:
            self._blank()
            self._line("What went wrong, what matters most first" if len(points) > 1 else "What went wrong", "bold")
        for number, point in enumerate(points[:limit], 1):
            self._blank()
            self._point(f"{number}. ", point)
        if len(points) > limit:
            self._blank()
            self._line(f"... {labels.count(len(points) - limit, 'thing')} more; --limit shows more")
        if story.closing():
            self._blank()
            self._paragraph("", story.closing())
        remarks = story.remarks()
        if remarks:
            self._blank()
            self._line("Worth knowing", "bold")
        for point in remarks[:limit]:
            self._blank()
            self._point("- ", point)
        self._blank()
        if only is not None:
            self._line("Step by step", "bold")
            self._steps(only)
        elif story.connections:
            self._paragraph("", "--stream N tells the story of one connection, step by step.")

    def _point(self, lead: str, point: Point) -> None:
        sure = point.finding is None or point.finding.confidence == CERTAIN
        behind = point.code if sure or point.finding is None else f"{point.finding.confidence}: {point.code}"
        self._head(lead + point.title, behind, point.severity)
        self._paragraph("   ", " ".join(said for said in point.sentences if not said.startswith("- ")))
        for said in point.sentences:
            if said.startswith("- "):
                self._paragraph("   - ", said[2:])
        if point.finding is not None:
            self._reasons(point.finding, " of the first" if point.several else "")

    def connection(self, connection: Connection) -> None:
        """The story of a connection, and what was found."""
        c = connection
        self._line(f"{c.capture}, connection {c.stream}: {c.outcome}", "bold")
        self._line(
            f"{labels.client(c)} to {c.server.address}:{c.server.port}, {self._clock.stamp(c.start_time_ns)}", "dim"
        )
        self._steps(c)
        self._blank()
        if not c.findings:
            self._line("Nothing to find fault with.", "bold")
        else:
            self._line("What was found", "bold")
        for finding in c.findings:
            self._finding(finding)

    def _steps(self, connection: Connection) -> None:
        for number, step in enumerate(story(connection), 1):
            when = "" if step.after_ns is None else f"+{span(step.after_ns)}"
            frame = "" if not step.frame else f"frame {step.frame}"
            self._blank()
            self._head(f"{number}. {step.title}", ", ".join(part for part in (when, frame) if part))
            plain = " ".join(said for said in step.sentences if not said.startswith("- "))
            self._paragraph("   ", plain)
            for said in step.sentences:
                if said.startswith("- "):
                    self._paragraph("   - ", said[2:])

    def _finding(self, finding: Finding) -> None:
        self._blank()
        self._head(f"{finding.severity}: {finding.code}", finding.confidence, finding.severity)
        self._paragraph("   ", finding.message)
        self._reasons(finding)

    def _reasons(self, finding: Finding, which: str = "") -> None:
        """What a finding rests on, what speaks against it, what to do, and what else it could be."""
        if finding.evidence:
            self._line(f"   Evidence{which}:")
            for said in finding.evidence:
                self._paragraph("   - ", said)
        elif finding.frames:
            self._paragraph("   ", f"Evidence{which}: {labels.frames(finding.frames)}.")
        if finding.doubt:
            self._paragraph("   ", f"Why not surer: {finding.doubt}.")
        self._paragraph("   ", f"What to do: {finding.advice}")
        if finding.alternatives:
            self._line("   It could also be:")
            for said in finding.alternatives:
                self._paragraph("   - ", said)

    def rule(self, rule: Rule) -> None:
        """The long text of a finding."""
        self._head(rule.code, rule.severity, rule.severity)
        self._paragraph("", rule.title + ".")
        parts: tuple[tuple[str, Sequence[str]], ...] = (
            ("What it is", (rule.about,)),
            ("What it looks at", (rule.looks_at,)),
            ("What it says", (rule.message, *(message for _, message, _ in rule.variants))),
            ("What to do", (rule.advice, *(advice for _, _, advice in rule.variants if advice))),
            ("What else could cause it", rule.causes),
            ("Sources", rule.sources),
        )
        for title, texts in parts:
            if not texts:
                continue
            self._blank()
            self._line(title, "bold")
            for text in texts:
                lead = "   - " if len(texts) > 1 or title == "Sources" else "   "
                self._paragraph(lead, template(text))

    def rules(self, rules: Iterable[Rule]) -> None:
        """A list of findings, a line each."""
        listed = list(rules)
        widest = max((len(rule.code) for rule in listed), default=0)
        for rule in listed:
            severity = self._paint(f"{rule.severity:<8}", rule.severity)
            lead = f"{severity} {rule.code:<{widest}}  "
            room = self._width - 8 - 1 - widest - 2
            lines = wrap(rule.title, max(room, 20))
            margin = " " * (8 + 1 + widest + 2)
            self._write("\n".join((margin if i else lead) + line for i, line in enumerate(lines)) + "\n")

    def _blank(self) -> None:
        self._write("\n")

    def _head(self, left: str, right: str, colour: str = "bold") -> None:
        left, right = terminal(left), terminal(right)
        gap = max(2, self._width - cells(left) - cells(right)) if right else 0
        if right and cells(left) + 2 + cells(right) > self._width:
            self._line(left, colour)
            self._line(right, "dim")
            return
        self._write(self._paint(left, colour) + " " * gap + self._paint(right, "dim") + "\n")

    def _line(self, text: str, colour: str | None = None) -> None:
        for line in wrap(terminal(text), self._width) or [""]:
            lead = text[: len(text) - len(text.lstrip())]
            self._write(self._paint(lead + line if lead else line, colour) + "\n")

    def _paragraph(self, lead: str, text: str) -> None:
        margin = " " * cells(lead)
        for i, line in enumerate(wrap(terminal(text), self._width - cells(lead)) or [""]):
            self._write((margin if i else lead) + line + "\n")

    def _paint(self, text: str, colour: str | None) -> str:
        return paint(text, colour) if self._color and text else text
