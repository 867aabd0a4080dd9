"""`python -m tests.both_ways FOLDER`: what is said of each capture in it, in batches of several sizes, one line each.

And what `redact` makes of it.

Run twice, with the compiled modules and with the same files as they stand, it has to say the same: `test_compiled`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.capture import open_capture
from analyzer.compiled import how
from analyzer.errors import CaptureError
from analyzer.report.jsonl import encode
from analyzer.sharing.redact import RedactRequest, redact
from analyzer.sharing.redaction.keep import KeptKinds

BATCHES = (1, 7, 80, 1 << 20)


def said_of(path: Path, size: int, commands: bool) -> Iterator[bytes]:
    """Connections, and commands, of a capture that is fed in batches of at most `size` frames."""
    sink: Sink = []
    observe = (lambda tcp: CommandTracker(tcp, sink),) if commands else ()
    analysis = Analysis(path.name, AnalysisOptions(observe=observe))
    try:
        with open_capture(str(path)) as source:
            for batch in source:
                for start in range(0, len(batch), size):
                    for connection, _ in analysis.feed(batch.part(slice(start, start + size))):
                        yield encode(connection)
        for connection, _ in analysis.finish(False):
            yield encode(connection)
    except CaptureError as error:
        yield str(error).encode()
    for _, tracker, pending in sink:
        yield encode(tracker.command(path.name, pending))


def redacted(path: Path) -> str:
    """A capture without its content, as a hash."""
    out = io.BytesIO()
    try:
        redact([str(path)], RedactRequest(b"a key", KeptKinds(frozenset())), AnalysisOptions(), out)
    except CaptureError as error:
        return str(error)
    return sha256(out.getvalue()).hexdigest()


def main(folder: str) -> None:
    """Prints how it runs, on standard error, and a line for each capture, batch size and observer."""
    sys.stderr.write(how())
    for path in sorted(Path(folder).iterdir()):
        print(path.name, redacted(path))
        for size in BATCHES:
            for commands in (False, True):
                lines = list(said_of(path, size, commands))
                print(path.name, size, commands, len(lines), sha256(b"\n".join(lines)).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
