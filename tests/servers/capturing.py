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
# When no frame came for so long, none is left that tcpdump would take; and a server that has not ended a connection so
# long after its client waits for something to send, as one does that sends its binary log.
DRAINED: Final = 1.0
NO_END: Final = 5.0
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
    begun = changed = now = time.monotonic()
    seen, before = -1, (0, 0)
    left: dict[tuple[End, End], float] = {}  # since when
    while now - begun < SECONDS:
        counts = _counts(process, errors)
        if counts is None:
            return  # it has ended: what it says of that is read next
        now = time.monotonic()
        if counts != before:
            before, changed = counts, now
        # The kernel counts what goes over loopback twice, out and in; tcpdump takes what comes in. Some that came
        # while it began are counted, and are none of its. Others may use the port meanwhile.
        seen = counts[1] if seen < 0 else seen
        if 2 * counts[0] >= seen or now - changed > DRAINED:
            left = {pair: left.get(pair, now) for pair in half_closed(target.read_bytes(), ports)}
            if all(now - since > NO_END for since in left.values()):
                return
        time.sleep(0.02)


def _counts(process: subprocess.Popen[str], errors: IO[str]) -> tuple[int, int] | None:
    """How many frames tcpdump has written, and the kernel has seen: it says so when asked (SIGUSR1)."""
    process.send_signal(signal.SIGUSR1)
    while line := errors.readline():
        if found := _COUNTS.search(line):
            return int(found[1]), int(found[2])
    return None


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
