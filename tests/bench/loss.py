"""Statements in captures that lack frames, beside tshark: `python -m tests.bench.loss`, a Markdown table.

Whole samples with their statements in the clear are cut, lose a frame, or have one cut by a snap length. A statement of
the whole sample counts where its frame is whole in the variant; it is right where it is listed with the same text at
the same time. What is listed and was never sent is invented.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.analysis.conversation.loss import Variant, frames_of, heard, variants
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import Frame

MOST: Final = 3  # variants of each kind
SAMPLES: Final = 24
LONGEST: Final = 40_000

Statement = tuple[int, str]  # time in microseconds, text


def of_tshark(frames: list[Frame], port: int, place: Path) -> Counter[Statement]:
    """The statements that tshark lists."""
    path = place / "variant.pcap"
    path.write_bytes(pcap(frames, frames[0].link_type if frames else 1))
    words = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},mysql", "-Y", "mysql.query", "-T", "fields"]
    words += ["-e", "frame.time_epoch", "-e", "mysql.query"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: Counter[Statement] = Counter()
    for line in done.stdout.splitlines():
        when, _, text = line.partition("\t")
        seconds, _, rest = when.partition(".")
        found[int(seconds) * 10**6 + int(rest[:6].ljust(6, "0")), text] += 1
    return found


def of_handshark(frames: list[Frame], port: int) -> Counter[Statement]:
    """The statements that are listed here, but those that are said to be cut."""
    commands = heard("variant", frames, (), frozenset({port})).commands
    listed = [one for one in commands if one.command == "query" and one.statement and not one.statement_cut]
    return Counter((one.time_ns // 1000, one.statement or "") for one in listed)


def due(variant: Variant, whole: Counter[Statement]) -> Counter[Statement]:
    """The statements whose frame is whole in the variant."""
    there = {frame.timestamp_ns // 1000 for frame in variant.frames if not 0 < len(frame.data) < frame.original}
    return Counter({one: count for one, count in whole.items() if one[0] in there})


def main() -> int:
    """Prints the table; 1 where tshark is missing."""
    if shutil.which("tshark") is None:
        sys.stderr.write("tshark is not installed\n")
        return 1
    counts: Counter[tuple[str, str]] = Counter()
    captures = 0
    with tempfile.TemporaryDirectory() as place:
        for path in sorted((REPOSITORY / "samples").glob("*.pcap*")):
            if path.suffix not in (".pcap", ".pcapng") or path.stat().st_size > LONGEST or captures == SAMPLES:
                continue
            frames = frames_of(path)
            first = heard("whole", frames, (), frozenset({3306}))
            if len(first.connections) != 1 or first.connections[0].tls or first.connections[0].compression != "none":
                continue
            port = first.connections[0].server.port
            whole = of_handshark(frames, port)
            if not whole or of_tshark(frames, port, Path(place)) != whole:
                continue  # only where both agree on the whole
            captures += 1
            for variant in variants(frames, MOST):
                expected = due(variant, whole)
                kept = list(variant.frames)
                for name, found in (
                    ("handshark", of_handshark(kept, port)),
                    ("tshark", of_tshark(kept, port, Path(place))),
                ):
                    counts[name, "right"] += (found & expected).total()
                    counts[name, "missed"] += (expected - found).total()
                    counts[name, "invented"] += (found - whole).total()
                counts["both", "variants"] += 1
    print(f"{counts['both', 'variants']} variants of {captures} samples\n")
    print("| | statements listed right | missed | invented |\n|---|---:|---:|---:|")
    for name in ("handshark", "tshark"):
        right, missed, invented = (counts[name, kind] for kind in ("right", "missed", "invented"))
        print(f"| {name} | {right} of {right + missed} | {missed} | {invented} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
