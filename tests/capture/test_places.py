"""Where captures are: folders, patterns and URLs, in all commands that read captures."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import analyzer
from analyzer.capture.places import expanded, identity_of_capture, is_capture_name
from analyzer.cli import main
from analyzer.errors import CaptureError
from tests.cli.support import accepted, refused, run
from tests.corpus import give_up

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'handshark[sql]'")


def looked_up(*names: str) -> tuple[list[str], list[str]]:
    wrong: list[str] = []
    return expanded(names, lambda error: wrong.append(str(error))), wrong


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.pcap", "a.pcapng.zst", "sub/c.cap.gz", "ring.pcap0001", "notes.txt", ".hidden.pcap"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    folder = str(tmp_path)
    found, wrong = looked_up(folder)
    assert [os.path.relpath(name, folder) for name in found] == [
        *("a.pcapng.zst", "b.pcap", "ring.pcap0001", "sub/c.cap.gz"),
    ]
    assert wrong == []
    assert looked_up(f"{folder}/*.pcap")[0] == [f"{folder}/b.pcap"]
    assert looked_up(f"{folder}/**/*.gz")[0] == [f"{folder}/sub/c.cap.gz"]
    assert looked_up(f"{folder}/b.pcap", "-", f"{folder}/b.pcap", "missing.pcap")[0] == [
        *(f"{folder}/b.pcap", "-", "missing.pcap"),
    ]
    (tmp_path / "odd[1].pcap").write_bytes(b"")
    assert looked_up(f"{folder}/odd[1].pcap")[0] == [f"{folder}/odd[1].pcap"]
    (tmp_path / "empty").mkdir()
    found, wrong = looked_up(f"{folder}/*.none", f"{folder}/empty", f"{folder}/b.pcap")
    assert found == [f"{folder}/b.pcap"]
    assert "no file matches" in wrong[0]
    assert "holds no captures" in wrong[1]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("a.pcap", True), ("A.PCAPNG.GZ", True), ("x.pcap12", True), ("x.txt", False), ("pcap", False), ("x.zst", False)],
)
def test_names_of_captures(name: str, is_one: bool) -> None:
    assert is_capture_name(name) == is_one


def test_all_commands_take_folders(tmp_path: Path) -> None:
    accepted(tmp_path)
    refused(tmp_path)
    rows = run("analyze", "--format", "jsonl", tmp_path).rows()
    assert [row["outcome"] for row in rows] == ["rejected", "accepted"]
    for command in (["commands"], ["stats"], ["dissect"], ["analyze", "--summary"], ["analyze", "--merge"]):
        done = run(*command, tmp_path)
        assert done.code == 0, done.err
        assert done.out
    assert run("report", f"{tmp_path}/*.pcap", "-o", tmp_path / "page.html").code == 0
    assert run("sql", "SELECT outcome FROM connections", f"{tmp_path}/*.pcap", "--format", "csv").out.count("\n") == 3
    missing = run("analyze", f"{tmp_path}/*.none", f"{tmp_path}/good.pcap", "--format", "jsonl")
    assert missing.code == 3
    assert len(missing.rows()) == 1
    assert "no file matches" in missing.err


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server over a folder with two captures."""
    pytest.importorskip("aiohttp")
    accepted(tmp_path)
    refused(tmp_path)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_captures_of_a_web_server(web: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    names = [f"{web}/bad.pcap", f"{web}/good.pcap"]
    assert main(["analyze", "--format", "jsonl", *names]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(row["capture"], row["outcome"]) for row in rows] == [(names[0], "rejected"), (names[1], "accepted")]
    assert main(["analyze", "--merge", "--format", "jsonl", f"{web}/*.pcap"]) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 2
    assert main([f"{web}/missing.pcap"]) == 3
    assert b"no such file" in capfdbinary.readouterr().err
    told: list[tuple[int, int | None, int]] = []
    with analyzer.open(names[1], progress=lambda *step: told.append(step)) as capture:
        assert len(list(capture.connections())) == 1
    assert told[-1][0] == told[-1][1]
    identity = identity_of_capture(names[1])
    assert identity is not None
    assert identity.bytes == told[-1][1]


def test_what_can_not_be_opened_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CaptureError, match="nothing is known of nosuch://"):
        list(analyzer.connections("nosuch://bucket/x.pcap"))
    assert main(["analyze", "http://127.0.0.1:9/x.pcap"]) == 3
    assert "http://127.0.0.1:9/x.pcap" in capfd.readouterr().err


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a local S3 server with two captures."""
    try:
        import s3fs
        from moto.server import ThreadedMotoServer
    except ImportError:
        give_up("s3fs or moto is not installed: pip install '.[test]'")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for key, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(key, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("caps")
    system.put_file(str(accepted(tmp_path)), "caps/2026-11-01/good.pcap")
    system.put_file(str(refused(tmp_path)), "caps/2026-11-02/bad.pcap")
    yield "s3://caps"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_captures_and_tables_of_a_bucket(bucket: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["analyze", "--format", "jsonl", f"{bucket}/2026-11-*/*.pcap"]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [row["outcome"] for row in rows] == ["accepted", "rejected"]
    assert rows[0]["capture"] == f"{bucket}/2026-11-01/good.pcap"
    assert main(["export", f"{bucket}/2026-11-*/", f"{bucket}/2026-11-01/", "-o", f"{bucket}/tables"]) == 0
    assert main(["export", f"{bucket}/2026-11-01/", "-o", f"{bucket}/tables"]) == 0
    question = "SELECT capture, outcome FROM connections ORDER BY capture"
    capfdbinary.readouterr()
    assert main(["sql", question, f"{bucket}/tables", "--format", "json"]) == 0
    assert json.loads(capfdbinary.readouterr().out) == [
        {"capture": row["capture"], "outcome": row["outcome"]} for row in rows
    ]
    assert main(["analyze", f"{bucket}/nothing/*.pcap"]) == 3
    assert b"nothing matches" in capfdbinary.readouterr().err
    assert main(["export", f"{bucket}/2026-11-01/", "-o", f"{bucket}/all.csv"]) == 0
    assert b"accepted" in fsspec.filesystem("s3").cat_file("caps/all.csv")
