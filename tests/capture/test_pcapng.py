"""pcapng: sections, interfaces, clocks, the kinds of blocks, cut and damaged files."""

from __future__ import annotations

import struct
from array import array
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import CaptureSource, PcapngWriter, open_stream
from analyzer.capture.clocks import MAX_SECONDS, SECOND_NS, Clock
from analyzer.capture.pcapng_blocks import MAX_INTERFACES
from analyzer.capture.state import MAX_SECRET_BYTES, MAX_WARNINGS, ReadState
from analyzer.errors import CaptureError
from tests.capture.support import START, Frame, calm, read, read_or_refuse, written_pcapng
from tests.wire.files import block, enhanced, interface, option, section

TLS = 0x544C534B


def secrets_block(payload: bytes, kind: int = TLS) -> bytes:
    return block(10, struct.pack("<II", kind, len(payload)) + payload)


@calm
@given(
    frames=st.lists(
        st.tuples(
            st.binary(max_size=120), st.integers(0, MAX_SECONDS * SECOND_NS), st.integers(120, 70000), st.integers(0, 2)
        ),
        max_size=30,
    ),
    nanoseconds=st.booleans(),
    batch_bytes=st.sampled_from([1, 13, 200, 1 << 20]),
)
def test_what_is_written_is_read(
    frames: list[tuple[bytes, int, int, int]], nanoseconds: bool, batch_bytes: int
) -> None:
    out = BytesIO()
    writer = PcapngWriter(out, link_type=101, nanoseconds=nanoseconds)
    links = [101, 113, 276]
    assert [writer.interface(113), writer.interface(276, "ether 0")] == [1, 2]
    for data, time, original, number in frames:
        writer.write(data, time, original, interface=number)
    rows, source = read(out.getvalue(), batch_bytes)
    tick = 1 if nanoseconds else 1000
    assert rows == [
        Frame(place, time // tick * tick, links[number], data, original)
        for place, (data, time, original, number) in enumerate(frames, 1)
    ]
    assert not source.warnings
    assert source.format == "pcapng"


@pytest.mark.parametrize("order", ["<", ">"])
def test_sections_have_their_own_order_and_interfaces(order: str) -> None:
    content = section("<") + interface(1) + enhanced(b"one", 1)
    content += section(order) + interface(113, order=order) + interface(101, order=order)
    content += enhanced(b"two", 2, 1, order) + enhanced(b"three", 3, 0, order)
    content += section("<") + interface(276) + enhanced(b"four", 4)
    for batch_bytes in (1, 1 << 16):
        rows, source = read(content, batch_bytes)
        assert rows == [
            Frame(1, 1000, 1, b"one", 3),
            Frame(2, 2000, 101, b"two", 3),
            Frame(3, 3000, 113, b"three", 5),
            Frame(4, 4000, 276, b"four", 4),
        ]
        assert not source.warnings


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_kinds_of_packet_blocks(order: str) -> None:
    content = section(order) + interface(1, 4, order=order) + interface(113, order=order)
    content += block(3, struct.pack(order + "I", 9) + b"abcd", order)
    content += enhanced(b"efg", 5_000_000, 1, order)
    content += block(3, struct.pack(order + "I", 2) + b"hi", order)
    content += block(2, struct.pack(order + "HHIIII", 1, 77, 0, 6_000_000, 2, 60) + b"jk", order)
    rows, source = read(content)
    assert rows == [
        Frame(1, 0, 1, b"abcd", 9),
        Frame(2, 5_000_000_000, 113, b"efg", 3),
        Frame(3, 5_000_000_000, 1, b"hi", 2),
        Frame(4, 6_000_000_000, 113, b"jk", 60),
    ]
    assert [str(warning) for warning in source.warnings] == [
        "memory: the file says that 77 frames are missing between those it holds"
    ]
    assert read(content, 1)[0] == rows


def test_other_blocks_are_skipped_and_counted_as_wireshark_does() -> None:
    packet = enhanced(b"x", 1)
    content = section() + interface() + packet
    for kind in (4, 5, 7, 8, 0x777, 0x203):  # names, statistics, unknown ones: no numbers
        content += block(kind, bytes(16))
    content += packet
    for kind in (9, 0xBAD, 0x40000BAD, 0x204):  # journal, custom blocks, a system call: a number each
        content += block(kind, bytes(40))
    rows, source = read(content + packet)
    assert [row.number for row in rows] == [1, 2, 7]
    assert source.frames == 7
    assert not source.warnings


def test_a_frame_of_an_unknown_interface_is_left_out_but_counted() -> None:
    content = section() + enhanced(b"a") + interface() + enhanced(b"b") + enhanced(b"c", 0, 1) + enhanced(b"d", 0, 9)
    rows, source = read(content + interface(113) + enhanced(b"e", 0, 1))
    assert [(row.number, row.link_type, row.data) for row in rows] == [(2, 1, b"b"), (5, 113, b"e")]
    assert [warning.frame for warning in source.warnings] == [1]
    assert "and 2 more" in source.warnings[0].message
    assert not source.cut_short


def test_a_captured_length_beyond_its_block() -> None:
    wrong = bytearray(enhanced(b"abcd"))
    wrong[20:24] = struct.pack("<I", 5)
    rows, source = read(section() + interface() + bytes(wrong) + enhanced(b"ok"))
    assert [(row.number, row.data) for row in rows] == [(2, b"ok")]
    assert "more captured bytes than its block" in source.warnings[0].message


def test_warnings_are_bounded() -> None:
    content = section() + interface() + (enhanced(b"", 0, 7) + enhanced(b"x")) * (MAX_WARNINGS + 20)
    rows, source = read(content, 1)
    assert len(rows) == MAX_WARNINGS + 20
    assert len(source.warnings) == MAX_WARNINGS + 1
    assert source.warnings[-1].message == "further warnings are left out"


def test_secrets_come_with_or_before_the_next_batch() -> None:
    parts = [section() + interface(), enhanced(b"a"), secrets_block(b"one"), enhanced(b"b")]
    parts += [secrets_block(b"ssh", 0x5353484B), secrets_block(b"two"), enhanced(b"c")]
    with open_stream(BytesIO(b"".join(parts)), "memory", batch_bytes=1) as source:
        seen: list[tuple[int, list[bytes]]] = []
        for batch in source:
            seen.append((int(batch.number[0]), list(source.secrets)))
    assert [number for number, _ in seen] == [1, 2, 3]
    assert seen[1][1] == [b"one"]
    assert seen[2][1] == [b"one", b"two"]
    assert read(b"".join(parts))[1].secrets == [b"one", b"two"]


def test_a_secrets_block_that_lies_about_its_length() -> None:
    content = section() + interface() + block(10, struct.pack("<II", TLS, 100) + b"short") + enhanced(b"x")
    rows, source = read(content)
    assert len(rows) == 1
    assert source.secrets == []
    assert "decryption secrets" in source.warnings[0].message


def test_secrets_are_bounded() -> None:
    state = ReadState("memory")
    state.add_secret(bytes(MAX_SECRET_BYTES))
    state.add_secret(b"x")
    assert len(state.secrets) == 1
    assert "left out" in state.warnings[0].message


def test_interfaces_are_bounded() -> None:
    content = section() + interface() * (MAX_INTERFACES + 1) + enhanced(b"x", 0, MAX_INTERFACES - 1)
    rows, source = read(content + enhanced(b"y", 0, MAX_INTERFACES), 1 << 20)
    assert [row.data for row in rows] == [b"x"]
    assert len(source.warnings) == 2


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "expected"),
    [
        (None, None, 1_500_000, 1_500_000_000),
        (0, None, 7, 7_000_000_000),
        (3, None, 7, 7_000_000),
        (9, None, 7, 7),
        (12, None, 7_999, 7),
        (0x80, None, 3, 3_000_000_000),
        (0x81, None, 3, 1_500_000_000),
        (0xA0, None, 1 << 31, 500_000_000),
        (0xBF, None, 1 << 62, 500_000_000),
        (0xFF, None, 1 << 63, 0),
        (127, None, 1 << 63, 0),
        (9, -1, 7, 7 - 1_000_000_000),
        (9, 10, 7, 10_000_000_007),
        (0, 1 << 62, 7, MAX_SECONDS * SECOND_NS),
        (0, -(1 << 62), 7, -MAX_SECONDS * SECOND_NS),
        (20, 1 << 62, 7, MAX_SECONDS * SECOND_NS),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_clocks(resolution: int | None, offset: int | None, ticks: int, expected: int, order: str) -> None:
    options = option(2, b"eth0", order)
    if resolution is not None:
        options += option(9, bytes([resolution]), order)
    if offset is not None:
        options += option(14, struct.pack(order + "q", offset), order)
    # A second clock in the section: rows go by their interface.
    content = section(order) + interface(options=options + option(0, b"", order), order=order) + interface(order=order)
    content += enhanced(b"a", ticks, 0, order) + enhanced(b"b", 5, 1, order) + enhanced(b"c", ticks, 0, order)
    assert [row.timestamp_ns for row in read(content)[0]] == [expected, 5000, expected]


@calm
@given(
    st.sampled_from([2, 10]),
    st.integers(0, 127),
    st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(10**9), 10**9)),
    st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=5),
)
def test_clocks_agree_with_exact_arithmetic(base: int, exponent: int, offset: int, ticks: list[int]) -> None:
    top = MAX_SECONDS * SECOND_NS
    found = Clock(base, exponent, offset).to_ns(memoryview(array("Q", ticks))).tolist()
    for tick, value in zip(ticks, found, strict=True):
        exact = tick * SECOND_NS // base**exponent + offset * SECOND_NS
        if abs(exact) < top and tick // base**exponent <= MAX_SECONDS:
            assert value == exact
        else:
            assert -top <= value <= top + SECOND_NS


@calm
@given(st.binary(max_size=40))
def test_options_may_be_anything(options: bytes) -> None:
    rows, _ = read(section() + interface(options=options) + enhanced(b"x", 1))
    assert [row.data for row in rows] == [b"x"]


@pytest.mark.parametrize("batch_bytes", [1, 50, 1 << 16])
def test_cut_anywhere(batch_bytes: int) -> None:
    content = written_pcapng()
    whole = read(content)[0]
    ends, place = [], 0
    while place < len(content):
        place += struct.unpack_from("<I", content, place + 4)[0]
        ends.append(place)
    for size in range(len(content)):
        if size < ends[0]:
            with pytest.raises(CaptureError, match=r"expected|cut short|neither"):
                read(content[:size], batch_bytes)
            continue
        rows, source = read(content[:size], batch_bytes)
        assert rows == whole[: len(rows)]
        assert source.cut_short == (size not in ends)
        assert len(source.warnings) == source.cut_short
        if source.cut_short:
            assert source.warnings[0].offset == max(end for end in ends if end <= size)
            assert source.warnings[0].frame == len(rows) + 1


def damaged(content: bytes) -> CaptureSource:
    rows, source = read(content)
    assert [row.data for row in rows] == [b"good"]
    assert source.cut_short
    assert "damaged" in source.warnings[-1].message
    assert source.warnings[-1].offset == len(section() + interface() + enhanced(b"good"))
    assert read(content, 1)[0] == rows
    return source


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("<II", 6, 33),
        struct.pack("<II", 6, 28) + bytes(24),
        struct.pack("<II", 6, 0) + bytes(24),
        struct.pack("<II", 6, 0xFFFFFFFC) + bytes(24),
        struct.pack("<II", 0x777, 8) + bytes(24),
        struct.pack("<II", 0x777, 14) + bytes(24),
        struct.pack("<II", 0x777, 16) + bytes(24),
        struct.pack("<II", 3, 12) + bytes(24),
        struct.pack("<II", 10, 16) + bytes(24),
        enhanced(b"bad!")[:-4] + struct.pack("<I", 40) + secrets_block(b"not to be trusted") + interface(),
        enhanced(b"bad!")[:-4] + struct.pack("<I", 40) + section() + enhanced(b"x", 0, 5),
        section()[:8] + bytes(20),
    ],
)
def test_damage_ends_the_reading(tail: bytes) -> None:
    assert damaged(section() + interface() + enhanced(b"good") + tail + enhanced(b"lost")).secrets == []


def test_secrets_before_the_damage_are_kept() -> None:
    start = section() + interface() + enhanced(b"good")
    rows, source = read(start + secrets_block(b"key") + enhanced(b"bad!")[:-4] + bytes(4) + secrets_block(b"no"))
    assert len(rows) == 1
    assert source.secrets == [b"key"]


@calm
@given(
    changes=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=6),
    batch_bytes=st.sampled_from([1, 64, 300]),
)
def test_changed_bytes_give_frames_or_an_error(changes: list[tuple[int, int]], batch_bytes: int) -> None:
    content = bytearray(written_pcapng(12) + section(">") + interface(order=">") + enhanced(b"last", 3, 0, ">"))
    for place, value in changes:
        content[place % len(content)] = value
    assert read_or_refuse(bytes(content), batch_bytes) == read_or_refuse(bytes(content), 1 << 20)


@calm
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 6, 9, 10, 0x0A0D0D0A]), st.binary(max_size=60)),
        max_size=10,
    ),
    st.sampled_from([1, 64, 300]),
)
def test_arbitrary_blocks(blocks: list[tuple[int, bytes]], batch_bytes: int) -> None:
    content = section() + interface() + b"".join(block(kind, body) for kind, body in blocks)
    rows, source = read(content, batch_bytes)
    again, other = read(content)
    assert rows == again
    assert source.secrets == other.secrets
    assert source.frames == other.frames


def test_a_section_header_that_is_wrong_is_refused() -> None:
    with pytest.raises(CaptureError, match="byte-order magic"):
        read(section()[:8] + bytes(20))
    with pytest.raises(CaptureError, match="claims 12 bytes"):
        read(section()[:4] + struct.pack("<I", 12) + section()[8:])


def test_a_version_to_come_is_a_warning() -> None:
    content = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1)) + interface() + enhanced(b"x")
    rows, source = read(content)
    assert len(rows) == 1
    assert "version 2.0" in source.warnings[0].message


def test_the_writer_refuses_what_it_can_not_write() -> None:
    writer = PcapngWriter(BytesIO())
    with pytest.raises(ValueError, match="no frame can be written"):
        writer.write(b"", -1)
    with pytest.raises(ValueError, match="interface 1"):
        writer.write(b"", START, interface=1)


def statistics(number: int, *counters: tuple[int, int], order: str = "<") -> bytes:
    options = b"".join(option(code, struct.pack(order + "Q", value), order) for code, value in counters)
    return block(5, struct.pack(order + "III", number, 0, 0) + options + bytes(4), order)


def messages(content: bytes) -> list[str]:
    return [warning.message for warning in read(content)[1].warnings]


@pytest.mark.parametrize("order", ["<", ">"])
def test_dropped_frames_are_told(order: str) -> None:
    """The latest counters of each interface of each section, added up; dumpcap writes one counter as both."""
    head = section(order) + interface(order=order) + interface(order=order)
    counted = statistics(0, (5, 5), (7, 1), order=order) + statistics(0, (4, 99), (5, 12345), (7, 2), order=order)
    second = section(order) + interface(order=order) + statistics(0, (5, 5), order=order)
    assert messages(head + counted + statistics(1, (7, 40), order=order) + second) == [
        "the file says that 12,392 frames were dropped while it was captured "
        "(12,350 by the interface, 42 by the operating system)"
    ]
    assert messages(head + statistics(0, (5, 7), (7, 7), order=order)) == [
        "the file says that 7 frames were dropped while it was captured"
    ]
    assert messages(head + statistics(0, (5, 0), (7, 2**64 - 1), order=order)) == []
    assert messages(head + statistics(9, (5, 7), order=order) + block(5, bytes(4), order)) == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_drop_counts_of_packet_blocks_are_added_up(order: str) -> None:
    def packet(data: bytes, options: bytes) -> bytes:
        head = struct.pack(order + "IIIII", 0, 0, 0, len(data), len(data))
        return block(6, head + data + bytes(-len(data) % 4) + options, order)

    dropped = option(2, b"\0\0\0\x01", order) + option(4, struct.pack(order + "Q", 17), order) + bytes(4)
    lies = option(4, b"\x09", order) + struct.pack(order + "HH", 4, 60000)
    content = section(order) + interface(order=order)
    for data, options in ((b"one", dropped), (b"", b""), (b"three", lies), (b"four", dropped), (b"5", bytes(12))):
        content += packet(data, options)
    rows, source = read(content)
    assert [row.data for row in rows] == [b"one", b"", b"three", b"four", b"5"]
    assert [warning.message for warning in source.warnings] == [
        "the file says that 34 frames are missing between those it holds"
    ]


def unpadded(data: bytes, *, filled: bool) -> bytes:
    """An enhanced packet block whose length does not count its padding; `filled` has it all the same."""
    size = struct.pack("<I", 32 + len(data))
    padding = bytes(-len(data) % 4) if filled else b""
    return b"\x06\0\0\0" + size + struct.pack("<IIIII", 0, 0, 0, len(data), len(data)) + data + padding + size


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("step", [1, 7, 50, 4096])
def test_blocks_that_are_not_padded_are_read_and_named(filled: bool, step: int) -> None:
    datas = [b"abcd", b"efghi", b"j", b"", b"klmnopq", b"rs"]
    content = section() + interface() + b"".join(unpadded(data, filled=filled) for data in datas)
    rows, source = read(content, step)
    assert [row.data for row in rows] == datas
    assert ["padd" in warning.message for warning in source.warnings] == [True]
    assert not source.cut_short


@pytest.mark.parametrize("filled", [False, True])
def test_damage_among_unpadded_blocks_is_still_damage(filled: bool) -> None:
    content = (
        section() + interface() + unpadded(b"abcde", filled=filled) + unpadded(b"fg", filled=filled)[:-1] + b"\x7f"
    )
    rows, source = read(content + enhanced(b"x"))
    assert [row.data for row in rows] == [b"abcde"]
    assert source.cut_short


def test_many_sections_are_few_batches() -> None:
    """Each with interfaces of its own: a batch for each would take minutes."""
    content = b"".join(
        section() + interface(1 + number % 3) + interface(101) + enhanced(bytes([number % 256]), number, number % 2)
        for number in range(5000)
    )
    with open_stream(BytesIO(content), "memory") as source:
        batches = list(source)
    assert len(batches) < 10
    rows = [row for batch in batches for row in zip(batch.number, batch.timestamp_ns, batch.link_type, strict=True)]
    assert rows == [(number + 1, number * 1000, 101 if number % 2 else 1 + number % 3) for number in range(5000)]
    interfaces = [number for batch in batches if batch.interface is not None for number in batch.interface.tolist()]
    assert interfaces == [number % 2 for number in range(5000)]


@calm
@given(st.data())
def test_sections_together_are_what_each_is_alone(data: st.DataObject) -> None:
    parts = []
    for _ in range(data.draw(st.integers(1, 6))):
        order = data.draw(st.sampled_from("<<<>"))
        part = section(order)
        for _ in range(data.draw(st.integers(0, 8))):
            kind = data.draw(st.integers(0, 3))
            if kind == 0:
                snaplen, link = data.draw(st.sampled_from([0, 2])), data.draw(st.sampled_from([1, 101, 113]))
                resolution = option(9, bytes([data.draw(st.sampled_from([6, 9, 0x8A]))]), order)
                part += interface(link, snaplen, resolution, order)
            elif kind == 1:
                part += block(3, struct.pack(order + "I", 4) + b"simp", order)
            else:
                part += enhanced(b"data", data.draw(st.integers(0, 999)), data.draw(st.integers(0, 2)), order)
        parts.append(part)
    alone = [(row.link_type, row.data) for part in parts for row in read(part)[0]]
    together = read(b"".join(parts), data.draw(st.sampled_from([1, 64, 4096])))[0]
    assert [(row.link_type, row.data) for row in together] == alone
