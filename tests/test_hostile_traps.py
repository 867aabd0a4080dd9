"""Traps made by hand: bombs, floods, lengths that lie, text that bites.

What has to hold: bounded time, bounded memory, and outputs that are safe to look at.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from analyzer.errors import BadValue
from analyzer.net.tcp import flow_table as flows
from analyzer.protocol.wire.compression import Allowance, CompressedFramer
from analyzer.protocol.wire.framing import encode_packet
from tests.hostile_captures import CLIENT, SERVER, conversation, handshake, login, pcap, segment, session
from tests.hostile_outputs import Told, analyse, check_all, check_json
from tests.secrets.planted import column
from tests.wire.files import enhanced, interface, option, section
from tests.wire.frames import PUSH, SYN
from tests.wire.mysql import (
    COMPRESS,
    CONNECT_ATTRS,
    CONNECT_WITH_DB,
    DEPRECATE_EOF,
    PLUGIN_AUTH,
    SSL,
    ZSTD,
    bomb,
    compressed,
    err,
    greeting,
    ok,
    query,
)

# Processor time a machine may take that is slow and busy; what these tests guard against takes hours.
SOON = 20.0
LONGEST_FRAME = (1 << 24) - 1


@contextmanager
def soon(seconds: float = SOON) -> Iterator[None]:
    before = time.process_time()
    yield
    took = time.process_time() - before
    assert took < seconds, f"took {took:.1f} s"


def codes(told: Told) -> set[str]:
    return {finding.code for connection, _ in told.results for finding in connection.findings}


# -- compressed protocol -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [COMPRESS, ZSTD], ids=["zlib", "zstd"])
@pytest.mark.parametrize("sender", [CLIENT, SERVER])
def test_bombs_in_compressed_frames(algorithm: int, sender: int) -> None:
    """A thousand frames of which each opens to 16 MiB of empty packets."""
    many = bomb(bytes(LONGEST_FRAME), algorithm) * (1000 if algorithm == ZSTD else 30)
    with soon():
        told = analyse(session(algorithm, (CLIENT, compressed(query(), 0)), (sender, many)))
    assert codes(told) & {"malformed-packet", "sequence-error"}


def test_a_bomb_of_rows_is_opened_only_so_far() -> None:
    rows = b"".join(b"\x01\x00\x00" + bytes([number & 0xFF]) + b"\xfb" for number in range(3, 259)) * 12_000
    head = encode_packet(b"\x01", 1) + b"\x01\x00\x00\x02\x05"
    first = bomb((head + rows)[:LONGEST_FRAME], ZSTD)
    told = analyse(session(ZSTD | DEPRECATE_EOF, (CLIENT, compressed(query(), 0)), (SERVER, first * 200)))
    finding = next(one for one in told.results[0][0].findings if one.code == "malformed-packet")
    assert "bomb" in finding.message


@pytest.mark.parametrize("algorithm", [COMPRESS, ZSTD], ids=["zlib", "zstd"])
@pytest.mark.parametrize("sender", [CLIENT, SERVER])
def test_blobs_of_zeros_are_no_bomb(algorithm: int, sender: int) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes or less, as rows and as long data: honest, and read whole."""
    zeros = bytes(8 << 20)
    if sender == SERVER:
        rows = [b"\xfd" + len(zeros).to_bytes(3, "little") + zeros] * 12
        result = [b"\x01", column(b"b", 0xFC), *rows, b"\xfe\0\0\x02\0\0\0"]
        packets = b"".join(encode_packet(payload, number + 1) for number, payload in enumerate(result))
        pieces = [packets[at : at + LONGEST_FRAME] for at in range(0, len(packets), LONGEST_FRAME)]
        said = [(CLIENT, compressed(query(), 0)), *((SERVER, bomb(piece, algorithm)) for piece in pieces)]
    else:
        said = [(CLIENT, bomb(encode_packet(b"\x18\x01\0\0\0\0\0" + zeros, 0), algorithm)) for _ in range(12)]
        said.append((CLIENT, compressed(query(), 0)))
    told = analyse(session(algorithm | DEPRECATE_EOF, *said))
    assert not codes(told) & {"malformed-packet", "sequence-error"}
    assert told.results[0][0].commands["query"] == 1


def test_frames_share_an_allowance() -> None:
    excess = 3000 - 100 * len(bomb(bytes(3000), COMPRESS)[7:])
    allowance = Allowance(excess + 10)
    framers = [CompressedFramer("zlib", allowance) for _ in range(2)]
    assert len(framers[0].push(bomb(bytes(3000), COMPRESS))) == 3000
    with pytest.raises(BadValue, match="bomb"):
        framers[1].push(bomb(bytes(3000), COMPRESS))
    assert framers[1].push(compressed(b"plain", 0)) == b""


@pytest.mark.parametrize("announced", [1, 99, 101, LONGEST_FRAME])
def test_announced_lengths_that_lie(announced: int) -> None:
    for algorithm in (COMPRESS, ZSTD):
        lie = compressed(bomb(bytes(100), algorithm)[7:], announced)
        told = analyse(session(algorithm, (CLIENT, compressed(query(), 0)), (SERVER, lie)))
        assert "malformed-packet" in codes(told)


def test_a_compressed_frame_inside_a_compressed_frame() -> None:
    for algorithm in (COMPRESS, ZSTD):
        nested = bomb(bomb(bytes(1 << 20), algorithm) * 200, algorithm)
        with soon():
            check_all(analyse(session(algorithm, (CLIENT, nested), (SERVER, nested)), packets=50))


# -- capture files that open to far more -------------------------------------------------------------------------------

# Run apart, so that the memory is the analysis' own.
MEASURE = """
import sys
from tests.hostile_outputs import analyse
told = analyse(open(sys.argv[1], "rb").read())
# Not ru_maxrss: that begins with what the process had that started this one.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak) // 1024, told.source.frames if told.source else told.refused)
"""


def measured(path: Path) -> tuple[int, str]:
    """(MiB of memory, what came of it) of the analysis of a file."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    memory, _, outcome = done.stdout.strip().partition(" ")
    return int(memory), outcome


def _pack(kind: str, parts: Iterator[bytes], path: Path) -> None:
    if kind == "gzip":
        with gzip.open(path, "wb", compresslevel=1) as file:
            for part in parts:
                file.write(part)
    else:
        with path.open("wb") as raw, zstandard.ZstdCompressor(level=1).stream_writer(raw) as stream:
            for part in parts:
                stream.write(part)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize(
    "head",
    [
        b"",  # no capture
        pcap([])[:24],  # four million empty frames
        pcap([])[:24] + bytes(8) + b"\xff\xff\xff\x0f" * 2,  # one frame of 256 MiB
        b"\x0a\x0d\x0d\x0a" + (0xFFFFFF00).to_bytes(4, "little") + b"\x4d\x3c\x2b\x1a",  # one block of 4 GiB
    ],
    ids=["zeros", "empty-frames", "long-frame", "long-block"],
)
def test_compressed_captures_that_are_bombs(kind: str, head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    part = bytes(1 << 20)
    count = 48 if len(head) == 24 else 300
    _pack(kind, (head + part if not index else part for index in range(count)), path)
    memory, _ = measured(path)
    # A frame may have 256 MiB, and is read into a window that grows.
    assert memory < (900 if len(head) > 24 else 300)


def test_a_capture_inside_two_layers_of_gzip_is_refused() -> None:
    told = analyse(gzip.compress(gzip.compress(pcap(handshake()))))
    assert told.refused is not None
    assert "gzip" in told.refused


# -- packets -----------------------------------------------------------------------------------------------------------


def test_chains_of_16_mib_packets_and_lengths_that_never_complete() -> None:
    with soon():
        long = analyse(session(0, (CLIENT, encode_packet(b"\x03" + b"x" * (LONGEST_FRAME * 2), 0)), mss=60_000))
        endless = analyse(session(0, (CLIENT, b"\xff\xff\xff\x00" + b"\x03" * (1 << 22)), mss=60_000))
    assert long.results[0][0].commands == {"query": 1}
    assert not endless.results[0][0].commands


@pytest.mark.parametrize(
    "response",
    [
        b"\xfe" + (1 << 63).to_bytes(8, "little"),
        b"\xfe" + b"\xff" * 8,
        b"\x00" + b"\xff" * 8 + b"\x00\x00\x00",
        b"\xfb" + b"/etc/passwd\x00\x1b[2J",
    ],
    ids=["2^63 columns", "2^64-1 columns", "65535 parameters", "local infile"],
)
@pytest.mark.parametrize("command", [b"\x03select 1", b"\x16select 1"])
def test_counts_that_never_come_true(response: bytes, command: bytes) -> None:
    definitions = b"".join(encode_packet(b"\x03def", number & 0xFF) for number in range(2, 50_000))
    said = (CLIENT, encode_packet(command, 0)), (SERVER, encode_packet(response, 1) + definitions)
    with soon():
        told = analyse(session(DEPRECATE_EOF, *said), packets=100)
    check_json(told)


def test_pipelined_commands() -> None:
    content = session(0, (CLIENT, encode_packet(b"\x0e", 0) * 200_000), (CLIENT, query() * 100_000))
    with soon():
        (result,) = analyse(content).results
    assert result[0].commands["ping"] > 100_000


@pytest.mark.parametrize(
    "length", [b"\xfc\xff\xff", b"\xfd\xff\xff\xff", b"\xfe" + b"\xff" * 8, b"\xfb", b"\xff", b"\xfe"]
)
def test_attributes_with_lengths_that_lie(length: bytes) -> None:
    for rest in (length, length + b"\x01a\x01b" * 30, b"\x06\x01a" + length + b"b"):
        said = [
            (SERVER, greeting()),
            (CLIENT, login(PLUGIN_AUTH | CONNECT_ATTRS, rest=b"p\x00" + rest)),
            (SERVER, ok()),
        ]
        told = analyse(pcap(conversation(said)), packets=50)
        assert told.results[0][0].outcome in {"accepted", "unknown"}
        check_all(told)


def test_endless_auth_switches_are_not_kept() -> None:
    said = [(SERVER, greeting()), (CLIENT, login(PLUGIN_AUTH, rest=b"p\x00"))]
    for number in range(3000):
        said += [
            (SERVER, encode_packet(b"\xfeplugin\x00" + b"n" * 20, number * 2 + 2 & 0xFF)),
            (CLIENT, encode_packet(b"r" * 20, number * 2 + 3 & 0xFF)),
        ]
    with soon():
        ((connection, _),) = analyse(pcap(conversation(said))).results
    assert connection.authentication is not None
    assert len(connection.authentication.switches) <= 64
    assert len(connection.authentication.steps) <= 64


# -- TCP ---------------------------------------------------------------------------------------------------------------


def _order(name: str, count: int) -> list[int]:
    if name == "reversed":
        return list(range(count, 0, -1))
    if name == "holes":
        return [2 * number for number in range(1, count)]
    if name == "repeated":
        return [number // 2 for number in range(2, count)] * 2
    numbers = list(range(1, count))
    random.Random(5).shuffle(numbers)
    return numbers


@pytest.mark.parametrize("name", ["reversed", "holes", "shuffled", "repeated"])
@pytest.mark.parametrize("size", [1, 30])
def test_floods_out_of_order(name: str, size: int) -> None:
    frames = [segment(CLIENT, 1 + number * size, 1, PUSH, b"x" * size) for number in _order(name, 30_000)]
    with soon():
        told = analyse(pcap(handshake() + frames))
    assert len(told.results) == 1


def test_gaps_without_end() -> None:
    frames = []
    for number in range(30_000):
        frames.append(segment(CLIENT, 1 + 40 * number, 1, PUSH, b"x"))
        frames.append(segment(SERVER, 1, 1 + 40 * number + 1, 0x10))
    with soon():
        told = analyse(pcap(handshake() + frames), packets=20)
    finding = next(one for one in told.results[0][0].findings if one.code == "capture-gap")
    assert f"{told.results[0][0].tcp.gaps} places" in finding.message
    assert len(finding.frames) <= 20


def test_a_login_byte_by_byte_that_never_ends() -> None:
    start = (200_000).to_bytes(3, "little") + b"\x01" + b"\x00\x02\x00\x00" + bytes(3) + b"\x01\x2d" + bytes(23)
    data = start + b"a" * 30_000
    frames = [segment(CLIENT, 1 + at, 1, PUSH, data[at : at + 1], port=4000) for at in range(len(data))]
    for columns in (True, False):
        with soon():
            assert analyse(pcap(frames), columns=columns).results == []


def test_a_download_from_the_middle_in_small_segments() -> None:
    frames = [segment(SERVER, 1 + 16 * number, 1, PUSH, b"\x01" * 16) for number in range(60_000)]
    with soon():
        told = analyse(pcap(frames), batch_bytes=8 << 20)
    assert len(told.results) == 1


def test_connections_that_only_knock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many are kept open; the rest is reported early, in order, and said to be."""
    monkeypatch.setattr(flows, "MAX_OPEN", 1000)
    content = pcap(segment(CLIENT, host, 0, SYN, host=host) for host in range(1, 10_001))
    with soon():
        told = analyse(content, batch_bytes=1 << 14)
    assert [connection.stream for connection, _ in told.results] == list(range(10_000))
    assert told.source is not None
    assert any("ended early to bound memory" in note for note in told.source.notes)


def test_results_that_wait_for_the_first_connection_take_no_longer_each() -> None:
    """The first stays open while all others come and go."""
    frames = handshake(host=1)
    for host in range(2, 12_000):
        frames += [segment(CLIENT, 0, 0, SYN, host=host), segment(SERVER, 0, 1, 0x14, host=host)]
    with soon():
        told = analyse(pcap(frames))
    assert [connection.stream for connection, _ in told.results] == list(range(11_999))


# -- TLS ---------------------------------------------------------------------------------------------------------------


def _records(kind: int, body: bytes, size: int = 1 << 14) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(bytes([kind, 3, 3]) + len(part).to_bytes(2, "big") + part for part in parts)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


SERVER_HELLO = _message(2, b"\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00")


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (b"", _records(22, SERVER_HELLO + _message(11, b"\x00\x10\x00" + b"\x00\x0f\xf0" + os.urandom(4080)))),
        (b"", _records(22, SERVER_HELLO + _message(11, b"\xff\xff\xff" + b"\x00\x00\x00" * 1000))),
        (_records(22, b"\x01\xff\xff\xff" + bytes(1 << 20)), _records(22, b"\x0b\xff\xff\xff" + bytes(1 << 20))),
        (_records(22, _message(1, b"\x03\x03" + b"\xff" * 5000)), b"\x16\x03\x03\xff\xff"),
        (_records(22, _message(1, b"\x03\x03" + bytes(33) + b"\xff\xfe" + bytes(60_000))), b""),
        (b"\x17\x03\x03\x00\x00" * 50_000, b"\x15\x03\x03\x00\x02\x01\x00" * 50_000),
        (_records(22, bytes([1]) * 60_000, 1), _records(22, bytes([0]) * 60_000, 1)),
    ],
    ids=["certificate", "empty certificates", "long messages", "hello", "suites", "floods", "one byte each"],
)
def test_tls_that_is_none(client: bytes, server: bytes) -> None:
    request = login(SSL)[:3] + b"\x01" + login(SSL)[4:36]
    request = (32).to_bytes(3, "little") + request[3:]
    said = [(SERVER, greeting()), (CLIENT, request), (CLIENT, client), (SERVER, server), (CLIENT, client)]
    with soon():
        told = analyse(pcap(conversation(said)), packets=50)
    ((connection, _),) = told.results
    assert connection.tls is not None
    assert len(connection.tls.alerts) < 100
    check_all(told)


# -- text that bites ---------------------------------------------------------------------------------------------------

BITES = [
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"' onmouseover=alert(1) x='",
    "]]>--></style></script><!--",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "＝1",
    "\t=1",
    "a\r\nb\nc\u2028d\u2029e\x85f",
    "admin\u202e\u2066gnp\u200b\u200f\ufeff",
    "{{ 7*7 }}{% raw %}${x}",
    "javascript:alert(1)",
    "%s%n{0}\\x41\\u0041",
    "a" * 3000 + " " * 50,
    "\u0301" * 500,
    "日本語" * 300,
    "\ufffe\uffff\U0010ffff",
]
RAW = [bite.encode() for bite in BITES] + [b"\xff\xfe\x80\xed\xa0\x80", b"\xc3\x28\xf0\x9f", b"\xed\xb2\x80" * 20]


@pytest.mark.parametrize("bite", RAW, ids=lambda raw: repr(raw[:12]))
@pytest.mark.parametrize("place", ["login", "error", "version", "statement"])
def test_text_in_every_place_and_every_output(bite: bytes, place: str) -> None:
    clean = bite.replace(b"\x00", b"")
    counted = bytes([0xFC]) + len(clean).to_bytes(2, "little") + clean
    pair = b"\x03key" + counted + counted + b"\x05value" + b"\x0c_client_name" + counted
    attributes = bytes([0xFC]) + len(pair).to_bytes(2, "little") + pair
    flags = CONNECT_WITH_DB | PLUGIN_AUTH | CONNECT_ATTRS
    answer = login(flags, user=clean, rest=clean + b"\x00" + clean + b"\x00" + attributes)
    said = {
        "login": [(SERVER, greeting()), (CLIENT, answer), (SERVER, ok())],
        "error": [(SERVER, greeting()), (CLIENT, login()), (SERVER, err(2, 1045, clean, "28000"))],
        "version": [(SERVER, greeting(clean[:200], plugin=clean[:200])), (CLIENT, login()), (SERVER, ok())],
        "statement": [(SERVER, greeting()), (CLIENT, login()), (SERVER, ok()), (CLIENT, query(clean))],
    }[place]
    told = analyse(pcap(conversation(said)), packets=50)
    assert len(told.results) == 1
    check_all(told)


@pytest.mark.parametrize("bite", BITES, ids=lambda text: repr(text[:12]))
def test_names_of_captures_in_every_output(bite: str) -> None:
    said = [(SERVER, greeting()), (CLIENT, login()), (SERVER, ok())]
    check_all(analyse(pcap(conversation(said)), packets=50, name=bite))
    check_all(analyse(b"", name=bite))


NAMES = [b"\x1b[31m=a\nb\xff\xfe.pcap", "<b>'\"\u202egnp.pcap".encode()]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_file_names_on_the_command_line(name: bytes, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    said = [(SERVER, greeting()), (CLIENT, login()), (SERVER, ok())]
    with open(path, "wb") as file:
        file.write(pcap(conversation(said))[:-3])
    for arguments in (["-v"], ["--format", "json"], ["--format", "csv"]):
        done = _run("analyze", *arguments, path, path + b".missing")
        assert done.returncode == 3
        # JSON may hold any character, as a string.
        shown = done.stderr if "json" in arguments else done.stdout + done.stderr
        text = shown.decode().replace("\r\n", "\n")
        assert all(char == "\n" or char.isprintable() for char in text)
    page = os.fsencode(tmp_path) + b"/out.html"
    assert _run("report", path, "-o", page).returncode == 0
    with open(page, encoding="utf-8") as html:
        assert "<b>'" not in html.read()


def _run(*arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run([sys.executable, "-m", "analyzer", *arguments], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


# -- times -------------------------------------------------------------------------------------------------------------


def _with_time(stamp: int, resolution: int, offset: int) -> bytes:
    """A session in pcapng whose clock says something mad."""
    clock = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset))
    out = [section(), interface(options=clock)]
    said = [(SERVER, greeting()), (CLIENT, login()), (SERVER, ok())]
    for number, frame in enumerate(conversation(said)):
        now = max(stamp - number, 0) if number % 2 else stamp
        out.append(enhanced(frame, now))
    return b"".join(out)


@pytest.mark.parametrize("stamp", [3, 1 << 31, 1 << 62, (1 << 64) - 1])
@pytest.mark.parametrize("resolution", [0, 9, 19, 127, 128, 0xC0, 0xFF])
def test_clocks_gone_mad(stamp: int, resolution: int) -> None:
    for offset in (0, -(1 << 63), (1 << 63) - 1, -5_000_000_000):
        told = analyse(_with_time(stamp, resolution, offset), packets=50)
        check_all(told)


ODD_FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "NULs": lambda: bytes(100_000),
    "gzip of nothing": lambda: gzip.compress(b""),
    "half a gzip": lambda: gzip.compress(pcap(handshake()))[:40],
    "text": lambda: b"GET / HTTP/1.1\r\n" * 100,
    "header only": lambda: pcap([]),
    "negative lengths": lambda: pcap([])[:24] + b"\xff" * 1000,
    "surrogates": lambda: "\ud800".encode("utf-16-le", "surrogatepass") * 1000,
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files(name: str) -> None:
    told = analyse(ODD_FILES[name]())
    assert told.results == []
    check_all(told)


def test_a_stream_that_fails_while_it_is_read() -> None:
    class Broken(io.BytesIO):
        def readinto1(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

    from analyzer.capture import open_stream
    from analyzer.errors import CaptureError

    with pytest.raises(CaptureError, match="Input/output error"):
        open_stream(Broken(b"x"), "broken")
