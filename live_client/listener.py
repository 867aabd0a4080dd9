"""Who hears what the client does, as it does it."""

from __future__ import annotations

from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.wire.framing import RawPacket


class Listener:
    """Hears nothing. Subclasses take what they want.

    Nothing that is handed to `step` holds a password. `packet` is given the payload as it is on the wire, and with it
    every secret that it carries: who shows bytes has to mask them (`secrets` are the passwords).
    """

    def step(self, text: str) -> None:
        """A step of the conversation in plain words."""

    def packet(self, sender: int, packet: RawPacket, record: AnyRecord, detail: AuthRecord | None) -> None:
        """A MySQL packet that was sent (0) or received (1); `detail` is what an auth plugin says in it."""


class Transcript(Listener):
    """Keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)
