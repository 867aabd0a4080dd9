"""What holds of every session: how bytes are cut changes nothing, and a bit that was flipped is never shown."""

from __future__ import annotations

import random
import ssl
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.session import Plain, TlsSession
from tests.tls.live import OP_NO_ENCRYPT_THEN_MAC, Bench, Pair, Writer13, conversation
from tests.tls.recutting import TRACES, recut
from tests.tls.rfc8448 import PAYLOAD, RESUMED_LOG, SIMPLE, SIMPLE_LOG
from tests.tls.support import Flight, Reading, key_log, read


@pytest.fixture(scope="module")
def sessions(bench: Bench) -> list[tuple[str, list[Flight], bytes, list[bytes]]]:
    """One session of each kind of record protection: flights, key log, what was said."""
    found = []
    for name, version, suites, options, ecdsa in (
        ("gcm13", ssl.TLSVersion.TLSv1_3, None, 0, False),
        ("gcm12", ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256", 0, False),
        ("chacha12", ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", 0, True),
        ("ccm8", ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-CCM8", 0, True),
        ("etm", ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA256", 0, False),
        ("cbc10", ssl.TLSVersion.TLSv1, "AES128-SHA", OP_NO_ENCRYPT_THEN_MAC, False),
        ("cbc", ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA", OP_NO_ENCRYPT_THEN_MAC, False),
    ):
        pair = Pair(bench.contexts(version, suites, options=options, ecdsa=ecdsa))
        pair.handshake()
        said = [b"", b""]
        for number in range(6):
            for sender in (CLIENT, SERVER):
                data = f"{number}{sender}".encode() * (7 + 100 * number * sender)
                said[sender] += data
                pair.send(sender, data)
        found.append((name, pair.flights, bench.take_log(), said))
    found.append(key_updates())
    found.append(hello_retry(bench))
    found += [resumed(bench, version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    return found


Made = tuple[str, list[Flight], bytes, list[bytes]]


def key_updates() -> Made:
    """RFC 8448's session, gone on with: both sides change their keys, the client twice (RFC 8446, 4.6.3)."""
    secrets = {line.split()[0]: bytes.fromhex(line.split()[2].decode()) for line in SIMPLE_LOG.splitlines() if line}
    client, server = (Writer13(secrets[name + b"_TRAFFIC_SECRET_0"]) for name in (b"CLIENT", b"SERVER"))
    client.sequence, server.sequence = 1, 2
    flights = list(SIMPLE[:7])
    said = [PAYLOAD, PAYLOAD]
    for number in range(4):
        one, two = b"c%d" % number * 50, b"s%d" % number * 70
        flights += [
            (CLIENT, client.record(one)),
            (CLIENT, client.key_update()),
            (CLIENT, client.key_update()),
            (CLIENT, client.record(two)),
            (SERVER, server.key_update()),
            (SERVER, server.record(two, padding=number)),
        ]
        said[CLIENT] += one + two
        said[SERVER] += two
    return "key updates", flights, SIMPLE_LOG, said


def _talked(name: str, bench: Bench, pair: Pair) -> Made:
    pair.handshake()
    said = [b"", b""]
    for number in range(6):
        for sender in (CLIENT, SERVER):
            data = f"{number}{sender}".encode() * (9 + 80 * number * sender)
            said[sender] += data
            pair.send(sender, data)
    return name, pair.flights, bench.take_log(), said


def hello_retry(bench: Bench) -> Made:
    """The server asks for another group."""
    contexts = bench.contexts(ssl.TLSVersion.TLSv1_3)
    contexts[1].set_ecdh_curve("secp384r1")
    return _talked("hello retry", bench, Pair(contexts))


def resumed(bench: Bench, version: ssl.TLSVersion) -> Made:
    """A session that goes on from another one's ticket."""
    contexts = bench.contexts(version)
    first = conversation(Pair(contexts))
    bench.take_log()
    pair = Pair(contexts, first.client.session)
    made = _talked(f"resumed {version.name}", bench, pair)
    assert pair.client.session_reused
    return made


def test_what_the_sessions_are(sessions: list[Made]) -> None:
    """They are of the kinds that their names say."""
    kinds = {name: read(flights, key_log(log)).session for name, flights, log, _ in sessions}
    assert kinds["hello retry"].handshake.keys.retried
    assert kinds["resumed TLSv1_2"].handshake.resumed
    assert kinds["resumed TLSv1_3"].handshake.resumed
    assert [half.place.updates for half in kinds["key updates"].directions] == [8, 4]
    server_hello = kinds["etm"].handshake.keys.server_hello
    assert server_hello is not None
    assert server_hello.encrypt_then_mac


@pytest.mark.parametrize("trace", range(len(TRACES)))
@settings(max_examples=60, deadline=None)
@given(chance=st.randoms(use_true_random=False), most=st.integers(1, 600))
def test_any_segmentation_gives_the_same(trace: int, chance: random.Random, most: int) -> None:
    flights, log, said = TRACES[trace]
    reading = read(recut(flights, chance, 1, most), key_log(log))
    assert reading.plain == said
    assert reading.session.problem is None


def test_any_segmentation_of_live_sessions(sessions: list[tuple[str, list[Flight], bytes, list[bytes]]]) -> None:
    for seed, (name, flights, log, said) in enumerate(sessions):
        for most in (1, 7, 1448, 70000):
            reading = read(recut(flights, random.Random(seed * 7 + most), 1, most), key_log(log))
            assert (reading.plain, reading.session.problem) == (said, None), name


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_refused_rfc8448(data: st.DataObject) -> None:
    flights, log, said = data.draw(st.sampled_from(TRACES))
    index = data.draw(st.integers(0, len(flights) - 1))
    bit = data.draw(st.integers(0, len(flights[index][1]) * 8 - 1))
    refuse(flights, log, said, index, bit)


def refuse(flights: list[Flight], log: bytes, said: list[bytes], index: int, bit: int) -> None:
    """Flips a bit. What is shown is true all the same, and what the bit was in is not shown."""
    sender, data = flights[index]
    spoiled = bytearray(data)
    spoiled[bit // 8] ^= 1 << bit % 8
    reading = Reading(TlsSession(key_log(log)))
    shown_before = [b"", b""]
    for frame, (who, true) in enumerate(flights):
        if frame == index:
            shown_before = list(reading.plain)
        for event in reading.session.feed(who, bytes(spoiled) if frame == index else true, frame):
            if isinstance(event, Plain):
                reading.plain[event.sender] += event.data
    for who in (CLIENT, SERVER):
        assert said[who].startswith(reading.plain[who])
    if data[0] == 23 and reading.session.handshake.keys.suite is not None:
        # Nothing of an encrypted record, and nothing after it in its direction.
        assert reading.plain[sender] == shown_before[sender]


def test_any_flipped_bit_is_refused(sessions: list[tuple[str, list[Flight], bytes, list[bytes]]]) -> None:
    chance = random.Random(5246)
    for _, flights, log, said in sessions:
        for index in range(len(flights)):
            for bit in {chance.randrange(len(flights[index][1]) * 8) for _ in range(6)}:
                refuse(flights, log, said, index, bit)


def test_every_bit_of_a_record(sessions: list[tuple[str, list[Flight], bytes, list[bytes]]]) -> None:
    for _, flights, log, said in sessions:
        last = max(index for index, (sender, _) in enumerate(flights) if sender == CLIENT)
        for bit in range(len(flights[last][1]) * 8):
            if bit % 7 == 0 or bit < 40:
                refuse(flights, log, said, last, bit)


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.one_of(
                st.binary(max_size=300),
                st.sampled_from([data for flights, _, _ in TRACES for _, data in flights]),
                st.builds(
                    lambda kind, body: bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body,
                    st.integers(20, 23),
                    st.binary(max_size=80),
                ),
            ),
            st.integers(0, 9),
        ),
        max_size=12,
    )
)
def test_bad_bytes_never_raise(pieces: list[tuple[int, bytes, int]]) -> None:
    for keys in (None, key_log(SIMPLE_LOG + RESUMED_LOG)):
        session = TlsSession(keys)
        session.handshake.notes.listed = []
        for frame, (sender, data, what) in enumerate(pieces):
            if what == 0:
                session.gap(sender)
            session.feed(sender, data, frame)
        session.retry()
        assert session.key_state
        assert session.problem != ""
        session.close()


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=400),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
)
def test_a_key_log_may_be_cut_anywhere(data: bytes, cuts: list[int]) -> None:
    noise = data.replace(b"\n", b" ") + b"\n"
    text = SIMPLE_LOG + noise + RESUMED_LOG
    log = KeyLog()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in pairwise(places):
        log.add(text[begin:end])
    whole = key_log(text)
    assert log.secrets() == whole.secrets()
    assert log.ignored == whole.ignored


@pytest.mark.parametrize("most", [1, 5])
def test_gap_in_application_data(sessions: list[tuple[str, list[Flight], bytes, list[bytes]]], most: int) -> None:
    """Whole flights and parts of them are lost; reading goes on with the next record that verifies."""
    for name, flights, log, _ in sessions:
        plain: list[list[bytes]] = [[], []]
        whole = TlsSession(key_log(log))
        for frame, (sender, data) in enumerate(flights):
            got = b"".join(event.data for event in whole.feed(sender, data, frame))
            plain[sender].append(got)
        servers = [index for index, (sender, _) in enumerate(flights) if sender == SERVER]
        lost = servers[-4 : -4 + min(most, 3)]
        session = TlsSession(key_log(log))
        after = b""
        for frame, (sender, data) in enumerate(flights):
            if frame in lost:
                # The first byte is there, and after the gap the last three.
                session.feed(sender, data[:1], frame)
                session.gap(sender)
                session.feed(sender, data[-3:], frame)
                continue
            for event in session.feed(sender, data, frame):
                if sender == SERVER and frame > lost[-1]:
                    after += event.data
        assert after == b"".join(plain[SERVER])[-len(after) :], name
        assert len(after) > 0, name
        assert session.problem is None, name


def test_gap_in_the_handshake(sessions: list[tuple[str, list[Flight], bytes, list[bytes]]]) -> None:
    """A part of the server's encrypted flight is lost: its application data is found all the same."""
    for name, flights, log, said in sessions:
        if not name.endswith("13"):
            continue
        session = TlsSession(key_log(log))
        shown = [b"", b""]
        for frame, (sender, data) in enumerate(flights):
            if frame == 1:
                hello = 5 + int.from_bytes(data[3:5], "big")
                session.feed(sender, data[: hello + 300], frame)
                session.gap(sender)
                continue
            for event in session.feed(sender, data, frame):
                shown[event.sender] += event.data
        assert shown == said
        assert session.problem is None


def test_a_gap_too_wide() -> None:
    reading = read(SIMPLE[:6], key_log(SIMPLE_LOG))
    session = reading.session
    session.gap(SERVER)
    for _ in range(70):
        reading.feed(SERVER, b"\x17\x03\x03\x04\x00" + bytes(1024))
    assert reading.plain == [PAYLOAD, b""]
    assert "after a gap no record of the server was found" in (session.problem or "")
    reading.feed(SERVER, SIMPLE[6][1])
    assert reading.plain == [PAYLOAD, b""]


def test_gap_without_keys() -> None:
    """The next segment that begins with a record is believed to."""
    reading = read(SIMPLE[:4])
    session = reading.session
    session.gap(SERVER)
    reading.feed(SERVER, b"rest of a record", 5)
    reading.feed(SERVER, SIMPLE[8][1], 6)
    assert [(alert.sender, alert.frame) for alert in session.handshake.alerts] == [(SERVER, 6)]
    # What it is believed to be is not enough to call the rest plain text.
    reading.feed(SERVER, b"nothing of tls", 7)
    assert reading.after == [b"", b""]


def test_a_broken_header_ends_a_direction() -> None:
    reading = read(SIMPLE[:6], key_log(SIMPLE_LOG))
    reading.feed(SERVER, b"\x00\x00\x00garbage")
    reading.feed(SERVER, SIMPLE[6][1])
    reading.feed(CLIENT, SIMPLE[7][1])
    assert (reading.plain, reading.after) == ([PAYLOAD, b""], [b"", b""])
    assert "does not go on with a TLS record" in (reading.session.problem or "")
    assert [alert.description for alert in reading.session.handshake.alerts] == ["close_notify"]
    too_long = read([*SIMPLE[:6], (SERVER, b"\x17\x03\x03\xff\xff")], key_log(SIMPLE_LOG))
    assert too_long.session.handshake.error == "a record of 65535 bytes"
