"""Findings in columns: of those that rules say of each connection of a kind, frames and own texts are filled in."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from analyzer.analysis.connection.kinds import ConnectionKind, Row
from analyzer.analysis.findings.kept import Kept, Words
from analyzer.analysis.model.connection import Finding
from analyzer.tables.arrays import array_of, lists_of, numbers_array, taken
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import INTS, TEXT, TEXTS, TableColumn

if TYPE_CHECKING:
    import pyarrow


class FilledText(NamedTuple):
    """A text: its place among all texts where nothing is filled in (else -1), and the places of a row that are."""

    place: int
    text: str
    filling: tuple[int, ...]


class FindingPlan(NamedTuple):
    """How a finding of a kind is told of each: the place of what all have, its texts, the places of its frames."""

    owner: int
    message: FilledText
    advice: FilledText
    frames: tuple[int, ...]
    evidence: tuple[FilledText, ...]


class FindingCells:
    """Findings: places of what several have in common, of their texts, and the frames of all, one after the other."""

    def __init__(self) -> None:
        self._owners: list[Kept | Finding] = []
        self._alike: dict[tuple[str | None, ...], int] = {}
        self._texts: list[str] = []
        self._places: dict[str, int] = {}
        self._own = {name: array("q") for name in ("owner", "message", "advice")}
        self._frames, self._evidence = array("q"), array("q")
        self._sizes: dict[str, array[int]] = {"frames": array("i"), "evidence": array("i")}

    def plan(self, kind: ConnectionKind, place: int) -> FindingPlan:
        """How a kind's finding is told of each connection."""
        kept, own = kind.findings[place], kind.own[place]
        begin, stop = kind.frames.start, kind.frames.stop
        # What fills it are the row's frames, and behind them its own texts.
        where = [*range(begin, stop), *range(own.start, own.stop)]
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
        evidence = [self._told(text, row) for text in plan.evidence]
        self._add(plan.owner, self._told(plan.message, row), self._told(plan.advice, row), evidence)
        self._frames.extend([row[place] for place in plan.frames])
        self._sizes["frames"].append(len(plan.frames))

    def add(self, finding: Finding) -> None:
        """Adds any finding."""
        alike = (finding.code, finding.severity, finding.confidence, finding.doubt, *finding.alternatives)
        owner = self._alike.setdefault(alike, len(self._owners))
        if owner == len(self._owners):
            self._owners.append(finding)
        evidence = [self._text(text) for text in finding.evidence]
        self._add(owner, self._text(finding.message), self._text(finding.advice), evidence)
        self._frames.extend(finding.frames)
        self._sizes["frames"].append(len(finding.frames))

    def columns(self, columns: Iterable[TableColumn]) -> dict[str, pyarrow.Array]:
        """Columns of all that were added."""
        owners, texts = Gathered(self._owners), array_of(TEXT, self._texts)
        places = {name: numbers_array(each) for name, each in self._own.items()}
        found: dict[str, pyarrow.Array] = {}
        for column in columns:
            name = column.name
            if name in places:
                found[name] = taken(texts, places[name])
            elif name == "frames":
                found[name] = lists_of(INTS, self._sizes[name], numbers_array(self._frames))
            elif name == "evidence":
                found[name] = lists_of(TEXTS, self._sizes[name], taken(texts, numbers_array(self._evidence)))
            else:
                found[name] = taken(array_of(column.kind, owners.values(column.path)), places["owner"])
        return found

    def _add(self, owner: int, message: int, advice: int, evidence: Sequence[int]) -> None:
        self._own["owner"].append(owner)
        self._own["message"].append(message)
        self._own["advice"].append(advice)
        self._evidence.extend(evidence)
        self._sizes["evidence"].append(len(evidence))

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
        place = self._places.setdefault(text, len(self._texts))
        if place == len(self._texts):
            self._texts.append(text)
        return place
