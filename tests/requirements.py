"""`python -m tests.requirements EXTRA`: what an extra of this project needs of others, a requirement in each line.

So it can be fetched while the project itself is compiled.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

PYPROJECT: Final = Path(__file__).parent.parent / "pyproject.toml"
_OWN: Final = re.compile(r"handshark\[([\w,]+)\]")


def requirements(project: dict[str, Any], extra: str) -> list[str]:
    """Those of a `[project]` table and of one of its extras, and of the extras that this one names, each once."""
    found: dict[str, None] = dict.fromkeys(project["dependencies"])
    due = [extra]
    for name in due:
        for one in project["optional-dependencies"][name]:
            own = _OWN.fullmatch(one)
            if own is None:
                found[one] = None
            else:
                due += [each for each in own[1].split(",") if each not in due]
    return list(found)


if __name__ == "__main__":
    with PYPROJECT.open("rb") as file:
        print("\n".join(requirements(tomllib.load(file)["project"], sys.argv[1])))
