"""Writes the golden answers of the queries that ship anew: python -m tests.tables.make_answers. Look at git diff."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from analyzer.tables.queries import queries
from tests.corpus import REPOSITORY

ANSWERS = Path(__file__).parent / "answers"
SAMPLES = REPOSITORY / "samples"


def sources() -> list[str]:
    """The captures that are asked."""
    return sorted(str(path) for path in SAMPLES.iterdir() if ".pcap" in path.name and "bulk" not in path.name)


def answer(name: str, *names: str) -> str:
    """What a query says of captures, or of a store, as CSV."""
    from analyzer.cli import main

    out = io.BytesIO()
    taking = io.TextIOWrapper(out, encoding="utf-8", newline="")
    with contextlib.redirect_stdout(taking):
        code = main(["sql", name, *names, "--format", "csv"])
        taking.flush()
        text = out.getvalue().decode().replace("\r\n", "\n")
    assert code == 0, name
    return text


if __name__ == "__main__":
    ANSWERS.mkdir(exist_ok=True)
    for query in queries():
        (ANSWERS / f"{query.name}.csv").write_text(answer(query.name, *sources()), encoding="utf-8")
    sys.exit(0)
