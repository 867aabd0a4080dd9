"""Entries of connections of known kinds are those that the page makes of any connection, whatever the wire says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.connection.kinds import ADDRESS, STEPS
from analyzer.report.html.kind_entries import KindEntries
from analyzer.report.html.prepare import Prepare
from tests.wire.frames import Frame, batches
from tests.wire.mysql import QUIT, err, greeting, login, ok, query
from tests.wire.script import SECOND, START, Script, conversation

COPIES = 6
ACCEPTED = [("s", ok()), ("c", query()), ("s", ok(1)), ("c", QUIT)]


def _alike(said: Script, network: str = "10.0.0.") -> list[Alike]:
    frames: list[Frame] = []
    for number in range(COPIES):
        client, server = (f"{network}{number + 1}", 50_000 + number), (f"{network}99", 3306)
        frames += conversation(said, client=client, server=server, start_ns=START + number * 60 * SECOND)
    analysis = Analysis("100 %d.pcap", AnalysisOptions())
    told = [one for batch in batches(frames) for one in analysis.told(batch)]
    found = [one for one in [*told, *analysis.told_last(False)] if isinstance(one, Alike)]
    assert len(found) == COPIES - 3
    return found


def _is_from_template(one: Alike) -> bool:
    """Whether its entry is made from a template; it is that of any connection in any case."""
    prepare = Prepare(0)
    entry, whole = prepare.alike(one), prepare.entry((one.connection(), None))
    assert (entry.row, entry.view) == (whole.row, whole.view)
    return KindEntries({}).rendered(one) is not None


@pytest.mark.parametrize("network", ["10.0.0.", "2001:db8::"])
@pytest.mark.parametrize(
    ("user", "plain"),
    [("app", True), ('100 % "of\\ %d %b {0}', True), ("\u2603", False), ("a\x07b", False), (b"\xff\xfe%", False)],
)
def test_any_user(user: str | bytes, plain: bool, network: str) -> None:
    found = _alike([("s", greeting()), ("c", login(user=user)), *ACCEPTED], network)
    assert all(_is_from_template(one) == plain for one in found)


def test_any_error() -> None:
    refused = err(2, 1045, "Access denied for user 'x'@'%d' (using password: YES)")
    assert all(map(_is_from_template, _alike([("s", greeting()), ("c", login()), ("s", refused)])))


def test_text_that_looks_like_a_mark() -> None:
    found = _alike([("s", greeting()), ("c", login(user="9103745173872000001")), *ACCEPTED])
    assert not any(map(_is_from_template, found))


KINDS = [
    _alike([("s", greeting()), ("c", login()), *ACCEPTED])[0],
    _alike([("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied"))])[0],
]
NUMBERS = st.sampled_from([0, 1, 2]) | st.integers(0, 1 << 40)


@given(st.sampled_from(KINDS), st.data())
def test_any_row(alike: Alike, data: st.DataObject) -> None:
    def drawn(place: int, each: Any) -> Any:
        if place == ADDRESS:
            return data.draw(st.sampled_from(["192.0.2.1", "2001:db8::1", "::1"]))
        # Times that are not known, and frames that are not.
        if each is None or type(each) is not int:
            return each
        return data.draw(NUMBERS | st.none() if 10 < place < STEPS - 4 else NUMBERS)

    for _ in range(3):
        row = tuple(drawn(place, each) for place, each in enumerate(alike.row))
        _is_from_template(Alike(alike.kind, row, alike.outline))
