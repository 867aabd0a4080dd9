"""Findings in columns: of those that rules say of each connection of a kind, frames and own texts are filled in."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer.analysis.connection.kinds import ConnectionKind, Row
from analyzer.analysis.findings.kept import Kept, Words
from analyzer.analysis.model.connection import Finding
from analyzer.tables.arrays import array_of, lists_of, numbers_array, taken
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import INTS, TEXT, TEXTS, TableColumn

if TYPE_CHECKING:
    import pyarrow


class FilledText:
    """A text: its place among all texts where nothing is filled in (else -1), and the places of a row that are."""

    __slots__ = ("filling", "place", "text")

    def __init__(self, place: int, text: str, filling: tuple[int, ...]) -> None:
        self.place = place
        self.text = text
        self.filling = filling


class FindingPlan:
    """How a finding of a kind is told of each: the place of what all have, its texts, the places of its frames."""

    __slots__ = ("advice", "evidence", "frames", "message", "owner")

    def __init__(
        self,
        owner: int,
        message: FilledText,
        advice: FilledText,
        frames: tuple[int, ...],
        evidence: tuple[FilledText, ...],
    ) -> None:
        self.owner = owner
        self.message = message
        self.advice = advice
        self.frames = frames
        self.evidence = evidence


class FindingCells:
    """Findings: places of what several have in common and of their texts, and the frames of all."""

    __slots__ = (
        *("_advice", "_alike", "_evidence", "_evidence_sizes", "_frame_sizes", "_frames", "_message", "_owner"),
        *("_owners", "_places", "_texts"),
    )

    def __init__(self) -> None:
        self._owners: list[Kept | Finding] = []
        self._alike: dict[tuple[str | None, ...], int] = {}
        self._texts: list[str] = []
        self._places: dict[str, int] = {}
        self._owner: list[int] = []
        self._message: list[int] = []
        self._advice: list[int] = []
        self._frames: list[int] = []
        self._frame_sizes: list[int] = []
        self._evidence: list[int] = []
        self._evidence_sizes: list[int] = []

    def plan(self, kind: ConnectionKind, place: int) -> FindingPlan:
        """How a kind's finding is told of each connection."""
        kept, own, frames = kind.findings[place], kind.own[place], kind.frames
        # What fills it are the row's frames, and behind them its own texts.
        where = [*range(frames.start, frames.stop), *range(own.start, own.stop)]
        self._owners.append(kept)
        return FindingPlan(
            len(self._owners) - 1,
            self._filled(kept.message, where),
            self._filled(kept.advice, where),
            tuple([where[each] for each in kept.frames]),
            tuple([self._filled(words, where) for words in kept.evidence]),
        )

    def add_kept(self, plan: FindingPlan, row: Row) -> None:
        """Adds a finding of a connection of a kind."""
        self._owner.append(plan.owner)
        self._message.append(self._told(plan.message, row))
        self._advice.append(self._told(plan.advice, row))
        for place in plan.frames:
            self._frames.append(row[place])
        self._frame_sizes.append(len(plan.frames))
        for text in plan.evidence:
            self._evidence.append(self._told(text, row))
        self._evidence_sizes.append(len(plan.evidence))

    def add(self, finding: Finding) -> None:
        """Adds any finding."""
        alike = (finding.code, finding.severity, finding.confidence, finding.doubt, *finding.alternatives)
        owner = self._alike.get(alike)
        if owner is None:
            owner = self._alike[alike] = len(self._owners)
            self._owners.append(finding)
        frames, evidence = finding.frames, finding.evidence
        self._owner.append(owner)
        self._message.append(self._text(finding.message))
        self._advice.append(self._text(finding.advice))
        self._frames.extend(frames)
        self._frame_sizes.append(len(frames))
        for text in evidence:
            self._evidence.append(self._text(text))
        self._evidence_sizes.append(len(evidence))

    def columns(self, columns: Iterable[TableColumn]) -> dict[str, pyarrow.Array]:
        """Columns of all that were added."""
        owners, texts = Gathered(self._owners), array_of(TEXT, self._texts)
        frames, evidence = array("q", self._frames), array("q", self._evidence)
        places = {"owner": self._owner, "message": self._message, "advice": self._advice}
        taking = {name: numbers_array(array("q", each)) for name, each in places.items()}
        found: dict[str, pyarrow.Array] = {}
        for column in columns:
            name = column.name
            if name in taking:
                found[name] = taken(texts, taking[name])
            elif name == "frames":
                found[name] = lists_of(INTS, self._frame_sizes, numbers_array(frames))
            elif name == "evidence":
                found[name] = lists_of(TEXTS, self._evidence_sizes, taken(texts, evidence))
            else:
                found[name] = taken(array_of(column.kind, owners.values(column.path)), taking["owner"])
        return found

    def _filled(self, words: Words, where: Sequence[int]) -> FilledText:
        text, places = words
        return FilledText(-1 if places else self._text(text), text, tuple([where[place] for place in places]))

    def _told(self, text: FilledText, row: Row) -> int:
        """The place of a text as it is told of a connection."""
        if text.place >= 0:
            return text.place
        return self._text(text.text % tuple([row[place] for place in text.filling]))

    def _text(self, text: str) -> int:
        """The place of a text."""
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self._texts)
            self._texts.append(text)
        return place
