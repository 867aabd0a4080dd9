"""One target in its own process, without the fuzzer: `python -m tests.fuzz.drawn TARGET SECONDS FILE`.

For targets that fork, which ended under the fuzzer on inputs that find nothing alone, and whose inputs are choices
alone: it makes none better.
The input that is tried stands in FILE: where the process dies, it is there.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS

SIZE = 32


def main() -> None:
    """Tries inputs for so long; one that finds something ends it."""
    name, seconds, file = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    begin, done = time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        data = random.randbytes(SIZE)
        file.write_bytes(data)
        TARGETS[name](data)
        done += 1
    file.unlink(missing_ok=True)
    print(f"{name}: nothing found in {done} executions", flush=True)


if __name__ == "__main__":
    main()
