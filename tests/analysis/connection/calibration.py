"""How often what is inferred of encrypted logins is right: captures with keys are read without them, and compared.

`python -m tests.analysis.connection.calibration [CAPTURE...]` prints the rate, and what was wrong. Without
names: the shared corpus and samples/. Keys are in NAME.keys beside a capture, or inside it.

Plain captures count too, as they would look inside TLS: each packet that is sent on its own is a record of its own.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.connection.tls_inference import MORE_DATA, SENT, Around, Seen, infer
from analyzer.analysis.model.connection import CLIENT, Inferred
from analyzer.analysis.model.packet import PacketExcerpt
from tests.corpus import REPOSITORY, captures
from tests.reading import results_of

RIGHT: Final = "right"
WRONG: Final = "wrong"
SILENT: Final = "silent"
LAST_PORTS: Final = 65536


@dataclass
class Rate:
    """What became of the logins, and of the claims about authentication."""

    logins: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"login: {_counts(self.logins)}; path: {_counts(self.paths)}"

    def take(self, where: str, found: Inferred | None, truth: Connection) -> None:
        """Compares what was inferred with what is true."""
        if truth.outcome in ("unknown", "encrypted"):
            return
        said = found.login if found is not None else None
        verdict = RIGHT if said == truth.outcome else WRONG
        if said in (None, SENT):
            verdict = SILENT
            if said == SENT and truth.login is None:
                verdict = WRONG
        self.logins[verdict] += 1
        if verdict == WRONG:
            self.problems.append(f"{where}: {found}, and it was {truth.outcome}")
        path = truth.authentication.path if truth.authentication is not None else None
        if found is not None and found.authentication is not None:
            right = found.authentication == path
            self.paths[RIGHT if right else WRONG] += 1
            if not right:
                self.problems.append(f"{where}: {found}, and the path was {path}")
        elif path in ("fast", "full"):
            self.paths[SILENT] += 1


def _counts(counts: Counter[str]) -> str:
    total = sum(counts.values())
    return ", ".join(f"{counts[key]} {key}" for key in (RIGHT, WRONG, SILENT)) + f" of {total}"


def keys_of(path: Path) -> tuple[bytes, ...]:
    """The key logs beside a capture."""
    beside = path.with_name(path.name.split(".pcap")[0] + ".keys")
    return (beside.read_bytes(),) if beside.is_file() else ()


def connections(
    path: Path, keylogs: tuple[bytes, ...] | None, packets: int = 0
) -> list[tuple[Connection, list[PacketExcerpt]]]:
    """The connections of a capture, with all keys there are; with none at all where `keylogs` is None."""
    ports = frozenset(range(1, LAST_PORTS)) if packets else frozenset({3306})
    options = AnalysisOptions(ports=ports, keylogs=keylogs or (), packets=packets)
    results = results_of(path, options, keys=keylogs is not None)
    return [(connection, detail.packets if detail else []) for connection, detail in results]


def compare_encrypted(paths: Iterable[Path]) -> Rate:
    """TLS without keys against TLS with the keys beside or inside each capture."""
    rate = Rate()
    for path in paths:
        compare_capture(rate, path, keys_of(path))
    return rate


def compare_capture(rate: Rate, path: Path, keylogs: tuple[bytes, ...]) -> None:
    """Adds one capture, whose keys are these and those inside it."""
    blind = [connection for connection, _ in connections(path, None)]
    if not any(connection.outcome == "encrypted" for connection in blind):
        return
    truth = {connection.stream: connection for connection, _ in connections(path, keylogs)}
    for connection in blind:
        if connection.outcome == "encrypted" and connection.tls is not None:
            rate.take(f"{path.name}, stream {connection.stream}", connection.tls.inferred, truth[connection.stream])


def compare_plain(paths: Iterable[Path], *, tls13: bool, block: int = 0) -> Rate:
    """Plain logins as they would look inside TLS, against what they say; with sizes rounded up to blocks, if asked."""
    rate = Rate()
    for path in paths:
        for connection, packets in connections(path, None, packets=200):
            usable = connection.tls is None and connection.login is not None and connection.tcp.syn
            if connection.authentication is not None and connection.authentication.password_protection == "rsa":
                usable = False  # nobody asks for a key inside TLS
            if usable and not connection.tcp.gaps and connection.login and connection.login.zstd_level is None:
                records = list(as_records(connection, packets))
                if block:
                    records = [rounded(record, block) for record in records]
                found = infer(records, around_of(connection, packets, tls13, exact=not block))
                rate.take(f"{path.name}, stream {connection.stream}", found, connection)
    return rate


def rounded(record: Seen, block: int) -> Seen:
    """As a block cipher with HMAC-SHA1 hides it: contents, 20 bytes of MAC and 1 to `block` of padding."""
    most = (record.most + 20) // block * block + block - 21
    return msgspec.structs.replace(record, least=max(0, most - block + 1), most=most)


def as_records(connection: Connection, packets: list[PacketExcerpt]) -> Iterator[Seen]:
    """A record for each packet of the login, and for each run of packets after it."""
    begun = False
    grown: Seen | None = None
    for packet in packets:
        if packet.sequence_id is None:
            continue
        begun = begun or packet.sender == CLIENT
        if not begun:
            continue
        sender = 0 if packet.sender == CLIENT else 1
        size = packet.length + 4
        together = grown is not None and (grown.sender, grown.frame) == (sender, packet.frame)
        # A server sends AuthMoreData on its own, though TCP may put it into one segment with what follows.
        if grown is not None and together and MORE_DATA not in (size, grown.most):
            grown = msgspec.structs.replace(grown, least=grown.least + size, most=grown.most + size)
            continue
        if grown is not None:
            yield grown
        grown = Seen(sender, size, size, packet.frame, packet.time_ns)
    if grown is not None:
        yield grown


def around_of(connection: Connection, packets: list[PacketExcerpt], tls13: bool, exact: bool = True) -> Around:
    greeting, login = connection.greeting, connection.login
    assert login is not None
    tracks = "CLIENT_SESSION_TRACK" in login.capabilities
    end = next((packet for packet in packets if packet.record in ("FIN", "RST")), None)
    ended = None if end is None else (0 if end.sender == CLIENT else 1, end.time_ns)
    version: tuple[int, ...] = ()
    if greeting is not None:
        version = tuple(int(part) for part in greeting.server_version.split("-")[0].split(".")[:2] if part.isdecimal())
    return Around(
        tls13,
        exact,
        1 << 23 if tracks else 0,
        connection.compression != "none",
        greeting is not None and greeting.flavor == "mariadb",
        version,
        greeting is None or greeting.auth_plugin == "caching_sha2_password",
        ended,
    )


def main(names: list[str]) -> int:
    paths = [Path(name) for name in names] or [*captures(), *sorted((REPOSITORY / "samples").glob("*.pcap*"))]
    wrong = 0
    for title, rate in (
        ("TLS captures, read without their keys", compare_encrypted(paths)),
        ("plain captures as they would look in TLS 1.2", compare_plain(paths, tls13=False)),
        ("plain captures as they would look under a block cipher", compare_plain(paths, tls13=False, block=16)),
        ("plain captures as they would look in TLS 1.3", compare_plain(paths, tls13=True)),
    ):
        print(f"{title}: {rate}")
        for problem in rate.problems:
            print(f"   {problem}")
        wrong += rate.logins[WRONG] + rate.paths[WRONG]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
