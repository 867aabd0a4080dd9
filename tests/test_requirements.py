"""What tests need is told from what the project says of its extras."""

from __future__ import annotations

import tomllib
from typing import Any

from tests.requirements import PYPROJECT, requirements

PROJECT: dict[str, Any] = {
    "dependencies": ["one>=1"],
    "optional-dependencies": {
        "a": ["handshark[b,c]", "two[extra]>=2"],
        "b": ["three"],
        "c": ["handshark[b,a]", "one>=1"],
        "d": ["four"],
    },
}


def test_extras_name_others() -> None:
    assert requirements(PROJECT, "a") == ["one>=1", "two[extra]>=2", "three"]


def test_nothing_of_its_own_is_fetched() -> None:
    with PYPROJECT.open("rb") as file:
        found = requirements(tomllib.load(file)["project"], "dev")
    assert not [one for one in found if one.startswith("handshark")]
    assert {"numpy>=1.26", "ruff>=0.6", "pytest>=8", "duckdb>=2", "starlette>=1"} <= {*found}
