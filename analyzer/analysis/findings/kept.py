"""What rules said of a login, with places for its frames: of others like it, it only has to be filled in.

A rule whose `of_login` is set says the same of logins that are alike, to the same server address, but for the frames of
the greeting, the login, the exchange and the verdict. It is asked once, of a case with marks in place of those frames:
where they turn up again in its words are the places. What so is filled in has to be what the rule says of the case as
it is; else nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import Any, Final

import msgspec

from analyzer.analysis.conversation.facts import Facts
from analyzer.analysis.findings.rule import OWN_MARK, Case, Own
from analyzer.analysis.model.connection import Connection, Finding

# Behind all frames of captures, and of one length: no mark is found inside of another.
MARK: Final = 1 << 62
_MARKED: Final = re.compile(r"461[12]\d{15}")

# A text, and the places of what is filled in.
Words = tuple[str, tuple[int, ...]]
# What is filled in: the frames of a login, and behind them the texts that are its own.
Filling = Sequence[Any]


class Kept(msgspec.Struct, frozen=True):
    """A finding with places for frames, which count in `frames_of`, and for what `own` gives, which counts behind."""

    code: str
    severity: str
    confidence: str
    message: Words
    advice: Words
    frames: tuple[int, ...]
    evidence: tuple[Words, ...]
    doubt: str | None
    alternatives: list[str]
    own: tuple[Own, ...] = ()

    def filled(self, frames: Filling) -> Finding:
        """The finding of a connection with these frames, and texts of its own."""
        return Finding(
            self.code,
            self.severity,
            self.confidence,
            _filled(self.message, frames),
            _filled(self.advice, frames),
            [frames[place] for place in self.frames],
            [_filled(words, frames) for words in self.evidence],
            self.doubt,
            self.alternatives.copy(),
        )


def _filled(words: Words, frames: Filling) -> str:
    text, places = words
    return text % tuple([frames[place] for place in places]) if places else text


def frames_of(facts: Facts) -> list[int]:
    """The frames of a login that rules may name."""
    auth = facts.auth
    frames = [facts.greeting.frame, facts.login.frame, auth.verdict_frame, facts.closing.error_frame]
    frames += [step[4] for step in auth.steps]
    frames += [switch[2] for switch in auth.switches]
    return frames


def marked(case: Case) -> Case:
    """A case with marks in place of the frames of its login."""
    facts, connection = copy(case.facts), copy(case.connection)
    facts.greeting, facts.login, facts.closing = copy(facts.greeting), copy(facts.login), copy(facts.closing)
    auth = facts.auth = copy(facts.auth)
    facts.greeting.frame, facts.login.frame = _mark(facts.greeting.frame), _mark(facts.login.frame)
    auth.verdict_frame, facts.closing.error_frame = _mark(auth.verdict_frame), _mark(facts.closing.error_frame)
    auth.steps = [(*step[:4], _mark(step[4])) for step in auth.steps]
    auth.switches = [(before, name, _mark(frame)) for before, name, frame in auth.switches]
    _mark_connection(connection)
    made = copy(case)
    made.connection, made.facts, made.owned = connection, facts, []
    return made


def _mark_connection(connection: Connection) -> None:
    error, greeting, login = copy(connection.error), copy(connection.greeting), copy(connection.login)
    exchange = copy(connection.authentication)
    for part in (error, greeting, login):
        if part is not None:
            part.frame = _mark(part.frame)
    if exchange is not None:
        exchange.steps, exchange.switches = [*map(copy, exchange.steps)], [*map(copy, exchange.switches)]
        for step in exchange.steps:
            step.frame = _mark(step.frame)
        for switch in exchange.switches:
            switch.frame = _mark(switch.frame)
    connection.error, connection.greeting, connection.login = error, greeting, login
    connection.authentication = exchange


def _mark(frame: int) -> int:
    return frame + MARK if frame else 0


def kept_of(findings: list[Finding], facts: Facts, own: Sequence[Own] = ()) -> tuple[Kept, ...] | None:
    """What is kept of findings of a marked case, whose own facts are these; None where a frame is none of its login.

    `own` is what was asked of the case for texts of its own.
    """
    frames = frames_of(facts)
    places = {frame + MARK: place for place, frame in reversed(list(enumerate(frames))) if frame}
    places |= {OWN_MARK + number: len(frames) + number for number in range(len(own))}
    return kept_in(findings, places, own)


def kept_in(findings: list[Finding], places: dict[int, int], own: Sequence[Own] = ()) -> tuple[Kept, ...] | None:
    """The same, where each mark that may be found stands for a place; None where another frame is found."""
    try:
        return tuple(_kept(finding, places, tuple(own)) for finding in findings)
    except KeyError:
        return None


def own_texts(kept: Kept, times: Sequence[int]) -> list[str] | None:
    """The texts that are a connection's own, of `times_of`; None where it lacks one."""
    texts = [text(times) for text in kept.own]
    return None if None in texts else texts  # type: ignore[return-value]


def _kept(finding: Finding, places: dict[int, int], own: tuple[Own, ...]) -> Kept:
    return Kept(
        finding.code,
        finding.severity,
        finding.confidence,
        _words(finding.message, places),
        _words(finding.advice, places),
        tuple(places[frame] for frame in finding.frames),
        tuple(_words(text, places) for text in finding.evidence),
        finding.doubt,
        finding.alternatives,
        own,
    )


def _words(text: str, places: dict[int, int]) -> Words:
    marks = _MARKED.findall(text)
    if not marks:
        return text, ()
    return _MARKED.sub("%s", text.replace("%", "%%")), tuple(places[int(mark)] for mark in marks)
