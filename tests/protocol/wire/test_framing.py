"""Packets out of a byte stream, however it is cut into segments."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.protocol.wire.framing import HEADER, LONGEST, PacketFramer, RawPacket, encode_packet

payloads = some.lists(some.binary(max_size=40), max_size=8)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at the places that lie inside it."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def feed(framer: PacketFramer, chunks: list[bytes]) -> list[RawPacket]:
    """All packets, each chunk being frame 1, 2, 3 ... at 10, 20, 30 ... ns."""
    out = []
    for number, chunk in enumerate(chunks, 1):
        framer.push(chunk, [len(chunk)], [number], [10 * number])
        while (found := framer.next()) is not None:
            out.append(found)
    return out


def stream(contents: list[bytes]) -> bytes:
    return b"".join(encode_packet(content, index) for index, content in enumerate(contents))


@given(payloads, some.lists(some.integers(0, 400), max_size=30))
def test_chunks_do_not_matter(contents: list[bytes], cuts: list[int]) -> None:
    data = stream(contents)
    chunks = chunked(data, cuts)
    framer = PacketFramer()
    found = feed(framer, chunks)
    assert [(p.payload, p.length) for p in found] == [(c, len(c)) for c in contents]
    assert [p.sequence_id for p in found] == [p.first_sequence_id for p in found] == list(range(len(contents)))
    assert framer.pending == 0
    # First and last frame are those of the first and last byte.
    frame_of = [number for number, chunk in enumerate(chunks, 1) for _ in chunk]
    at = 0
    for p in found:
        end = at + HEADER + p.length
        assert (p.start_frame, p.frame) == (frame_of[at], frame_of[end - 1])
        assert (p.start_ns, p.time_ns) == (10 * p.start_frame, 10 * p.frame)
        at = end


@given(payloads, some.lists(some.integers(0, 400), max_size=10))
def test_one_push_with_several_frames(contents: list[bytes], cuts: list[int]) -> None:
    """Segments handed over together give what they give one by one."""
    data = stream(contents)
    chunks = chunked(data, cuts)
    ends, frames, times, at = [], [], [], 0
    for number, chunk in enumerate(chunks, 1):
        at += len(chunk)
        ends.append(at)
        frames.append(number)
        times.append(10 * number)
    framer = PacketFramer()
    if data:
        framer.push(data, ends, frames, times)
    together = []
    while (found := framer.next()) is not None:
        together.append(found)
    assert together == feed(PacketFramer(), chunks)


@given(some.integers(0, 30), some.lists(some.integers(0, 200), max_size=20))
def test_no_more_than_asked_for_is_kept(keep: int, cuts: list[int]) -> None:
    contents = [bytes(range(n)) for n in (0, 1, keep, keep + 1, 60)]
    found = feed(PacketFramer(keep), chunked(stream(contents), cuts))
    assert [p.payload for p in found] == [c[:keep] for c in contents]
    assert [p.length for p in found] == [len(c) for c in contents]


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST, 2 * LONGEST + 5])
@pytest.mark.parametrize("step", [1 << 30, 1 << 20])
def test_packets_of_16_mib_are_joined(length: int, step: int) -> None:
    content = bytes(length)
    data = encode_packet(content, 254) + encode_packet(b"next", 7)
    framer = PacketFramer(keep=100)
    found = feed(framer, [data[at : at + step] for at in range(0, len(data), step)])
    assert [(p.length, len(p.payload)) for p in found] == [(length, 100), (4, 4)]
    assert (found[0].first_sequence_id, found[0].sequence_id) == (254, (254 + length // LONGEST) & 0xFF)
    assert framer.pending == 0


def test_all_of_a_long_packet_where_it_is_wanted() -> None:
    content = b"ab" * (LONGEST // 2) + b"the end"
    assert feed(PacketFramer(keep=1 << 25), [encode_packet(content, 0)])[0].payload == content


def test_encode_packet() -> None:
    assert encode_packet(b"", 3) == b"\x00\x00\x00\x03"
    assert encode_packet(b"\x0e", 256) == b"\x01\x00\x00\x00\x0e"
    # A payload that fills the last packet is followed by an empty one.
    data = encode_packet(bytes(LONGEST), 255)
    assert (data[:4], data[-4:]) == (b"\xff\xff\xff\xff", bytes(4))


rows = some.lists(some.tuples(some.sampled_from([0, 3, 0xFB, 0xFD, 0xFE, 0xFF]), some.binary(max_size=12)), max_size=30)


@given(rows, some.lists(some.integers(0, 600), max_size=12), some.integers(0, 255), some.booleans())
def test_skipping_rows_is_reading_them(
    content: list[tuple[int, bytes]], cuts: list[int], start: int, gap: bool
) -> None:
    """What is passed over and what is read are together all packets, in order, with the same sequence ids."""
    data = b""
    for index, (first, rest) in enumerate(content):
        # One sequence id may be wrong: there the skipping has to stop.
        wrong = 7 if gap and index == 5 else 0
        data += encode_packet(bytes([first]) + rest, start + index + wrong)
    chunks = chunked(data, cuts)
    plain = feed(PacketFramer(), chunks)
    framer = PacketFramer()
    seen: list[tuple[int, int, int]] = []  # number of packets, their payload bytes, last sequence id
    sequence = start
    for number, chunk in enumerate(chunks, 1):
        framer.push(chunk, [len(chunk)], [number], [10 * number])
        while True:
            count, sequence, size = framer.skip_rows(sequence)
            if count:
                seen.append((count, size, (sequence - 1) & 0xFF))
            found = framer.next()
            if found is None:
                break
            seen.append((1, found.length, found.sequence_id))
            sequence = (found.sequence_id + 1) & 0xFF
    assert framer.pending == 0
    at = 0
    for count, size, last in seen:
        group = plain[at : at + count]
        assert (sum(p.length for p in group), group[-1].sequence_id) == (size, last)
        # Only what can be nothing but a row is passed over in numbers.
        assert count == 1 or all(p.payload[0] < 0xFE for p in group)
        at += count
    assert at == len(plain)


def test_rows_end_where_something_else_may_begin() -> None:
    framer = PacketFramer()
    data = stream([b"\x01a", b"\x01b", b"\xfe\x00\x00\x02\x00"])
    framer.push(data, [len(data)], [1], [1])
    assert framer.skip_rows(0) == (2, 2, 4)
    end = framer.next()
    assert end is not None
    assert (end.payload[0], end.sequence_id) == (0xFE, 2)


@given(payloads, some.binary(min_size=1, max_size=30), some.lists(some.integers(0, 300), max_size=8))
def test_take_rest(contents: list[bytes], after: bytes, cuts: list[int]) -> None:
    """Bytes that are no packet any more (TLS, a compressed frame) are handed on whole, with their marks."""
    data = stream(contents) + after
    chunks = chunked(data, cuts)
    ends = [sum(map(len, chunks[: i + 1])) for i in range(len(chunks))]
    framer = PacketFramer()
    framer.push(data, ends, list(range(1, len(chunks) + 1)), [10 * i for i in range(1, len(chunks) + 1)])
    for _ in contents:
        assert framer.next() is not None
    assert framer.peek(1000) == after
    assert framer.peek(2) == after[:2]
    rest, rest_ends, frames, times = framer.take_rest()
    assert rest == after
    begin = len(data) - len(after)
    assert [(e + begin, f, t) for e, f, t in zip(rest_ends, frames, times, strict=True)] == [
        (end, number, 10 * number) for number, end in enumerate(ends, 1) if end > begin
    ]
    assert (framer.pending, framer.next(), framer.peek(4)) == (0, None, b"")


def test_rest_of_a_packet_that_waits() -> None:
    framer = PacketFramer()
    assert feed(framer, [b"\x09\x00", b"\x00\x00abc", b"de"]) == []
    assert framer.pending == 9
    assert (framer.peek(3), framer.peek(6), framer.peek(100)) == (
        b"\x09\x00\x00",
        b"\x09\x00\x00\x00ab",
        framer.peek(9),
    )
    assert framer.take_rest() == (b"\x09\x00\x00\x00abcde", [9], [1], [10])


def test_drop() -> None:
    framer = PacketFramer()
    data = b"PROXY" + encode_packet(b"abc", 0)
    framer.push(data, [3, len(data)], [1, 2], [10, 20])
    framer.drop(5)
    found = framer.next()
    assert found is not None
    assert (found.payload, found.start_frame) == (b"abc", 2)


def test_reset() -> None:
    framer = PacketFramer(keep=2)
    feed(framer, [b"\x09\x00\x00\x00abc"])
    assert framer.pending > 0
    framer.reset()
    assert framer.pending == 0
    assert [p.payload for p in feed(framer, [encode_packet(b"xy", 0)])] == [b"xy"]


@given(
    some.lists(some.tuples(some.integers(0, 40), some.integers(1, 60), some.integers(0, 255)), min_size=1, max_size=6),
    some.integers(0, 255),
    some.integers(0, 400),
)
def test_runs_of_rows_of_one_length_are_passed_over_as_one_by_one(
    runs: list[tuple[int, int, int]], sequence: int, most: int
) -> None:
    """Runs of (how many, how long, first byte) packets: together they are passed over as far as each by itself is."""
    payloads = [bytes([first]) + bytes(length - 1) for count, length, first in runs for _ in range(count)]
    data = b"".join(encode_packet(payload, (sequence + i) & 0xFF) for i, payload in enumerate(payloads))
    framer = PacketFramer()
    framer.push(data, [len(data)], [1], [0])
    expected = 0
    for payload in payloads[:most]:
        if payload[0] >= 0xFE:
            break
        expected += 1
    size = sum(map(len, payloads[:expected]))
    assert framer.skip_rows(sequence, most) == (expected, (sequence + expected) & 0xFF, size)
