"""Prints the table driver x server as Markdown: `python -m tests.drivers`, as root, with the servers up."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.drivers.report import compare_all, markdown
from tests.drivers.run import Unusable
from tests.servers import running_servers


def main() -> int:
    """0 if nothing is different but what is known to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.drivers", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="DRIVER", help="those whose name has this in it (default: all)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="put the captures there")
    chosen = parser.parse_args()
    servers = running_servers()
    if not servers:
        print("no server runs: start with `python -m tests.servers up`", file=sys.stderr)
        return 1
    try:
        done = compare_all(servers, chosen.only, chosen.keep)
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 1
    print("\n".join(markdown(done)))
    for line in done.differences():
        print(line, file=sys.stderr)
    return 1 if done.differences() else 0


if __name__ == "__main__":
    sys.exit(main())
