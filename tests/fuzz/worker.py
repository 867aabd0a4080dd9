"""One target in its own process: `python -m tests.fuzz.worker TARGET [libFuzzer options]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["analyzer", "live_client"]):
    from tests.fuzz.mutate import custom
    from tests.fuzz.targets import TARGETS


def _mutator(data: bytes, max_size: int, seed: int) -> bytes:
    return custom(data, max_size, seed, atheris.Mutate)


def main() -> None:
    """Hands over to libFuzzer, which ends the process."""
    name = sys.argv.pop(1)
    options = {"custom_mutator": _mutator} if name == "line" else {}
    atheris.Setup(sys.argv, TARGETS[name], **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
