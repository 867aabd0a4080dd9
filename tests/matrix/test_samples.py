"""samples/: what the raw client knew is what the analyzer says, and the page names every file."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.capture import open_capture
from analyzer.cli.corpus import SUFFIXES, golden_of
from tests.matrix.running import analyse
from tests.matrix.serverside import Json
from tests.servers import REPOSITORY
from tests.servers.sample_cases import CASES
from tests.servers.sample_sessions import SESSIONS

SAMPLES: Final = REPOSITORY / "samples"
MOST_BYTES: Final = 1_500_000


def stem(name: str) -> str:
    return name.partition(".")[0]


def capture_of(name: str) -> Path:
    (found,) = [path for path in SAMPLES.glob(f"{name}.*") if path.name.endswith(SUFFIXES)]
    return found


@cache
def analysed(name: str) -> Json:
    """The one connection of a sample."""
    (connection,) = analyse(capture_of(name))
    plain: Json = msgspec.to_builtins(connection)
    return plain


@cache
def truth(name: str) -> Json:
    loaded: Json = json.loads((SAMPLES / f"{name}.truth.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", [stem(session.file) for session in SESSIONS])
def test_truth(name: str) -> None:
    assert compare(analysed(name), truth(name)) == []


@pytest.mark.parametrize(
    "name", [stem(each.file) for each in SESSIONS if not each.exit_code and "_raw_tls" in each.file]
)
def test_keys_are_inside(name: str) -> None:
    with open_capture(str(capture_of(name))) as capture:
        for _ in capture:
            pass
        assert capture.secrets
    assert analysed(name)["tls"]["decrypted"]


def test_tables_and_folder_agree() -> None:
    captures = {path.name for path in SAMPLES.iterdir() if path.name.endswith(SUFFIXES)}
    assert captures == {case.file for case in CASES} | {session.file for session in SESSIONS}
    assert len(captures) >= 40
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in captures if f"| {name} |" not in page] == []
    truths = {path.name.removesuffix(".truth.json") for path in SAMPLES.glob("*.truth.json")}
    assert truths == {stem(session.file) for session in SESSIONS}
    goldens = {path.name for path in SAMPLES.glob("*.golden.json")}
    assert goldens == {golden_of(SAMPLES / name).name for name in captures}


def test_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < MOST_BYTES


def test_nothing_of_the_machine_is_inside() -> None:
    for session in SESSIONS:
        attributes = (truth(stem(session.file)).get("login") or {}).get("attributes") or {}
        assert "_server_host" not in attributes
        assert attributes.keys() <= {"_client_name", "_client_version", "_os", "_pid", "_platform", "filling"}
