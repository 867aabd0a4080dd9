"""Where passwords come from: a file, the environment, a prompt, and (with a warning) the command line."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

VARIABLE: Final = "HANDSHARK_PASSWORD"
WARNING: Final = "a password on the command line can be read by every user of this machine: better --password-file"


class PasswordError(Exception):
    """A password can not be had; the message says which and why."""


def read_file(path: Path) -> bytes:
    """A password file's first line; `-` is standard input. Raises PasswordError."""
    if str(path) == "-":
        return sys.stdin.buffer.readline().rstrip(b"\r\n")
    try:
        return path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise PasswordError(f"--password-file {path}: {error.strerror}") from error


def find_passwords(
    files: Sequence[Path], given: Sequence[str], ask: bool, warn: Callable[[str], None]
) -> tuple[bytes, ...]:
    """One password for each factor, from the first source that has any: files, command line, environment, prompt.

    The environment's are HANDSHARK_PASSWORD, HANDSHARK_PASSWORD2, HANDSHARK_PASSWORD3. No source: an empty password.
    """
    if files:
        return tuple(read_file(path) for path in files)
    if given:
        warn(WARNING)
        return tuple(password.encode("utf-8", "surrogateescape") for password in given)
    if ask:
        return (getpass.getpass("Password: ").encode(),)
    names = (VARIABLE, f"{VARIABLE}2", f"{VARIABLE}3")
    found = [os.environb[name.encode()] for name in names if name in os.environ]
    return tuple(found) or (b"",)


def ask_user(question: str, hidden: bool) -> bytes:
    """Asks on the terminal what a server wants to know."""
    prompt = "".join(char for char in question if char.isprintable()) or "Answer: "
    return (getpass.getpass(prompt) if hidden else input(prompt)).encode()
