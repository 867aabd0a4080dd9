"""What opens TLS, for who reads files: the analysis's door to analyzer.tls."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from analyzer.tls.keylog import KeyLog

if TYPE_CHECKING:
    from analyzer.tls.session import RSAPrivateKey

__all__ = ["KeyLog", "KeyLogFile", "count_secrets", "load_rsa_key"]

# Bytes of a key log that are read at once, and in one poll: the rest waits for the next.
PIECE: Final = 1 << 20
MOST_PIECES: Final = 64


def load_rsa_key(pem: bytes) -> RSAPrivateKey:
    """A server's private key, in PEM, for the RSA key exchange. Raises KeyFileError."""
    from analyzer.tls import keys

    return keys.load_rsa_key(pem)


def count_secrets(content: bytes) -> int:
    """How many TLS secrets a file in NSS key log format holds; 0 for anything else."""
    keys = KeyLog()
    keys.add(content, final=True)
    return len(keys)


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
