"""Connections cut out of captures: their frames and nothing else, their secrets and no others, what is said of them."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from analyzer.engine.filters import filter_of
from analyzer.sharing.choice import ExtractRequest, TimeWindow, TimeWindowError
from tests.cli.support import REFUSED, run
from tests.corpus import REPOSITORY, tool
from tests.reading import connections_of
from tests.sharing.reading import comments, extracted, keylog, names
from tests.wire.files import frames_in, pcap, pcapng
from tests.wire.frames import Frame, ethernet
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, conversation, in_time_order

SAMPLES = REPOSITORY / "samples"
TLS = SAMPLES / "mariadb118_raw_tls13.pcapng"
ASKED = [*ACCEPTED, ("c", query("SELECT 1 AS wanted")), ("s", ok(1)), ("c", query("SELECT 2")), ("s", ok(1)), *GOODBYE]


def three(path: Path) -> Path:
    """Two connections that work and one that is refused, interleaved, with a frame of something else."""
    other = Frame(ethernet(b"\x45" + bytes(19)), 1, 0, START + 5000)
    frames = in_time_order(
        conversation(ASKED),
        conversation(REFUSED, client=("10.0.0.7", 40000), start_ns=START + 10_000),
        conversation([*ACCEPTED, *GOODBYE], client=("10.0.0.9", 40001), start_ns=START + 60 * SECOND),
        [other],
    )
    file = path / "three.pcap"
    file.write_bytes(pcap(frames))
    return file


def ports(content: bytes) -> list[int]:
    """The clients' ports of the connections in a capture."""
    return [connection.client.port for connection in connections_of(content)]


def test_a_stream_is_cut_out_whole_and_in_order(tmp_path: Path) -> None:
    source = three(tmp_path)
    content, summary = extracted(source, ExtractRequest(streams=frozenset({1})))
    wanted = conversation(REFUSED, client=("10.0.0.7", 40000), start_ns=START + 10_000)
    assert [(one.data, one.timestamp_ns) for one in frames_in(content)] == [
        (one.data, one.timestamp_ns) for one in wanted
    ]
    assert (summary.connections, summary.of, summary.frames) == (1, 3, len(wanted))
    assert names(content) == ["three.pcap"]


def test_what_is_given_has_to_hold_all_together(tmp_path: Path) -> None:
    source = three(tmp_path)
    assert ports(extracted(source, ExtractRequest(findings=frozenset({"access-denied"})))[0]) == [40000]
    assert ports(extracted(source, ExtractRequest(keep=filter_of('handshark.outcome == "accepted"')))[0]) == [
        50000,
        40001,
    ]
    both = ExtractRequest(keep=filter_of('handshark.outcome == "accepted"'), window=TimeWindow("+30.."))
    assert ports(extracted(source, both)[0]) == [40001]
    assert ports(extracted(source, ExtractRequest(keep=filter_of("mysql.query contains wanted")))[0]) == [50000]


def test_packets_alone(tmp_path: Path) -> None:
    source = three(tmp_path)
    content, _ = extracted(source, ExtractRequest(keep=filter_of("mysql.query"), packets=True))
    assert [b"SELECT" in one.data for one in frames_in(content)] == [True, True]
    content, _ = extracted(source, ExtractRequest(findings=frozenset({"access-denied"}), packets=True))
    assert any(b"Access denied" in one.data for one in frames_in(content))
    assert len(frames_in(content)) < len(conversation(REFUSED))


def test_a_packet_in_several_frames_has_all_of_them(tmp_path: Path) -> None:
    long = query("SELECT '" + "x" * 5000 + "'")
    file = tmp_path / "long.pcap"
    file.write_bytes(pcap(conversation([*ACCEPTED, ("c", long), ("s", ok(1))], split=1000)))
    content, _ = extracted(file, ExtractRequest(keep=filter_of("mysql.query"), packets=True))
    assert b"".join(one.data[54:] for one in frames_in(content)) == long


def test_fragments_come_with_the_datagram(tmp_path: Path) -> None:
    frames = conversation([*ACCEPTED, ("c", query("SELECT '" + "y" * 600 + "'")), ("s", ok(1))])
    index = next(number for number, one in enumerate(frames) if b"yyy" in one.data)
    whole = frames[index].data
    head, body = whole[14:34], whole[34:]
    pieces = []
    for at in range(0, len(body), 256):
        piece = body[at : at + 256]
        more = 0x2000 if at + 256 < len(body) else 0
        ip = head[:2] + struct.pack(">HHH", 20 + len(piece), 77, more | at // 8) + head[8:]
        pieces.append(Frame(whole[:14] + ip + piece, 1, 0, frames[index].timestamp_ns))
    file = tmp_path / "fragments.pcap"
    file.write_bytes(pcap([*frames[:index], *pieces, *frames[index + 1 :]]))
    content, _ = extracted(file, ExtractRequest(streams=frozenset({0})))
    assert len(frames_in(content)) == len(frames) - 1 + len(pieces)
    assert connections_of(content)[0].commands == {"query": 1}


def test_captures_are_one_in_time_order(tmp_path: Path) -> None:
    frames = conversation(ASKED)
    first, second = tmp_path / "a.pcapng", tmp_path / "b.pcap"
    first.write_bytes(pcapng(frames[:8]))
    second.write_bytes(pcap(frames[8:]))
    content, _ = extracted([second, first], ExtractRequest(streams=frozenset({0})))
    assert [one.data for one in frames_in(content)] == [one.data for one in frames]
    assert sorted(names(content)) == ["a.pcapng", "b.pcap"]


def test_standard_input_is_read_though_it_is_read_twice(tmp_path: Path) -> None:
    source, out = three(tmp_path), tmp_path / "out.pcapng"
    done = run("extract", "-", "--stream", "1", "-w", out, stdin=source.read_bytes())
    assert (done.code, done.out) == (0, "")
    assert ports(out.read_bytes()) == [40000]


def test_only_the_secrets_of_what_is_taken(tmp_path: Path) -> None:
    content, summary = extracted(TLS, ExtractRequest(streams=frozenset({0})))
    assert connections_of(content)[0].outcome == "accepted"
    assert summary.secrets == keylog(content).count(b"\n") >= 4
    bare, _ = extracted(TLS, ExtractRequest(streams=frozenset({0}), keys=False))
    assert keylog(bare) == b""
    assert connections_of(bare)[0].outcome == "encrypted"
    none, _ = extracted([TLS, three(tmp_path)], ExtractRequest(findings=frozenset({"access-denied"})))
    assert keylog(none) == b""


@pytest.mark.parametrize(
    "name",
    [
        "mariadb118_raw_tls13.pcapng",
        "mysql97_cli_zlib.pcap",
        "mysql97_cli_zstd.pcapng",
        "mariadb118_raw_zlib-tls12.pcapng",
    ],
)
def test_what_was_inside_comes_out_as_plain_tcp(name: str) -> None:
    source = SAMPLES / name
    before = connections_of(source)[0]
    content, summary = extracted(source, ExtractRequest(streams=frozenset({0}), decrypted=True))
    after = connections_of(content)[0]
    assert summary.opened == 1
    assert (after.tls, after.compression) == (None, "none")
    assert (after.outcome, after.commands, after.login and after.login.user) == (
        before.outcome,
        before.commands,
        before.login and before.login.user,
    )
    assert (
        after.tcp.gaps,
        after.tcp.retransmissions,
        [one.code for one in after.findings if one.severity == "error"],
    ) == (
        0,
        0,
        [one.code for one in before.findings if one.severity == "error"],
    )
    assert "plain text" in comments(content)[0][0]


def test_comments_say_what_was_found_where(tmp_path: Path) -> None:
    content, _ = extracted(three(tmp_path), ExtractRequest(streams=frozenset({1}), comments=True))
    said = comments(content)
    assert "stream 1 of three.pcap" in said[0][0]
    assert "access-denied" in said[0][0]
    frames = [one.data for one in frames_in(content)]
    where = next(number for number, data in enumerate(frames) if b"Access denied" in data)
    assert any(text.startswith("error access-denied") for text in said[where])


@pytest.mark.tool
def test_wireshark_shows_the_comments(tmp_path: Path) -> None:
    shark = tool("tshark")
    out = tmp_path / "out.pcapng"
    assert run("extract", three(tmp_path), "--finding", "access-denied", "--comments", "-w", out).code == 0
    command = [shark, "-r", str(out), "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()
    assert "error access-denied" in shown
    assert "outcome: rejected" in shown


@pytest.mark.tool
@pytest.mark.parametrize(
    "name",
    [
        "mariadb118_raw_tls13.pcapng",
        "mysql97_cli_zlib.pcap",
        "mysql97_cli_zstd.pcapng",
        "mariadb118_raw_zlib-tls12.pcapng",
    ],
)
def test_wireshark_takes_the_plain_text(name: str, tmp_path: Path) -> None:
    shark, source, out = tool("tshark"), SAMPLES / name, tmp_path / "out.pcapng"
    assert run("extract", source, "--stream", "0", "--decrypted", "-w", out).code == 0
    port = connections_of(source)[0].server.port
    command = [shark, "-r", str(out), "-d", f"tcp.port=={port},mysql", "-o", "tcp.check_checksum:TRUE", "-o"]
    command += ["ip.check_checksum:TRUE", "-T", "fields", "-e", "mysql.user", "-e", "mysql.command", "-e"]
    command += ["tcp.checksum.status", "-e", "ip.checksum.status", "-e", "_ws.malformed", "-e", "tcp.analysis.flags"]
    rows = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode().splitlines()
    columns = [row.split("\t") for row in rows]
    assert any(row[0] for row in columns)
    assert any(row[1] for row in columns)
    assert {(row[2], row[3], row[4], row[5]) for row in columns} == {("1", "1", "", "")}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("+1..+2.5", START + SECOND, START + 2_500_000_000),
        ("2023-11-14T22:13:20..2023-11-14T22:13:21.000000001", START, START + SECOND + 1),
        ("22:13..", START - 20 * SECOND, 1 << 62),
        ("..1700000001", -1, START + SECOND),
        ("2023-11-14T23:13:20+01:00..", START, 1 << 62),
    ],
)
def test_times(text: str, first: int, last: int) -> None:
    assert TimeWindow(text).bounds(START) == (first, last)


@pytest.mark.parametrize("text", ["", "..", "12:00", "noon..", "1..2..3"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(TimeWindowError):
        TimeWindow(text)


def test_wrong_usage(tmp_path: Path) -> None:
    source, out = three(tmp_path), tmp_path / "out.pcapng"
    assert run("extract", source, "-w", out).code == 2
    assert run("extract", source, "--packets", "--stream", "0", "-w", out).code == 2
    assert run("extract", source, "--finding", "no-such", "-w", out).code == 2
    assert run("extract", source, "--time", "noon..", "-w", out).code == 2
    assert run("extract", tmp_path / "none.pcap", "--stream", "0", "-w", out).code == 3
    assert run("extract", source, "--stream", "0", "-w", source).code == 2
    assert not out.exists()
