"""Which command a packet is or answers, on one connection while it goes on."""

from __future__ import annotations

from collections import deque
from typing import Any

from analyzer.analysis.commands.pending import Request
from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.packets.masking import PacketMask
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.machine.state import MAX_PIPELINED
from analyzer.protocol.records.commands.text import ComChangeUser
from analyzer.protocol.wire.framing import RawPacket


class RequestTracker:
    """One connection while it goes on: who speaks to whom, and which command is being answered."""

    __slots__ = ("_answering", "asked", "client", "frames", "held", "mask", "tcp", "ways")

    def __init__(self, tcp: TcpConnection, frames: FrameIndex, mask: PacketMask | None) -> None:
        """`mask` is None where secrets are shown."""
        self.tcp: TcpConnection = tcp
        self.frames = frames
        self.mask = mask
        self.client = 0
        # What stands for sender and receiver of a side's packets: whoever makes rows of them remembers it here.
        self.ways: list[str | None] = [None, None]
        # The frame in hand, and what is shown of its packets so far.
        self.held: tuple[Any, list[bytes]] | None = None
        self.asked: deque[Request] = deque(maxlen=MAX_PIPELINED)
        self._answering: Request | None = None  # the one whose answer has begun

    def request(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine) -> tuple[Request | None, bool]:
        """The command that a packet is or answers, and whether the packet is its first answer."""
        if role == CLIENT:
            return self._ask(packet, record, machine), False
        if not self.asked:
            return None, False
        asked = self.asked[0]
        first, self._answering = self._answering is not asked, asked
        if machine.finished is not None or machine.state == st.COMMAND:
            self.asked.popleft()
        return asked, first

    def _ask(self, packet: RawPacket, record: AnyRecord, machine: Machine) -> Request | None:
        payload = packet.payload
        if not payload or packet.first_sequence_id != 0 or machine.state == st.LOCAL_INFILE:
            return None
        if machine.state in st.CONNECTION_PHASE and not isinstance(record, ComChangeUser):
            return None
        request = Request(packet.frame, packet.time_ns, payload[0], _statement(record, machine.context))
        if payload[0] not in st.UNANSWERED:
            if not machine.queue:
                self.asked.clear()
            self.asked.append(request)
        return request


def _statement(record: AnyRecord, context: Context) -> str | None:
    """SQL text of a command: its own, or that of the statement it executes."""
    query = getattr(record, "query", None)
    if isinstance(query, str):
        return query
    statement_id = getattr(record, "statement_id", None)
    statements = getattr(context, "statements", None)
    if statement_id is None or statements is None:
        return None
    found = statements.get(statement_id)
    text = getattr(found, "query", None)
    return text if isinstance(text, str) else None
