"""What a reader tells beside its frames: how far it is, what was wrong, which decryption secrets it met."""

from __future__ import annotations

import msgspec

# A hostile file can earn a warning with every block: memory stays bounded, and nobody reads the hundredth.
MAX_WARNINGS = 100
# All decryption secrets of one capture together; a key log line is under 200 bytes.
MAX_SECRET_BYTES = 64 << 20


class CaptureWarning(msgspec.Struct, frozen=True):
    """Something wrong in a source that can be read all the same.

    source   file name as given
    offset   byte offset in the (decompressed) source, None where there is none to name
    frame    number of the frame concerned, counted in its own file; None where no frame is
    message  what was found and what was done about it
    """

    source: str
    offset: int | None
    frame: int | None
    message: str

    def __str__(self) -> str:
        where = [self.source]
        if self.frame is not None:
            where.append(f"frame {self.frame}")
        if self.offset is not None:
            where.append(f"offset {self.offset}")
        return f"{', '.join(where)}: {self.message}"


class ReadState(msgspec.Struct):
    """Shared by a source and the reader of its format; the reader writes it before it yields a batch."""

    name: str
    warnings: list[CaptureWarning] = []
    secrets: list[bytes] = []
    frames: int = 0
    cut_short: bool = False
    secret_bytes: int = 0

    def warn(self, message: str, offset: int | None = None, frame: int | None = None) -> None:
        """Note something that does not end the reading."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(CaptureWarning(self.name, offset, frame, message))
        elif len(self.warnings) == MAX_WARNINGS:
            self.warnings.append(CaptureWarning(self.name, None, None, "further warnings are left out"))

    def stop(self, message: str, offset: int | None = None, frame: int | None = None) -> None:
        """Note what ended the reading before the end of the capture; never left out."""
        self.cut_short = True
        self.warnings.append(CaptureWarning(self.name, offset, frame, message))

    def tell(self, message: str) -> None:
        """Note what the source says of itself as a whole; never left out."""
        self.warnings.append(CaptureWarning(self.name, None, None, message))

    def add_secret(self, payload: bytes) -> None:
        """Hand on the payload of a decryption secrets block, unless all of them are beyond reason together."""
        self.secret_bytes += len(payload)
        if self.secret_bytes > MAX_SECRET_BYTES:
            self.warn(f"decryption secrets over {MAX_SECRET_BYTES} bytes in total: left out")
            return
        self.secrets.append(payload)
