"""Where bytes are missing: what a cut record still says, and where decoding may go on."""

from __future__ import annotations

from typing import Any, Final

from analyzer.errors import DecodeError
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.commands import COM_QUERY, COMMANDS
from analyzer.protocol.wire.framing import HEADER, PacketFramer
from analyzer.protocol.wire.reader import TracingReader
from analyzer.tls.records import begins_tls

# Bytes of a cut record that are looked at.
LONGEST_CUT: Final = 4096


def cut_record(machine: Machine, role: int, framer: PacketFramer) -> tuple[str, dict[str, Any]] | None:
    """Name and fields of a greeting or login that is cut in `framer`; None where neither is."""
    kind: type[HandshakeV10 | HandshakeResponse41]
    if machine.state == st.GREETING and role == SERVER:
        kind = HandshakeV10
    elif machine.state in (st.LOGIN, st.GREETING) and role == CLIENT:
        kind = HandshakeResponse41
    else:
        return None
    reader = TracingReader(framer.peek(LONGEST_CUT)[HEADER:], kind.__name__)
    try:
        kind.decode(reader, machine.context)
    except DecodeError:
        return kind.__name__, {span.name: span.value for span in reader.spans}
    return None


def makes_sense(role: int, chunk: bytes, start: int, state: str, login_lost: bool) -> bool:
    """Whether a segment, which begins at `start` of `chunk`, begins with a packet that is possible in this state."""
    data = chunk[start : start + 37]  # a copy of all that follows, for every segment, would be quadratic
    if begins_tls(data) and state == st.AUTHENTICATION and login_lost:
        return False
    if len(data) < 5:
        return False
    length = int.from_bytes(data[:3], "little")
    sequence, first = data[3], data[4]
    whole = len(chunk) - start >= 4 + length
    if role == CLIENT and sequence == 0:
        if first not in COMMANDS or length == 0 or not (whole or length > 1000):
            return False
        text = data[5:37].lstrip(b"\x00\x01") if first == COM_QUERY else b""
        return all(byte >= 0x20 or byte in (9, 10, 13) for byte in text)
    if state == st.AUTHENTICATION:
        return 0 < sequence < 64 and length <= 1 << 16 and whole
    return False
