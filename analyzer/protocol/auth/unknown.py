"""Any plugin that is not in the table: its steps are shown as bytes, and nothing is guessed."""

from __future__ import annotations

from analyzer.protocol.auth.base import Plugin


class UnknownPlugin(Plugin):
    """Stands in for a plugin by its name; the empty name where the protocol named none."""

    nonce_length = None

    def __init__(self, name: str) -> None:
        self.name = self.short_name = name
