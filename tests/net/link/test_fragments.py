"""Reassembly of IP fragments: order, overlap, limits, and where the bytes end up."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.link.fragments import Datagram, Fragment, FragmentKey, FragmentTable, Network
from tests.net.link.frames import Row, rows_of
from tests.wire.frames import Frame, batch_of, ethernet, fragment6, ipv4, ipv6, tcp, udp

BODY = bytes(range(200))
SEGMENT = tcp(BODY)  # 220 bytes
CUTS = [(0, 64), (64, 128), (128, 192), (192, 220)]
SECOND = 1_000_000_000


def piece4(start: int, end: int, data: bytes = SEGMENT, *, more: bool | None = None, identification: int = 7) -> bytes:
    more = end < len(data) if more is None else more
    fragment = (0x2000 if more else 0) | start // 8
    return ethernet(ipv4(data[start:end], fragment=fragment, identification=identification))


def piece6(start: int, end: int, data: bytes = SEGMENT, *, following: int = 6) -> bytes:
    return ethernet(fragment6(data[start:end], start, end < len(data), following), 0x86DD)


def decode(frames: list[bytes], **kwargs: int) -> tuple[list[Row], SegmentDecoder]:
    decoder = SegmentDecoder(fragments=FragmentTable(**kwargs))
    return rows_of(decoder.decode(batch_of([Frame(frame) for frame in frames]))), decoder


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("version", [4, 6])
def test_any_order(order: tuple[int, ...], version: int) -> None:
    piece = piece4 if version == 4 else piece6
    rows, decoder = decode([piece(*CUTS[index]) for index in order])
    assert [(row.frame, row.ip_version, row.payload, row.missing) for row in rows] == [(4, version, BODY, 0)]
    assert (decoder.fragment_frames, decoder.fragments_pending, decoder.fragments_dropped) == (3, 0, 0)


def test_rows_stay_in_frame_order_and_bytes_behind_the_batch() -> None:
    plain = ethernet(ipv4(tcp(b"plain")))
    frames = [plain, piece4(0, 64), plain, piece6(0, 64), piece4(64, 220), piece6(64, 220), plain]
    batch = batch_of([Frame(frame) for frame in frames])
    segments = SegmentDecoder().decode(batch)
    assert [(row.frame, row.payload) for row in rows_of(segments)] == [
        (1, b"plain"),
        (3, b"plain"),
        (5, BODY),
        (6, BODY),
        (7, b"plain"),
    ]
    assert bytes(segments.data) == bytes(batch.data) + SEGMENT + SEGMENT


def test_fragments_in_different_batches() -> None:
    decoder = SegmentDecoder()
    first = decoder.decode(batch_of([Frame(piece4(0, 64))]))
    assert (len(first), decoder.fragments_pending) == (0, 1)
    second = decoder.decode(batch_of([Frame(piece4(64, 220))], first_number=2))
    assert [(row.frame, row.payload) for row in rows_of(second)] == [(2, BODY)]
    assert decoder.fragments_pending == 0


def test_datagrams_are_told_apart_by_identification() -> None:
    other = tcp(b"o" * 200)
    frames = [piece4(0, 64), piece4(0, 64, other, identification=8), piece4(64, 220, other, identification=8)]
    rows, decoder = decode([*frames, piece4(64, 220)])
    assert [row.payload for row in rows] == [b"o" * 200, BODY]
    assert decoder.fragments_pending == 0


def test_ipv4_overlap_the_first_wins() -> None:
    wrong = bytes(220)
    rows, _ = decode([piece4(64, 128), piece4(0, 96, SEGMENT), piece4(96, 200, wrong), piece4(120, 220)])
    assert [row.payload for row in rows] == [SEGMENT[20:128] + wrong[128:200] + SEGMENT[200:]]


def test_ipv6_overlap_drops_the_datagram_and_what_comes_of_it() -> None:
    frames = [piece6(0, 64), piece6(56, 128, bytes(220)), piece6(64, 128), piece6(128, 220)]
    rows, decoder = decode(frames)
    assert (rows, decoder.fragments_dropped, decoder.fragments_pending) == ([], 1, 0)


def test_ipv6_exact_duplicates_do_no_harm() -> None:
    rows, decoder = decode([piece6(0, 64), piece6(0, 64), piece6(64, 128), piece6(64, 128), piece6(128, 220)])
    assert [row.payload for row in rows] == [BODY]
    assert decoder.fragments_dropped == 0


def test_ipv6_atomic_fragment_is_no_fragment() -> None:
    rows, decoder = decode([piece6(0, 64), ethernet(fragment6(tcp(b"whole"), 0, False), 0x86DD)])
    assert [row.payload for row in rows] == [b"whole"]
    assert decoder.fragments_pending == 1


def test_ipv6_extension_headers_before_and_in_the_fragments() -> None:
    upper = b"\x06\0" + bytes(6) + SEGMENT  # destination options, then TCP
    frames = []
    for start, end in [(0, 64), (64, len(upper))]:
        header = bytes([60, 0]) + (start | (end < len(upper))).to_bytes(2, "big") + bytes(4)
        frames.append(ethernet(ipv6(b"\x2c\0" + bytes(6) + header + upper[start:end], 0), 0x86DD))
    assert [row.payload for row in decode(frames)[0]] == [BODY]


def test_fragmented_tunnel_with_fragments_inside() -> None:
    inner = [piece4(0, 64)[14:], piece4(64, 220)[14:]]
    frames = []
    for identification, packet in enumerate(inner):
        outer = udp(b"\x08" + bytes(7) + ethernet(packet), 4789)
        for start, end in [(0, 48), (48, len(outer))]:
            field = (0x2000 if end < len(outer) else 0) | start // 8
            frames.append(ethernet(ipv4(outer[start:end], 17, fragment=field, identification=100 + identification)))
    rows, decoder = decode(frames)
    assert [(row.frame, row.payload) for row in rows] == [(4, BODY)]
    assert decoder.fragment_frames == 3


def test_reassembled_udp_of_no_tunnel_is_not_tcp() -> None:
    datagram = udp(bytes(200), 53)
    frames = [
        ethernet(ipv4(datagram[:64], 17, fragment=0x2000)),
        ethernet(ipv4(datagram[64:], 17, fragment=8)),
    ]
    rows, decoder = decode(frames)
    assert (rows, decoder.not_ip_tcp, decoder.fragment_frames) == ([], 1, 1)


def test_fragments_of_other_protocols_are_not_kept() -> None:
    _, decoder = decode([ethernet(ipv4(bytes(64), 1, fragment=0x2000)), piece6(0, 64, following=58)])
    assert (decoder.not_ip_tcp, decoder.fragments_pending) == (2, 0)


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(ipv4(SEGMENT[:63], fragment=0x2000)),  # no multiple of 8
        ethernet(ipv4(b"", fragment=0x2000)),
        ethernet(ipv4(b"", fragment=8)),
        ethernet(ipv4(bytes(64), fragment=0x1FFF)),  # ends beyond 65,535
        ethernet(fragment6(bytes(60), 0, True), 0x86DD),
        ethernet(fragment6(bytes(64), 0xFFF8, False), 0x86DD),
    ],
)
def test_fragments_that_make_no_sense_are_undecodable(frame: bytes) -> None:
    _, decoder = decode([frame])
    assert (decoder.undecodable, decoder.fragments_pending) == (1, 0)


@pytest.mark.parametrize(
    "frames",
    [
        [piece4(64, 128, more=False), piece4(0, 192, more=True)],  # goes on after its end
        [piece4(0, 192), piece4(64, 128, more=False)],  # ends before what was seen
        [piece4(64, 128, more=False), piece4(128, 192, more=False)],  # ends twice
    ],
)
def test_contradictory_fragments_drop_the_datagram(frames: list[bytes]) -> None:
    rows, decoder = decode(frames)
    assert (rows, decoder.fragments_dropped, decoder.fragments_pending) == ([], 1, 0)


def test_captured_up_to_the_first_cut_fragment() -> None:
    whole = [piece4(*cut) for cut in CUTS]
    cut_at = 14 + 20 + 10
    frames = [Frame(frame[:cut_at] if index == 1 else frame, 1, len(frame)) for index, frame in enumerate(whole)]
    rows = rows_of(SegmentDecoder().decode(batch_of(frames)))
    assert [(row.payload, row.missing) for row in rows] == [(BODY[: 64 + 10 - 20], 200 - 54)]


def test_age_limit_in_capture_time() -> None:
    late = [Frame(piece4(0, 64)), Frame(piece4(64, 220), timestamp_ns=31 * SECOND)]
    decoder = SegmentDecoder()
    assert len(decoder.decode(batch_of(late))) == 0
    assert (decoder.fragments_dropped, decoder.fragments_pending) == (1, 1)
    in_time = [Frame(piece4(0, 64)), Frame(piece4(64, 220), timestamp_ns=30 * SECOND)]
    assert len(SegmentDecoder().decode(batch_of(in_time))) == 1


def test_number_limit_drops_the_oldest() -> None:
    frames = [piece4(0, 64, identification=number) for number in range(5)]
    rows, decoder = decode([*frames, piece4(64, 220, identification=4), piece4(64, 220)], max_datagrams=3)
    assert len(rows) == 1
    assert (decoder.fragments_dropped, decoder.fragments_pending) == (2, 3)


def test_usual_limits_hold() -> None:
    table = FragmentTable()
    for number in range(3000):
        network = Network(4, number.to_bytes(4, "big"), bytes(4))
        fragment = Fragment(FragmentKey(network, 1, 6), 6, 65_520 if number % 2 else 0, 8, True, bytes(8))
        assert table.add(fragment, 0) is None
        assert table.pending <= 1024
        assert table.held_bytes <= 8 * 1024 * 1024
    assert table.dropped + table.pending == 3000


@given(st.data())
def test_any_cut_in_any_order_gives_the_datagram(data: st.DataObject) -> None:
    body = data.draw(st.binary(min_size=9, max_size=200))
    inner = data.draw(st.sets(st.integers(1, (len(body) - 1) // 8)))
    edges = [0, *(8 * cut for cut in sorted(inner)), len(body)]
    pieces = data.draw(st.permutations(list(itertools.pairwise(edges))))
    version = data.draw(st.sampled_from([4, 6]))
    key = FragmentKey(Network(version, b"a", b"b"), 1, 6)
    table = FragmentTable()
    results = [
        table.add(Fragment(key, 6, start, end - start, end < len(body), body[start:end]), 0) for start, end in pieces
    ]
    assert results == [None] * (len(pieces) - 1) + [Datagram(key.network, 6, body, len(body))]
    assert (table.pending, table.held_bytes, table.dropped) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(0, 96), st.booleans()), max_size=20))
def test_ipv4_overlaps_against_a_plain_model(pieces: list[tuple[int, int, int, bool]]) -> None:
    """A dictionary of bytes, where the first to be seen stays, must say the same."""
    key = FragmentKey(Network(4, b"a", b"b"), 1, 6)
    table = FragmentTable()
    seen: dict[int, int | None] = {}
    total: int | None = None
    for number, (unit, units, limit, last) in enumerate(pieces):
        start, end = unit * 8, (unit + units) * 8
        captured = min(limit, end - start)
        result = table.add(Fragment(key, 6, start, end - start, not last, bytes([number]) * captured), 0)
        if last:
            contradiction = total not in (None, end) or any(at >= end for at in seen)
            total = end
        else:
            contradiction = total is not None and end > total
        if contradiction:
            assert (result, table.dropped, table.pending, table.held_bytes) == (None, 1, 0, 0)
            return
        for at in range(start, end):
            seen.setdefault(at, number if at < start + captured else None)
        if total is None or len(seen) < total:
            assert result is None
            continue
        known = list(itertools.takewhile(lambda value: value is not None, (seen[at] for at in range(total))))
        assert result == Datagram(key.network, 6, bytes(value for value in known if value is not None), total)
        return
