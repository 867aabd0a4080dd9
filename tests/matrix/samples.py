"""The samples of the matrix, and what is known of each."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from analyzer.cli.corpus import SUFFIXES
from tests.matrix.running import analyse
from tests.matrix.serverside import Json
from tests.servers import REPOSITORY

SAMPLES: Final = REPOSITORY / "samples"


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
