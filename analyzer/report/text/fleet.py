"""The summary of all connections, as text for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from analyzer.analysis.connection.fleet import KINDS, PHASES, Fleet
from analyzer.report.escape import json_safe, terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.text.colour import paint
from analyzer.report.text.layout import clip, wrap

NARROWEST: Final = 80
SHOWN: Final = 10
TITLES: Final = {
    "outcome": "Outcomes",
    "server": "Servers",
    "user": "Users",
    "client": "Clients",
    "driver": "Drivers",
    "plugin": "Auth plugins",
    "password_protection": "How the password was protected",
    "tls": "TLS",
    "cipher_suite": "Cipher suites",
    "compression": "Compression",
    "cause": "Failures by cause",
}
_PERCENT: Final = (50, 95, 99)


class FleetText:
    """Lists with counts and bars, each line at most `width` cells (80 at least)."""

    def __init__(
        self, write: Callable[[str], object], width: int = NARROWEST, color: bool = False, clock: WallClock = UTC_CLOCK
    ) -> None:
        self._write = write
        self._clock = clock
        self._width = max(width, NARROWEST)
        self._color = color

    def whole(self, fleet: Fleet) -> None:
        self._write(f"{labels.count(fleet.connections, 'MySQL connection')}")
        if fleet.first_ns is not None and fleet.last_ns is not None:
            length = labels.duration(fleet.last_ns - fleet.first_ns)
            self._write(f" in {length} from {self._clock.stamp(fleet.first_ns)}")
        self._write("\n")
        for kind in KINDS:
            self._list(TITLES[kind], fleet.most(kind), fleet.connections)
        self._times(fleet)
        self._upgrades(fleet)

    def _list(self, title: str, found: list[tuple[str, int]], total: int) -> None:
        if not found:
            return
        self._write("\n" + self._bold(title) + "\n")
        for name, count in found[:SHOWN]:
            share = f"{100 * count / total:.0f}%" if total else ""
            room = self._width - 18
            self._write(f"  {count:>8,} {share:>5}  {clip(terminal(name), room)}\n")
        if len(found) > SHOWN:
            rest = sum(count for _, count in found[SHOWN:])
            self._write(f"  {rest:>8,}        in {len(found) - SHOWN:,} more\n")

    def _times(self, fleet: Fleet) -> None:
        if not fleet.times:
            return
        self._write("\n" + self._bold("Login times of accepted logins") + "\n")
        self._write(f"  {'':<24} {'Logins':>8} " + " ".join(f"{f'p{each}':>7}" for each in _PERCENT) + f" {'Max':>7}\n")
        titles = dict(labels.TIMES)
        for phase in PHASES:
            times = fleet.times.get(phase)
            if times is None:
                continue
            shown = [times.percentile(each) for each in _PERCENT] + [times.longest]
            row = " ".join(f"{labels.duration(ns or 0):>7}" for ns in shown)
            self._write(f"  {titles[phase]:<24} {times.count:>8,} {row}\n")

    def _upgrades(self, fleet: Fleet) -> None:
        broken = fleet.breakages()
        self._write("\n" + self._bold("What an upgrade would break") + "\n")
        if not broken:
            self._write("  Nothing of what was seen.\n")
        for each in broken:
            users = ", ".join(each.users)
            text = f"{each.target}: {labels.count(each.connections, 'connection')} with {each.what}: {each.why}."
            for line in wrap(terminal(text + (f" Users: {users}." if users else "")), self._width - 4):
                self._write(f"  {line}\n")

    def _bold(self, text: str) -> str:
        return paint(text, "bold") if self._color else text


def as_json(fleet: Fleet) -> bytes:
    """The summary as one JSON object; times in nanoseconds."""
    times: dict[str, Any] = {}
    for phase in PHASES:
        found = fleet.times.get(phase)
        if found is not None:
            percentiles = {f"p{each}_ns": found.percentile(each) for each in _PERCENT}
            times[phase.removesuffix("_ns")] = {"count": found.count, **percentiles, "max_ns": found.longest}
    content = {
        "connections": fleet.connections,
        "first_time_ns": fleet.first_ns,
        "last_time_ns": fleet.last_ns,
        "unencrypted_logins": fleet.unencrypted,
        **{kind: {json_safe(name): count for name, count in fleet.most(kind)} for kind in KINDS},
        "findings": dict(sorted(fleet.findings.items(), key=lambda item: (-item[1], item[0]))),
        "times": times,
        "upgrades": [
            {**msgspec.to_builtins(each), "users": [json_safe(user) for user in each.users]}
            for each in fleet.breakages()
        ],
    }
    return msgspec.json.encode(content) + b"\n"
