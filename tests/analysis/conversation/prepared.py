"""Commands of prepared statements and others, in any order, with what answers them: plain ones, and such as are not."""

from __future__ import annotations

from hypothesis import strategies as st

from analyzer.analysis.conversation.session_facts import MOST_OPENING
from tests.wire.frames import FIN, Frame
from tests.wire.mysql import CLIENT_FLAGS, DEPRECATE_EOF, FAST, PING, QUIT, eof, greeting, login, ok, packet, query
from tests.wire.script import Say, Step, conversation

COLUMN = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"
CURSOR = 0x40
# An integer and a text; with the wrong length; a type that nobody knows.
VALUES = (*[b"\x07\0\0\0\x02hi"] * 3, b"\x07\0\0\0\x09hi", b"\x07\0\0")
TYPES = (*[b"\x03\x00\xfd\x00"] * 3, b"\xfd\x00\xfd\x00", b"\x03\x80\x99\x00")


def _prepared(number: int, params: int, columns: int, between: int | None) -> bytes:
    """The answer to a prepare; `between`: the status of the EOF packets, None where there are none."""
    head = b"\0" + number.to_bytes(4, "little") + columns.to_bytes(2, "little") + params.to_bytes(2, "little")
    parts = [packet(1, head + bytes(3))]
    for count in (params, columns):
        parts += [packet(len(parts) + 1 + nth, COLUMN) for nth in range(count)]
        if count and between is not None:
            parts.append(eof(len(parts) + 1, between))
    return b"".join(parts)


def _numbered(code: int, number: int, rest: bytes = b"") -> bytes:
    return packet(0, bytes([code]) + number.to_bytes(4, "little") + rest)


def _execute(number: int, block: bytes) -> bytes:
    return _numbered(0x17, number, b"\0" + (1).to_bytes(4, "little") + block)


@st.composite
def _asked(draw: st.DrawFn, deprecated: bool) -> tuple[bytes, bytes]:
    """A command and its answer."""
    number, answer = draw(st.integers(1, 2)), ok(1)
    between = None if deprecated else draw(st.sampled_from([2, 2, 2, CURSOR]))
    kind = draw(st.sampled_from(["prepare", "prepare", "execute", "execute", "reset", "all", "ping", "query", "close"]))
    closes = b"".join(_numbered(0x19, one) for one in draw(st.lists(st.integers(1, 2), max_size=2)))
    if kind == "prepare":
        sizes = draw(st.sampled_from([(2, 1), (2, 1), (2, 1), (0, 0), (1, 300)]))
        return closes + packet(0, b"\x16select ?, ?"), _prepared(number, *sizes, between)
    if kind == "execute":
        block = draw(st.sampled_from([b"\0\1" + types for types in TYPES] + 3 * [b"\0\0"] + [b"\0\2" + TYPES[0], b""]))
        return closes + _execute(number, block + draw(st.sampled_from(VALUES)) if block else b""), answer
    said = {
        "reset": _numbered(0x1A, number),
        "all": packet(0, b"\x1f"),
        "ping": PING,
        "query": query("use a"),
        "close": b"",
    }
    return (closes + said[kind], answer) if said[kind] else (_numbered(0x19, number), b"")


@st.composite
def talks(draw: st.DrawFn) -> list[Frame]:
    """The frames of one connection."""
    deprecated = draw(st.booleans())
    steps = draw(st.lists(_asked(deprecated), min_size=3, max_size=14))
    flags = CLIENT_FLAGS | DEPRECATE_EOF if deprecated else CLIENT_FLAGS & ~DEPRECATE_EOF
    script: list[Step] = [("s", greeting()), ("c", login(flags=flags)), ("s", FAST), ("s", ok(3))]
    for asked, answer in [(PING, ok(1))] * MOST_OPENING + steps:
        script.append(("c", asked))
        if answer:
            script.append(("s", answer))
    split = draw(st.sampled_from([0, 9, 30]))
    return conversation([*script, ("c", QUIT), Say("c", flags=FIN)], split=split)
