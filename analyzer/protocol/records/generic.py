"""Generic responses: OK, ERR, EOF.

Sources: MySQL source documentation, "OK_Packet", "ERR_Packet", "EOF_Packet"; MariaDB Server documentation,
"OK_Packet", "ERR_Packet" (progress reports: error code 65535).
"""

from __future__ import annotations

from typing import Self

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.session_track import SessionChange, read_changes, write_changes
from analyzer.protocol.tables.capabilities import (
    CLIENT_PROTOCOL_41,
    CLIENT_SESSION_TRACK,
    CLIENT_TRANSACTIONS,
    SERVER_SESSION_STATE_CHANGED,
)
from analyzer.protocol.wire.reader import Reader, Writer

PROGRESS_REPORT = 0xFFFF
# Characters of a proof of the server's certificate: its mark, SHA-256 in hexadecimal.
PROOF_LENGTH = 65


class OKPacket(Record, frozen=True):
    """Header 0x00, or 0xFE where it takes the place of an EOF packet (CLIENT_DEPRECATE_EOF).

    `info` is a string<lenenc> on the wire in every version of both servers (the manual says string<EOF> where session
    tracking is off); a server of another make that leaves the length out is read as it stands (`info_has_length`).
    """

    header: int
    affected_rows: int
    last_insert_id: int
    status_flags: int | None
    warnings: int | None
    info: str | None
    info_has_length: bool
    session_state_info: tuple[SessionChange, ...] | None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "OKPacket"
        header = r.u8("header")
        if header not in (0x00, 0xFE):
            raise BadValue("OKPacket", "header", 0, f"0x00 or 0xfe expected, 0x{header:02x} found")
        affected = r.lenenc("affected_rows")
        insert_id = r.lenenc("last_insert_id")
        status: int | None = None
        warnings: int | None = None
        if ctx.in_force & CLIENT_PROTOCOL_41:
            status = r.uint("status_flags", 2)
            warnings = r.uint("warnings", 2)
        elif ctx.in_force & CLIENT_TRANSACTIONS:
            status = r.uint("status_flags", 2)
        if r.pos == r.end:
            return cls(header, affected, insert_id, status, warnings, None, True, None)
        changed = status is not None and bool(status & SERVER_SESSION_STATE_CHANGED)
        tracked = bool(ctx.in_force & CLIENT_SESSION_TRACK)
        if not tracked:
            after = _after_lenenc(r.data, r.pos, r.end)
            if changed and after is not None and after < r.end and _after_lenenc(r.data, after, r.end) == r.end:
                # The login was not captured, and the packet itself shows that session tracking is on.
                tracked = True
            elif after != r.end:
                return cls(header, affected, insert_id, status, warnings, r.rest_text("info"), False, None)
        info = r.lenenc_text("info")
        state: tuple[SessionChange, ...] | None = None
        if tracked and changed and r.pos < r.end:
            state = read_changes(r)
        return cls(header, affected, insert_id, status, warnings, info, True, state)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.header)
        w.lenenc(self.affected_rows)
        w.lenenc(self.last_insert_id)
        if self.status_flags is not None:
            w.uint(self.status_flags, 2)
        if self.warnings is not None:
            w.uint(self.warnings, 2)
        if self.info is not None:
            if self.info_has_length:
                w.lenenc_bytes(self.info)
            else:
                w.raw(self.info)
        if self.session_state_info is not None:
            write_changes(w, self.session_state_info)

    @property
    def proves_certificate(self) -> bool:
        """Whether the info is no text: MariaDB from 11.4 on proves its certificate with the password's hash.

        A mark, and SHA-256 of the hash, the nonce and the certificate's fingerprint: from it a password can be guessed.
        """
        return self.info is not None and len(self.info) == PROOF_LENGTH and self.info[0] == "\x01"

    def summary(self) -> str:
        parts = ["OK"]
        if self.affected_rows:
            parts.append(f"{self.affected_rows} rows affected")
        if self.warnings:
            parts.append(f"{self.warnings} warnings")
        if self.proves_certificate:
            parts.append("with a proof of the server's certificate")
        elif self.info:
            parts.append(self.info)
        parts.extend(change.summary() for change in self.session_state_info or ())
        return ", ".join(parts)


def _after_lenenc(data: bytes, pos: int, end: int) -> int | None:
    """Where the string<lenenc> at `pos` ends; None where there is none."""
    r = Reader(data, "", pos)
    r.end = end
    try:
        r.lenenc_bytes("")
    except DecodeError:
        return None
    return r.pos


class ErrPacket(Record, frozen=True):
    """Header 0xFF, code, message; '#' and an SQLSTATE between them where one follows.

    Before the login (an error in place of the greeting) servers leave the SQLSTATE out, though CLIENT_PROTOCOL_41 is
    offered: the '#' decides, not the capability.
    """

    error_code: int
    sql_state: str | None
    error_message: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ErrPacket"
        header = r.u8("header")
        if header != 0xFF:
            raise BadValue("ErrPacket", "header", 0, f"0xff expected, 0x{header:02x} found")
        code = r.uint("error_code", 2)
        state: str | None = None
        if r.peek() == 0x23 and r.left >= 6:
            r.take("sql_state_marker", 1)
            state = r.text("sql_state", 5)
        return cls(code, state, r.rest_text("error_message"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFF)
        w.uint(self.error_code, 2)
        if self.sql_state is not None:
            w.raw("#" + self.sql_state)
        w.raw(self.error_message)

    def summary(self) -> str:
        state = f" ({self.sql_state})" if self.sql_state else ""
        return f"error {self.error_code}{state}: {self.error_message}"


class ProgressReport(Record, frozen=True):
    """MariaDB's MARIADB_CLIENT_PROGRESS: an ERR packet with code 65535 that ends nothing."""

    strings: int
    stage: int
    max_stage: int
    progress: int
    info: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ProgressReport"
        r.take("header", 1)
        code = r.uint("error_code", 2)
        if code != PROGRESS_REPORT:
            raise BadValue("ProgressReport", "error_code", 1, f"65535 expected, {code} found")
        return cls(
            r.u8("strings"),
            r.u8("stage"),
            r.u8("max_stage"),
            r.uint("progress", 3),
            r.lenenc_text("info"),
        )

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFF)
        w.uint(PROGRESS_REPORT, 2)
        w.u8(self.strings)
        w.u8(self.stage)
        w.u8(self.max_stage)
        w.uint(self.progress, 3)
        w.lenenc_bytes(self.info)

    def summary(self) -> str:
        return f"stage {self.stage} of {self.max_stage}: {self.info}, {self.progress / 1000:.1f} %"


class EOFPacket(Record, frozen=True):
    """Header 0xFE and at most four more bytes: warnings and status flags from protocol 4.1 on."""

    warnings: int | None
    status_flags: int | None

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "EOFPacket"
        header = r.u8("header")
        if header != 0xFE:
            raise BadValue("EOFPacket", "header", 0, f"0xfe expected, 0x{header:02x} found")
        if r.pos == r.end:
            return cls(None, None)
        return cls(r.uint("warnings", 2), r.uint("status_flags", 2))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFE)
        if self.warnings is not None:
            w.uint(self.warnings, 2)
            w.uint(self.status_flags or 0, 2)

    def summary(self) -> str:
        return "end of the packets before it"
