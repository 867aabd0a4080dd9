"""Where frames go in the tests of `live`: a veth pair with its far end in a namespace, or the loopback interface."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec


class Network(msgspec.Struct, frozen=True):
    """An interface that is captured, and how a program speaks to it from the other side.

    near     the interface's name, on the side of the test
    address  its address
    far      the name of the interface on the other side
    inside   words in front of a command that make it run on the other side; none on loopback
    """

    near: str
    address: str
    far: str
    inside: list[str]

    @property
    def is_pair(self) -> bool:
        return bool(self.inside)


LOOPBACK = Network("lo", "127.0.0.1", "lo", [])


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def network(number: int = 0) -> Iterator[Network]:
    """A veth pair of its own where the system allows it, else loopback."""
    # Interface names have 15 characters at most.
    tag = f"{os.getpid() % 100000}x{number}"
    space, near, far = f"hs{tag}", f"hsn{tag}", f"hsf{tag}"
    # Four addresses for each pair: no two tests that run at the same time have the same.
    place = (os.getpid() * 8 + number) % 0x4000 * 4
    mine, other = (f"10.251.{place >> 8}.{(place & 255) + which}" for which in (1, 2))
    if shutil.which("ip") is None or os.geteuid() != 0:
        yield LOOPBACK
        return
    try:
        _ip("netns", "add", space)
    except subprocess.CalledProcessError:
        yield LOOPBACK
        return
    try:
        try:
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
            _ip("addr", "add", f"{mine}/30", "dev", near)
            _ip("link", "set", near, "up")
            _ip("-n", space, "addr", "add", f"{other}/30", "dev", far)
            _ip("-n", space, "link", "set", far, "up")
        except subprocess.CalledProcessError:
            yield LOOPBACK
            return
        yield Network(near, mine, far, ["ip", "netns", "exec", space])
    finally:
        # The pair goes with its namespace.
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", near], check=False, capture_output=True)
