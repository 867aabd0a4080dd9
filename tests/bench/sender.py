"""Sends a capture's frames on an interface, at a given rate: `python -m tests.bench.sender FILE.pcap INTERFACE`.

The frames stay in memory, and are sent with sendmmsg(2). Each round changes the second byte of the clients' addresses
(10.x), so that every round has connections of its own. Prints one JSON object: frames sent, seconds.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import socket
import sys
import time
from pathlib import Path

import numpy as np

from analyzer.batches import I64, U8
from analyzer.capture import open_capture

AT_ONCE = 128
SOL_PACKET = 263
PACKET_QDISC_BYPASS = 20
# Offsets in an Ethernet frame with IPv4.
SOURCE, DESTINATION = 26, 30


class Load:
    """Frames of a capture, ready to be sent."""

    def __init__(self, path: Path) -> None:
        parts: list[bytes] = []
        lengths: list[I64] = []
        with open_capture(str(path)) as source:
            for batch in source:
                view = memoryview(batch.data)
                places = zip(batch.offset.tolist(), batch.captured.tolist(), strict=True)
                parts.append(b"".join([bytes(view[at : at + size]) for at, size in places]))
                lengths.append(batch.captured)
        self.octets: U8 = np.frombuffer(bytearray(b"".join(parts)), dtype=np.uint8)
        length = np.concatenate(lengths)
        start = np.cumsum(length) - length
        # The client's address is the one that begins with 10.
        sent = self.octets[start + SOURCE] == 10
        self._second: I64 = start + np.where(sent, SOURCE, DESTINATION) + 1
        self._first_second: U8 = self.octets[self._second].copy()
        self.count = len(length)
        base = self.octets.ctypes.data
        # struct iovec, and struct mmsghdr with one iovec each (x86-64 and others with 8-byte pointers).
        self._vectors = np.stack([start + base, length], axis=1).astype(np.uint64)
        self._messages = np.zeros((self.count, 8), dtype=np.uint64)
        self._messages[:, 2] = self._vectors.ctypes.data + 16 * np.arange(self.count, dtype=np.uint64)
        self._messages[:, 3] = 1

    def round(self, number: int) -> None:
        """New client addresses."""
        self.octets[self._second] = self._first_second + np.uint8(number)

    def send(self, sock: socket.socket, first: int, count: int) -> int:
        """Sends frames; returns how many were taken."""
        libc = ctypes.CDLL(None, use_errno=True)
        done = libc.sendmmsg(
            sock.fileno(), ctypes.c_void_p(self._messages.ctypes.data + 64 * first), ctypes.c_uint(count), 0
        )
        if done < 0:
            code = ctypes.get_errno()
            if code in (105, 11):  # ENOBUFS, EAGAIN: the interface is full
                return 0
            raise OSError(code, "sendmmsg")
        return int(done)


def run(load: Load, interface: str, rate: float, frames: int, number: int = 0) -> tuple[int, float]:
    """Sends `frames` frames at `rate` a second (0: as fast as it goes); (frames sent, seconds)."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, 0))
        sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        sent = place = 0
        load.round(number)
        begun = time.perf_counter()
        while sent < frames:
            due = frames if not rate else int((time.perf_counter() - begun) * rate)
            many = min(due - sent, AT_ONCE, load.count - place, frames - sent)
            if many <= 0:
                time.sleep(0.0005)
                continue
            done = load.send(sock, place, many)
            sent += done
            place += done
            if place == load.count:
                place = 0
                number += 1
                load.round(number)
        return sent, time.perf_counter() - begun


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("capture", type=Path)
    arguments.add_argument("interface")
    arguments.add_argument("--rate", type=float, default=0.0, help="frames a second (default: as fast as it goes)")
    arguments.add_argument("--frames", type=int, help="how many (default: those of the capture, once)")
    arguments.add_argument("--round", type=int, default=0, help="number of the first round (default: 0)")
    chosen = arguments.parse_args()
    load = Load(chosen.capture)
    sent, seconds = run(load, chosen.interface, chosen.rate, chosen.frames or load.count, chosen.round)
    print(json.dumps({"sent": sent, "seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
