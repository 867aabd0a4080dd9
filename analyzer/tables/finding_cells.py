"""Findings in columns: of those that rules say of each connection of a kind, frames and own texts are filled in."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import ConnectionKind, Row
from analyzer.analysis.findings.kept import Kept, Words
from analyzer.analysis.model.connection import Finding
from analyzer.tables.arrays import array_of, lists_of, numbers_array, taken, texts_at
from analyzer.tables.column_loops import Numbers
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import TableColumn

if TYPE_CHECKING:
    import pyarrow


class FilledText:
    """A text, and the places of a row that are filled in."""

    __slots__ = ("filling", "text")

    def __init__(self, text: str, filling: tuple[int, ...]) -> None:
        self.text = text
        self.filling = filling


class TextPlaces:
    """Texts of a column: those that there are, and at which place of these each is."""

    __slots__ = ("_known", "places")

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self.places = Numbers()

    def add(self, text: str) -> None:
        known = self._known
        self.places.add(known.setdefault(text, len(known)))

    def array(self) -> pyarrow.Array:
        """The column."""
        return texts_at([*self._known], self.places.taken())


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
    """Findings: places of what several have in common, their texts, and the frames of all."""

    __slots__ = (
        *("_advice", "_alike", "_evidence", "_evidence_sizes", "_frame_sizes", "_frames", "_message", "_owner"),
        *("_owners", "_plans", "_sizes"),
    )

    def __init__(self) -> None:
        self._sizes = Numbers()
        self._plans: list[list[FindingPlan]] = []  # of the owners of connections, in their order
        self._owners: list[Kept | Finding] = []
        self._alike: dict[tuple[str | None, ...], int] = {}
        self._owner = Numbers()
        self._message = TextPlaces()
        self._advice = TextPlaces()
        self._frames = Numbers()
        self._frame_sizes = Numbers()
        self._evidence = TextPlaces()
        self._evidence_sizes = Numbers()

    def add(self, one: Connection | Alike, owner: int) -> None:
        """Adds the findings of a connection, which has its other cells from the owner at this place: they come in
        order."""
        plans = self._plans
        if owner == len(plans):
            plans.append(self._plans_of(one.kind) if isinstance(one, Alike) else [])
        if isinstance(one, Alike) and one.outline is None:
            known = plans[owner]
            self._sizes.add(len(known))
            for plan in known:
                self._add_kept(plan, one.row)
            return
        findings = one.findings() if isinstance(one, Alike) else one.findings
        self._sizes.add(len(findings))
        for finding in findings:
            self._add_whole(finding)

    def sizes(self) -> array[int]:
        """How many findings each connection has."""
        return self._sizes.taken()

    def _plans_of(self, kind: ConnectionKind) -> list[FindingPlan]:
        """How a kind's findings are told of each connection."""
        return [self._plan(kind, place) for place in range(len(kind.findings))]

    def _plan(self, kind: ConnectionKind, place: int) -> FindingPlan:
        kept, own, frames = kind.findings[place], kind.own[place], kind.frames
        # What fills it are the row's frames, and behind them its own texts.
        where = [*range(frames.start, frames.stop), *range(own.start, own.stop)]
        self._owners.append(kept)
        return FindingPlan(
            len(self._owners) - 1,
            _filled(kept.message, where),
            _filled(kept.advice, where),
            tuple([where[each] for each in kept.frames]),
            tuple([_filled(words, where) for words in kept.evidence]),
        )

    def _add_kept(self, plan: FindingPlan, row: Row) -> None:
        """Adds a finding of a connection of a kind."""
        self._owner.add(plan.owner)
        self._message.add(_told(plan.message, row))
        self._advice.add(_told(plan.advice, row))
        for place in plan.frames:
            self._frames.add(row[place])
        self._frame_sizes.add(len(plan.frames))
        for text in plan.evidence:
            self._evidence.add(_told(text, row))
        self._evidence_sizes.add(len(plan.evidence))

    def _add_whole(self, finding: Finding) -> None:
        """Adds any finding."""
        alike = (finding.code, finding.severity, finding.confidence, finding.doubt, *finding.alternatives)
        owner = self._alike.get(alike)
        if owner is None:
            owner = self._alike[alike] = len(self._owners)
            self._owners.append(finding)
        frames, evidence = finding.frames, finding.evidence
        self._owner.add(owner)
        self._message.add(finding.message)
        self._advice.add(finding.advice)
        for frame in frames:
            self._frames.add(frame)
        self._frame_sizes.add(len(frames))
        for text in evidence:
            self._evidence.add(text)
        self._evidence_sizes.add(len(evidence))

    def columns(self, columns: Iterable[TableColumn]) -> dict[str, pyarrow.Array]:
        """Columns of all that were added."""
        owners, places = Gathered(self._owners), self._owner.taken()
        found: dict[str, pyarrow.Array] = {}
        for column in columns:
            name = column.name
            if name == "message":
                found[name] = self._message.array()
            elif name == "advice":
                found[name] = self._advice.array()
            elif name == "frames":
                frames = numbers_array(self._frames.taken())
                found[name] = lists_of(self._frame_sizes.taken(), frames)
            elif name == "evidence":
                found[name] = lists_of(self._evidence_sizes.taken(), self._evidence.array())
            else:
                found[name] = taken(array_of(column.kind, owners.values(column.path)), places)
        return found


def _filled(words: Words, where: Sequence[int]) -> FilledText:
    text, places = words
    return FilledText(text, tuple([where[place] for place in places]))


def _told(text: FilledText, row: Row) -> str:
    """A text as it is told of a connection."""
    if not text.filling:
        return text.text
    return text.text % tuple([row[place] for place in text.filling])
