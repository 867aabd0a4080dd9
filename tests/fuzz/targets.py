"""What is fuzzed: bytes in, and what must not happen. A target that raises has found something."""

from __future__ import annotations

import contextlib
import inspect
import zlib
from collections.abc import Callable
from typing import Any, Final

from analyzer.errors import DecodeError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.records import authentication, generic, greeting, login, response, resultset
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.binlog import event as binlog_event
from analyzer.protocol.records.commands import admin as simple
from analyzer.protocol.records.commands import replication, statement
from analyzer.protocol.records.commands import table as requests
from analyzer.protocol.records.commands import text as command
from analyzer.protocol.records.proxy import decode_proxy
from analyzer.protocol.wire.framing import PacketFramer
from analyzer.protocol.wire.reader import Reader, TracingReader
from tests.fuzz.client import client
from tests.fuzz.redaction import redaction
from tests.fuzz.ways import ways
from tests.hostile_outputs import analyse, check_json, csv_of, html_of, text_of
from tests.secrets.twisted import leaks, twisted

# First byte of an input of `records`.
SINGLE, MACHINE, AUTH = 0, 1, 2

_MODULES: Final = (
    *(authentication, command, generic, greeting, login, response, resultset, binlog_event),
    *(simple, statement, replication, requests),
)
RECORD_KINDS: Final[tuple[type[Record], ...]] = tuple(
    kind
    for module in _MODULES
    for name, kind in sorted(vars(module).items())
    if inspect.isclass(kind)
    and issubclass(kind, Record)
    and kind.__module__ == module.__name__
    and "decode" in vars(kind)
)
EXCHANGES: Final = (*sorted(PLUGINS), "no_such_plugin")


def line(data: bytes) -> None:
    """The whole line: a capture file to JSON, text, CSV and HTML; packets shown or not makes no difference to JSON."""
    plain = analyse(data)
    shown = analyse(data, packets=50)
    assert plain.lines == shown.lines, "showing packets changes the result"
    assert plain.refused == shown.refused
    check_json(plain)
    if not shown.results:
        return
    # The reports cost more than the analysis, a page as much as ten: not every input comes to them.
    chance = zlib.crc32(data)
    if chance % 4 == 0:
        text_of(shown)
        csv_of(shown)
    if chance % 16 == 0:
        html_of(shown)


def records(data: bytes) -> None:
    """Every decoder alone, every auth exchange, and the state machine from both sides."""
    if not data:
        return
    mode = data[0] % 3
    if mode == SINGLE and len(data) >= 10:
        _single(RECORD_KINDS[data[1] % len(RECORD_KINDS)], int.from_bytes(data[2:10], "little"), data[10:])
    elif mode == MACHINE:
        _machine(data[1:])
    elif mode == AUTH and len(data) >= 3:
        _exchange(EXCHANGES[data[1] % len(EXCHANGES)], bool(data[2] & 1), data[3:])


def _single(kind: type[Record], flags: int, payload: bytes) -> None:
    """A decode raises DecodeError or gives a record that, encoded, decodes to itself."""
    context = Context()
    context.in_force = flags & 0xFF_FFFF_FFFF
    context.secure = bool(flags >> 63)
    context.flavor = "mariadb" if flags >> 62 & 1 else "mysql"
    traced = TracingReader(payload, kind.__name__)
    try:
        record = kind.decode(traced, context)
    except DecodeError as error:
        if not 0 <= error.offset <= len(payload):
            raise AssertionError(f"{error}: offset outside the packet") from error
        try:
            kind.decode(Reader(payload, kind.__name__), context)
        except DecodeError as again:
            if str(again) != str(error):
                raise AssertionError(f"{again}, where the tracing reader says {error}") from again
        else:
            raise AssertionError(f"{kind.__name__}: the tracing reader fails where the plain one does not") from error
        return
    used = payload[: traced.pos]
    for span in traced.spans:
        assert 0 <= span.start <= span.end <= len(used)
    record.summary()
    try:
        assert kind.decode(Reader(payload, kind.__name__), context) == record or _has_nan(record)
    except DecodeError as error:
        raise AssertionError(f"{kind.__name__}: the plain reader fails where the tracing one does not") from error
    encoded = record.to_bytes(context)
    assert kind.decode(Reader(encoded, kind.__name__), context) == record or _has_nan(record)
    with contextlib.suppress(DecodeError):
        decode_proxy(payload)


def _has_nan(record: object) -> bool:
    """NaN is not equal to itself, and every double may be one."""
    return "nan" in repr(record)


def _machine(script: bytes) -> None:
    """Packets of both sides, each with a byte in front that says whose it is."""
    machine = Machine()
    framers = (PacketFramer(1 << 16), PacketFramer(1 << 16))
    at = 0
    frame = 0
    while at + 5 <= len(script):
        sender = CLIENT if script[at] & 1 == 0 else SERVER
        stop = at + 5 + int.from_bytes(script[at + 1 : at + 4], "little")
        frame += 1
        chunk = script[at + 1 : stop]
        framer = framers[sender]
        machine.decode_rows = bool(script[at] & 16)
        machine.lean = bool(script[at] & 32)
        framer.push(chunk, [len(chunk)], [frame], [frame])
        while True:
            if sender == SERVER and machine.may_pass > 0 and script[at] & 2:
                count, sequence, _ = framer.skip_rows(machine.next_sequence, machine.may_pass)
                machine.passed(count, sequence)
            packet = framer.next()
            if packet is None:
                break
            record = machine.feed(sender, packet)
            assert isinstance(record, Record)
            record.summary()
            if machine.detail is not None:
                machine.detail.summary()
            if isinstance(record, Malformed):
                assert record.reason
        if script[at] & 4:
            machine.desynchronise()
        if script[at] & 8:
            machine.lose_exchange()
        at = stop


def _exchange(name: str, secure: bool, script: bytes) -> None:
    """An auth plugin's exchange: (who, length, payload) after each other."""
    from analyzer.protocol.auth import plugin

    exchange = plugin(name).exchange(script[:20], secure)
    at = 0
    while at + 2 <= len(script):
        step: Callable[[Any], AuthRecord] = exchange.client if script[at] & 1 == 0 else exchange.server
        payload = script[at + 2 : at + 2 + script[at + 1]]
        at += 2 + script[at + 1]
        try:
            record = step(Reader(payload, "Auth"))
        except DecodeError:
            continue
        record.summary()


def masking(data: bytes) -> None:
    """A secret that was planted in a conversation does not appear, however it is written, cut, or lost in part."""
    name, frames = twisted(data)
    assert leaks(frames) == [], name


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "line": line,
    "records": records,
    "client": client,
    "masking": masking,
    "redaction": redaction,
    "ways": ways,
}
