"""Captures compared with TShark, and the differences that are left."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.analysis.dissection.tshark import Difference, differences


def captures(folder: Path, every: int) -> list[Path]:
    """The captures of a folder that are small enough for two programs to look at every frame."""
    found = (path for path in folder.iterdir() if ".pcap" in path.name and path.suffix != ".json")
    return [path for path in sorted(found) if path.stat().st_size < 100_000][::every]


def compare(tshark: str, paths: Sequence[Path]) -> tuple[int, list[Difference]]:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda path: differences(tshark, path), paths))
    return sum(compared for compared, _ in results), [one for _, found in results for one in found]
