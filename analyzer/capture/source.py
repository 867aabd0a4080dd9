"""Opens one source: finds out what it is, and hands out its frames in batches."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

from analyzer.batches import FrameBatch
from analyzer.capture.compression import CompressedInput, compression_of
from analyzer.capture.inputs import ByteInput, Chunks, RawInput
from analyzer.capture.pcap import FILE_HEADER, PcapReader, is_pcap
from analyzer.capture.pcapng import PcapngReader
from analyzer.capture.pcapng_blocks import LEAST, MAX_BLOCK, SECTION_HEADER, section_order
from analyzer.capture.secrets import key_logs
from analyzer.capture.state import CaptureWarning, ReadState
from analyzer.errors import CaptureError

STDIN = "-"
BATCH_BYTES = 2 << 20  # with its columns it fits the caches of a processor, and memory is used again
# A compressed file up to this size is decompressed once more to look for TLS keys at its end.
AHEAD_COMPRESSED = 64 << 20

# Other things people give by mistake, by their first bytes.
_KNOWN = {
    b"\xfd7zXZ\x00": "xz-compressed, decompress it first",
    b"BZh": "bzip2-compressed, decompress it first",
    b"\x02\x21\x4c\x18": "lz4-compressed in the legacy format, decompress it first",
    b"PK\x03\x04": "a zip archive, unpack it first",
    b"snoop\x00": "a snoop capture, convert it to pcapng first",
    b"\xfebin": "a MySQL binary log, not a capture",
}


class CaptureSource(ABC):
    """An iterator of FrameBatch and a context manager.

    name      as given
    format    what it is, in words
    warnings  what was wrong so far; grows while reading
    secrets   payloads of TLS key log blocks, in the order met; a block's is there when the next batch is
    frames    number of the last frame so far, frames that were left out with a warning included
    """

    name: str
    format: str

    def __init__(self, state: ReadState) -> None:
        self.state = state
        self.name = state.name
        self._batches = self._read()

    @property
    def warnings(self) -> list[CaptureWarning]:
        return self.state.warnings

    @property
    def secrets(self) -> list[bytes]:
        return self.state.secrets

    @property
    def frames(self) -> int:
        return self.state.frames

    @property
    def cut_short(self) -> bool:
        """Whether reading ended before the end of the capture: it is cut or damaged; the last warning says where."""
        return self.state.cut_short

    def secrets_ahead(self) -> list[bytes]:
        """Payloads of all TLS key log blocks of regular files, those that reading has not come to included.

        Costs a pass over the files' block headers; compressed files up to `AHEAD_COMPRESSED` bytes are decompressed for
        it, longer ones and all else give nothing.
        """
        return []

    @abstractmethod
    def progress(self) -> tuple[int, int | None]:
        """Bytes of the files read from disk so far (compressed ones as they are), and in all; None if not known."""

    @abstractmethod
    def _read(self) -> Iterator[FrameBatch]: ...

    @abstractmethod
    def close(self) -> None:
        """Give the files back; iteration ends."""

    def __iter__(self) -> Iterator[FrameBatch]:
        return self

    def __next__(self) -> FrameBatch:
        return next(self._batches)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FileSource(CaptureSource):
    """One file, pipe or file object. Made by `open_capture` and `open_stream`."""

    def __init__(self, file: BinaryIO, name: str, batch_bytes: int, owned: bool, size: int | None = None) -> None:
        self._file = file
        self._owned = owned
        self._raw = RawInput(file, size)
        state = ReadState(name)
        self.format, self._reader = _reader(self._raw, state, batch_bytes)
        super().__init__(state)

    def progress(self) -> tuple[int, int | None]:
        return self._raw.consumed, self._raw.size

    def secrets_ahead(self) -> list[bytes]:
        return secrets_of(self.name) if self._owned else []

    def _read(self) -> Iterator[FrameBatch]:
        yield from self._reader.batches()

    def close(self) -> None:
        self._batches = iter(())
        if self._owned:
            self._file.close()


def _hex(head: bytes) -> str:
    return head[:8].hex(" ")


def _reader(raw: RawInput, state: ReadState, batch_bytes: int) -> tuple[str, PcapReader | PcapngReader]:
    """The reader of the source's format, and its name; raises CaptureError if it is no capture."""
    name = state.name
    # Eight bytes are enough for every magic number.
    head = Chunks(raw, b"", 8)
    head.require(8)
    first = bytes(head.view[: head.used])
    if raw.problem is not None:
        raise CaptureError(name, raw.problem)
    if not first:
        raise CaptureError(name, "empty, a pcap or pcapng capture was expected")
    kind = compression_of(first)
    words, source = "", first
    inputs: ByteInput = raw
    if kind is not None:
        words, source = f", {kind}-compressed", b""
        inputs = CompressedInput(raw, first, kind)
    chunks = Chunks(inputs, source, batch_bytes)
    chunks.require(12)
    first = bytes(chunks.view[: min(chunks.used, 12)])
    inside = f" inside {kind}" if kind else ""
    trouble = f" ({chunks.problem})" if chunks.problem else ""

    if is_pcap(first):
        if not chunks.require(FILE_HEADER):
            message = f"the file header of pcap is cut short: {chunks.used} bytes of {FILE_HEADER} are there"
            raise CaptureError(name, message + trouble, chunks.used)
        pcap = PcapReader(chunks, state)
        return pcap.format + words, pcap
    if first[:4] == SECTION_HEADER.to_bytes(4, "big"):
        order = section_order(memoryview(first)) if len(first) == 12 else "<"
        if order is None:
            raise CaptureError(name, f"pcapng's byte-order magic was expected, {first[8:].hex(' ')} is there", 8)
        length = int.from_bytes(first[4:8], "little" if order == "<" else "big")
        if len(first) == 12 and not LEAST[SECTION_HEADER] <= length <= MAX_BLOCK:
            raise CaptureError(name, f"pcapng's section header claims {length} bytes", 4)
        if not chunks.require(max(length, LEAST[SECTION_HEADER])):
            message = f"the section header of pcapng is cut short: {chunks.used} bytes are there"
            raise CaptureError(name, message + trouble, chunks.used)
        pcapng = PcapngReader(chunks, state)
        return pcapng.format + words, pcapng
    if not first:
        raise CaptureError(name, f"nothing{inside}, a pcap or pcapng capture was expected{trouble}")
    known = next((text for magic, text in _KNOWN.items() if first.startswith(magic)), "neither pcap nor pcapng")
    raise CaptureError(name, f"{known}: begins{inside} with {_hex(first)}{trouble}", 0)


def open_capture(name: str, *, batch_bytes: int = BATCH_BYTES) -> CaptureSource:
    """Open a file, FIFO, URL or standard input ("-") by name; compression is recognised by content.

    A batch holds about `batch_bytes` bytes of the (decompressed) source; from a pipe it holds what is there already.
    Raises CaptureError if it can not be opened or is no capture.
    """
    size: int | None = None
    try:
        if name == STDIN:
            file: BinaryIO = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
        elif "://" in name and not os.path.exists(name):
            from analyzer.capture.places import open_url

            file, size = open_url(name)
        else:
            file = open(name, "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise CaptureError(name, (error.strerror or str(error)).lower()) from error
    except ValueError as error:
        raise CaptureError(name, f"not a file name: {error}") from error
    try:
        return FileSource(file, name, batch_bytes, owned=True, size=size)
    except CaptureError:
        file.close()
        raise


def open_stream(fileobj: BinaryIO, name: str, *, batch_bytes: int = BATCH_BYTES) -> CaptureSource:
    """The same for a binary file object, which stays open when the source is closed."""
    return FileSource(fileobj, name, batch_bytes, owned=False)


def secrets_of(name: str) -> list[bytes]:
    """The TLS key logs inside a file, wherever they stand; none of anything but a regular pcapng file.

    What is wrong with the file is for its reader to say.
    """
    size = regular_size(name)
    if size is None:
        return []
    try:
        with open(name, "rb", buffering=0) as file:
            head = file.read(8)
            if head[:4] == SECTION_HEADER.to_bytes(4, "big"):
                return list(key_logs(file))
        if compression_of(head) is None or size > AHEAD_COMPRESSED:
            return []
        with open_capture(name) as source:
            if source.format.startswith("pcapng"):
                for _ in source:
                    pass
            return source.secrets
    except (OSError, CaptureError):
        return []


def regular_size(name: str) -> int | None:
    """Bytes of the regular file `name`; None if it is something else, or not there."""
    if name == STDIN:
        return None
    try:
        return os.path.getsize(name) if os.path.isfile(name) else None
    except (OSError, ValueError):
        return None


def is_pipe(name: str) -> bool:
    """Whether a source is a pipe or the like, from which a capture may come while it is made."""
    try:
        mode = (os.fstat(0) if name == STDIN else os.stat(name)).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
