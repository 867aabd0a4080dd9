"""Every record under every set of capabilities: round trips, any bytes, fields where they stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records import authentication, generic, greeting, login, response
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands import text as command
from analyzer.protocol.records.commands.text import (
    ComChangeUser,
    ComInitDb,
    ComOther,
    ComQuery,
    ComStmtPrepare,
)
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.session_track import (
    Gtids,
    RawChange,
    Schema,
    StateChange,
    SystemVariable,
    TransactionCharacteristics,
    TransactionState,
)
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.wire.reader import TracingReader
from tests.protocol.records.in_force import in_force_sets
from tests.protocol.records.requests import queries
from tests.protocol.records.vectors import VECTORS, context

texts = some.text(max_size=12) | some.text("ä\U0001f600", min_size=60, max_size=100)
no_nul = some.text(some.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
data = some.binary(max_size=20) | some.binary(min_size=240, max_size=300)
no_nul_data = some.binary(max_size=12).map(lambda raw: raw.replace(b"\x00", b"\x01"))
u8, u16 = some.integers(0, 0xFF), some.integers(0, 0xFFFF)
u32, u64 = some.integers(0, 0xFFFF_FFFF), some.integers(0, 2**64 - 1)
filler = some.binary(min_size=23, max_size=23)
pairs = some.lists(some.tuples(texts, texts), max_size=4).map(tuple)
session_changes = some.lists(
    some.builds(SystemVariable, texts, texts)
    | some.builds(Schema, texts)
    | some.builds(StateChange, texts)
    | some.builds(TransactionCharacteristics, texts)
    | some.builds(TransactionState, texts)
    | some.builds(Gtids, u8, texts)
    | some.builds(RawChange, some.integers(6, 0xFF), data),
    max_size=4,
).map(tuple)


@some.composite
def greetings(draw: some.DrawFn, _: Context) -> HandshakeV10:
    head = (draw(no_nul), draw(u32), draw(some.binary(min_size=8, max_size=8)), draw(u8), draw(u16))
    if draw(some.booleans()):
        return HandshakeV10(*head)
    flags_2 = draw(u16)
    flags = head[4] | flags_2 << 16
    size = draw(u8)
    part_2 = None
    if flags & cap.CLIENT_SECURE_CONNECTION or size:
        part_2 = draw(some.binary(min_size=max(13, size - 8), max_size=max(13, size - 8)))
        if size == 20:
            # Whether the 13th byte is the nonce's NUL or the next field's shows itself in it.
            part_2 = part_2[:12] + b"\x00"
    name, has_nul = None, True
    if flags & cap.CLIENT_PLUGIN_AUTH and draw(some.booleans()):
        name = draw(no_nul)
        has_nul = not name or draw(some.booleans())
    trailing = draw(some.binary(max_size=8)) if name is not None and has_nul else b""
    reserved = draw(some.binary(min_size=10, max_size=10))
    return HandshakeV10(*head, draw(u8), draw(u16), flags_2, size, reserved, part_2, name, has_nul, trailing)


@some.composite
def logins(draw: some.DrawFn, ctx: Context) -> HandshakeResponse41:
    flag = draw(u32) | cap.CLIENT_PROTOCOL_41
    layout = flag if ctx.server is None else flag & ctx.server
    if layout & cap.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA:
        response = draw(data)
    elif layout & cap.CLIENT_SECURE_CONNECTION:
        response = draw(some.binary(max_size=255))
    else:
        response = draw(no_nul_data)
    wanted = [
        bool(layout & flag_)
        for flag_ in (
            cap.CLIENT_CONNECT_WITH_DB,
            cap.CLIENT_PLUGIN_AUTH,
            cap.CLIENT_CONNECT_ATTRS,
            cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM,
        )
    ]
    return HandshakeResponse41(
        flag,
        draw(u32),
        draw(u8),
        draw(filler),
        draw(no_nul),
        response,
        draw(no_nul) if wanted[0] else None,
        draw(no_nul) if wanted[1] else None,
        draw(pairs) if wanted[2] else None,
        draw(u8) if wanted[3] else None,
        layout,
    )


@some.composite
def old_logins(draw: some.DrawFn, _: Context) -> HandshakeResponse320:
    flag = draw(u16) & ~cap.CLIENT_PROTOCOL_41
    has_nul = draw(some.booleans())
    database = None
    if flag & cap.CLIENT_CONNECT_WITH_DB:
        database = draw(no_nul.filter(bool) | some.none())
    return HandshakeResponse320(
        flag, draw(some.integers(0, 0xFFFFFF)), draw(no_nul), draw(no_nul_data), database, has_nul
    )


@some.composite
def oks(draw: some.DrawFn, ctx: Context) -> OKPacket:
    status = warnings = info = state = None
    if ctx.in_force & cap.CLIENT_PROTOCOL_41:
        status, warnings = draw(u16), draw(u16)
    elif ctx.in_force & cap.CLIENT_TRANSACTIONS:
        status = draw(u16)
    if draw(some.booleans()):
        info = draw(texts)
        changed = status is not None and status & cap.SERVER_SESSION_STATE_CHANGED
        if ctx.in_force & cap.CLIENT_SESSION_TRACK and changed:
            state = draw(session_changes)
    return OKPacket(draw(some.sampled_from([0, 0xFE])), draw(u64), draw(u64), status, warnings, info, True, state)


@some.composite
def user_changes(draw: some.DrawFn, ctx: Context) -> ComChangeUser:
    counted = bool(ctx.in_force & cap.CLIENT_SECURE_CONNECTION)
    response = draw(some.binary(max_size=255)) if counted else draw(no_nul_data)
    user, database = draw(no_nul), draw(no_nul)
    if draw(some.booleans()):
        return ComChangeUser(user, response, counted, database, database_has_nul=draw(some.booleans()))
    plugin = draw(no_nul) if ctx.in_force & cap.CLIENT_PLUGIN_AUTH else None
    attributes = draw(pairs) if ctx.in_force & cap.CLIENT_CONNECT_ATTRS else None
    return ComChangeUser(user, response, counted, database, draw(u16), plugin, attributes)


@some.composite
def column_counts(draw: some.DrawFn, ctx: Context) -> ColumnCount:
    flagged = ctx.in_force & (cap.CLIENT_OPTIONAL_RESULTSET_METADATA | cap.MARIADB_CLIENT_CACHE_METADATA)
    return ColumnCount(draw(u64), draw(u8 | some.none()) if flagged else None)


@some.composite
def prepared(draw: some.DrawFn, ctx: Context) -> StmtPrepareOK:
    head = (draw(u32), draw(u16), draw(u16))
    if draw(some.booleans()):
        return StmtPrepareOK(*head)
    flagged = ctx.in_force & cap.CLIENT_OPTIONAL_RESULTSET_METADATA
    return StmtPrepareOK(*head, draw(u8), draw(u16), draw(u8 | some.none()) if flagged else None)


def errors(_: Context) -> some.SearchStrategy[ErrPacket]:
    states = some.text("0123456789HY", min_size=5, max_size=5)
    # Without an SQLSTATE, a message that begins like one can not be told from it.
    plain = texts.filter(lambda text: not text.startswith("#"))
    return some.builds(ErrPacket, u16, states, texts) | some.builds(ErrPacket, u16, some.none(), plain)


def switches(_: Context) -> some.SearchStrategy[AuthSwitchRequest]:
    return some.builds(AuthSwitchRequest, no_nul, data) | some.builds(
        AuthSwitchRequest, no_nul, some.just(b""), some.just(False)
    )


def _of(*args: Any) -> Callable[[Context], some.SearchStrategy[Record]]:
    return lambda _: some.builds(*args)


RECORDS: dict[type[Record], Callable[[Context], some.SearchStrategy[Any]]] = {
    HandshakeV10: greetings,
    HandshakeV9: _of(HandshakeV9, no_nul, u32, no_nul_data),
    SSLRequest: _of(SSLRequest, u32.map(lambda flags: flags | cap.CLIENT_SSL), u32, u8, filler),
    SSLRequest320: _of(SSLRequest320, u16.map(lambda flags: flags | cap.CLIENT_SSL), some.integers(0, 0xFFFFFF)),
    HandshakeResponse41: logins,
    HandshakeResponse320: old_logins,
    AuthSwitchRequest: switches,
    OldAuthSwitchRequest: _of(OldAuthSwitchRequest),
    AuthMoreData: _of(AuthMoreData, data),
    AuthNextFactor: _of(AuthNextFactor, no_nul, data),
    AuthResponse: _of(AuthResponse, data),
    OKPacket: oks,
    ErrPacket: errors,
    EOFPacket: lambda _: some.just(EOFPacket(None, None)) | some.builds(EOFPacket, u16, u16),
    ProgressReport: _of(ProgressReport, u8, u8, u8, some.integers(0, 0xFFFFFF), texts),
    ComQuery: queries,
    ComInitDb: _of(ComInitDb, texts),
    ComStmtPrepare: _of(ComStmtPrepare, texts),
    ComChangeUser: user_changes,
    ComOther: _of(ComOther, u8, data),
    ColumnCount: column_counts,
    LocalInfileRequest: _of(LocalInfileRequest, texts),
    StmtPrepareOK: prepared,
    Statistics: _of(Statistics, texts),
}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(draw=some.data(), in_force=in_force_sets, server=some.none() | u32)
def test_round_trip(kind: type[Record], draw: some.DataObject, in_force: int, server: int | None) -> None:
    """The same record comes back; a tracing reader gives it too, and its spans lie in order, one behind the other."""
    ctx = context(in_force, server)
    record = draw.draw(RECORDS[kind](ctx))
    payload = record.to_bytes(ctx)
    assert kind.from_bytes(payload, ctx) == record
    tracing = TracingReader(payload)
    assert kind.decode(tracing, ctx) == record
    tracing.finish()
    at = 0
    for span in tracing.spans:
        assert span.start == at <= span.end
        at = span.end
    assert at == len(payload)
    assert isinstance(record.summary(), str)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=50)
@given(
    payload=some.binary(max_size=80), first=some.binary(max_size=1), in_force=in_force_sets, server=some.none() | u32
)
def test_random_bytes(kind: type[Record], payload: bytes, first: bytes, in_force: int, server: int | None) -> None:
    """A record or a DecodeError, nothing else; the tracing reader agrees."""
    ctx = context(in_force, server)
    raw = payload if kind in (SSLRequest, HandshakeResponse41) else _first(kind, first) + payload
    error = record = None
    try:
        record = kind.from_bytes(raw, ctx)
    except DecodeError as found:
        error = found
    if error is not None or record is None:
        assert error is not None
        assert 0 <= error.offset <= len(raw)
        assert error.record == kind.__name__
        return
    assert kind.decode(TracingReader(raw), ctx) == record
    record.to_bytes(ctx)


def _first(kind: type[Record], otherwise: bytes) -> bytes:
    """The byte that all vectors of the record begin with, so that more than its header is tried."""
    firsts = FIRST_BYTES[kind]
    return next(iter(firsts)) if len(firsts) == 1 else otherwise


def test_every_record_has_a_vector_and_a_strategy() -> None:
    modules = (authentication, command, generic, greeting, login, response)
    kinds = {kind for module in modules for kind in _defined_in(module)}
    assert kinds - {type(row[1]) for row in VECTORS} == {Data}
    assert kinds - set(RECORDS) == {Data}


def _defined_in(module: ModuleType) -> list[type[Record]]:
    members = inspect.getmembers(module, inspect.isclass)
    return [kind for _, kind in members if issubclass(kind, Record) and kind.__module__ == module.__name__]


FIRST_BYTES = {
    kind: {bytes.fromhex(raw)[:1] for _, record, _, raw in VECTORS if type(record) is kind} for kind in RECORDS
}
# The first byte is the data's, or looked at by the caller.
ANY_FIRST = (AuthMoreData, AuthResponse, ComOther, ProgressReport, Statistics)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in RECORDS if len(FIRST_BYTES[kind]) == 1 and kind not in ANY_FIRST],
    ids=lambda kind: kind.__name__,
)
def test_the_header_of_another_record_is_a_bad_value(kind: type[Record]) -> None:
    with pytest.raises(DecodeError):
        kind.from_bytes(b"\x77" * 64, context())
