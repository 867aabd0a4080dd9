"""The screens look as the pictures of docs/ show them: `python -m tests.tui.pictures` draws those anew."""

from __future__ import annotations

import pytest

from tests.tui.pictures import PICTURES, drawn, place_of


@pytest.mark.parametrize("name", PICTURES)
def test_a_screen_looks_as_its_picture(name: str) -> None:
    assert drawn(name) == place_of(name).read_text(encoding="utf-8")
