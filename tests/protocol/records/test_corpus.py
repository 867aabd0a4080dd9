"""Every packet of the shared captures: encoded back to the same bytes, cut at every byte, traced.

Where the captures are: HANDSHARK_CORPUS, or shared/corpus beside the repository.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from analyzer.errors import DecodeError
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.response import Data
from analyzer.protocol.wire.reader import TracingReader
from tests.corpus import REPOSITORY
from tests.protocol.machine.playbook import name_of, packet
from tests.protocol.records.corpus_packets import Seen, copy_of, packets_of

CORPUS = Path(os.environ.get("HANDSHARK_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
CAPTURES = sorted(path for path in CORPUS.glob("*/*.pcap*"))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CAPTURES, reason=f"no captures in {CORPUS}; set HANDSHARK_CORPUS"),
]

# Packets that are malformed on the wire, or come where a capture misses something: (capture, record) -> why.
MALFORMED = {
    ("m97_pymysql_err1129_hostblocked.pcap", "Malformed:HandshakeResponse41"): "a socket that sends 'abcde'",
}
# Packets whose sender was not canonical: (capture, record) -> why.
LENGTH = "node mariadb writes the length of its attributes as 0xFC and two bytes, also below 251"
NOT_CANONICAL = {
    ("m10_node-mariadb_pipeline.pcap", "HandshakeResponse41"): LENGTH,
    ("m97_node-mariadb_db.pcap", "HandshakeResponse41"): LENGTH,
    ("m97_node-mariadb_long_rsa.pcap", "HandshakeResponse41"): LENGTH,
    ("m97_node-mariadb_rsa_fullauth.pcap", "HandshakeResponse41"): LENGTH,
}
# Captures whose client sends the next command before the response is there.
PIPELINING = {"m10_node-mariadb_pipeline.pcap", "m11_jdbc-mariadb2.7_bulk.pcap"}


@pytest.fixture(scope="module")
def packets() -> list[Seen]:
    return [seen for path in CAPTURES for seen in packets_of(path)]


def distinct(packets: list[Seen]) -> list[Seen]:
    """Each payload once for its state and capabilities: the derived captures repeat one connection."""
    once = {(s.sender, s.state, s.packet.payload, s.context.in_force, s.context.server): s for s in packets}
    return list(once.values())


def test_there_are_packets(packets: list[Seen]) -> None:
    """All of the handshake's records and states occur."""
    records = Counter(name_of(s.record) for s in packets)
    # What came in TLS, and in protocols before 4.1, is not seen here.
    wanted = (
        "HandshakeV10 SSLRequest HandshakeResponse41 AuthSwitchRequest AuthMoreData AuthResponse OKPacket ErrPacket "
        "EOFPacket ComQuery ComChangeUser ComStmtPrepare ColumnCount StmtPrepareOK LocalInfileRequest ProgressReport"
    )
    assert set(wanted.split()) <= set(records)
    assert len(CAPTURES) < len(packets)


def test_nothing_is_malformed(packets: list[Seen]) -> None:
    found = {(s.capture, name_of(s.record)): s.record.summary() for s in packets if isinstance(s.record, Malformed)}
    assert {key: why for key, why in found.items() if key not in MALFORMED} == {}


def test_encoded_back(packets: list[Seen]) -> None:
    """encode(decode(b)) == b, for what was kept whole."""
    different = {}
    for s in distinct(packets):
        if isinstance(s.record, Malformed) or s.packet.length > len(s.packet.payload):
            continue
        again = s.record.to_bytes(s.after)
        if again != s.packet.payload and (s.capture, name_of(s.record)) not in NOT_CANONICAL:
            different[s.capture, name_of(s.record), s.packet.frame] = (s.packet.payload[:80], again[:80])
    assert different == {}


def decoded(packets: list[Seen]) -> list[Seen]:
    """Those with a layout of their own."""
    whole = (s for s in distinct(packets) if s.packet.length == len(s.packet.payload))
    return [s for s in whole if not isinstance(s.record, Data | Malformed)]


def decode(seen: Seen, reader: TracingReader) -> Record:
    kind = type(seen.record)
    if isinstance(seen.record, HandshakeResponse41):
        return HandshakeResponse41.decode(reader, seen.after, open_end=not seen.record.last_has_nul)
    return kind.decode(reader, seen.after)


def test_traced(packets: list[Seen]) -> None:
    """The tracing reader gives the same record; its spans follow one another from the first byte to the last."""
    for s in decoded(packets):
        reader = TracingReader(s.packet.payload)
        assert decode(s, reader) == s.record, (s.capture, s.packet.frame)
        at = 0
        for span in reader.spans:
            assert span.start == at <= span.end, (s.capture, s.packet.frame, span)
            at = span.end
        assert at == len(s.packet.payload), (s.capture, s.packet.frame)


def test_cut_at_every_byte(packets: list[Seen]) -> None:
    """A record, or a DecodeError with the fields before it; never another exception."""
    # One of each kind, state and length: the longest attributes would take a minute.
    some = {(type(s.record), s.state, len(s.packet.payload) // 16): s for s in decoded(packets)}
    for s in some.values():
        payload = s.packet.payload
        for size in (*range(min(len(payload), 300)), *range(300, len(payload), 997)):
            reader = TracingReader(payload[:size])
            try:
                decode(s, reader)
            except DecodeError as error:
                reason = error
            else:
                continue
            assert reason.record == type(s.record).__name__
            assert reason.offset <= size
            assert all(span.end <= size for span in reader.spans)


def test_cut_packets_in_the_machine(packets: list[Seen]) -> None:
    """The same through the machine, which never raises and keeps its state where the packet was malformed."""
    some = {(type(s.record), s.state, s.sender): s for s in decoded(packets)}
    for s in some.values():
        for size in range(min(len(s.packet.payload), 200)):
            machine = Machine(copy_of(s.context), s.state)
            machine.connection.auth.login_done = s.login_done
            record = machine.feed(s.sender, packet(s.packet.payload[:size], s.packet.first_sequence_id))
            assert record is not None
            if isinstance(record, Malformed) and s.sender == SERVER:
                assert machine.state == s.state


def test_no_response_is_left_open(packets: list[Seen]) -> None:
    """Where a command is sent, the response of the one before is complete, but for those who do not wait for it."""
    known = [s for s in packets if s.sender == CLIENT and s.state not in st.CONNECTION_PHASE]
    awaiting = Counter(s.state for s in known)
    pipelining = {s.capture for s in known if s.state in st.AWAITED.values() and s.state != st.STREAM}
    assert awaiting[st.COMMAND] > len(known) * 0.9
    assert pipelining <= PIPELINING
