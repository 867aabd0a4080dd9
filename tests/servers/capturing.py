"""tcpdump on the loopback interface, for captures that nobody here writes."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

# Only ends a hang; what is missing then, the comparison says.
SECONDS: Final = 30.0
FIN, RST = 0x01, 0x04
_COUNTS: Final = re.compile(r"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped")

End = tuple[bytes, int]


@contextmanager
def tcpdump(
    target: Path, host: str | None, *ports: int, cannot: type[Exception], lossy: type[Exception]
) -> Iterator[None]:
    """Captures the ports (of one address, or of all) while the body runs, and until what the body has closed has ended.

    The file has every frame of the connections that a client ended in the body, up to the server's own end.
    Raises `cannot` where it may not capture, `lossy` where it dropped frames.
    """
    # Ahead of what it listens to, in a ring of 4,000 frames of any length: who is too late loses some.
    words = ["nice", "-n", "-10"] if os.geteuid() == 0 else []
    words += ["tcpdump", "--immediate-mode", "-U", "-n", "-i", "lo", "-B", "262144", "-Z", "root", "-w", str(target)]
    chosen = " or ".join(f"tcp port {port}" for port in ports)
    words.append(chosen if host is None else f"host {host} and ({chosen})")
    try:
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        raise cannot("tcpdump is not installed") from error
    with process:
        assert process.stderr
        said = process.stderr.readline()
        while "listening on" not in said:
            more = process.stderr.readline()
            if not more:
                raise cannot(f"tcpdump can not capture on the loopback interface ({said.strip()}): run as root")
            said = more
        try:
            yield
            _settle(process, process.stderr, target, ports)
        finally:
            process.send_signal(signal.SIGINT)
            summary = process.stderr.read()
    dropped = re.search(r"(\d+) packets? dropped by kernel", summary)
    if not dropped or dropped[1] != "0":
        raise lossy(f"tcpdump dropped frames: {summary.strip()}")


def _settle(process: subprocess.Popen[str], errors: IO[str], target: Path, ports: Collection[int]) -> None:
    """Waits until all the kernel has is in the file, and every server has ended what its client has ended."""
    until = time.monotonic() + SECONDS
    while (not _drained(process, errors) or half_closed(target.read_bytes(), ports)) and time.monotonic() < until:
        time.sleep(0.02)


def _drained(process: subprocess.Popen[str], errors: IO[str]) -> bool:
    """Whether tcpdump has written all that the kernel gave to it: it says so when asked (SIGUSR1)."""
    process.send_signal(signal.SIGUSR1)
    while line := errors.readline():
        if found := _COUNTS.search(line):
            captured, received, _ = map(int, found.groups())
            # The kernel counts what goes over loopback twice, out and in; tcpdump takes what comes in.
            return 2 * captured >= received
    return True  # it has ended: what it says of that is read next


def half_closed(capture: bytes, listened: Collection[int]) -> set[tuple[End, End]]:
    """Connections, as (client, server), that the client has ended and the server not, of an Ethernet pcap file."""
    left: dict[tuple[End, End], set[str]] = {}
    order = "<" if capture[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    place = 24
    while place + 16 <= len(capture):
        size = struct.unpack_from(order + "I", capture, place + 8)[0]
        frame = capture[place + 16 : place + 16 + size]
        place += 16 + size
        if len(frame) < size:
            break
        family = frame[12:14]
        if family == b"\x08\x00":
            tcp = 14 + (frame[14] & 15) * 4
            source, target = frame[26:30], frame[30:34]
        elif family == b"\x86\xdd":
            tcp = 54
            source, target = frame[22:38], frame[38:54]
        else:
            continue
        ports = struct.unpack_from("!HH", frame, tcp)
        flags = frame[tcp + 13]
        one, other = (source, ports[0]), (target, ports[1])
        by_server = ports[0] in listened
        pair = (other, one) if by_server else (one, other)
        if flags & RST:
            left[pair] = {"client", "server"}
        elif flags & FIN:
            left.setdefault(pair, set()).add("server" if by_server else "client")
        elif flags & 0x02 and not by_server:
            left.pop(pair, None)  # the same port, a new connection
    return {pair for pair, sides in left.items() if sides == {"client"}}
