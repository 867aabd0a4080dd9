"""Fills analyzer/analysis/connection/drivers/table.py from what real drivers were seen to offer.

    python -m tests.drivers.signatures [--matrix] [--keylog FILE] CAPTURE_OR_FOLDER...

`--matrix` also runs the driver matrix (as root, servers up). Captures of the raw client are passed over: it may
look like anybody. A driver without attributes is named after its captures (UNNAMED), in the matrix by its row; rows
that are held out stay out, and test the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.drivers.base import OPTIONAL
from analyzer.analysis.conversation.observer import BaseObserver, Observer
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import CLIENT_CONNECT_ATTRS
from analyzer.protocol.wire.framing import RawPacket
from tests.drivers import FULL, VERIFIED, Driver
from tests.drivers.run import ServerRun, run_all, usable_drivers, versions
from tests.reading import results_of
from tests.servers import REPOSITORY, running_servers
from tests.servers.old import RELEASES

TABLE: Final = REPOSITORY / "analyzer" / "analysis" / "connection" / "drivers" / "table.py"
FLAGS: Final = (1 << 32) - 1
# Drivers that send no attributes, by a part of their captures' names.
UNNAMED: Final = {"_node-mysql_": "mysql (Node)"}
# Who may use every database: several drivers log in as it.
ADMIN: Final = "admin"
# Cases without several statements, local files or a pool: users ask for those.
USUAL: Final = frozenset({*FULL, "compressed", "values", *VERIFIED})
# Offers what PyMySQL offers, bit for bit: more rows of it would only take from that one's.
IMITATORS: Final = frozenset({"aiomysql"})
# Captures of clients that pretend, and of servers so old that drivers leave out what they offer to all others.
NOT_REAL: Final = ("_raw_", "xa_", "fault", *(f"{release.name}_" for release in RELEASES))


class Offer(NamedTuple):
    """A login, and the capabilities of the server that it answers."""

    login: HandshakeResponse41
    offered: int


class Logins(BaseObserver):
    """Collects the logins of a connection."""

    def __init__(self, found: list[Offer]) -> None:
        self._found = found
        self._offered = FLAGS

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if isinstance(record, HandshakeV10):
            self._offered = record.capability_flags & FLAGS
        elif isinstance(record, HandshakeResponse41):
            self._found.append(Offer(record, self._offered))


def logins_of(capture: Path, keylogs: Iterable[bytes] = ()) -> list[Offer]:
    """All logins of a capture, also those in TLS where its keys are at hand."""
    found: list[Offer] = []

    def look(tcp: TcpConnection) -> Observer:
        return Logins(found)

    results_of(capture, AnalysisOptions(observe=(look,), keylogs=tuple(keylogs)))
    return found


def bare(login: HandshakeResponse41) -> HandshakeResponse41:
    """The login without its attributes."""
    return msgspec.structs.replace(login, attributes=None, client_flag=login.client_flag & ~CLIENT_CONNECT_ATTRS)


def told_logins(run: ServerRun) -> Iterator[tuple[Driver, Offer]]:
    """The logins of a run with the drivers that made them: each driver has an account of its own."""
    drivers = {told.case["user"]: told.driver for told in run.told}
    for offer in logins_of(run.capture, [run.server.keylog.read_bytes()]):
        if offer.login.username in drivers and offer.login.username != ADMIN:
            yield drivers[offer.login.username], offer


def name_of(login: HandshakeResponse41, capture: str) -> tuple[str, str, str | None] | None:
    """(name, variant, version) of the driver; None where nothing says it."""
    attributes = dict(login.attributes or ())
    for kind in ("_connector", "_client"):
        name = attributes.get(f"{kind}_name")
        if name:
            variant = attributes.get("_client_name", "") + attributes.get("program_name", "")
            return name, variant, attributes.get(f"{kind}_version")
    return next(((name, "", None) for part, name in UNNAMED.items() if part in capture), None)


@dataclass
class Seen:
    """All that one driver, in one of its variants, was seen to offer."""

    on: int = FLAGS
    off: int = FLAGS
    sizes: set[int] = field(default_factory=set)
    collations: set[int] = field(default_factory=set)
    plugins: set[str | None] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)

    def add(self, login: HandshakeResponse41, version: str | None) -> None:
        flags = login.client_flag & FLAGS
        self.on &= flags
        self.off &= ~flags
        self.sizes.add(login.max_packet_size)
        self.collations.add(login.character_set)
        self.plugins.add(login.client_plugin_name)
        if version:
            self.versions.add(version)

    def row(self, name: str) -> str:
        ordered = sorted(self.versions, key=lambda text: [int(part) for part in text.split(".") if part.isdigit()])
        versions = None if not ordered else ordered[0] if len(ordered) == 1 else f"{ordered[0]} - {ordered[-1]}"
        off = self.off & FLAGS
        values = [
            *(repr(name), repr(versions)),
            *(f"0x{value:08X}" for value in (self.on & ~OPTIONAL, off & ~OPTIONAL, self.on & OPTIONAL, off & OPTIONAL)),
            *(repr(tuple(sorted(values))) for values in (self.sizes, self.collations)),
            repr(tuple(sorted(self.plugins, key=str))),
        ]
        return f"    Signature({', '.join(values)}),\n"


HEAD: Final = '''"""What drivers were seen to offer. Made by `python -m tests.drivers.signatures`; do not edit."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.connection.drivers.base import Signature

SIGNATURES: Final[tuple[Signature, ...]] = (
'''


def captures_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Every capture that a real driver made."""
    for path in paths:
        found = sorted(path.rglob("*.pcap*")) if path.is_dir() else [path]
        for each in found:
            if not any(part in each.name for part in NOT_REAL) and each.suffix != ".json":
                yield each


def usual(driver: Driver) -> Driver:
    """The driver with the cases for which its user switches nothing that it offers."""
    return replace(driver, cases=tuple(name for name in driver.cases if name in USUAL))


def main() -> int:
    """Writes the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.drivers.signatures", description=__doc__)
    parser.add_argument("captures", nargs="+", type=Path)
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--keylog", type=Path, action="append", default=[])
    chosen = parser.parse_args()
    keylogs = [path.read_bytes() for path in chosen.keylog]
    seen: dict[tuple[str, str], Seen] = {}
    folder = tempfile.TemporaryDirectory(prefix="handshark-drivers-")
    if chosen.matrix:
        servers = {server.name: server for server in running_servers()}
        fit = [each for each in usable_drivers(servers).drivers if not each.held_out and each.name not in IMITATORS]
        drivers = [usual(driver) for driver in fit]
        known = versions(drivers)
        for run in run_all(servers, drivers, Path(folder.name)):
            for told, offer in told_logins(run):
                name, variant, version = name_of(offer.login, "") or (told.known_as, "", known[told.name])
                if name:
                    seen.setdefault((name, variant), Seen()).add(offer.login, version)
    for capture in captures_under(chosen.captures):
        for offer in logins_of(capture, keylogs):
            named = name_of(offer.login, capture.name)
            if named is not None:
                seen.setdefault(named[:2], Seen()).add(offer.login, named[2])
    folder.cleanup()
    rows = [one.row(name) for (name, _), one in sorted(seen.items())]
    TABLE.write_text(HEAD + "".join(rows) + ")\n", encoding="utf-8")
    sys.stdout.write(f"{len(rows)} signatures written to {TABLE.relative_to(REPOSITORY)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
