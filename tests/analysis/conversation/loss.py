"""Captures made worse: begun later, ended earlier, with frames dropped or cut; and what may be said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.model.command import Command
from analyzer.capture import open_capture
from tests.reading import results_of
from tests.wire.files import read_frames
from tests.wire.frames import Frame, batches

SNAP = 100
# What a finding on the capture itself, or on the network, may begin with.
NOT_OF_PEERS = ("capture-", "retrans", "keys-", "decryption-")


class Heard(NamedTuple):
    """What is said of a capture."""

    commands: list[Command]
    connections: list[Connection]


class Variant(NamedTuple):
    """A capture made worse. `kept` are the whole capture's frames, from 1, that are there uncut."""

    name: str
    frames: list[Frame]
    kept: frozenset[int]


def heard(name: str, frames: Sequence[Frame], keys: Sequence[bytes], ports: frozenset[int]) -> Heard:
    """What is said of these frames."""
    sink: Sink = []
    options = AnalysisOptions(observe=(partial(CommandTracker, sink=sink),), keylogs=tuple(keys), ports=ports)
    connections = [connection for connection, _ in results_of(batches(frames), options)]
    return Heard([log.command(name, pending) for _, log, pending in sink], connections)


def keys_in(path: Path) -> list[bytes]:
    """Key logs that a capture holds."""
    with open_capture(str(path)) as source:
        return [content for _ in source for content in source.secrets]


def snapped(frame: Frame) -> Frame:
    return frame._replace(data=frame.data[:SNAP], original=frame.original or len(frame.data))


def variants(frames: list[Frame], most: int) -> Iterator[Variant]:
    """Begun later, ended earlier, one frame dropped, one cut, two dropped: of each kind about `most`."""
    count = len(frames)
    every = frozenset(range(1, count + 1))
    for at in range(1, count, max(1, count // most)):
        yield Variant(f"cut {at}", frames[at:], frozenset(range(at + 1, count + 1)))
        yield Variant(f"end {at}", frames[:at], frozenset(range(1, at + 1)))
        yield Variant(f"drop {at}", frames[:at] + frames[at + 1 :], every - {at + 1})
        if len(frames[at].data) > SNAP:
            yield Variant(f"snap {at}", [*frames[:at], snapped(frames[at]), *frames[at + 1 :]], every - {at + 1})
        other = (at * 7 + 3) % count
        if other > at:
            left = frames[:at] + frames[at + 1 : other] + frames[other + 1 :]
            yield Variant(f"drop {at} and {other}", left, every - {at + 1, other + 1})


def _said(one: Command) -> tuple[object, ...]:
    code = one.error.code if one.error is not None else None
    return (one.statement, one.response, one.rows, one.affected_rows, one.latency_ns, one.duration_ns, code)


def _flagged(one: Command) -> bool:
    return one.complete is not True or bool(one.statement_cut)


def wrong_commands(whole: Heard, part: Heard, variant: Variant) -> list[str]:
    """Commands that are said otherwise than in the whole capture without a word of doubt, invented and lost ones."""
    known: dict[tuple[int, str], list[Command]] = defaultdict(list)
    for one in whole.commands:
        known[one.time_ns, one.command].append(one)
    wrong, seen = [], set()
    for one in part.commands:
        alike = known.get((one.time_ns, one.command), [])
        if alike:
            seen.add((one.time_ns, one.command))
        unknown = one.statement is None and "execute" in one.command
        same = any(_said(one) == _said(other) or (unknown and _said(one)[1:] == _said(other)[1:]) for other in alike)
        if not same and not _flagged(one):
            wrong.append(f"{variant.name}: frame {one.frame} {one.command} {_said(one)}, not {list(map(_said, alike))}")
    if any(one.tls is not None for one in part.connections):
        return wrong  # what opens a session, or its next record, may be missing
    ordered = sorted(whole.commands, key=lambda one: one.frame)
    for before, one in zip([None, *ordered], ordered, strict=False):
        first = before.frame if before is not None else 1
        frames = range(first, (one.response_frame or one.frame) + 1)
        if variant.kept.issuperset(frames) and (one.time_ns, one.command) not in seen:
            wrong.append(f"{variant.name}: frame {one.frame} {one.command} is lost")
    return wrong


def _loud(connection: Connection) -> set[str]:
    return {
        finding.code
        for finding in connection.findings
        if finding.severity != "info" and not finding.code.startswith(NOT_OF_PEERS)
    }


def wrong_connections(whole: Heard, part: Heard, variant: Variant) -> list[str]:
    """Connections with another outcome than in the whole capture, and what is blamed on a peer there alone."""
    wrong = []
    for one in part.connections:
        alike = [other for other in whole.connections if {other.client, other.server} == {one.client, one.server}]
        outcomes = {other.outcome for other in alike} | {"unknown"}
        if one.tls is not None:
            outcomes.add("encrypted")
        closed = one.tcp.fin_from is not None or one.tcp.rst_from is not None
        if one.outcome not in outcomes and not (one.outcome == "aborted" and closed):
            wrong.append(f"{variant.name}: {one.outcome}, not {sorted(outcomes)}")
        blamed = _loud(one) - set().union(*map(_loud, alike))
        if blamed:
            wrong.append(f"{variant.name}: {sorted(blamed)}")
    return wrong


def frames_of(path: Path) -> list[Frame]:
    return read_frames(path)
