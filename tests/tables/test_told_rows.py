"""Rows made from what differs between connections or plain turns, against rows of each as it is."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Result, Told
from analyzer.capture import open_capture
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import EachCommand, watched
from analyzer.engine.packed import Key
from analyzer.engine.reading import Reading
from analyzer.tables.arrays import plain_rows
from analyzer.tables.rows import OF_CONNECTIONS, command_rows, connection_rows, everything
from analyzer.tables.turn_rows import TurnRows
from tests.bench import recorded, replay, tls
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"


class Everything:
    """All that is told of the connections of a capture."""

    alike: ClassVar[bool] = True

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return options

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterator[tuple[Key, Told]]:
        for told in results:
            yield (0,), told


class Rows:
    """All commands as rows."""

    def __init__(self, rows: TurnRows) -> None:
        self._rows = rows
        self.whole = 0  # sessions that were known as a whole

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return watched(options, self._rows)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, Result]]:
        self._rows.capture = analysis.name
        for result in results:
            yield (0,), result
        assert analysis.shapes is not None
        self.whole = analysis.shapes.whole


def collected(capture: Path, collector: Collector[Any], show_secrets: bool = False) -> list[tuple[Key, Any]]:
    options = collector.options(AnalysisOptions(show_secrets=show_secrets))
    with open_capture(str(capture)) as source:
        return list(Reading(Analysis(capture.name, options), source).collected(collector))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logins of six kinds, those of one kind alike; each twice, so that some wait for what others tell."""
    path = tmp_path_factory.mktemp("storm") / "storm.pcap"
    replay.storm(SAMPLES, path, connections=200, at_once=20)
    return path


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in TLS, without keys."""
    folder = tmp_path_factory.mktemp("sealed")
    replay.tls_storm(SAMPLES, folder / "storm.pcap", 100, tls.Contexts(folder), at_once=20)
    return folder / "storm.pcap"


@pytest.mark.parametrize("name", ["storm", "sealed"])
def test_connections_of_one_kind_have_the_rows_of_whole_ones(name: str, request: pytest.FixtureRequest) -> None:
    wanted = everything(OF_CONNECTIONS)
    capture = request.getfixturevalue(name)
    told = [one if isinstance(one, Alike) else one[0] for _, one in collected(capture, Everything())]
    assert sum(isinstance(one, Alike) for one in told) > 20
    whole = [one.connection() if isinstance(one, Alike) else one for one in told]
    made, expected = connection_rows(told, wanted), connection_rows(whole, wanted)
    assert made.keys() == expected.keys() == (OF_CONNECTIONS if name == "storm" else {"connections", "findings"})
    for table, batch in made.items():
        assert batch.schema == expected[table].schema
        assert plain_rows(batch) == plain_rows(expected[table])


@pytest.mark.parametrize("show_secrets", [False, True])
def test_plain_turns_have_the_rows_of_commands(storm: Path, show_secrets: bool) -> None:
    samples = [
        path for path in SAMPLES.glob("*.pcap*") if any(name in path.name for name in ("prepared", "error", "charset"))
    ]
    assert len(samples) > 3
    wanted = everything(["commands"])
    for capture in (storm, recorded.CONNECTOR_C, *samples):
        turns, whole = TurnRows(), TurnRows()
        collected(capture, rows := Rows(turns), show_secrets)
        assert capture != storm or rows.whole > 50
        commands = collected(capture, EachCommand(0, whole.command), show_secrets)
        assert len(turns.kinds) <= len(whole.kinds) == len(commands)
        assert capture != storm or len(turns.kinds) < len(commands) / 10
        made, expected = (
            command_rows(rows.part(order), wanted)["commands"]
            for rows, order in ((turns, turns.ordered()), (whole, array("q", [place for _, place in commands])))
        )
        assert made.schema == expected.schema
        assert plain_rows(made) == plain_rows(expected)
