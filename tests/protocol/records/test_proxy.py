"""The PROXY protocol header: the examples of its specification, round trips, cut and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.protocol.records.proxy import ProxyHeader, decode_proxy, encode_proxy

V2 = bytes.fromhex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a")
VECTORS = [
    (
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        ProxyHeader(1, 47, ("192.168.0.1", 56324), ("192.168.0.11", 443)),
    ),
    (b"PROXY TCP6 fe80::1 ::1 5 6\r\n", ProxyHeader(1, 28, ("fe80::1", 5), ("::1", 6))),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ProxyHeader(1, 35, None, None)),
    (V2 + bytes.fromhex("20 00 00 00"), ProxyHeader(2, 16, None, None)),
    (
        V2 + bytes.fromhex("21 11 00 0c 7f000001 7f000002 c000 0cea"),
        ProxyHeader(2, 28, ("127.0.0.1", 49152), ("127.0.0.2", 3306)),
    ),
    # With what may follow the addresses (TLVs), and of a family without ports.
    (
        V2 + bytes.fromhex("21 11 00 10 7f000001 7f000002 c000 0cea 04 0001 00"),
        ProxyHeader(2, 32, ("127.0.0.1", 49152), ("127.0.0.2", 3306)),
    ),
    (V2 + bytes.fromhex("21 31 00 02 0000"), ProxyHeader(2, 18, None, None)),
]


@pytest.mark.parametrize(("data", "header"), VECTORS)
def test_vector(data: bytes, header: ProxyHeader) -> None:
    assert decode_proxy(data + b"\x0a8.4.5") == header
    for size in range(len(data)):
        with pytest.raises(Truncated):
            decode_proxy(data[:size])


addresses = some.tuples(some.ip_addresses(v=4), some.ip_addresses(v=4)) | some.tuples(
    some.ip_addresses(v=6), some.ip_addresses(v=6)
)


@given(addresses, some.integers(0, 0xFFFF), some.integers(0, 0xFFFF), some.sampled_from([1, 2]), some.booleans())
def test_round_trip(both: tuple[object, object], source: int, target: int, version: int, local: bool) -> None:
    header = ProxyHeader(version, 0, (str(both[0]), source), (str(both[1]), target))
    if local:
        header = ProxyHeader(version, 0, None, None)
    data = encode_proxy(header)
    decoded = decode_proxy(data + b"rest")
    assert decoded == ProxyHeader(version, len(data), header.source, header.destination)


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY " + bytes(101),
        b"PROXY TCP4 1.2.3.4\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.400 1 2\r\n",
        V2 + b"\x11\x11\x00\x0c",
    ],
)
def test_broken(data: bytes) -> None:
    with pytest.raises(BadValue):
        decode_proxy(data)


@given(some.binary(max_size=120), some.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11"]))
def test_any_bytes(data: bytes, prefix: bytes) -> None:
    try:
        header = decode_proxy(prefix + data)
    except DecodeError:
        return
    assert header is None or header.length <= len(prefix + data)
