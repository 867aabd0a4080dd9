"""Makes the bench's captures: recorded connections again, under new addresses, ports, sequence numbers and times.

What is replayed is what was said (the payload bytes of samples/); the TCP around it is made anew: SYN, SYN-ACK, ACK,
segments of at most MSS bytes, acknowledgements, FIN both ways.
"""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.capture import open_capture
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection
from tests.bench import tls
from tests.reading import read_through

MSS = 1448
START_NS = 1_790_000_000_000_000_000
STEP_NS = 40_000
FIN, SYN, PSH, ACK = 1, 2, 8, 16

Turn = tuple[bool, bytes]  # from the client?, bytes
Frame = tuple[int, bytes]  # time in ns, bytes


class _Recorder:
    """Takes the turns of one connection."""

    def __init__(self, tcp: TcpConnection) -> None:
        self.tcp = tcp
        self.turns: list[tuple[int, bytearray]] = []

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self.turns and self.turns[-1][0] == sender:
            self.turns[-1][1].extend(data)
        else:
            self.turns.append((sender, bytearray(data)))

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        raise ValueError("a sample with a gap can not be replayed")

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        return None


def turns_of(capture: Path) -> list[Turn]:
    """What the two sides of a capture's first connection said in turn."""
    return conversations_of(capture)[0]


def conversations_of(capture: Path) -> list[list[Turn]]:
    """What the two sides of each connection of a capture said in turn."""
    recorders: list[_Recorder] = []

    def follow(tcp: TcpConnection) -> _Recorder:
        recorders.append(_Recorder(tcp))
        return recorders[-1]

    decoder, flows = SegmentDecoder(), FlowTable(follow)
    with open_capture(str(capture)) as source:
        for batch in source:
            flows.feed(decoder.decode(batch))
    list(flows.finish())
    return [[(sender == one.tcp.initiator, bytes(data)) for sender, data in one.turns] for one in recorders]


def frames_of(turns: Iterable[Turn], number: int, start_ns: int, rng: random.Random) -> Iterator[Frame]:
    """The frames of one connection: client 10.x.y.z, server 192.0.2.1:3306, other ports and numbers for each."""
    client = bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255])
    server = bytes([192, 0, 2, 1])
    ports = (32768 + number % 28000, 3306)
    sequence = [rng.randrange(1 << 32), rng.randrange(1 << 32)]  # of client, server
    now = start_ns

    def frame(sender: int, flags: int, payload: bytes = b"") -> Frame:
        nonlocal now
        now += STEP_NS
        addresses = (client, server) if sender == 0 else (server, client)
        source, destination = (ports[0], ports[1]) if sender == 0 else (ports[1], ports[0])
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), now & 0xFFFF, 0x4000, 64, 6, 0)
        acknowledged = sequence[1 - sender] if flags & ACK else 0
        tcp = struct.pack("!HHIIBBHHH", source, destination, sequence[sender], acknowledged, 0x50, flags, 64240, 0, 0)
        sequence[sender] = (sequence[sender] + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xFFFFFFFF
        return now, b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00" + ip + addresses[0] + addresses[1] + tcp + payload

    yield frame(0, SYN)
    yield frame(1, SYN | ACK)
    yield frame(0, ACK)
    for from_client, data in turns:
        sender = 0 if from_client else 1
        for count, begin in enumerate(range(0, len(data), MSS), 1):
            yield frame(sender, PSH | ACK, data[begin : begin + MSS])
            if count % 2 == 0:
                yield frame(1 - sender, ACK)
    yield frame(0, FIN | ACK)
    yield frame(1, FIN | ACK)
    yield frame(0, ACK)


def write_pcap(path: Path, frames: Iterable[Frame]) -> int:
    """Writes a pcap file with microseconds, as tcpdump does; returns the number of frames."""
    count = 0
    with path.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for time_ns, data in frames:
            seconds, rest = divmod(time_ns, 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, rest // 1000, len(data), len(data)) + data)
            count += 1
    return count


def storm(samples: Path, path: Path, connections: int = 20_000, at_once: int = 200) -> int:
    """Short connections, `at_once` of them under way at one time: logins of all kinds with a statement or two."""
    rng = random.Random(1)
    scripts = [turns_of(samples / name) for name in STORM_SAMPLES]

    def one(number: int) -> Iterator[Frame]:
        # Connections begin evenly: one every twentieth of the time that one takes.
        start = START_NS + number * (16 * STEP_NS) // at_once * 10
        return frames_of(scripts[number % len(scripts)], number, start, rng)

    return write_pcap(path, by_time(one(number) for number in range(connections)))


def tls_storm(samples: Path, path: Path, connections: int, contexts: tls.Contexts, at_once: int = 200) -> int:
    """As `storm`, in TLS, each with a handshake of its own. The secrets are in `contexts.keylog`."""
    rng = random.Random(7)
    scripts = [turns_of(samples / name) for name in STORM_SAMPLES if name not in NOT_IN_TLS]

    def one(number: int) -> Iterator[Frame]:
        start = START_NS + number * (16 * STEP_NS) // at_once * 10
        return frames_of(tls.in_tls(scripts[number % len(scripts)], contexts), number, start, rng)

    return write_pcap(path, by_time(one(number) for number in range(connections)))


STORM_SAMPLES = (
    "mysql97_cli_fast-auth.pcap",
    "mysql97_cli_full-auth-rsa.pcapng",
    "mysql97_cli_wrong-password.pcap",
    "mariadb1011_cli_native.pcap",
    "mariadb118_cli_parsec.pcapng",
    "mariadb1011_cli_unknown-user.pcap",
)


# In TLS the password goes without RSA.
NOT_IN_TLS = frozenset({"mysql97_cli_full-auth-rsa.pcapng"})


def by_time(streams: Iterable[Iterator[Frame]]) -> Iterator[Frame]:
    """Merges connections that begin in order, without starting all of them at once."""
    heap: list[tuple[int, int, bytes, Iterator[Frame]]] = []
    for number, stream in enumerate(streams):
        first = next(stream)
        while heap and heap[0][0] <= first[0]:
            yield from _step(heap)
        heapq.heappush(heap, (first[0], number, first[1], stream))
    while heap:
        yield from _step(heap)


def _step(heap: list[tuple[int, int, bytes, Iterator[Frame]]]) -> Iterator[Frame]:
    time_ns, number, data, stream = heapq.heappop(heap)
    yield time_ns, data
    following = next(stream, None)
    if following is not None:
        heapq.heappush(heap, (following[0], number, following[1], stream))


def bulk(samples: Path, path: Path, size: int, connections: int = 8) -> int:
    """A few connections that read result sets, `size` bytes of them together, all at the same time."""
    rng = random.Random(2)
    scripts = (_bulk_turns(samples, size // connections) for _ in range(connections))
    streams = (frames_of(script, number, START_NS + number * 7_000, rng) for number, script in enumerate(scripts))
    return write_pcap(path, by_time(streams))


def bulk_tls(samples: Path, path: Path, size: int, contexts: tls.Contexts, connections: int = 8) -> int:
    """As `bulk`, in TLS: `size` bytes of application data. The secrets are in `contexts.keylog`."""
    rng = random.Random(3)
    scripts = (tls.in_tls(_bulk_turns(samples, size // connections), contexts) for _ in range(connections))
    streams = (frames_of(script, number, START_NS + number * 7_000, rng) for number, script in enumerate(scripts))
    return write_pcap(path, by_time(streams))


def _bulk_turns(samples: Path, size: int) -> Iterator[Turn]:
    """One connection that reads the same result set again and again."""
    turns = turns_of(samples / "bulk-resultset.pcap.zst")
    largest = max(range(len(turns)), key=lambda i: len(turns[i][1]))
    yield from turns[: largest - 1]
    for _ in range(max(1, size // len(turns[largest][1]))):
        yield turns[largest - 1]
        yield turns[largest]
    yield from turns[largest + 1 :]


def connections_in(path: Path, keylog: Path | None = None) -> int:
    """MySQL connections that the analyzer finds: the bench's captures must hold what they claim.

    With a key log those that it reads in TLS to their end: the server's refusal, or the client's goodbye.
    """
    analysis = Analysis(str(path), AnalysisOptions(keylogs=(keylog.read_bytes(),) if keylog else ()))
    found = [connection for connection, _ in read_through(analysis, path)]
    if keylog is None:
        return analysis.totals.mysql_connections
    read = [each for each in found if each.tls is not None and each.tls.decrypted]
    return sum(each.outcome == "rejected" or "quit" in each.commands for each in read)
