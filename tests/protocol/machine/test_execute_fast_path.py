"""The plain way of reading executes against the records."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import plan_of
from analyzer.protocol.machine.execute_fast_path import record_of
from analyzer.protocol.prepared import Bound
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.statement import ComStmtExecute
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41, CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.tables.column_types import UNSIGNED
from analyzer.protocol.wire.framing import encode_packet
from analyzer.protocol.wire.values import INTEGER_SIZES

TEXTS = (0x00, 0x0F, 0xF5, 0xF6, 0xFD, 0xFE)
BLOBS = (0xFC, 0xFF, 0x10)
TIMES = ((0x0C, "2024-05-06 07:08:09.25"), (0x0A, "2024-05-06"), (0x0B, "-838:59:59"))


@st.composite
def _parameter(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from([*INTEGER_SIZES, *TEXTS, *BLOBS, 0x05, 0x04, *(own for own, _ in TIMES)]))
    if draw(st.integers(0, 5)) == 0:
        return Parameter.of(None, type=kind)
    if kind in INTEGER_SIZES:
        unsigned = draw(st.booleans())
        bits = 8 * INTEGER_SIZES[kind]
        low = 0 if unsigned or kind == 0x0D else -(1 << bits - 1)
        high = (1 << bits) - 1 if unsigned or kind == 0x0D else (1 << bits - 1) - 1
        return Parameter.of(draw(st.integers(low, high)), type=kind, unsigned=unsigned)
    if kind in (0x04, 0x05):
        return Parameter.of(draw(st.floats(width=32)), type=kind)
    if kind in BLOBS:
        return Parameter.of(draw(st.binary(max_size=300)), type=kind)
    if kind in TEXTS:
        return Parameter.of(draw(st.one_of(st.text(max_size=300), st.binary(max_size=300))), type=kind)
    return Parameter.of(dict(TIMES)[kind], type=kind)


def _both(data: bytes, types: tuple[int, ...], in_force: int) -> tuple[Any, Any]:
    """What the plain way reads of a packet and what the record says; None for what is not plain."""
    plan = plan_of(len(types), types, in_force & CLIENT_QUERY_ATTRIBUTES != 0)
    assert plan is not None
    context = Context(in_force=in_force, bound=Bound(len(types), types))
    record = ComStmtExecute.from_bytes(data[4:], context)
    if not plan.fits(data):
        return None, record
    assert record_of(plan, data) == record
    return plan.values(data), record


SETTINGS = {
    "parameters": st.lists(_parameter(), max_size=12),
    "in_force": st.sampled_from([CLIENT_PROTOCOL_41, CLIENT_PROTOCOL_41 | CLIENT_QUERY_ATTRIBUTES]),
    "again": st.booleans(),
}


def _packet(parameters: list[Parameter], in_force: int, again: bool) -> tuple[bytes, tuple[int, ...]]:
    record = ComStmtExecute.bind(7, parameters, Context(in_force=in_force), types=again)
    return encode_packet(record.to_bytes(Context(in_force=in_force)), 0), tuple(each.type for each in parameters)


@given(**SETTINGS)
def test_values_are_those_of_the_record(parameters: list[Parameter], in_force: int, again: bool) -> None:
    data, types = _packet(parameters, in_force, again)
    found, record = _both(data, types, in_force)
    assert not record.undecoded
    assert repr(found) == repr([each.value for each in record.parameters])


@given(**SETTINGS, place=st.integers(min_value=0), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_what_is_broken_is_broken_for_both(
    parameters: list[Parameter], in_force: int, again: bool, place: int, byte: int, cut: int
) -> None:
    whole, types = _packet(parameters, in_force, again)
    changed = bytearray(whole)
    if len(whole) > 14:
        changed[14 + place % (len(whole) - 14)] = byte
    payload = bytes(changed[4 : max(14, len(changed) - cut)])
    found, record = _both(encode_packet(payload, 0), types, in_force)
    if found is not None:
        assert not record.undecoded
        assert repr(found) == repr([each.value for each in record.parameters])


def test_what_is_not_plain() -> None:
    number = 0x08 | UNSIGNED
    assert plan_of(2, (number,), True) is None
    assert plan_of(251, (number,) * 251, True) is None
    assert plan_of(1, None, False) is None
    plan = plan_of(1, (number,), True)
    assert plan is not None
    named, _ = _packet([Parameter.of(1, "tag", type=0x08, unsigned=True)], CLIENT_QUERY_ATTRIBUTES, True)
    assert not plan.fits(named)
    other, _ = _packet([Parameter.of(1, type=0x08)], CLIENT_QUERY_ATTRIBUTES, True)
    assert not plan.fits(other)
    more, _ = _packet([Parameter.of(1, type=0x08, unsigned=True)] * 2, CLIENT_QUERY_ATTRIBUTES, True)
    assert not plan.fits(more)
