"""The capture that is written: its interfaces are those of the sources, and frames carry what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

from analyzer.capture import PcapngWriter

ETHERNET: Final = 1


class SharedCapture:
    """Writes pcapng. The section's head is written with the first frame, whose interface comes first.

    comment  of the whole section
    keylog   TLS secrets, in front of all frames; empty for none

    `interfaces` are those that were described, and their numbers.
    """

    def __init__(self, file: BinaryIO, comment: str, keylog: bytes = b"") -> None:
        self._file = file
        self._comment = comment
        self._keylog = keylog
        self._writer: PcapngWriter | None = None
        self.interfaces: dict[tuple[str, int, int], int] = {}
        self.frames = 0

    def write(
        self,
        frame: bytes,
        time_ns: int,
        original: int | None,
        interface: tuple[str, int, int],
        comments: Sequence[str] = (),
    ) -> None:
        """A frame. `interface` is its name, link type and number in its own file."""
        number = self.interface(interface)
        if self._writer is not None:
            self._writer.write(frame, max(time_ns, 0), original, interface=number, comments=comments)
            self.frames += 1

    def blocks(self, data: memoryview, frames: int) -> None:
        """Blocks of frames that somebody else made."""
        if self._writer is not None:
            self._writer.blocks(data)
            self.frames += frames

    def interface(self, interface: tuple[str, int, int]) -> int:
        """The number that an interface is written under; it is described when it is asked for first."""
        known = self.interfaces.get(interface)
        if known is not None:
            return known
        name, link_type, index = interface
        label = f"{name} ({index})" if index else name
        if self._writer is None:
            self._begin(link_type, label)
            number = 0
        else:
            number = self._writer.interface(link_type, label)
        self.interfaces[interface] = number
        return number

    def _begin(self, link_type: int, label: str | None) -> PcapngWriter:
        self._writer = PcapngWriter(self._file, link_type=link_type, name=label, comment=self._comment)
        if self._keylog:
            self._writer.secrets(self._keylog)
        return self._writer

    def finish(self) -> None:
        """A capture without frames is a capture all the same."""
        if self._writer is None:
            self._begin(ETHERNET, None)
