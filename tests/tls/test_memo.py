"""What sessions have in common is worked out once, and is what is worked out for each."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.tls.fingerprints import ja3, ja4
from analyzer.tls.hello import EXT_KEY_SHARE, HELLO_RETRY, parse_client_hello, parse_server_hello
from analyzer.tls.memo import MOST_HELLOS, TlsMemo


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def client_hello(
    random: bytes, session: bytes = b"", keys: list[tuple[int, bytes]] | None = None, suites: bytes = b"\x13\x01"
) -> bytes:
    shares = b"".join(struct.pack(">HH", group, len(key)) + key for group, key in keys or [])
    block = extension(10, b"\0\x04\0\x1d\0\x17") + extension(EXT_KEY_SHARE, struct.pack(">H", len(shares)) + shares)
    block += extension(43, b"\x02\x03\x04")
    head = b"\x03\x03" + random + bytes([len(session)]) + session
    return head + struct.pack(">H", len(suites)) + suites + b"\x01\0" + struct.pack(">H", len(block)) + block


def test_a_hello_that_differs_in_fresh_bytes_is_known() -> None:
    memo = TlsMemo()
    first = memo.client_hello(client_hello(b"a" * 32, b"s" * 32, [(0x1D, b"k" * 32)]))
    second = memo.client_hello(client_hello(b"b" * 32, b"t" * 32, [(0x1D, b"l" * 32)]))
    assert second.ja3 is first.ja3
    assert (second.hello.random, second.hello.session_id) == (b"b" * 32, b"t" * 32)
    other = memo.client_hello(client_hello(b"b" * 32, b"t" * 32, [(0x17, b"l" * 32)]))
    assert other.hello.key_shares == [0x17]


KEYS = st.tuples(st.sampled_from([0x1D, 0x17]), st.sampled_from([b"k" * 32, b"l" * 32, b"m"]))


@given(
    hellos=st.lists(
        st.tuples(
            st.binary(min_size=32, max_size=32),
            st.sampled_from([b"", b"s" * 32, b"t" * 32]),
            st.lists(
                st.tuples(st.sampled_from([0x1D, 0x17]), st.sampled_from([b"k" * 32, b"l" * 32, b"m"])), max_size=2
            ),
            st.sampled_from([b"\x13\x01", b"\x13\x02"]),
        ),
        max_size=12,
    ),
    changes=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 200), st.integers(0, 255)), max_size=6),
)
def test_each_is_what_it_is_alone(
    hellos: list[tuple[bytes, bytes, list[tuple[int, bytes]], bytes]], changes: list[tuple[int, int, int]]
) -> None:
    memo = TlsMemo()
    for number, parts in enumerate(hellos):
        body = bytearray(client_hello(*parts))
        for which, place, byte in changes:
            if which == number:
                body[place % len(body)] = byte
        try:
            expected = parse_client_hello(bytes(body))
        except ValueError:
            with pytest.raises(ValueError, match="cut"):
                memo.client_hello(bytes(body))
            continue
        found = memo.client_hello(bytes(body))
        # The keys of shares are nobody's business, and those of the first one like it.
        kinds = [kind for kind, _ in expected.extensions]
        assert [kind for kind, _ in found.hello.extensions] == kinds
        assert msgspec.structs.replace(found.hello, extensions=[]) == msgspec.structs.replace(expected, extensions=[])
        assert (found.ja3, found.ja4) == (ja3(expected), ja4(expected))


def server_hello(random: bytes, session: bytes, key: bytes, suite: bytes, retry: bool = False) -> bytes:
    block = extension(43, b"\x03\x04") + extension(EXT_KEY_SHARE, b"\0\x1d" + struct.pack(">H", len(key)) + key)
    head = b"\x03\x03" + (HELLO_RETRY if retry else random) + bytes([len(session)]) + session + suite + b"\0"
    return head + struct.pack(">H", len(block)) + block


@given(
    hellos=st.lists(
        st.tuples(
            st.binary(min_size=32, max_size=32),
            st.sampled_from([b"", b"s" * 32, b"t" * 32]),
            st.sampled_from([b"k" * 32, b"l" * 32, b"m"]),
            st.sampled_from([b"\x13\x01", b"\x13\x02"]),
            st.booleans(),
        ),
        max_size=12,
    ),
    changes=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 200), st.integers(0, 255)), max_size=6),
)
def test_each_servers_is_what_it_is_alone(
    hellos: list[tuple[bytes, bytes, bytes, bytes, bool]], changes: list[tuple[int, int, int]]
) -> None:
    memo = TlsMemo()
    for number, parts in enumerate(hellos):
        body = bytearray(server_hello(*parts))
        for which, place, byte in changes:
            if which == number:
                body[place % len(body)] = byte
        try:
            expected = parse_server_hello(bytes(body))
        except ValueError:
            with pytest.raises(ValueError, match="cut"):
                memo.server_hello(bytes(body))
            continue
        assert memo.server_hello(bytes(body)) == memo.server_hello(bytes(body)) == expected
        assert (memo.known_server(bytes(body)) is None) == expected.retry


def test_memory_is_bounded() -> None:
    memo = TlsMemo()
    for number in range(MOST_HELLOS + 50):
        suites = struct.pack(">H", number) * 2
        assert memo.client_hello(client_hello(b"a" * 32, suites=suites)).hello.cipher_suites == [number] * 2
    with pytest.raises(ValueError, match="pars"):
        memo.certificate(b"none")
    assert memo.suite(0x1301) is memo.suite(0x1301)
