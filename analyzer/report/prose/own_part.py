"""What is a connection's own in what is counted of all: where it is, when it was, how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from analyzer.analysis import Alike
from analyzer.analysis.connection.kinds import ADDRESS, FRAMES, START, STREAM, TIMING
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.report.prose import labels

# Kinds of connections, with what was found of them, of which is kept where they are counted.
MOST_PLACES: Final = 1024


class OwnPart(NamedTuple):
    """Times in nanoseconds; `phases`: how long each of a login's took, as far as that is known, in the order of
    `Timing`, and `total_ns` all of it."""

    host: str
    capture: str
    stream: int
    start_ns: int
    end_ns: int
    phases: Sequence[int | None]
    total_ns: int | None


def own_part(c: Connection) -> OwnPart:
    """That of any connection."""
    t = c.timing
    phases = t.tcp_connect_ns, t.greeting_ns, t.tls_ns, t.login_ns, t.authentication_ns
    return OwnPart(labels.host(c), c.capture, c.stream, c.start_time_ns, c.end_time_ns, phases, t.total_ns)


def own_part_of(alike: Alike) -> OwnPart:
    """That of a connection of a known kind; none of these has a proxy in front."""
    row = alike.row
    start_ns, end_ns = row[START : START + 2]
    capture = alike.kind.connection.capture
    return OwnPart(row[ADDRESS], capture, row[STREAM], start_ns, end_ns, row[TIMING : FRAMES - 1], row[FRAMES - 1])


def said_of(alike: Alike) -> Sequence[Finding]:
    """What is found of a connection of a known kind, with the codes, severities and messages of its own; frames and
    evidence may be another's."""
    if alike.outline is not None:
        return alike.outline.findings
    kind = alike.kind
    said: list[Finding] | None = kind.templates.get(said_of)
    if said is None:
        said = alike.findings()
        if not any(kept.message[1] for kept in kind.findings):
            kind.templates[said_of] = said
    return said
