"""The bench's captures: what each holds, how it is made, and what is measured over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import different, oltp, recorded, replay, tls
from tests.corpus import REPOSITORY

SAMPLES: Final = REPOSITORY / "samples"
STORM: Final = 20_000
TLS_STORM: Final = 5_000
OLTP_TRANSACTIONS: Final = 200
# Repetitions of a recorded base, and connections.
CONNECTOR_C: Final = (80, 8)
MIXED: Final = (80, 20)
DIFFERENT_STEPS: Final = 1_500


@dataclass(frozen=True)
class Made:
    """A capture that was written, and what it must be found to hold; None: that is not looked at."""

    path: Path
    frames: int
    connections: int | None = None
    commands: int | None = None
    keylog: Path | None = None


@dataclass(frozen=True)
class Capture:
    """A row: its name, what is measured over it (`analyze`, `commands`, `fields`, `lines`), and who writes it.

    `make` takes the share of the usual size that is wanted.
    """

    name: str
    title: str
    measured: tuple[str, ...]
    make: Callable[[Path, float], Made]


def _storm(folder: Path, scale: float) -> Made:
    path = folder / "storm.pcap"
    number = round(STORM * scale)
    return Made(path, replay.storm(SAMPLES, path, number), number)


def _tls_storm(folder: Path, scale: float, *, keys: bool) -> Made:
    path, contexts = folder / f"tls-storm-{keys}.pcap", tls.Contexts(folder)
    number = round(TLS_STORM * scale)
    frames = replay.tls_storm(SAMPLES, path, number, contexts)
    return Made(path, frames, number, keylog=contexts.keylog if keys else None)


def _bulk(folder: Path, scale: float) -> Made:
    path = folder / "bulk.pcap"
    return Made(path, replay.bulk(SAMPLES, path, round(200_000_000 * scale)), 8)


def _bulk_tls(folder: Path, scale: float) -> Made:
    path, contexts = folder / "bulk-tls.pcap", tls.Contexts(folder)
    return Made(path, replay.bulk_tls(SAMPLES, path, round(100_000_000 * scale), contexts), 8, keylog=contexts.keylog)


def _oltp(folder: Path, scale: float) -> Made:
    path, number = folder / "oltp.pcap", round(OLTP_TRANSACTIONS * scale)
    frames = oltp.oltp(SAMPLES, path, number)
    return Made(path, frames, commands=oltp.commands_of(number))


def _recorded(folder: Path, scale: float, name: str, bases: tuple[Path, ...], usual: tuple[int, int]) -> Made:
    times, connections = round(usual[0] * scale), usual[1]
    path, scripts = folder / f"{name}.pcap", recorded.scripts_of(bases)
    frames = recorded.written(scripts, path, times, connections)
    return Made(path, frames, connections, recorded.commands_of(scripts, times, connections))


def _different(folder: Path, scale: float) -> Made:
    path, steps = folder / "different.pcap", round(DIFFERENT_STEPS * scale)
    return Made(path, different.different(SAMPLES, path, steps), commands=different.commands_of(steps))


CAPTURES: Final = (
    Capture("storm", "short connections, logins of six kinds", ("analyze", "fields", "lines"), _storm),
    Capture("tls-keys", "the same logins in TLS 1.3, with their keys", ("analyze",), partial(_tls_storm, keys=True)),
    Capture("tls", "the same logins in TLS 1.3, without keys", ("analyze",), partial(_tls_storm, keys=False)),
    Capture("bulk", "8 connections that read result sets", ("analyze", "commands"), _bulk),
    Capture("bulk-tls", "the same in TLS 1.3, with their keys", ("analyze",), _bulk_tls),
    Capture(
        "oltp",
        "sysbench's oltp_read_write, made here, MySQL 9.7",
        ("analyze", "commands", "fields"),
        _oltp,
    ),
    Capture(
        "oltp-c",
        "sysbench's oltp_read_write as recorded: Connector/C and MariaDB 10.11",
        ("analyze", "commands"),
        lambda at, scale: _recorded(at, scale, "oltp-c", (recorded.CONNECTOR_C,), CONNECTOR_C),
    ),
    Capture(
        "mixed",
        "Node, Connector/J and Go, MySQL 9.7 and MariaDB 11.8, as recorded",
        ("analyze", "commands", "lines"),
        lambda at, scale: _recorded(at, scale, "mixed", tuple(recorded.MIXED.values()), MIXED),
    ),
    Capture("different", "no two commands alike, half of them prepared", ("analyze", "commands"), _different),
)
