"""The bench's captures: what each holds, how it is made, and what is measured over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    """A row: its name, what is measured over it (`analyze`, `commands`, `fields`), and who writes it into a folder."""

    name: str
    title: str
    measured: tuple[str, ...]
    make: Callable[[Path], Made]


def _storm(folder: Path) -> Made:
    path = folder / "storm.pcap"
    return Made(path, replay.storm(SAMPLES, path, STORM), STORM)


def _tls_storm(folder: Path, *, keys: bool) -> Made:
    path, contexts = folder / f"tls-storm-{keys}.pcap", tls.Contexts(folder)
    frames = replay.tls_storm(SAMPLES, path, TLS_STORM, contexts)
    return Made(path, frames, TLS_STORM, keylog=contexts.keylog if keys else None)


def _bulk(folder: Path) -> Made:
    path = folder / "bulk.pcap"
    return Made(path, replay.bulk(SAMPLES, path, 200_000_000), 8)


def _bulk_tls(folder: Path) -> Made:
    path, contexts = folder / "bulk-tls.pcap", tls.Contexts(folder)
    return Made(path, replay.bulk_tls(SAMPLES, path, 100_000_000, contexts), 8, keylog=contexts.keylog)


def _oltp(folder: Path) -> Made:
    path = folder / "oltp.pcap"
    frames = oltp.oltp(SAMPLES, path, OLTP_TRANSACTIONS)
    return Made(path, frames, commands=oltp.commands_of(OLTP_TRANSACTIONS))


def _recorded(folder: Path, name: str, bases: tuple[Path, ...], times: int, connections: int) -> Made:
    path, scripts = folder / f"{name}.pcap", recorded.scripts_of(bases)
    frames = recorded.written(scripts, path, times, connections)
    return Made(path, frames, connections, recorded.commands_of(scripts, times, connections))


def _different(folder: Path) -> Made:
    path = folder / "different.pcap"
    return Made(
        path, different.different(SAMPLES, path, DIFFERENT_STEPS), commands=different.commands_of(DIFFERENT_STEPS)
    )


CAPTURES: Final = (
    Capture("storm", "short connections, logins of six kinds", ("analyze", "fields"), _storm),
    Capture(
        "tls-keys", "the same logins in TLS 1.3, with their keys", ("analyze",), lambda at: _tls_storm(at, keys=True)
    ),
    Capture("tls", "the same logins in TLS 1.3, without keys", ("analyze",), lambda at: _tls_storm(at, keys=False)),
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
        lambda at: _recorded(at, "oltp-c", (recorded.CONNECTOR_C,), *CONNECTOR_C),
    ),
    Capture(
        "mixed",
        "Node, Connector/J and Go, MySQL 9.7 and MariaDB 11.8, as recorded",
        ("analyze", "commands"),
        lambda at: _recorded(at, "mixed", tuple(recorded.MIXED.values()), *MIXED),
    ),
    Capture("different", "no two commands alike, half of them prepared", ("analyze", "commands"), _different),
)
