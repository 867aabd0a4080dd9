"""A rotated set: what samples hold, between many hosts and at one time, cut into files wherever a file is full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.capture import open_capture
from tests.corpus import REPOSITORY
from tests.wire.files import pcap, secrets
from tests.wire.files import pcapng as pcapng_of
from tests.wire.frames import FIN, Frame
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import ACCEPTED, GOODBYE, START, Say, Step, conversation

SAMPLES = REPOSITORY / "samples"
MS = 1_000_000
# How far apart connections of samples begin.
APART = 40 * MS
IPV4 = b"\x08\x00"
ETHERNET = 1
# Bytes before the IP header, by link type: raw IP, Linux cooked v1 and v2.
HEADERS = {101: 0, 113: 16, 276: 20}


def sample_names() -> list[Path]:
    """Samples of every kind, one after the other: native, TLS with its keys inside, compressed, refused, broken off."""
    return sorted(path for path in SAMPLES.iterdir() if ".pcap" in path.name and "bulk" not in path.name)


def frames_of(path: Path, host: int, start_ns: int) -> tuple[list[Frame], list[bytes]]:
    """(the frames of a sample between hosts of its own, its TLS secrets)."""
    frames: list[Frame] = []
    with open_capture(str(path)) as source:
        for batch in source:
            view = memoryview(batch.data)
            for offset, captured, time, link in zip(
                batch.offset.tolist(),
                batch.captured.tolist(),
                batch.timestamp_ns.tolist(),
                batch.link_type.tolist(),
                strict=True,
            ):
                frames.append(Frame(bytes(view[offset : offset + captured]), link, 0, time))
        keys = list(source.secrets)
    first = min(frame.timestamp_ns for frame in frames)
    moved = [
        frame._replace(
            data=moved_to(frame, host), link_type=ETHERNET, timestamp_ns=frame.timestamp_ns - first + start_ns
        )
        for frame in frames
    ]
    return moved, keys


def moved_to(frame: Frame, host: int) -> bytes:
    """A frame as one of Ethernet, with addresses of a net of its own: 127.a.b.c becomes 10.host.b.c."""
    data = frame.data
    if frame.link_type != ETHERNET:
        at = HEADERS[frame.link_type]
        kind = IPV4 if data[at] >> 4 == 4 else b"\x86\xdd"
        data = bytes(12) + kind + data[at:]
    if data[12:14] != IPV4:
        return data
    net = bytes((10, host % 256))
    return data[:26] + net + data[28:30] + net + data[32:]


def busy(client: int, start_ns: int) -> list[Frame]:
    """What one client does at one server: it is refused, breaks off, and logs in, so that one rests on the other."""
    frames: list[Frame] = []
    kinds: list[list[Step]] = [
        [("s", greeting()), Say("c", flags=FIN), Say("s", flags=FIN), Say("c")],
        [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied for user 'app'", "28000"))],
        [*ACCEPTED, ("c", query("SELECT 1")), ("c", query("SELECT 2")), *GOODBYE],
    ]
    for at in range(9):
        frames += conversation(
            kinds[at % 3],
            client=(f"192.0.2.{client}", 40000 + at),
            server=("198.51.100.7", 3306),
            start_ns=start_ns + at * 30 * MS,
            numbers=(1000 * client + at, 5_000_000 + 1000 * client + at),
        )
    return frames


def translated(start_ns: int) -> list[Frame]:
    """A connection that is seen twice: before and after its addresses are translated."""
    script: list[Step] = [*ACCEPTED, ("c", query("SELECT 3")), *GOODBYE]
    before = conversation(script, client=("172.16.0.1", 41000), server=("172.16.0.2", 3306), start_ns=start_ns)
    after = conversation(script, client=("172.17.9.9", 42000), server=("172.18.8.8", 3306), start_ns=start_ns + 1000)
    return [*before, *after]


def rotated_set(folder: Path, files: int = 40, *, overlapping: bool = False) -> list[str]:
    """Writes the set, each connection over several files; returns their names in order.

    TLS secrets stand in the last file alone. `overlapping`: files of two taps, each with every other frame.
    """
    frames: list[Frame] = []
    keys: list[bytes] = []
    for host, path in enumerate(sample_names()):
        found, secret = frames_of(path, host, START + host * APART)
        frames += found
        keys += secret
    for client in range(1, 9):
        frames += busy(client, START + client * 100 * MS)
    frames += translated(START + 300 * MS)
    frames.sort(key=lambda frame: frame.timestamp_ns)
    taps = [frames[::2], frames[1::2]] if overlapping else [frames]
    names: list[str] = []
    for tap, held in enumerate(taps):
        names += _written(folder, f"tap{tap}", held, files // len(taps))
    last = pcapng_of(taps[-1][-3:])
    Path(names[-1]).write_bytes(Path(names[-1]).read_bytes() if not keys else last + b"".join(map(secrets, keys)))
    return names


def _written(folder: Path, prefix: str, frames: Sequence[Frame], files: int) -> list[str]:
    """Files with about the same number of frames; the last has three, which `rotated_set` writes anew."""
    body, names = frames[:-3], []
    step = -(-len(body) // (files - 1))
    for at in range(files - 1):
        name = folder / f"{prefix}-{at:03}.pcap"
        name.write_bytes(pcap(body[at * step : (at + 1) * step]))
        names.append(str(name))
    name = folder / f"{prefix}-{files - 1:03}.pcap"
    name.write_bytes(pcap(frames[-3:]))
    return [*names, str(name)]


def one_pair(folder: Path) -> list[str]:
    """Two files of one client and one server alone: more than a share of it."""
    frames = [
        frame
        for at in range(60)
        for frame in conversation(
            [*ACCEPTED, ("c", query(f"SELECT {at}")), *GOODBYE],
            client=("192.0.2.1", 40000 + at),
            server=("198.51.100.7", 3306),
            start_ns=START + at * 5 * MS,
            numbers=(1000 + at, 70_000 + at),
        )
    ]
    frames.sort(key=lambda frame: frame.timestamp_ns)
    names = []
    for at, part in enumerate((frames[: len(frames) // 2], frames[len(frames) // 2 :])):
        name = folder / f"pair-{at}.pcap"
        name.write_bytes(pcap(part))
        names.append(str(name))
    return names
