"""samples/: what the raw client knew is what the analyzer says, and the page names every file."""

from __future__ import annotations

from typing import Final

import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.capture import open_capture
from analyzer.cli.corpus import SUFFIXES, golden_of
from tests.drivers.compare import as_logged
from tests.drivers.samples import DRIVER_SAMPLES
from tests.matrix.other_samples import OTHER_SAMPLES
from tests.matrix.samples import SAMPLES, analysed, capture_of, stem, truth
from tests.servers.sample_cases import CASES
from tests.servers.sample_sessions import SESSIONS

MOST_BYTES: Final = 2_500_000


@pytest.mark.parametrize("name", [stem(session.file) for session in SESSIONS])
def test_truth(name: str) -> None:
    assert compare(analysed(name), truth(name)) == []


@pytest.mark.parametrize(
    "name", [*(stem(each.file) for each in DRIVER_SAMPLES), *(stem(each.file) for each in OTHER_SAMPLES)]
)
def test_truth_of_drivers(name: str) -> None:
    assert compare(as_logged(analysed(name)), truth(name)) == []


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
    sessions = {each.file for each in SESSIONS} | {each.file for each in DRIVER_SAMPLES}
    sessions |= {each.file for each in OTHER_SAMPLES}
    assert captures == {each.file for each in CASES} | sessions
    assert len(captures) >= 40
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in captures if f"| {name} |" not in page] == []
    truths = {path.name.removesuffix(".truth.json") for path in SAMPLES.glob("*.truth.json")}
    assert truths == {stem(name) for name in sessions}
    goldens = {path.name for path in SAMPLES.glob("*.golden.json")}
    assert goldens == {golden_of(SAMPLES / name).name for name in captures}


def test_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < MOST_BYTES


def test_nothing_of_the_machine_is_inside() -> None:
    for session in SESSIONS:
        attributes = (truth(stem(session.file)).get("login") or {}).get("attributes") or {}
        assert "_server_host" not in attributes
        assert attributes.keys() <= {"_client_name", "_client_version", "_os", "_pid", "_platform", "filling"}
