"""`make sanitize`: the compiled modules built anew with GCC's address and undefined-behaviour sanitizers, and tried.

A copy of the tree is built in a temporary directory. There the tests of what is compiled run, then for `--seconds`
captures are changed (frames lost, moved and cut, bytes turned) and analysed, others with words planted in them are
redacted, and sessions that are alike are told of in every way. Memory comes from malloc, not from Python's own pools:
the sanitizer sees each block's end. Exit code 1 where anything was found.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.corpus import REPOSITORY
from tests.fuzz import seeds
from tests.fuzz.mutate import custom
from tests.fuzz.targets import TARGETS

SANITIZERS: Final = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
LIBRARIES: Final = ("libasan.so", "libubsan.so")
TESTS: Final = (
    *("tests/net", "tests/protocol/machine", "tests/protocol/wire", "tests/analysis/conversation"),
    *("tests/sharing/test_redacted_plain.py", "tests/sharing/test_replacements.py"),
)
LEFT: Final = shutil.ignore_patterns(".*", "*.so", "__pycache__", "build", "_build")
LONGEST: Final = 1 << 15
_BYTES: Final = (0x00, 0x01, 0x7F, 0x80, 0xFB, 0xFE, 0xFF)
_BUILD: Final = (
    "from pathlib import Path; from analyzer.build_hook import compiled; root = Path.cwd(); "
    "print(len(compiled(root, sorted(root.glob('analyzer/**/*.pxd')))), 'modules compiled with sanitizers', flush=True)"
)


def changed(data: bytes, choose: random.Random) -> bytes:
    """A capture with up to three changes."""

    def mutate(what: bytes, size: int) -> bytes:
        found = bytearray(what)
        for _ in range(choose.randint(1, 4)):
            at = choose.randrange(len(found) + 1)
            kind = choose.randrange(4)
            if kind == 0:
                found[at:at] = choose.randbytes(choose.randint(1, 8))
            elif kind == 1:
                del found[at : at + choose.randint(1, 40)]
            elif at < len(found):
                found[at] = choose.choice(_BYTES) if kind == 2 else found[at] ^ (1 << choose.randrange(8))
        return bytes(found[:size])

    for _ in range(choose.randint(1, 3)):
        data = custom(data, LONGEST, choose.randrange(1 << 30), mutate)
    return data


def mutants(seconds: float) -> None:
    """Analyses and redacts changed captures for so long. The process ends where a sanitizer finds something."""
    pool, choose, done = seeds.captures(), random.Random(1), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        TARGETS["line"](changed(choose.choice(pool), choose))
        TARGETS["redaction"](choose.randbytes(64))
        TARGETS["ways"](choose.randbytes(64))
        done += 1
    print(f"nothing found in {done} changed captures", flush=True)


def environment(root: Path) -> Mapping[str, str]:
    """In which the copy's modules are imported, and the sanitizers are there before Python is."""
    found = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, check=True, text=True).stdout.strip()
        for name in LIBRARIES
    ]
    return os.environ | {
        "PYTHONPATH": str(root),
        "PYTHONMALLOC": "malloc",
        "LD_PRELOAD": ":".join(found),
        "ASAN_OPTIONS": "detect_leaks=0",  # what Python keeps to its end is no leak
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sanitize", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="for changed captures (default: 60)")
    parser.add_argument("--mutants", action="store_true", help=argparse.SUPPRESS)  # in the copy
    arguments = parser.parse_args()
    if arguments.mutants:
        mutants(arguments.seconds)
        return 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "handshark"
        shutil.copytree(REPOSITORY, root, ignore=LEFT)
        flags = {"CFLAGS": SANITIZERS, "LDFLAGS": SANITIZERS, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", _BUILD], cwd=root, env=os.environ | flags, check=True)
        around = environment(root)
        tried = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
        again = ["-m", "tests.fuzz.sanitized", "--mutants", "--seconds", str(arguments.seconds)]
        codes = [
            subprocess.run([sys.executable, *words], cwd=root, env=around, check=False).returncode
            for words in (tried, again)
        ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
