"""Where captures are: files, folders, patterns, and URLs of whatever fsspec has a package for.

fsspec (https://filesystem-spec.readthedocs.io) knows s3, gs, az, http, sftp and more, each by a package of its own.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from typing import Any, BinaryIO, Final, NamedTuple, cast

from analyzer.errors import CaptureError

STDIN: Final = "-"
# Names that a folder's captures end with; compressed ones have one more ending.
ENDINGS: Final = (".pcap", ".pcapng", ".cap", ".dmp")
COMPRESSED: Final = (".gz", ".zst", ".zstd", ".lz4")
# Bytes of head and tail that tell whether a file is the one that was read before.
ENDS: Final = 64 << 10
# Bytes that are fetched at once.
BLOCK: Final = 4 << 20

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PATTERN: Final = re.compile(r"[*?\[]")
# A rotated file's name goes on behind the ending: ring.pcap0001.
_NUMBERED: Final = re.compile(r"\.(?:pcap|pcapng|cap|dmp)\d+$")
# What users install for a protocol.
_PACKAGES: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
}


class FileIdentity(NamedTuple):
    """What tells whether a file is as it was: its full name, bytes, time of change (0: not known), hash of its ends."""

    name: str
    bytes: int
    modified_ns: int
    digest: str


def is_url(name: str) -> bool:
    """Whether a name is a URL, and no path."""
    return _URL.match(name) is not None


def filesystem(url: str) -> tuple[Any, str]:
    """(fsspec's file system, the path in it) of a URL. Raises CaptureError where a package is missing for it."""
    protocol = url.partition("://")[0].lower()
    try:
        import fsspec
    except ImportError:
        raise CaptureError(url, "URLs need fsspec: pip install 'handshark[cluster]'") from None
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError:
        package = _PACKAGES.get(protocol)
        what = f"pip install {package}" if package else "see fsspec's documentation for its package"
        raise CaptureError(url, f"{protocol}:// needs one more package: {what}") from None
    except ValueError as error:
        raise CaptureError(url, f"nothing is known of {protocol}:// ({error})") from None
    return system, path


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Makes what goes wrong with a URL a CaptureError: whatever its package raises says why."""
    try:
        yield
    except (CaptureError, KeyboardInterrupt):
        raise
    except FileNotFoundError:
        raise CaptureError(name, "no such file or directory") from None
    except PermissionError as error:
        raise CaptureError(name, f"permission denied ({error})") from None
    except Exception as error:  # noqa: BLE001 - each package has exceptions of its own
        raise CaptureError(name, f"{type(error).__name__}: {error}") from None


class UrlFile(RawIOBase):
    """The bytes of a URL as a stream; what goes wrong while they are read is an OSError, whatever package it is of."""

    def __init__(self, url: str, file: Any) -> None:
        self._url = url
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        try:
            data = self._file.read(len(target))
        except Exception as error:
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}", self._url) from error
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_url(url: str) -> tuple[BinaryIO, int | None]:
    """(a stream of the bytes of a URL, how many they are; None where nobody knows). Raises CaptureError."""
    system, path = filesystem(url)
    with telling(url):
        size = system.info(path).get("size")
        if url.partition("://")[0].lower() in ("http", "https"):
            file = system.open(path, "rb", block_size=0)  # one request, read as it comes
        else:
            file = system.open(path, "rb", block_size=BLOCK, cache_type="readahead")
        return cast(BinaryIO, UrlFile(url, file)), size if isinstance(size, int) else None


def size_of_url(url: str) -> int | None:
    """Bytes of a URL; None where nobody knows, or it can not be read: opening it says why."""
    try:
        system, path = filesystem(url)
        with telling(url):
            size = system.info(path).get("size")
    except CaptureError:
        return None
    return size if isinstance(size, int) else None


def expanded(names: Iterable[str], failed: Callable[[CaptureError], None]) -> list[str]:
    """Names of captures: folders and patterns become what is in them, in the order of their names.

    A folder is looked through as a whole; of it only what is named as a capture is taken. `failed` is told of a folder
    that holds none, a pattern that matches nothing, and of what can not be looked at: it is left out.
    """
    found: dict[str, None] = {}
    for name in names:
        try:
            found.update(dict.fromkeys(_expanded(name)))
        except CaptureError as error:
            failed(error)
    return list(found)


def _expanded(name: str) -> list[str]:
    if name == STDIN:
        return [name]
    if is_url(name):
        return _expanded_url(name)
    if os.path.isdir(name):
        inside = [os.path.join(folder, one) for folder, _, files in os.walk(name) for one in files]
        return _captures_of(name, inside)
    if os.path.exists(name) or not _PATTERN.search(name):
        return [name]
    matching = sorted(glob.glob(name, recursive=True))
    if not matching:
        raise CaptureError(name, "no file matches")
    return [one for match in matching for one in (_expanded(match) if os.path.isdir(match) else [match])]


def _expanded_url(url: str) -> list[str]:
    """A pattern or folder of a file system; http has patterns and folders only where a page lists links."""
    protocol = url.partition("://")[0].lower()
    web = protocol in ("http", "https")
    if not _PATTERN.search(url) and not url.endswith("/") and web:
        return [url]
    if web and not _PATTERN.search(url.replace("?", "")) and not url.endswith("/"):
        return [url]  # a question mark begins a query
    system, path = filesystem(url)
    with telling(url):
        if _PATTERN.search(url):
            matching = system.glob(path, detail=True)
            if not matching:
                raise CaptureError(url, "nothing matches")
            found: list[str] = []
            for one in sorted(matching):
                folder = matching[one].get("type") == "directory"
                found += sorted(filter(is_capture_name, map(str, system.find(one)))) if folder else [one]
            return [system.unstrip_protocol(one) for one in found]
        if web or not system.isfile(path):
            inside = [str(one) for one in system.find(path)]
            if not inside and not system.exists(path):
                raise CaptureError(url, "no such file or directory")
            return [system.unstrip_protocol(one) for one in _captures_of(url, inside)]
    return [url]


def _captures_of(folder: str, names: Iterable[str]) -> list[str]:
    found = sorted(name for name in names if is_capture_name(name))
    if not found:
        endings = ", ".join(f"*{ending}" for ending in ENDINGS)
        raise CaptureError(folder, f"the folder holds no captures ({endings}, also compressed)")
    return found


def is_capture_name(name: str) -> bool:
    """Whether a file is named as captures are."""
    base = os.path.basename(name).lower()
    if base.startswith("."):
        return False
    for ending in COMPRESSED:
        base = base.removesuffix(ending)
    return base.endswith(ENDINGS) or _NUMBERED.search(base) is not None


def identity_of_capture(name: str) -> FileIdentity | None:
    """What tells a file apart from what it was before; None of standard input, pipes and what is not there.

    Raises CaptureError for a URL that can not be read.
    """
    if is_url(name):
        return _url_identity(name)
    if name == STDIN or not os.path.isfile(name):
        return None
    try:
        with open(name, "rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(ENDS)
            file.seek(max(status.st_size - ENDS, 0))
            tail = file.read(ENDS)
    except OSError as error:
        raise CaptureError(name, (error.strerror or str(error)).lower()) from error
    return FileIdentity(os.path.realpath(name), status.st_size, status.st_mtime_ns, _digest(head, tail))


def _url_identity(url: str) -> FileIdentity | None:
    system, path = filesystem(url)
    with telling(url):
        about = system.info(path)
        size = about.get("size")
        if not isinstance(size, int):
            return None
        head = system.cat_file(path, start=0, end=min(size, ENDS)) if size else b""
        tail = system.cat_file(path, start=max(size - ENDS, 0), end=size) if size > ENDS else head
        return FileIdentity(system.unstrip_protocol(path), size, _changed_ns(about), _digest(head, tail))


def _changed_ns(about: dict[str, Any]) -> int:
    """When a file changed, as its file system says it; 0 where it does not."""
    for key in ("LastModified", "mtime", "last_modified", "updated", "modified"):
        value = about.get(key)
        if isinstance(value, int | float):
            return int(value * 1_000_000_000)
        stamp = getattr(value, "timestamp", None)
        if stamp is not None:
            return int(stamp() * 1_000_000_000)
    return 0


def _digest(head: bytes, tail: bytes) -> str:
    return hashlib.blake2b(head + tail, digest_size=16).hexdigest()
