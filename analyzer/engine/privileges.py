"""Gives privileges up: the process that reads other people's bytes is not to have any.

Sources: capabilities(7), capset(2), prctl(2) PR_SET_NO_NEW_PRIVS.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from typing import Final

import msgspec

PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITY_VERSION_3: Final = 0x20080522


class User(msgspec.Struct, frozen=True):
    """Who the analysis shall run as."""

    name: str
    uid: int
    gid: int


def user_named(name: str) -> User:
    """Raises KeyError where there is no such user."""
    entry = pwd.getpwnam(name)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def invoking_user() -> User | None:
    """The user who called sudo, None where nobody did."""
    try:
        entry = pwd.getpwuid(int(os.environ["SUDO_UID"]))
        gid = int(os.environ.get("SUDO_GID", entry.pw_gid))
    except (KeyError, ValueError):
        return None
    return User(entry.pw_name, entry.pw_uid, gid)


def drop(user: User | None) -> None:
    """Becomes `user` (None: stays who it is), and gives up every capability. Raises OSError."""
    if user is not None and os.geteuid() == 0:
        os.initgroups(user.name, user.gid)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
        nothing = bytes(24)  # effective, permitted, inheritable; twice 32 bits of each
        if libc.capset(header, nothing) != 0:
            raise OSError(ctypes.get_errno(), "capset")
    except AttributeError:
        return  # not Linux: there is nothing of the kind to give up
