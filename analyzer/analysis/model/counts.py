"""What is counted while a capture goes on."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct, frozen=True):
    """What is counted from the start on, at `seconds` since then.

    `lag_seconds`: age of the last frame that was analysed while others wait; 0 where none does.
    """

    seconds: float = 0.0
    frames: int = 0
    logins: int = 0
    failures: int = 0
    dropped: int = 0
    skipped: int = 0
    open: int = 0
    lag_seconds: float = 0.0
