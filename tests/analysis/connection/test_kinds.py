"""Connections of one kind: what is made of a row is the connection as the whole way gives it."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.connection import builder as builders
from analyzer.analysis.connection.kinds import ADDRESS, FRAMES, PLACES, STEPS, STREAM, TOTAL
from analyzer.analysis.findings.cross_connection import is_open
from analyzer.analysis.findings.history import History, LoggedIn, note_of, outline_of
from analyzer.analysis.findings.kept import frames_of
from analyzer.engine.collectors import Connections, Rendering
from analyzer.engine.reading import Reading
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.bench.replay import frames_of as frames_made
from tests.bench.replay import turns_of
from tests.corpus import REPOSITORY
from tests.reading import opened
from tests.wire.frames import Frame, batches

SAMPLES = (
    "mysql97_cli_fast-auth.pcap",
    "mysql97_cli_wrong-password.pcap",
    "mariadb1011_cli_native.pcap",
    "mariadb1011_cli_unknown-user.pcap",
    "mariadb118_cli_parsec.pcapng",
)
COPIES = 6


@cache
def _frames() -> list[Frame]:
    frames: list[Frame] = []
    rng = random.Random(7)
    for number in range(len(SAMPLES) * COPIES):
        said = turns_of(REPOSITORY / "samples" / SAMPLES[number % len(SAMPLES)])
        made = frames_made(said, number, number * 1_000_000_000, rng)
        frames += [Frame(data, timestamp_ns=time_ns) for time_ns, data in made]
    return frames


@cache
def _alike() -> list[Alike]:
    analysis = Analysis("capture", AnalysisOptions())
    told = [one for batch in batches(_frames()) for one in analysis.told(batch)]
    return [one for one in [*told, *analysis.told_last(False)] if isinstance(one, Alike)]


def _whole() -> dict[int, bytes]:
    analysis = Analysis("capture", AnalysisOptions(shapes=False))
    with opened(batches(_frames())) as source:
        return {one.stream: encode(one) for one, _ in Reading(analysis, source).results()}


def test_all_but_the_first_are_of_a_kind() -> None:
    # Two of each sample teach a shape, the next shows that its kind comes again.
    assert len(_alike()) == len(SAMPLES) * (COPIES - 3)
    assert len({id(one.kind) for one in _alike()}) == len(SAMPLES)


def test_what_is_made_is_what_the_whole_way_gives() -> None:
    whole = _whole()
    for one in _alike():
        assert encode(one.connection()) == lines_of([one]) == whole[one.stream]


def test_what_a_row_holds_stands_where_it_says() -> None:
    for one in _alike():
        connection, row, kind = one.connection(), one.row, one.kind
        assert (row[STREAM], row[ADDRESS]) == (connection.stream, connection.client.address)
        assert row[TOTAL] == connection.timing.total_ns
        for path, place in PLACES.items():
            found: object = connection
            for name in path.split("."):
                found = getattr(found, name, None)
            if path not in ("verdict.frame", "error.frame"):
                assert row[place] == found
        exchange, login = connection.authentication, connection.login
        assert exchange is not None
        assert login is not None
        assert row[kind.steps] == tuple(step.frame for step in exchange.steps)
        assert row[kind.switches] == tuple(switch.frame for switch in exchange.switches)
        assert row[kind.counts] == tuple(connection.commands.values())
        assert {name: row[place] for name, place in kind.attributes.items()}.items() <= (login.attributes or {}).items()
        assert kind.frames.start == FRAMES
        assert kind.steps.start == STEPS


def test_what_later_ones_need_to_know_is_the_same() -> None:
    waiting = 0
    for one in _alike():
        connection, outline = one.connection(), one.outline
        assert one.kind.is_open == is_open(connection) == (outline is not None)
        note = one.note()
        assert note == note_of(connection)
        remembered, noted = History(), History()
        one.kind.remember(one.row, remembered)
        if isinstance(note, LoggedIn):
            noted.note(note)
            account = note.server[1], note.user
            assert remembered.accepted.get(account) == noted.accepted.get(account) == [(note.client, note.server[0])]
            assert remembered.durations.get(note.server) == noted.durations.get(note.server) is not None
        assert len(remembered.accepted) == len(noted.accepted)
        assert len(remembered.logins) == len(noted.logins)
        if outline is not None:
            assert note_of(outline) == note_of(connection)
            known, greeting = outline_of(connection), outline.greeting
            # Frames inside and counts of bytes are those of the first of the kind.
            for part in (outline, known):
                part.tcp, part.error, part.login, part.greeting = known.tcp, None, None, None
            assert outline == known
            assert greeting is not None
            assert connection.greeting is not None
            assert greeting.connection_id == connection.greeting.connection_id
            waiting += 1
    assert waiting == (COPIES - 3) * 2


def test_who_does_not_take_them_gets_whole_ones() -> None:
    collector = Connections(Rendering(lambda result: encode(result[0])))
    analysis = Analysis("capture", AnalysisOptions())
    with opened(batches(_frames())) as source:
        found = [line for _, line in Reading(analysis, source).collected(collector)]
    analysis = Analysis("capture", AnalysisOptions())
    with opened(batches(_frames())) as source:
        assert [encode(one) for one, _ in Reading(analysis, source).results()] == found
    assert sorted(found) == sorted(_whole().values())


def test_frames_of_a_row_are_in_the_order_of_those_that_findings_name() -> None:
    seen: list[tuple[int, ...]] = []
    analysis = Analysis("capture", AnalysisOptions())
    before = builders.Builder.told

    def told(self: builders.Builder, tcp: Any, conversation: Any, evidence: Any) -> object:
        one = before(self, tcp, conversation, evidence)
        if isinstance(one, Alike):
            assert one.row[one.kind.frames] == tuple(frames_of(conversation.facts))
            seen.append(one.row)
        return one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builders, "Builder", type("Watched", (builders.Builder,), {"told": told}))
        with opened(batches(_frames())) as source:
            list(Reading(analysis, source).results())
    assert len(seen) == len(SAMPLES) * (COPIES - 3)
