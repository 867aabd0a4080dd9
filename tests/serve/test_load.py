"""A live page keeps up with 10,000 connections a minute, and does not grow with them: ten seconds of `load.py`."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.serve.load import load

SECONDS = 10
# Of a minute's 10,000 connections about 30 KiB each would be 150 MB in this half: what is kept is on disk.
MOST_GROWTH = 40 << 20
MOST_WAITING = 4 << 20


def test_nothing_is_left_out_and_nothing_grows() -> None:
    found = load(SECONDS)
    assert found.connections == found.told
    assert found.lost == 0
    assert found.most_waiting < MOST_WAITING
    halfway, end = found.memory
    assert end - halfway < MOST_GROWTH
