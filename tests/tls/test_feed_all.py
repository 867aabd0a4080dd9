"""Many segments in one go: the same events, frames and times as one after the other."""

from __future__ import annotations

import random
import ssl
from itertools import accumulate, groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.session import Event, KeyLog, TlsSession
from tests.tls.live import Bench, Pair
from tests.tls.recutting import TRACES, recut
from tests.tls.support import Flight, key_log

GAP = b""  # in place of a segment


def one_by_one(session: TlsSession, segments: list[Flight]) -> list[Event]:
    events: list[Event] = []
    for frame, (sender, data) in enumerate(segments, 1):
        if data == GAP:
            session.gap(sender)
        else:
            events += session.feed(sender, data, frame, frame * 10)
    return events


def all_at_once(session: TlsSession, segments: list[Flight]) -> list[Event]:
    """Each run of one sender's segments is handed over in one piece."""
    events: list[Event] = []
    numbered = list(enumerate(segments, 1))
    for (sender, is_gap), run in groupby(numbered, key=lambda item: (item[1][0], item[1][1] == GAP)):
        together = list(run)
        frames = [frame for frame, _ in together]
        if is_gap:
            session.gap(sender)
            continue
        pieces = [data for _, (_, data) in together]
        ends = list(accumulate(len(piece) for piece in pieces))
        events += session.feed_all(sender, b"".join(pieces), ends, frames, [frame * 10 for frame in frames])
    return events


def same(segments: list[Flight], log: bytes | None) -> None:
    """Both ways, with keys or without, and what is known of the session afterwards."""

    def keys() -> KeyLog | None:
        return key_log(log) if log is not None else None

    one, other = TlsSession(keys()), TlsSession(keys())
    assert all_at_once(one, segments) == one_by_one(other, segments)
    assert known(one) == known(other)


def known(session: TlsSession) -> tuple[object, ...]:
    return (
        session.problem, session.key_state, session.decrypted, session.handshake.alerts, session.encrypted_records,
        session.client_records, session.server_records, session.handshake.done_frame, session.handshake.error,
    )  # fmt: skip


def spoil(segments: list[Flight], chance: random.Random, how: str) -> list[Flight]:
    """A flipped bit, a lost segment, plain text behind."""
    at = chance.randrange(len(segments))
    sender, data = segments[at]
    if how == "flip" and data:
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return [*segments[:at], (sender, bytes(changed)), *segments[at + 1 :]]
    if how == "gap":
        return [*segments[:at], (sender, GAP), *segments[at + 1 :]]
    if how == "plain":
        return [*segments[: at + 1], (SERVER, b"\x05\x00\x00\x02plain"), (SERVER, b"more"), (CLIENT, b"words")]
    return segments


@pytest.mark.parametrize("trace", range(len(TRACES)))
@settings(max_examples=60, deadline=None)
@given(
    chance=st.randoms(use_true_random=False),
    most=st.integers(1, 600),
    how=st.sampled_from(("none", "flip", "gap", "plain")),
    with_keys=st.booleans(),
)
def test_rfc8448(trace: int, chance: random.Random, most: int, how: str, with_keys: bool) -> None:
    flights, log, _ = TRACES[trace]
    same(spoil(recut(flights, chance, 1, most), chance, how), log if with_keys else None)


@pytest.fixture(scope="module")
def bulk(bench: Bench) -> list[tuple[list[Flight], bytes]]:
    """Sessions with long runs of one sender, some with many small records."""
    found = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        pair = Pair(bench.contexts(version))
        pair.handshake()
        for size in (40_000, 10, 10, 10, 5, 20_000):
            pair.send(CLIENT, b"q" * 30)
            for _ in range(3):
                pair.send(SERVER, b"r" * size)
        found.append((pair.flights, bench.take_log()))
    return found


@pytest.mark.parametrize("how", ["none", "flip", "gap", "plain"])
@pytest.mark.parametrize("with_keys", [True, False])
def test_bulk(bulk: list[tuple[list[Flight], bytes]], how: str, with_keys: bool) -> None:
    chance = random.Random(how)
    for flights, log in bulk:
        for most in (20, 1448, 30_000):
            for _ in range(2):
                segments = recut(flights, chance, 1, most)
                same(spoil(segments, chance, how), log if with_keys else None)
