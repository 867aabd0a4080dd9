"""Conversations as scripts: who sends what, which record it has to become, and the state after it.

    Playbook().server(greeting, "HandshakeV10", "LOGIN").client(login, "HandshakeResponse41", "AUTHENTICATION").play()

`play` runs the script through a `Machine` and, where the conversation goes another way, fails with the script so far,
what was expected and what came. The idea is that of mitmproxy's Playbook.
"""

from __future__ import annotations

from typing import NamedTuple

from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.response import Data
from analyzer.protocol.wire.framing import RawPacket

# A client packet in one of these states begins an exchange: its sequence id is 0.
BEGINS = frozenset({st.COMMAND, st.CLOSED, st.DESYNCHRONISED, st.STREAM, st.CLONE})


def packet(payload: bytes, sequence_id: int = 0, length: int | None = None) -> RawPacket:
    """A packet of one frame; `length` where it is longer than what was kept of it."""
    size = len(payload) if length is None else length
    return RawPacket(sequence_id, payload, size, 1, 0, 1, 0, sequence_id)


def name_of(record: AnyRecord) -> str:
    """The record's type; for what is passed over, its kind; for broken bytes, what they had to be."""
    if isinstance(record, Malformed):
        return f"Malformed:{record.record_type}"
    if isinstance(record, Data):
        return f"Data:{record.kind}"
    return type(record).__name__


class Line(NamedTuple):
    """One packet of a script. `says` are bytes, or a record that is encoded when its turn comes."""

    sender: int
    says: bytes | Record
    record: str
    state: str
    sequence: int | None  # None: the id that is due


class Playbook:
    """A script and the machine that plays it."""

    def __init__(self, machine: Machine | None = None) -> None:
        self.machine = machine if machine is not None else Machine()
        self._lines: list[Line] = []

    def client(self, says: bytes | Record, record: str, state: str, sequence: int | None = None) -> Playbook:
        self._lines.append(Line(CLIENT, says, record, state, sequence))
        return self

    def server(self, says: bytes | Record, record: str, state: str, sequence: int | None = None) -> Playbook:
        self._lines.append(Line(SERVER, says, record, state, sequence))
        return self

    def play(self) -> Machine:
        """Plays what was added since the last time. Raises AssertionError where it goes another way."""
        lines, self._lines = self._lines, []
        shown = []
        for line in lines:
            payload, record = self._feed(line)
            found = (name_of(record), self.machine.state)
            wanted = (line.record, line.state)
            error = self.machine.sequence_error if line.sequence is None else None
            right = found == wanted and error is None
            shown.append(_line(line, payload, "  " if right else "- ", *wanted))
            if right:
                continue
            shown.append(_line(line, payload, "+ ", *found))
            if isinstance(record, Malformed):
                shown.append("    " + record.summary())
            if error is not None:
                shown.append(f"    sequence id {error.found} where {error.expected} was due")
            raise AssertionError("the conversation went another way:\n" + "\n".join(shown))
        return self.machine

    def _feed(self, line: Line) -> tuple[bytes, AnyRecord]:
        machine = self.machine
        says = line.says
        payload = says if isinstance(says, bytes) else says.to_bytes(machine.context)
        sequence = line.sequence
        if sequence is None:
            begins = line.sender == CLIENT and machine.state in BEGINS
            sequence = 0 if begins else max(machine.next_sequence, 0)
        return payload, machine.feed(line.sender, packet(payload, sequence))


def _line(line: Line, payload: bytes, mark: str, record: str, state: str) -> str:
    arrow = "client ->" if line.sender == CLIENT else "server <-"
    data = payload[:16].hex(" ") + (" ..." if len(payload) > 16 else "")
    return f"{mark}{arrow} {data:52} {record:28} {state}"


def in_command_phase(in_force: int, assumed: bool = False) -> Machine:
    """A machine after a login that agreed on `in_force`."""
    context = Context()
    context.in_force = in_force
    context.assumed = assumed
    if not assumed:
        context.server = context.client = in_force
    return Machine(context, st.COMMAND)
