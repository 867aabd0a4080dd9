"""`python -m tests.analysis.dissection [FOLDER]`: captures of a folder compared with TShark; differences by reason."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.analysis.dissection.comparison import captures, compare
from tests.analysis.dissection.known import KNOWN
from tests.corpus import REPOSITORY, tool


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "samples"
    paths = captures(folder, 1)
    compared, found = compare(tool("tshark"), paths)
    reasons: Counter[tuple[str, str]] = Counter()
    left = []
    for one in found:
        row = next((row for row in KNOWN if row.covers(one.capture, one.field, one.records)), None)
        if row is None:
            left.append(one)
        else:
            reasons[row.reason, row.right] += 1
    print(f"{len(paths)} captures, {compared:,} values, {len(found):,} differ, {len(left)} without a reason")
    for (reason, right), count in reasons.most_common():
        print(f"{count:6}  {right:6}  {reason}")
    for difference in left:
        print(f"UNEXPLAINED {difference}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
