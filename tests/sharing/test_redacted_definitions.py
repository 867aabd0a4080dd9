"""Column definitions in a compiled loop: what becomes of them one by one, or nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.records.resultset import ColumnDefinition41
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41, MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.sharing.redaction.definitions import PlainDefinitions
from analyzer.sharing.redaction.keep import DEFAULT, KeptKinds
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.rows import reading_of
from tests.sharing.reading import KEY

NAMES = st.one_of(
    st.sampled_from(
        ["", "def", "shop", "mysql", "SELECT", "Tables_in_shop", "count(*)", "n\u00e4me", "a b", "k_index", "x" * 70]
    ),
    st.text("abcXYZ019_$ -", max_size=12),
)


def definition(names: list[str], fixed: tuple[int, int, int], tail: bytes) -> bytes:
    collation, kind, flags = fixed
    raw = b"".join(bytes([len(name.encode())]) + name.encode() for name in names)
    return (
        raw
        + b"\x0c"
        + collation.to_bytes(2, "little")
        + b"\0\1\0\0"
        + bytes([kind])
        + flags.to_bytes(2, "little")
        + tail
    )


@given(
    st.lists(NAMES, min_size=6, max_size=6),
    st.tuples(st.sampled_from([33, 45, 63, 255, 9999]), st.integers(0, 255), st.integers(0, 0xFFFF)),
    st.sampled_from([b"\0\0\0", b"\2\0\0", b"\0\0\1", b"\0\0\0\1x", b"\0\0"]),
)
def test_the_same_as_one_by_one(names: list[str], fixed: tuple[int, int, int], tail: bytes) -> None:
    packets = PacketRedactor(Replacements(KEY), DEFAULT)
    machine = Machine(Context(in_force=CLIENT_PROTOCOL_41))
    payload = definition(names, fixed, tail)
    plain = PlainDefinitions(packets)
    for schema in names[:2]:
        packets.sql.meet_schema(schema)
        plain.learn(schema.encode())
    packets.replacements.counts.clear()
    out = bytearray(payload)
    if not plain.redact(payload, 0, len(payload), out):
        assert out == payload
        assert not plain.reading
        return
    record = ColumnDefinition41.from_bytes(payload, machine.context)
    assert plain.column(payload) == record.column
    assert plain.reading == reading_of((record.column,))
    assert out == packets.payload(payload, record, machine, None, None)
    assert plain.replaced == packets.replacements.counts.get("databases", 0)


def test_plain_is_what_servers_send() -> None:
    packets = PacketRedactor(Replacements(KEY), DEFAULT)
    plain = PlainDefinitions(packets)
    payload = definition(["def", "shop", "o", "orders", "number", "id"], (45, 3, 0x4203), b"\0\0\0")
    out = bytearray(payload)
    for schema in (b"def", b"shop"):
        assert not plain.redact(payload, 0, len(payload), out)
        assert plain.unknown == schema
        plain.learn(schema)
    assert plain.redact(payload, 0, len(payload), out)
    column = plain.column(payload)
    assert (column.name, column.org_name) == ("number", "id")
    assert b"shop" not in out
    assert b"orders" in out
    assert plain.may(CLIENT_PROTOCOL_41)
    assert not plain.may(CLIENT_PROTOCOL_41 | MARIADB_CLIENT_EXTENDED_METADATA)
    assert not PlainDefinitions(PacketRedactor(Replacements(KEY), KeptKinds(frozenset()))).may(CLIENT_PROTOCOL_41)
