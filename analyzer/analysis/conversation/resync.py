"""Where bytes are missing: where decoding may go on, and which answer is a command's.

Nothing shifts: a command is paired with an answer only where the numbers of the segments allow no other reading. An
answer that acknowledges less than the command's last byte is not its answer; one that begins before what the command
acknowledges was there before it. A client that is not seen to pipeline is taken to wait for each answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from analyzer.errors import DecodeError
from analyzer.net.tcp.reassembly import difference
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41
from analyzer.protocol.tables.commands import (
    COM_CONNECT,
    COM_CONNECT_OUT,
    COM_DAEMON,
    COM_DELAYED_INSERT,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_SLEEP,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
    COM_TIME,
    COMMANDS,
)
from analyzer.protocol.wire.compression import HEADER as COMPRESSED_HEADER
from analyzer.protocol.wire.compression import ZSTD_MAGIC, opened_frame
from analyzer.protocol.wire.framing import HEADER, LONGEST, PacketFramer
from analyzer.protocol.wire.reader import TracingReader

# What a server that is heard alone gives.
OK: Final = "OK"
RESULT: Final = "result set"
# How the definition of a column begins: its catalogue is always this one.
_DEFINITION: Final = b"\x03def"
# Bytes of a cut record that are looked at.
LONGEST_CUT: Final = 4096
# A command that goes on in a later segment is longer than this: segments before the last are full.
SHORTEST_PART: Final = 1000
LONGEST_TEXT: Final = 32
# Places of one segment at which a command is looked for.
MOST_PLACES: Final = 256

# Payload bytes that a command has at least, and at most.
_SIZES: Final[dict[int, tuple[int, int]]] = {
    COM_QUIT: (1, 1),
    COM_PING: (1, 1),
    COM_RESET_CONNECTION: (1, 1),
    COM_STMT_CLOSE: (5, 5),
    COM_STMT_RESET: (5, 5),
    COM_STMT_FETCH: (9, 9),
    COM_STMT_EXECUTE: (10, 1 << 32),
    COM_STMT_SEND_LONG_DATA: (7, 1 << 32),
    COM_STMT_BULK_EXECUTE: (7, 1 << 32),
    COM_QUERY: (1, 1 << 32),
    COM_STMT_PREPARE: (1, 1 << 32),
}
# The server's own names for what it does: no client sends them.
_NEVER_SENT: Final = frozenset({COM_SLEEP, COM_CONNECT, COM_TIME, COM_DELAYED_INSERT, COM_CONNECT_OUT, COM_DAEMON})
# A header's length and id (0), with a byte that is a command behind them.
_COMMAND: Final = re.compile(rb"(?s)(?=[^\x00]..\x00[\x01-\x1f\xfa\xfe])|(?=\x00[^\x00].\x00[\x01-\x1f\xfa\xfe])")


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
    # What is cut may decode all the same: greetings are read as far as they go.
    with suppress(DecodeError):
        kind.decode(reader, machine.context)
    return (kind.__name__, {span.name: span.value for span in reader.spans}) if reader.spans else None


def is_command(data: bytes, start: int = 0, cut: bool = False) -> bool:
    """Whether what begins at `start` can be a command, whole or with its end in a later segment, or `cut` off."""
    head = data[start : start + HEADER + 1]
    if len(head) <= HEADER or head[3] or head[4] in _NEVER_SENT:
        return False
    length, code = head[0] | head[1] << 8 | head[2] << 16, head[4]
    if code not in COMMANDS:
        return not start and len(data) == HEADER + length
    least, most = _SIZES.get(code, (1, 1 << 16))
    if not least <= length <= most:
        return False
    if not cut and len(data) - start < HEADER + length and length <= SHORTEST_PART:
        return False
    if code not in (COM_QUERY, COM_STMT_PREPARE):
        return True
    text = data[start + HEADER + 1 : start + HEADER + min(length, 1 + LONGEST_TEXT)]
    if code == COM_QUERY and text[:1] < b"\x20" and text[1:2] == b"\x01":  # the number of attributes, in one set
        text = text[2:] if not text[0] else b""
    return all(byte >= 0x20 or byte in (9, 10, 13) for byte in text)


def is_cut_command(data: bytes, missing: int) -> bool:
    """Whether a segment of which the last `missing` bytes were cut off is one command."""
    length = int.from_bytes(data[:3], "little")
    return HEADER + length == len(data) + missing and is_command(data, cut=True)


def begins_in_the_middle(client: bytes, server: bytes) -> bool:
    """Whether first segments look like a command and its answer: each one packet of its own, or the answer's first."""
    if len(client) <= HEADER or len(server) <= HEADER or server[3] != 1 or not is_command(client):
        return False
    asked, answered = (data[0] | data[1] << 8 | data[2] << 16 for data in (client, server))
    return HEADER + asked == len(client) and 0 < answered <= len(server) - HEADER


def are_commands(data: bytes, start: int = 0) -> bool:
    """Whether `data` from `start` on is commands, whole ones up to its end."""
    while start < len(data):
        if not is_command(data, start):
            return False
        start += HEADER + (data[start] | data[start + 1] << 8 | data[start + 2] << 16)
    return start == len(data)


def command_in(data: bytes) -> int:
    """Where in a segment a command begins, -1 where none does: at its beginning, or so that commands fill the rest."""
    if is_command(data):
        return 0
    for index, found in enumerate(_COMMAND.finditer(data, 1)):
        if index == MOST_PLACES:
            break
        if are_commands(data, found.start()):
            return found.start()
    return -1


def compressed_commands(data: bytes) -> str | None:
    """The algorithm where a segment of the client is compressed frames with commands in them; None where it is not.

    Empty where no frame of it says: short ones go as they are.
    """
    algorithm, content, start = "", b"", 0
    while start < len(data):
        frame = data[start : start + COMPRESSED_HEADER + LONGEST]
        found = opened_frame(frame)
        if found is None:
            return _compressed_part(frame) if not start else None
        content += found[0]
        algorithm = algorithm or found[1]
        start += COMPRESSED_HEADER + int.from_bytes(frame[:3], "little")
    return algorithm if content and are_commands(content) else None


def _compressed_part(frame: bytes) -> str | None:
    """The algorithm of a compressed frame with its end in a later segment."""
    size, full = int.from_bytes(frame[:3], "little"), int.from_bytes(frame[4:COMPRESSED_HEADER], "little")
    if len(frame) < SHORTEST_PART or frame[3] or full <= size:
        return None
    payload = frame[COMPRESSED_HEADER:]
    if payload.startswith(ZSTD_MAGIC):
        return "zstd"
    return "zlib" if payload[0] == 0x78 and int.from_bytes(payload[:2], "big") % 31 == 0 else None


def is_no_command(data: bytes) -> bool:
    """Whether what a segment begins with is nothing that a client sends: a compressed frame's header, as a packet's."""
    return len(data) > HEADER and not data[3] and data[HEADER] in _NEVER_SENT


def are_frames(data: bytes) -> bool:
    """Whether a segment is whole compressed frames: packets without compression have another length."""
    start = 0
    while start < len(data):
        if opened_frame(data[start : start + COMPRESSED_HEADER + LONGEST]) is None:
            return False
        start += COMPRESSED_HEADER + int.from_bytes(data[start : start + 3], "little")
    return start == len(data)


def is_error(data: bytes) -> bool:
    """Whether a segment is one error packet that a server sends unasked: id 0, a code, a SQLSTATE."""
    return _is_error_with(data, 0)


def _is_error_with(data: bytes, sequence: int) -> bool:
    length = int.from_bytes(data[:3], "little")
    return len(data) == HEADER + length and data[3:5] == bytes((sequence, 0xFF)) and length > 9 and data[7:8] == b"#"


def answering_error(data: bytes) -> ErrPacket | None:
    """The error that a segment holds and that answers a command: id 1, a code, a SQLSTATE; None: it is none."""
    if not _is_error_with(data, 1):
        return None
    try:
        return ErrPacket.from_bytes(data[HEADER:], Context(client=CLIENT_PROTOCOL_41, server=CLIENT_PROTOCOL_41))
    except DecodeError:
        return None


def answer_of(data: bytes) -> str:
    """What a segment of the server begins with that answers a command: OK, RESULT, or nothing that can be told."""
    if len(data) <= HEADER or data[3] != 1:
        return ""
    stop = HEADER + int.from_bytes(data[:3], "little")
    follows = data[stop + 3 : stop + HEADER + len(_DEFINITION)] == b"\x02" + _DEFINITION
    if not data[HEADER]:
        return OK if stop >= HEADER + 7 and (stop == len(data) or follows) else ""
    return RESULT if stop <= HEADER + 4 and follows else ""


def is_authentication(data: bytes, role: int) -> bool:
    """Whether a segment begins with a packet of the authentication exchange, which is whole."""
    if len(data) <= HEADER:
        return False
    length, sequence = int.from_bytes(data[:3], "little"), data[3]
    if not 0 < length <= 1 << 16 or len(data) < HEADER + length or not 0 < sequence < 64:
        return False
    return role == CLIENT or data[4] in (0x00, 0x01, 0x02, 0xFE, 0xFF)


class Burst:
    """What a client sends without an answer in between: drivers put a packet's header into a segment of its own.

    `data` goes on as long as it may be the beginning of a header.
    """

    __slots__ = ("data", "ends", "frames", "times")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.data = b""
        self.ends: list[int] = []
        self.frames: list[int] = []
        self.times: list[int] = []

    def add(self, data: bytes, frame: int, time_ns: int) -> None:
        """Adds a segment."""
        if len(self.data) > COMPRESSED_HEADER + HEADER:
            self.clear()
        self.data += data
        self.ends.append(len(self.data))
        self.frames.append(frame)
        self.times.append(time_ns)


class Resynchroniser:
    """What is known of one connection's segments while something is not certain (`watching`).

    lost   the machine waits for a command whose answer can be told; `due`: no packet of a direction has a known place
    """

    __slots__ = (
        "_ack",
        "_asked",
        "_heard",
        "_heard_ack",
        "_next",
        "_pipelines",
        "_probed",
        "_start",
        "_unheard",
        "burst",
        "checking",
        "draining",
        "due",
        "lost",
        "proving",
        "watching",
    )

    def __init__(self) -> None:
        self.watching = False
        self.lost = False
        self.burst = Burst()
        self.due = [False, False]
        self.checking = False  # a command was taken up: what comes is its answer, or not
        self.proving = False  # it was, as far as is known: until the client goes on, having got all of it
        self.draining = False  # commands of the client are missing behind those that wait
        self._asked = -1  # the number behind the last byte of the command that was taken up
        self._next = [-1, -1]  # numbers behind what has come of each direction, by role
        self._start = -1  # number of the first byte of the segment in hand, and what it acknowledges
        self._ack = -1
        self._heard = False  # the server has sent something since the client's commands went missing
        self._heard_ack = -1  # what the last segment of the server acknowledged
        self._unheard = False  # commands may be missing that have no answer yet
        self._pipelines = False  # the client does not wait for answers
        self._probed = False

    # -- numbers -------------------------------------------------------------------------------------------------------

    def begin(self, numbers: list[int] | None) -> None:
        """Segments matter from here on.

        `numbers` are those behind what has come, by role; None where it is the beginning of the capture.
        """
        if not self.watching and numbers is not None:
            self._next = numbers
        self.watching = True

    def missing(self, role: int, number: int) -> None:
        """Bytes of a side are missing up to `number`."""
        self._next[role] = number
        self.burst.clear()
        if role == SERVER:
            self._heard = True

    def segment(self, role: int, start: int, stop: int, ack: int) -> None:
        """The segment that comes has the numbers from `start` to `stop`, and acknowledges `ack` (-1: nothing)."""
        self._start, self._ack = start & 0xFFFF_FFFF, ack
        if self._next[1 - role] < 0 <= ack:
            self._next[1 - role] = ack  # before the first segment of the other side
        self._next[role] = stop & 0xFFFF_FFFF
        if role == SERVER:
            self.burst.clear()
            self._heard = True
            self._heard_ack = ack

    def silent_so_far(self, role: int) -> bool:
        """Whether a side that was not heard has said nothing so far: the other acknowledges what it did at first.

        It may be in the capture yet.
        """
        return self.watching and 0 <= self._next[role] == self._ack

    # -- what is lost --------------------------------------------------------------------------------------------------

    def lose_all(self) -> None:
        """The capture begins in the middle."""
        self.lost = True
        self.due = [True, True]

    def lose_answer(self, machine: Machine) -> None:
        """Bytes of answers are missing: how far the server has come is not known."""
        self._pipelines = self._pipelines or bool(machine.queue)
        self._lose()

    def lose_commands(self, machine: Machine) -> bool:
        """Commands are missing. True where none awaits an answer: what comes from the server belongs to those."""
        self.due[CLIENT] = True
        self._heard, self._unheard = False, True
        if machine.state in (st.COMMAND, st.DESYNCHRONISED):
            self._lose()
            return True
        self._pipelines = self.draining = True
        machine.unpaired = True
        return False

    def drained(self) -> None:
        """All that is known to have been asked is answered."""
        self._heard = False
        self._lose()

    def _lose(self) -> None:
        self.lost, self.draining = True, False
        self.checking, self.proving, self._asked, self._probed = False, False, -1, False

    # -- taking up -----------------------------------------------------------------------------------------------------

    def pairs(self) -> bool:
        """Whether the answer of the command that begins in the client's segment in hand can be told."""
        if self._ack < 0:
            return False
        if self._next[SERVER] != self._ack:
            self._pipelines = True  # something of the server is on its way
            self._probed = False
            return False
        if self._unheard and not self._heard:
            self._pipelines = True
            return False
        if not self._pipelines:
            return True
        # Both sides have all of each other: once may be chance, twice is a client that waits now.
        quiet = self._heard and self._heard_ack >= 0 and difference(self._heard_ack, self._start) >= 0
        paired, self._probed = self._probed and quiet, quiet
        return paired

    def take_up(self) -> None:
        """The command that comes is paired with what the server says next."""
        self.proving = False
        self.checking, self.lost, self._unheard = True, False, False
        self._asked = -1

    def asked(self) -> None:
        """The command that was taken up is complete with the segment in hand."""
        if self._asked < 0:
            self._asked = self._next[CLIENT]

    def is_answer(self) -> bool:
        """Whether the server's segment in hand can be the answer of the command that was taken up."""
        return self._asked >= 0 and (self._ack < 0 or difference(self._ack, self._asked) >= 0)

    def refuse(self) -> None:
        """It is the answer of another command, which is not in the capture: this client does not wait."""
        self._pipelines = True
        self._lose()

    def confirm(self) -> None:
        """It is."""
        self.checking, self._asked = False, -1
        self.proving = True
        self._probed = False
        self.due[SERVER] = False

    def proves(self, machine: Machine) -> bool:
        """Whether the client goes on after the whole answer, and nothing else has come: nothing is shifted."""
        if machine.command is not None or self._ack != self._next[SERVER]:
            self._pipelines = True
            return False
        self.proving = False
        self.settle()
        return True

    def settle(self) -> None:
        """Nothing is watched any more where all is certain."""
        if not (self.lost or self.checking or self.proving or self.draining or any(self.due)):
            self.watching = False
