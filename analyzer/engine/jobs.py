"""How many processes analyse a capture."""

from __future__ import annotations

import os
from typing import Final

# Files under this are done before other processes have started.
WORTH_IT: Final = 8 << 20
MOST_JOBS: Final = 4


def jobs_for(name: str, asked: int | None) -> int:
    """How many processes pay off for a source: 1 for pipes and small files."""
    if name == "-" or not os.path.isfile(name):
        return 1
    if asked is not None:
        return asked
    if os.path.getsize(name) < WORTH_IT:
        return 1
    return min(MOST_JOBS, len(os.sched_getaffinity(0)))
