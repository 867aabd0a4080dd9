"""The whole comparison, and its tables in Markdown."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analyzer.analysis.connection.drivers import by_offer
from tests.drivers import DRIVERS
from tests.drivers.compare import Verdict, analyse, judge_all
from tests.drivers.run import check_tools, run_all, usable_drivers, versions
from tests.drivers.signatures import bare, told_logins
from tests.drivers.tshark import Agreement, agreement
from tests.servers import Server


@dataclass
class Comparison:
    """All verdicts, and what could not be compared."""

    servers: list[str]
    verdicts: list[Verdict] = field(default_factory=list)
    tshark: dict[str, Agreement] = field(default_factory=dict)
    # Drivers that are missing, and why.
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    # Driver -> whom its logins are taken for without their attributes, and how often.
    taken_for: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float = 0.0

    def differences(self) -> list[str]:
        """Every difference that is not in the tables of `known`."""
        found = [f"{verdict.title()}: {line}" for verdict in self.verdicts for line in verdict.differences]
        return found + [line for each in self.tshark.values() for line in each.differences]

    def known(self) -> list[tuple[str, str]]:
        """Every difference that is there, (what, why)."""
        found = [(f"{verdict.title()}: {what}", why) for verdict in self.verdicts for what, why in verdict.known]
        return found + [row for each in self.tshark.values() for row in each.known]


def compare_all(servers: Sequence[Server], only: Sequence[str] = (), keep: Path | None = None) -> Comparison:
    """Run every driver that is there (of `only`, by a part of its name) against every server. Raises Unusable.

    The captures are put into the folder `keep`.
    """
    check_tools()
    by_name: Mapping[str, Server] = {server.name: server for server in servers}
    usable = usable_drivers(by_name, only)
    done = Comparison(list(by_name), missing=usable.missing, versions=versions(usable.drivers))
    started = time.monotonic()
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        for run in run_all(by_name, usable.drivers, keep or Path(directory)):
            verdicts = judge_all(run, analyse(run))
            done.verdicts += verdicts
            done.tshark[run.server.name] = agreement(run, verdicts)
            for driver, offer in told_logins(run):
                found = by_offer(bare(offer.login), offer.offered)
                done.taken_for.setdefault(driver.name, Counter())[found.name or "" if found else ""] += 1
    done.seconds = time.monotonic() - started
    return done


def markdown(done: Comparison) -> Iterator[str]:
    """Lines: driver x server as `agreed of cases`, then TShark, then what is known to be different."""
    yield "| driver | version | " + " | ".join(done.servers) + " |"
    yield "|---|---|" + "---|" * len(done.servers)
    cases = Counter((verdict.told.driver.name, verdict.server) for verdict in done.verdicts)
    agreed = Counter((verdict.told.driver.name, verdict.server) for verdict in done.verdicts if verdict.agreed)
    for driver in DRIVERS:
        if not any(cases[driver.name, server] for server in done.servers):
            continue
        cells = [f"{agreed[driver.name, server]} of {cases[driver.name, server]}" for server in done.servers]
        yield f"| {driver.name} | {done.versions.get(driver.name, 'of its server')} | {' | '.join(cells)} |"
    total = f"{sum(agreed.values())} of {sum(cases.values())} connections agreed"
    known = sum(bool(verdict.known) and not verdict.differences for verdict in done.verdicts)
    yield ""
    yield f"{total}, {known} have known differences, {len(done.differences())} others; {done.seconds:.0f} s."
    yield ""
    yield "| TShark agrees | " + " | ".join(done.servers) + " |"
    yield "|---|" + "---|" * len(done.servers)
    for name in sorted({name for each in done.tshark.values() for name in each.compared}):
        cells = [f"{done.tshark[server].same[name]} of {done.tshark[server].compared[name]}" for server in done.servers]
        yield f"| {name} | {' | '.join(cells)} |"
    reasons: dict[str, list[str]] = {}
    for what, why in done.known():
        reasons.setdefault(why, []).append(what)
    if reasons:
        yield ""
    for why, lines in reasons.items():
        yield f"- {len(lines)} known: {why} First: {lines[0]}"
    for name, why in done.missing.items():
        yield f"- {name} is missing: {why}"
