"""Lines of connections of known kinds are those of any connection, as JSON and as CSV, whatever the wire says."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.connection.kinds import ADDRESS
from analyzer.report.connection_csv import CSV
from analyzer.report.connection_lines import JSON, LineForm, lines_of
from tests.wire.frames import Frame, batches
from tests.wire.mysql import QUIT, err, greeting, login, ok, query
from tests.wire.script import SECOND, START, Script, conversation

COPIES = 6
ACCEPTED = [("s", ok()), ("c", query()), ("s", ok(1)), ("c", QUIT)]


def _alike(said: Script, capture: str = "capture", network: str = "10.0.0") -> list[Alike]:
    frames: list[Frame] = []
    for number in range(COPIES):
        client = (f"{network}{':' if ':' in network else '.'}{number + 1}", 50_000 + number)
        server = (f"{network}{':' if ':' in network else '.'}ff" if ":" in network else f"{network}.200", 3306)
        frames += conversation(said, client=client, server=server, start_ns=START + number * 60 * SECOND)
    analysis = Analysis(capture, AnalysisOptions())
    told = [one for batch in batches(frames) for one in analysis.told(batch)]
    return [one for one in [*told, *analysis.told_last(False)] if isinstance(one, Alike)]


def _with_template(alike: Alike, form: LineForm = JSON) -> bool:
    around, _, _ = alike.kind.templates[form.encode]
    return bool(around)


def _are_the_same(several: list[Alike]) -> None:
    for form in (JSON, CSV):
        assert lines_of(several, form) == b"".join(form.encode(one.connection()) for one in several)


@pytest.mark.parametrize("network", ["10.0.0", "2001:db8:"])
@pytest.mark.parametrize("user", ["app", '100 % "of\\ %d %b {0}', "\u2603", "a\x07b", b"\xff\xfe%"])
def test_any_user(user: str | bytes, network: str) -> None:
    found = _alike([("s", greeting()), ("c", login(user=user)), *ACCEPTED], "100 %d.pcap", network)
    assert len(found) == COPIES - 3
    for one in found:
        _are_the_same([one])
        assert _with_template(one)


@cache
def _accepted() -> Alike:
    return _alike([("s", greeting()), ("c", login()), *ACCEPTED])[0]


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_of_its_own(text: str) -> None:
    one = _accepted()
    other = structs.replace(one, row=(*one.row[:ADDRESS], text, *one.row[ADDRESS + 1 :]))
    _are_the_same([other])


def test_any_error() -> None:
    refused = err(2, 1045, "Access denied for user 'x'@'%d' (using password: YES) \xe9")
    found = _alike([("s", greeting()), ("c", login()), ("s", refused)])
    assert len(found) == COPIES - 3
    _are_the_same(found)
    assert all(_with_template(one, form) for one in found for form in (JSON, CSV))


def test_text_that_looks_like_a_mark() -> None:
    found = _alike([("s", greeting()), ("c", login(user="9103745173872000001")), *ACCEPTED])
    assert len(found) == COPIES - 3
    for one in found:
        _are_the_same([one])
        assert not _with_template(one)
