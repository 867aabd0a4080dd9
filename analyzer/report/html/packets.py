"""The packets of one connection, as the page's ladder, panes and table of commands show them. See `html_view`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from analyzer.analysis.commands.excerpt import FAILED, FIRST, LONGEST_MESSAGE, SLOWEST, shown_text
from analyzer.analysis.model.command import Command, CommandError
from analyzer.analysis.model.connection import CLIENT, SERVER, Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import PacketExcerpt
from analyzer.report.prose import labels
from analyzer.report.text.hexdump import nested

# Bytes of one connection's packets that are shown whole; of those after them only the beginnings.
WHOLE_BYTES: Final = 16 << 10
BEGINNING: Final = 64
MOST_LAYER: Final = 512
MOST_FIELDS: Final = 5000
SHORTEST_PAUSE_NS: Final = 500_000
PACKET_COLUMNS, FIELD_COLUMNS = 13, 5

# What a line of the ladder is about, where its summary does not say it.
RECORD_MEANINGS: Final[dict[str, str]] = {
    "SYN": "asks for a TCP connection",
    "SYN, ACK": "the TCP connection is up",
    "HandshakeV10": "the server introduces itself: version, nonce, capabilities",
    "HandshakeV9": "the server introduces itself, in the protocol of before 4.1",
    "SSLRequest": "from here on TLS",
    "HandshakeResponse41": "the login",
    "HandshakeResponse320": "the login, in the protocol of before 4.1",
    "AuthSwitchRequest": "another plugin, please",
    "AuthMoreData": "a word of the plugin",
    "AuthResponse": "the client's answer for the plugin",
    "AuthNextFactor": "one more factor, please",
    "OKPacket": "done",
    "ErrPacket": "refused",
    "EOFPacket": "the end of a list",
    "ColumnCount": "a result set begins",
    "TextRow": "a row",
    "FIN": "the end of one direction",
    "RST": "the end, at once",
    "gap": "the capture lacks bytes here",
    "TLS ChangeCipherSpec": "from here on encrypted; in TLS 1.3 without meaning, for the sake of old middleboxes",
    "TLS EncryptedExtensions": "what else the server agrees to",
    "TLS ServerKeyExchange": "the server's part of the key exchange, signed",
    "TLS ServerHelloDone": "the client's turn",
    "TLS ClientKeyExchange": "the client's part of the key exchange",
    "TLS CertificateVerify": "proves that the sender holds the key of its certificate",
    "TLS Finished": "proves that nobody changed the handshake on the way",
    "TLS NewSessionTicket": "lets the client resume this session later",
}


def packet_columns(connection: Connection, detail: ConnectionDetail) -> list[list[Any]]:
    """The packets, each of their parts in a column: alike beside alike takes a third of the room when compressed.

    The columns are: frame, ns, 0 client | 1 server, sequence id, record, summary, length, error, hex, layers ([name,
    hex, length]), first frame, pause before it ([1 to 8, its length in words] or None), number of fields; then of all
    fields: depth, name, value, start, end; then [number of packets left out, which commands are listed], and the
    commands (`_command_rows`).
    """
    columns: list[list[Any]] = [[] for _ in range(PACKET_COLUMNS + FIELD_COLUMNS)]
    (frames, times, senders, sequences, records, summaries, lengths, errors, digits, layers, firsts, pauses, counts,
     depths, names, values, starts, ends) = columns  # fmt: skip
    left = WHOLE_BYTES
    before: int | None = None
    for one in (*_opening(connection, detail.packets), *detail.packets):
        bound = len(one.data) if left > 0 else BEGINNING
        left -= len(one.data)
        frames.append(one.frame)
        times.append(one.time_ns)
        senders.append(0 if one.sender == CLIENT else 1)
        sequences.append(one.sequence_id)
        records.append(one.record)
        summaries.append(one.summary or RECORD_MEANINGS.get(one.record, ""))
        lengths.append(one.length)
        errors.append(one.error)
        digits.append(one.data[:bound].hex())
        layers.append([[layer.name, layer.data[:MOST_LAYER].hex(), layer.length] for layer in one.layers])
        firsts.append(one.frame if one.start_frame is None else one.start_frame)
        pauses.append(None if before is None else _pause(one.time_ns - before))
        shown = one.fields if len(values) < MOST_FIELDS else []
        counts.append(len(shown))
        before = one.time_ns
        for depth, name, field in nested(shown):
            depths.append(depth)
            names.append(name)
            values.append(field.value)
            starts.append(min(field.start, bound))
            ends.append(min(field.end, bound))
    return [*columns, [detail.packets_left_out, _listed(detail)], list(_command_rows(connection, detail.commands))]


def _opening(c: Connection, packets: Sequence[PacketExcerpt]) -> list[PacketExcerpt]:
    """TCP's beginning, as far as it was seen."""
    if not c.tcp.syn:
        return []
    found = [PacketExcerpt(c.first_frame, 0, CLIENT, None, "SYN", "", 0, b"", [])]
    up = c.timing.tcp_connect_ns
    if up is not None and (not packets or packets[0].time_ns >= up):
        found.append(PacketExcerpt(0, up, SERVER, None, "SYN, ACK", "", 0, b"", []))
    return found


def _pause(ns: int) -> list[Any] | None:
    """How much room a time without packets takes in the ladder: twice as long is a little higher, up to 8."""
    if ns < SHORTEST_PAUSE_NS:
        return None
    return [min(8, 1 + int(2 * math.log10(ns / SHORTEST_PAUSE_NS))), labels.duration(ns)]


# What answers a command, in words; contract: `handshark commands`.
_ANSWERS: Final = {
    "ok": "OK",
    "error": "error",
    "resultset": "result",
    "eof": "end",
    "local_infile": "asks for a file",
    "prepare_ok": "prepared",
    "statistics": "statistics",
    "binlog": "binary log",
    "none": "none is due",
    "missing": "not seen",
}


def error_of(error: CommandError) -> str:
    """An error in one line."""
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    return f"{error.code}{state} {error.message}"[:LONGEST_MESSAGE]


def _command_rows(connection: Connection, commands: Sequence[Command]) -> Iterator[list[Any]]:
    """Each command that was kept, with what answered it.

    [commands left out before it, frame, name, statement, what is to be known of it or "", ns since the connection's
    start, latency ns, duration ns, answer, the answer's frame, rows in words or "", error or ""]
    """
    due = 0
    for one in commands:
        text, whole = shown_text(one)
        cut = "" if whole is None else f"{labels.count(whole, 'byte')} in all"
        if one.response == "ok":
            rows = f"{labels.count(one.affected_rows, 'row')} affected" if one.affected_rows else ""
        else:
            rows = "" if one.rows is None else labels.count(one.rows, "event" if one.response == "binlog" else "row")
        answer = _ANSWERS.get(one.response, one.response)
        yield [
            one.number - due,
            one.frame,
            one.command,
            text,
            cut,
            max(one.time_ns - connection.start_time_ns, 0),
            one.latency_ns,
            one.duration_ns,
            answer,
            one.response_frame,
            rows,
            "" if one.error is None else error_of(one.error),
        ]
        due = one.number + 1


def _listed(detail: ConnectionDetail) -> str:
    """Which of the commands are listed, where some are not."""
    if len(detail.commands) == detail.commands_seen:
        return ""
    return (
        f"{len(detail.commands):,} of {labels.count(detail.commands_seen, 'command')} are listed: the first {FIRST}, "
        f"and of those after them the {SLOWEST} that took longest and the first {FAILED} that failed."
    )
