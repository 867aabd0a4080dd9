"""TLS through the whole analysis: captures whose keys come late, lossy ones, and such as begin in the middle."""

from __future__ import annotations

import gzip
import random
import ssl
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from analyzer.analysis import Analysis, AnalysisOptions, Connection
from analyzer.capture import PcapngWriter, open_capture
from analyzer.cli import main
from analyzer.engine.reading import holds_no_keys
from analyzer.tls.opening import HELD, MOST_MISSED
from analyzer.tls.records import CLIENT, SERVER
from tests.analysis.traffic import analyse, results_of
from tests.corpus import REPOSITORY
from tests.tls.live import OP_NO_ENCRYPT_THEN_MAC, Bench, Pair
from tests.tls.mysql import CLOSE, V12, V13, Session, session
from tests.tls.support import key_log, read
from tests.wire.frames import FIN, Frame
from tests.wire.mysql import FAST, QUIT, err, greeting, login, more, ok, query, ssl_request
from tests.wire.script import Say, Step, conversation

SAMPLES = REPOSITORY / "samples"


def write(path: Path, frames: list[Frame], log: bytes = b"", *, at: int = -1) -> None:
    """A pcapng file; the key log stands before the frame number `at`, or last."""
    with path.open("wb", buffering=1 << 20) as file:
        writer = PcapngWriter(file)
        for number, frame in enumerate(frames):
            if number == at:
                writer.secrets(log)
            writer.write(frame.data, frame.timestamp_ns)
        if at < 0 and log:
            writer.secrets(log)


def analysed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["analyze", "--format", "jsonl", *arguments]) == 0
    return [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def bulky(bench: Bench) -> Session:
    """One of which more is held than is kept until a key comes."""
    return session(bench, V13, bulk=300_000, queries=6)


def several(talks: list[Session]) -> list[Frame]:
    frames = [
        frame
        for number, one in enumerate(talks)
        for frame in conversation(one.script(), client=("10.0.0.1", 50000 + number), split=1448)
    ]
    return sorted(frames, key=lambda frame: frame.timestamp_ns)


# -- decryption secrets blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_secrets_at_the_end_of_a_large_capture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, bench: Bench, bulky: Session, jobs: str
) -> None:
    talks = [bulky, session(bench, V12, bulk=300_000, queries=4), session(bench, V13), session(bench, V12)]
    frames = several(talks)
    path = tmp_path / "late.pcapng"
    logs = b"".join(one.log for one in talks)
    write(path, frames, logs)
    assert path.stat().st_size > 10 * HELD
    rows = analysed(capsys, "--jobs", jobs, str(path))
    assert [row["outcome"] for row in rows] == ["accepted"] * 4
    assert [row["commands"] for row in rows] == [
        {"quit": 1, "query": 6},
        {"quit": 1, "query": 4},
        {"quit": 1, "query": 3},
        {"quit": 1, "query": 3},
    ]
    assert not [f for row in rows for f in row["findings"] if f["code"] in ("decryption-failed", "keys-missing")]


@pytest.mark.parametrize("place", ["middle", "two", "packed", "merged"])
def test_secrets_elsewhere(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, bench: Bench, bulky: Session, place: str
) -> None:
    other = session(bench, V12)
    frames = several([bulky, other])
    path = tmp_path / "capture.pcapng"
    names = [str(path)]
    if place == "middle":
        write(path, frames, bulky.log + other.log, at=len(frames) // 2)
    elif place == "merged":
        half = len(frames) // 2
        write(path, frames[:half])
        write(tmp_path / "second.pcapng", frames[half:], bulky.log + other.log)
        names = ["--merge", str(path), str(tmp_path / "second.pcapng")]
    else:
        write(path, frames, bulky.log)
        with path.open("ab") as file:
            content = other.log
            body = (0x544C534B).to_bytes(4, "little") + len(content).to_bytes(4, "little") + content
            body += bytes(-len(body) % 4)
            length = (12 + len(body)).to_bytes(4, "little")
            file.write((10).to_bytes(4, "little") + length + body + length)
    if place == "packed":
        packed = tmp_path / "capture.pcapng.gz"
        packed.write_bytes(gzip.compress(path.read_bytes(), 1))
        names = [str(packed)]
    rows = analysed(capsys, *names)
    assert [row["outcome"] for row in rows] == ["accepted"] * 2
    assert [row["tls"]["decrypted"] for row in rows] == [True, True]


def test_secrets_of_other_sessions_at_the_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, bench: Bench, bulky: Session
) -> None:
    path = tmp_path / "capture.pcapng"
    write(path, several([bulky]), session(bench, V13).log)
    (row,) = analysed(capsys, str(path))
    assert row["outcome"] == "encrypted"
    assert "decryption-failed" in {finding["code"] for finding in row["findings"]}


# -- lossy captures ---------------------------------------------------------------------------------------------------

# One of each kind of record protection: version, suite, whether its certificate is ECDSA, options of OpenSSL.
FAMILIES: dict[str, tuple[ssl.TLSVersion, str | None, bool, int]] = {
    "TLS 1.3": (V13, None, False, 0),
    "AES-GCM": (V12, "ECDHE-RSA-AES128-GCM-SHA256", False, 0),
    "ChaCha20": (V12, "ECDHE-RSA-CHACHA20-POLY1305", False, 0),
    "AES-CCM": (V12, "ECDHE-ECDSA-AES128-CCM", True, 0),
    "AES-CCM-8": (V12, "ECDHE-ECDSA-AES256-CCM8", True, 0),
    "CBC, encrypt then MAC": (V12, "ECDHE-RSA-AES128-SHA256", False, 0),
    "CBC": (V12, "ECDHE-RSA-AES256-SHA", False, OP_NO_ENCRYPT_THEN_MAC),
    "CBC of TLS 1.1": (ssl.TLSVersion.TLSv1_1, "AES128-SHA", False, OP_NO_ENCRYPT_THEN_MAC),
    "CBC of TLS 1.0": (ssl.TLSVersion.TLSv1, "AES128-SHA", False, OP_NO_ENCRYPT_THEN_MAC),
    "NULL": (V12, "NULL-SHA256", False, 0),
}


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: pytest.FixtureRequest, bench: Bench) -> Session:
    version, suites, ecdsa, options = FAMILIES[request.param]
    try:
        return session(bench, version, suites, bulk=3000, queries=8, options=options, ecdsa=ecdsa)
    except (ssl.SSLError, ValueError) as error:
        bench.take_log()
        pytest.skip(f"this OpenSSL does not do it: {error}")


def with_data(frames: list[Frame], sender: str) -> list[int]:
    """Indices of a side's frames with a payload; of the client, those behind its ClientHello."""
    address = {"c": b"\x0a\0\0\x01", "s": b"\x0a\0\0\x02"}[sender]
    return [i for i, frame in enumerate(frames) if frame.data[26:30] == address and len(frame.data) > 54]


def the_one(frames: list[Frame], made: Session, log: bytes | None = None) -> Connection:
    (connection,) = analyse(frames, AnalysisOptions(keylogs=(made.log if log is None else log,)))
    return connection


def in_time(frames: list[Frame], order: list[int]) -> list[Frame]:
    """Frames by their indices, as if they had come in this order."""
    times = sorted(frames[index].timestamp_ns for index in order)
    return [frames[index]._replace(timestamp_ns=time) for index, time in zip(order, times, strict=True)]


def test_retransmission_and_reordering_change_nothing(made: Session) -> None:
    frames = conversation(made.script(), split=600)
    plain = the_one(frames, made)
    assert (plain.outcome, plain.commands) == ("accepted", {"quit": 1, "query": 8})
    chance = random.Random(8446)
    order = list(range(len(frames)))
    servers = set(with_data(frames, "s"))
    for index in sorted(servers):
        if index - 1 in servers and chance.random() < 0.4:
            order[index - 1], order[index] = order[index], order[index - 1]
    for index in chance.sample(sorted(servers) + with_data(frames, "c"), 30):
        # Sent once more, at once or a little later.
        order.insert(min(order.index(index) + chance.randint(1, 6), len(order) - 3), index)
    found = the_one(in_time(frames, order), made)
    assert found.tcp.retransmissions > 0 or "seen-twice" in {finding.code for finding in found.findings}
    assert found.tcp.out_of_order > 0
    assert found.tcp.gaps == 0
    assert (found.outcome, found.commands) == (plain.outcome, plain.commands)
    assert found.login is not None
    assert found.login.user == "app"
    assert {finding.code for finding in found.findings} - {"retransmissions", "seen-twice"} == {
        finding.code for finding in plain.findings
    }


@pytest.mark.parametrize("sender", ["s", "c"])
@pytest.mark.parametrize("count", [1, 3])
def test_after_a_gap_it_goes_on(made: Session, sender: str, count: int) -> None:
    """Whole segments of the command phase are missing: what is behind them is read all the same."""
    frames = conversation(made.script(), split=600)
    mine = with_data(frames, sender)
    # The last client frames are queries, each a record; a result is of six segments.
    begin = mine[-5] if sender == "c" else mine[-20]
    lost = mine[mine.index(begin) : mine.index(begin) + count]
    found = the_one([frame for index, frame in enumerate(frames) if index not in lost], made)
    assert found.tcp.gaps >= 1
    assert found.outcome == "accepted"
    assert found.tls is not None
    assert found.tls.decrypted
    assert found.commands == {"quit": 1, "query": 8 - (count if sender == "c" else 0)}
    codes = {finding.code for finding in found.findings}
    assert "capture-gap" in codes
    assert "decryption-failed" not in codes


def number_of_records(data: bytes) -> int:
    count = pos = 0
    while pos < len(data):
        pos += 5 + int.from_bytes(data[pos + 3 : pos + 5], "big")
        count += 1
    return count


@pytest.mark.parametrize("family", FAMILIES)
def test_as_many_missing_records_as_are_tried(bench: Bench, family: str) -> None:
    """The next record is found behind `MOST_MISSED` of them; behind more it is not, and that is said."""
    version, suites, ecdsa, options = FAMILIES[family]
    try:
        pair = Pair(bench.contexts(version, suites, ecdsa=ecdsa, options=options))
        pair.handshake()
    except (ssl.SSLError, ValueError) as error:
        bench.take_log()
        pytest.skip(f"this OpenSSL does not do it: {error}")
    pair.send(SERVER, b"before")
    begin = len(pair.flights)
    for number in range(MOST_MISSED + 6):
        pair.send(SERVER, b"%03d" % number * 400)
    log = bench.take_log()
    # Up to TLS 1.0 a write is more than one record.
    each = number_of_records(pair.flights[-1][1])
    # There the first record behind a gap lacks the block it is chained to.
    most = MOST_MISSED - (version == ssl.TLSVersion.TLSv1)
    for missing in (most // each, most // each + 1):
        reading = read(pair.flights[:begin], key_log(log))
        assert reading.plain[SERVER] == b"before"
        reading.session.gap(SERVER)
        for number in range(missing, MOST_MISSED + 6):
            reading.feed(SERVER, pair.flights[begin + number][1], number)
        rest = b"".join(b"%03d" % number * 400 for number in range(missing, MOST_MISSED + 6))
        if missing * each <= most:
            assert reading.plain[SERVER] == b"before" + rest
            assert reading.session.problem is None
            continue
        assert reading.plain[SERVER] == b"before"
        for _ in range(20):
            reading.feed(SERVER, b"\x17\x03\x03\x10\0" + bytes(4096))
        assert "after a gap no record of the server was found" in (reading.session.problem or "")


# -- a secret that is missing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"])
@pytest.mark.parametrize("bulk", [200, 60_000])
def test_one_direction_is_shown_where_the_other_has_no_secret(bench: Bench, missing: str, bulk: int) -> None:
    made = session(bench, V13, bulk=bulk)
    log = b"\n".join(line for line in made.log.splitlines() if not line.startswith(missing.encode() + b" ")) + b"\n"
    found = the_one(conversation(made.script(), split=1448), made, log)
    assert found.tls is not None
    assert found.tls.decrypted
    (finding,) = [finding for finding in found.findings if finding.code == "decryption-failed"]
    assert missing in finding.message
    if missing.startswith("SERVER"):
        assert found.login is not None
        assert found.login.user == "app"
        assert found.commands == {"quit": 1, "query": 3}
        assert found.outcome in ("encrypted", "unknown")
    else:
        assert found.login is None
        assert found.outcome == "accepted"
        assert found.commands == {}
    assert not [finding for finding in found.findings if finding.severity == "error"]


# -- TLS that nobody announced ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[V12, V13], ids=["TLS 1.2", "TLS 1.3"])
def usual(request: pytest.FixtureRequest, bench: Bench) -> Session:
    return session(bench, request.param)


LOST = (Say("s", greeting(), lost=True), Say("c", ssl_request(), lost=True))
BEGINNINGS: dict[str, tuple[list[Step], bool]] = {
    "the SSLRequest is lost": ([("s", greeting()), LOST[1]], True),
    "greeting and SSLRequest are lost": (list(LOST), True),
    "the greeting is lost": ([LOST[0], ("c", ssl_request())], True),
    "there is no SSLRequest": ([("s", greeting())], True),
    "the capture begins with the ClientHello": ([], False),
}


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize("keys", [True, False])
def test_tls_without_its_ssl_request(usual: Session, name: str, keys: bool) -> None:
    begin, handshake = BEGINNINGS[name]
    frames = conversation([*begin, *usual.steps, *CLOSE], handshake=handshake)
    (found,) = analyse(frames, AnalysisOptions(keylogs=(usual.log,) if keys else ()))
    assert found.tls is not None
    assert found.tls.version in ("TLSv1.2", "TLSv1.3")
    assert found.tls.server_name == "db.example"
    assert found.tls.decrypted is keys
    if keys:
        assert found.outcome == "accepted"
        assert found.login is not None
        assert found.login.user == "app"
        assert found.commands == {"quit": 1, "query": 3}
    else:
        assert (found.outcome, found.phase_reached, found.login) == ("encrypted", "tls", None)
    assert "malformed-packet" not in {finding.code for finding in found.findings}


@pytest.mark.parametrize("first", [1, 4, 6])
@pytest.mark.parametrize("keys", [True, False])
def test_from_the_middle_on(usual: Session, first: int, keys: bool) -> None:
    """Behind the ClientHello no key can be found: it is TLS, and no more is said."""
    frames = conversation([*usual.steps[first:], *CLOSE], handshake=False)
    (found,) = analyse(frames, AnalysisOptions(keylogs=(usual.log,) if keys else ()))
    assert found.tls is not None
    assert (found.outcome, found.tls.decrypted, found.tls.inferred, found.login) == ("encrypted", False, None, None)
    codes = {finding.code for finding in found.findings}
    assert "capture-mid-stream" in codes
    assert not codes & {"malformed-packet", "sequence-error", "tls-handshake-failed", "encrypted-login"}
    if keys:
        (finding,) = [finding for finding in found.findings if finding.code == "decryption-failed"]
        assert "the client's hello is not in the capture" in finding.message


def test_a_cut_record_in_the_middle(usual: Session) -> None:
    """The first segments that were captured begin inside of records."""
    steps = usual.steps[5:]
    who, data = steps[0][:2]
    frames = conversation([(who, data[9:]), *steps[1:], *CLOSE], handshake=False)
    (found,) = analyse(frames, AnalysisOptions())
    assert found.tls is not None
    assert found.outcome == "encrypted"
    assert not found.tls.alerts or usual.flights[0][0] == 0
    assert "malformed-packet" not in {finding.code for finding in found.findings}


def test_one_direction_only(usual: Session) -> None:
    for only in "cs":
        found = usual.connection(only=only)
        assert found.tls is not None
        assert (found.outcome, found.tls.decrypted) == ("encrypted", False)
        codes = {finding.code for finding in found.findings}
        assert "capture-one-sided" in codes
        assert not codes & {"tls-handshake-failed", "malformed-packet", "encrypted-login"}


def test_plain_text_that_only_looks_like_a_record() -> None:
    """Mid-stream: a packet of 66,327 bytes has the length bytes 17 03 01."""
    head = bytes.fromhex("17030100") + b"\x03SELECT '"
    frames = conversation(
        [("c", head + b"x" * (66327 - 9)), ("s", ok(1)), ("c", query("SELECT 1"))], handshake=False, split=1400
    )
    (found,) = analyse(frames, AnalysisOptions())
    assert found.tls is None


# -- a client that begins with TLS ------------------------------------------------------------------------------------

REFUSED = err(1, 1043, "Bad handshake", "08S01")
LEAVES = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))


def test_a_client_that_begins_with_tls(usual: Session) -> None:
    """It took the port for something else: the server greets, and refuses or is left."""
    hello = usual.steps[0]
    for port in (3306, 4000):
        for script, outcome in (
            ([hello, ("s", greeting()), ("s", REFUSED), *LEAVES], "rejected"),
            ([hello, ("s", greeting()), *LEAVES], "aborted"),
            ([hello, ("s", greeting()), ("c", b"\x15\x03\x01\0\x02\x02\x46"), *LEAVES], "aborted"),
            ([("s", greeting()), hello, ("s", REFUSED), *LEAVES], "rejected"),
        ):
            (found,) = analyse(conversation(script, server=("10.0.0.2", port)), AnalysisOptions())
            assert found.tls is not None
            assert (found.outcome, found.phase_reached, found.tls.server_name) == (outcome, "tls", "db.example")
            assert found.greeting is not None
            assert (found.error is not None) is (outcome == "rejected")
            codes = {finding.code for finding in found.findings}
            assert "tls-first" in codes
            assert not codes & {"malformed-packet", "keys-missing", "encrypted-login"}


def test_tls_around_everything(bench: Bench) -> None:
    """A proxy that ends TLS in front of the server: the greeting is inside it."""
    pair = Pair(bench.contexts(V13))
    pair.handshake()
    pair.send(SERVER, greeting())
    pair.send(CLIENT, login())
    pair.send(SERVER, FAST + ok(3))
    pair.send(CLIENT, query("SELECT 1"))
    pair.send(SERVER, ok(1))
    made = Session(pair.flights, bench.take_log())
    frames = conversation([*made.steps, *CLOSE])
    (found,) = analyse(frames, AnalysisOptions(keylogs=(made.log,)))
    assert (found.outcome, found.commands) == ("accepted", {"query": 1})
    assert found.greeting is not None
    assert found.login is not None
    assert found.login.user == "app"
    assert "sequence-error" not in {finding.code for finding in found.findings}
    (closed,) = analyse(frames, AnalysisOptions())
    assert closed.tls is not None
    # What is inside may be anything.
    assert (closed.outcome, closed.greeting, closed.tls.inferred) == ("encrypted", None, None)


def test_tls_around_something_else(bench: Bench) -> None:
    pair = Pair(bench.contexts(V13))
    pair.handshake()
    pair.send(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    pair.send(SERVER, b"HTTP/1.1 404 Not Found\r\n\r\n")
    made = Session(pair.flights, bench.take_log())
    for logs in ((), (made.log,)):
        (found,) = analyse(conversation([*made.steps, *CLOSE]), AnalysisOptions(keylogs=logs))
        assert (found.login, found.greeting, found.commands) == (None, None, {})
        assert found.outcome == ("aborted" if logs else "encrypted")
        assert "malformed-packet" not in {finding.code for finding in found.findings}


# -- the login inside TLS, and what was announced of it ----------------------------------------------------------------


def test_what_was_announced_is_kept_beside_the_login(usual: Session) -> None:
    """The SSLRequest sets CLIENT_SSL and the login does not: one of the differences that are said."""
    found = usual.connection()
    (finding,) = [finding for finding in found.findings if finding.code == "tls-login-mismatch"]
    assert "CLIENT_SSL" in finding.message


# -- the ladder -------------------------------------------------------------------------------------------------------


def ladder(made: Session, *, keys: bool) -> list[tuple[str, str, str]]:
    options = AnalysisOptions(packets=400, keylogs=(made.log,) if keys else ())
    ((_, detail),), _ = results_of(conversation(made.script(), split=1448), options)
    assert detail is not None
    assert [packet.frame for packet in detail.packets] == sorted(packet.frame for packet in detail.packets)
    return [(packet.sender, packet.record, packet.summary) for packet in detail.packets]


def test_the_ladder_of_a_session_without_keys(usual: Session) -> None:
    rows = ladder(usual, keys=False)
    records = [row[1] for row in rows]
    assert records[:3] == ["HandshakeV10", "SSLRequest", "TLS ClientHello"]
    assert rows[2][2].startswith("offers TLSv1.")
    assert "server name db.example" in rows[2][2]
    (hello,) = [row for row in rows if row[1] == "TLS ServerHello"]
    assert hello[0] == "server"
    assert "TLS_" in hello[2]
    assert records.count("TLS ApplicationData") >= 8
    assert all(row[2].endswith("bytes, encrypted") for row in rows if row[1] == "TLS ApplicationData")
    assert records[-2:] == ["FIN", "FIN"]
    if "TLS Certificate" in records:
        (certificate,) = [row for row in rows if row[1] == "TLS Certificate"]
        assert certificate[2] == "CN=rsa.example, RSA 2048, valid until 2125-12-08, self-signed"
        assert records.count("TLS Finished") == 2
    else:
        assert ("client", "TLS handshake", "done, going by the sizes of records") in rows


def test_the_ladder_of_a_session_with_keys(usual: Session) -> None:
    rows = ladder(usual, keys=True)
    records = [row[1] for row in rows]
    assert "TLS ApplicationData" not in records
    assert records.count("TLS Finished") == 2
    assert records.index("TLS Finished") < records.index("HandshakeResponse41")
    assert records[-3:] == ["ComQuit", "FIN", "FIN"]


def test_the_ladder_shows_alerts(bench: Bench) -> None:
    """A client that refuses the certificate, and one that closes in order; the alert comes behind what it ends."""
    pair = Pair(bench.contexts(V12, verify=False))
    with pytest.raises(ssl.SSLCertVerificationError):
        pair.handshake()
    refused = Session(pair.flights, bench.take_log())
    alert = ("client", "TLS Alert", "fatal unknown_ca")
    assert alert in ladder(refused, keys=False)
    assert refused.connection(keys=False).outcome == "aborted"
    pair = Pair(bench.contexts(V13))
    pair.handshake()
    pair.send(CLIENT, login(sequence=2))
    pair.send(SERVER, more(3, b"\x03") + ok(4))
    pair.client.write(QUIT)
    pair.close(CLIENT)
    closed = Session(pair.flights, bench.take_log())
    assert ladder(closed, keys=True)[-4:-2] == [
        ("client", "ComQuit", "COM_QUIT"),
        ("client", "TLS Alert", "warning close_notify, encrypted"),
    ]
    assert ladder(closed, keys=False)[-3][1:] == ("TLS Alert", "19 bytes, encrypted; an alert by its size")


# -- without keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*tls*.pcap*")))
@pytest.mark.parametrize("lost", [None, 9, 14])
def test_where_no_key_can_come_the_same_is_said(name: str, lost: int | None) -> None:
    """No record waits for a key then."""
    told = []
    for complete in (False, True):
        analysis = Analysis(name, AnalysisOptions())
        analysis.look_ahead(list, every=complete)
        with open_capture(str(SAMPLES / name)) as source:
            found = []
            for batch in source:
                kept = batch.part(np.flatnonzero(np.arange(len(batch)) != (-1 if lost is None else lost)))
                found += [connection for connection, _ in analysis.feed(kept)]
        assert analysis.keys.stays_empty == (complete and analysis.keys.more is None)
        found += [connection for connection, _ in analysis.finish(False)]
        told.append(found)
    assert told[0] == told[1]


@pytest.mark.parametrize(("capture_format", "none"), [("pcap", True), ("pcap, gzip", True), ("pcap and pcapng", False)])
def test_whose_files_have_room_for_keys(capture_format: str, none: bool) -> None:
    assert holds_no_keys(capture_format) == none
