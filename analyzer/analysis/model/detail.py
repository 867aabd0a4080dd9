"""What is shown of one connection beside what is always said: only made when it is asked for."""

from __future__ import annotations

import msgspec

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.packet import PacketExcerpt


class ConnectionDetail(msgspec.Struct):
    packets: list[PacketExcerpt]
    packets_left_out: int = 0
    commands: list[Command] = []  # by their numbers, of which some are left out
    commands_seen: int = 0
