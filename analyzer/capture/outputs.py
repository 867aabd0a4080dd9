"""Files that are written: whole or not at all, and never over what is read.

What is written has no name until it is whole (Linux's O_TMPFILE), so that nothing is left of it whatever ends the
program; where the system has no such files, it has a name of its own, beside the file that it becomes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

# Held back before it is written: lines are longer than what Python holds back itself.
HELD_BYTES: Final = 1 << 17
PRIVATE: Final = 0o600  # who may read what holds keys, passwords or payload
# What the system says where it has no files without a name.
_UNSUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


@contextlib.contextmanager
def replaced(name: str, *, private: bool = False) -> Iterator[BinaryIO]:
    """A binary file: what is written there stands in `name` when the block ends well, and else nothing has changed.

    Links stay, symbolic and hard ones, and the mode and owner of a file that is there already. A new file is readable
    as the umask says, or, `private`, by its owner alone. A pipe or a device is written as it is. Raises OSError.
    """
    path = os.path.realpath(name)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    if status is not None and not stat.S_ISREG(status.st_mode):
        with open(path, "wb") as direct:
            yield direct
        return
    if status is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    folder = os.path.dirname(path)
    # A file that has several names, or stands where no other can be made beside it, keeps its place.
    in_place = status is not None and (status.st_nlink > 1 or not os.access(folder, os.W_OK | os.X_OK))
    number, temporary = _unnamed(_temporary() if in_place else folder, name)
    try:
        with os.fdopen(number, "wb", HELD_BYTES) as file:
            yield file
            file.flush()
            if in_place:
                _overwrite(file.fileno(), path)
                return
            _own(file.fileno(), status, private)
            if temporary is None:
                _name(file.fileno(), folder, path)
            else:
                os.replace(temporary, path)
                temporary = None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def _unnamed(folder: str, name: str) -> tuple[int, str | None]:
    """(descriptor, name) of a new file in a folder; without a name where the system has such files."""
    try:
        flag = getattr(os, "O_TMPFILE", None)
        if flag is not None:
            try:
                return os.open(folder, flag | os.O_RDWR | os.O_CLOEXEC, PRIVATE), None
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
        from tempfile import mkstemp

        return mkstemp(prefix=".handshark-", dir=folder)
    except OSError as error:
        # The user knows the file, not the folder or the name beside it.
        raise OSError(error.errno, error.strerror, name) from error


def _temporary() -> str:
    from tempfile import gettempdir

    return gettempdir()


def _own(number: int, status: os.stat_result | None, private: bool) -> None:
    """Gives the new file the mode (and, where it may be, the owner) of the one whose place it takes."""
    if status is None:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(number, PRIVATE if private else 0o666 & ~umask)
        return
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.fchown(number, status.st_uid, status.st_gid)
    os.fchmod(number, stat.S_IMODE(status.st_mode))


def _name(number: int, folder: str, path: str) -> None:
    """Gives a file without a name its name."""
    place = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        source = f"/proc/self/fd/{number}"
        with contextlib.suppress(FileExistsError):
            # The folder's descriptor makes Python use linkat(2), which follows the link in /proc.
            os.link(source, path, src_dir_fd=place, follow_symlinks=True)
            return
        import secrets

        beside = os.path.join(folder, f".handshark-{secrets.token_hex(8)}")
        os.link(source, beside, src_dir_fd=place, follow_symlinks=True)
        os.replace(beside, path)
    finally:
        os.close(place)


def _overwrite(number: int, path: str) -> None:
    """Copies a whole file into one that keeps its place; there is room for it before the first byte is changed."""
    import shutil

    size = os.fstat(number).st_size
    with open(os.dup(number), "rb") as source, open(path, "r+b") as target:
        source.seek(0)
        if size and hasattr(os, "posix_fallocate"):
            before = os.fstat(target.fileno()).st_size
            try:
                os.posix_fallocate(target.fileno(), 0, size)
            except OSError:
                os.truncate(target.fileno(), before)
                raise
        shutil.copyfileobj(source, target, 1 << 20)
        target.truncate(size)


def identity_of(file: str | int) -> tuple[int, int] | None:
    """(device, inode) of a regular file, by its name or its descriptor; None of all else, and of what is not there."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def clash(outputs: Iterable[str | int], inputs: Iterable[str | int]) -> tuple[str | int, str | int] | None:
    """(output, input) that are the same file, also through links; or two outputs that are; None where all is well.

    A number is the descriptor of a file that is open already: standard input, standard output.
    """
    seen: dict[object, str | int] = {}
    for one in inputs:
        found = identity_of(one)
        if found is not None:
            seen[found] = one
    for one in outputs:
        found = identity_of(one)
        if found is not None and found in seen:
            return one, seen[found]
        keys: list[object] = [] if found is None else [found]
        if isinstance(one, str):
            path = os.path.realpath(one)
            if path in seen:
                return one, seen[path]
            if found is not None or not os.path.exists(path):
                keys.append(path)  # one that is not there yet is known by its name
        seen.update(dict.fromkeys(keys, one))
    return None
