"""What opens TLS, for who reads files: the analysis's door to analyzer.tls."""

from __future__ import annotations

import errno
import os
import select
import stat
from typing import TYPE_CHECKING, Final

from analyzer.tls.keylog import KeyLog

if TYPE_CHECKING:
    from analyzer.tls.session import RSAPrivateKey

__all__ = ["MOST_PASSWORD_BYTES", "KeyLog", "KeyLogFile", "count_secrets", "load_rsa_key", "read_secrets"]

# Bytes of a key log that are read at once, and in one poll: the rest waits for the next.
PIECE: Final = 1 << 20
MOST_PIECES: Final = 64
# Bytes of a file of keys, or of a password: more is a mistake (/dev/zero, a capture).
MOST_KEY_BYTES: Final = 256 << 20
MOST_PASSWORD_BYTES: Final = 1 << 20
# A pipe to which nobody writes is not waited for any longer.
PIPE_SECONDS: Final = 5.0


def load_rsa_key(pem: bytes) -> RSAPrivateKey:
    """A server's private key, in PEM, for the RSA key exchange. Raises KeyFileError."""
    from analyzer.tls import keys

    return keys.load_rsa_key(pem)


def count_secrets(content: bytes) -> int:
    """How many TLS secrets a file in NSS key log format holds; 0 for anything else."""
    keys = KeyLog()
    keys.add(content, final=True)
    return len(keys)


def read_secrets(path: str | os.PathLike[str], most: int = MOST_KEY_BYTES) -> bytes:
    """The whole content of a file of keys or of a password; of a pipe what is written to it until it is closed.

    Raises OSError, also for a pipe to which nobody writes, and for what has no end.
    """
    name = os.fspath(path)
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb", buffering=0) as file:
        regular = stat.S_ISREG(os.fstat(number).st_mode)
        poll = select.poll()
        poll.register(number, select.POLLIN)
        content = bytearray()
        while len(content) <= most:
            if not regular and not poll.poll(PIPE_SECONDS * 1000):
                raise OSError(errno.ETIMEDOUT, "nobody writes to this pipe", name)
            piece = file.read(PIECE)
            if piece == b"":
                return bytes(content)
            content += piece or b""
    raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB, and no file of keys or of a password", name)


class KeyLogFile:
    """A key log file that may still be written, or not be there yet: `poll` takes what has been added to it.

    One that has become shorter, or is another file by the same name, is read from its start.
    """

    __slots__ = ("_identity", "_position", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._identity: tuple[int, int] | None = None
        self._position = 0

    def poll(self, keys: KeyLog) -> bool:
        """Adds what is new to `keys`; returns whether they have grown by it. Costs a stat where nothing is new.

        A file that can not be read (yet) has nothing new.
        """
        try:
            status = os.stat(self.path)
            if not stat.S_ISREG(status.st_mode):
                return False  # to open a pipe is to wait for its writer
            identity = (status.st_dev, status.st_ino)
            if identity == self._identity and status.st_size == self._position:
                return False
            if identity != self._identity or status.st_size < self._position:
                self._position = 0
            self._identity = identity
            return self._read(keys)
        except OSError:
            return False

    def _read(self, keys: KeyLog) -> bool:
        before = keys.generation
        if not self._position:
            # The rest of a line of what was there before belongs to nothing.
            keys.add(b"\n", final=True, source=self.path)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self._position)
            for _ in range(MOST_PIECES):
                piece = file.read(PIECE)
                if not piece:
                    break
                self._position += len(piece)
                keys.add(piece, source=self.path)
        return keys.generation != before
