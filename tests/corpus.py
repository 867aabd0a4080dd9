"""Where the shared captures with known truth are: HANDSHARK_CORPUS, or shared/corpus beside the checkout."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CORPUS = Path(os.environ.get("HANDSHARK_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
LAB = CORPUS / "lab"
ZEEK = CORPUS / "zeek"

needs_corpus = [
    pytest.mark.corpus,
    pytest.mark.skipif(not (LAB.is_dir() and ZEEK.is_dir()), reason=f"no captures in {CORPUS}; set HANDSHARK_CORPUS"),
]

Json = dict[str, Any]


def cases() -> list[str]:
    """The names of all lab captures; empty where there is no corpus."""
    return sorted(path.name.removesuffix(".truth.json") for path in LAB.glob("*.truth.json"))


@cache
def truth(case: str) -> Json:
    """What is true of a lab capture."""
    loaded: Json = json.loads((LAB / f"{case}.truth.json").read_text(encoding="utf-8"))
    return loaded


def captures() -> list[Path]:
    """Every capture of the corpus."""
    folders = (folder for folder in (LAB, ZEEK) if folder.is_dir())
    names = (path for folder in folders for path in folder.iterdir())
    return sorted(path for path in names if ".pcap" in path.name and not path.name.endswith(".json"))


def give_up(reason: str) -> NoReturn:
    """Skips the test; under CI=true, where everything has to be there, it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The path of an outside program; without it the test is skipped, but under CI it fails."""
    import shutil

    found = shutil.which(name)
    if found is None:
        give_up(f"{name} is not installed")
    return found
