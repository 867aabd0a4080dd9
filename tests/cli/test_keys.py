"""`--keylog`, secrets inside a pcapng, and `handshark inject-keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyzer.capture import PcapWriter, open_capture
from analyzer.cli import main
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"


def taken_apart(name: Path, folder: Path) -> tuple[Path, Path] | None:
    """A sample's frames without the keys inside it, and those keys; None where it has none."""
    capture, keys = folder / f"{name.stem}.pcap", folder / f"{name.stem}.keys"
    with open_capture(str(name)) as source, capture.open("wb") as file:
        writer: PcapWriter | None = None
        for batch in source:
            writer = writer or PcapWriter(file, link_type=int(batch.link_type[0]))
            data = memoryview(batch.data)
            for time_ns, offset, size in zip(batch.timestamp_ns, batch.offset, batch.captured, strict=True):
                writer.write(bytes(data[int(offset) : int(offset + size)]), int(time_ns))
        if not source.secrets:
            return None
        keys.write_bytes(b"\n".join(source.secrets))
    return capture, keys


@pytest.fixture(scope="module")
def closed_captures(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """A handful of TLS captures with their key logs beside them."""
    folder = tmp_path_factory.mktemp("keys")
    found = [pair for name in sorted(SAMPLES.glob("*tls1*.pcapng")) if (pair := taken_apart(name, folder))]
    assert found, "samples/ holds no capture with keys inside"
    return found[:6]


def analysed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The connections that `analyze --format jsonl` prints."""
    assert main(["analyze", "--format", "jsonl", *arguments]) == 0
    return [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]


def test_a_key_log_opens_what_is_closed_without_it(
    capsys: pytest.CaptureFixture[str], closed_captures: list[tuple[Path, Path]]
) -> None:
    for capture, keys in closed_captures:
        (closed,) = analysed(capsys, str(capture))
        assert closed["outcome"] == "encrypted"
        assert closed["login"] is None
        assert "keys-missing" in [finding["code"] for finding in closed["findings"]]
        (opened,) = analysed(capsys, "--keylog", str(keys), str(capture))
        assert opened["tls"]["decrypted"]
        assert opened["outcome"] != "encrypted"
        assert opened["login"]["user"]


def test_keys_of_another_session_are_said_to_be_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, closed_captures: list[tuple[Path, Path]]
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("CLIENT_RANDOM " + "ab" * 32 + " " + "cd" * 48 + "\n", encoding="ascii")
    (connection,) = analysed(capsys, "--keylog", str(keys), str(closed_captures[0][0]))
    assert connection["outcome"] == "encrypted"
    (finding,) = [f for f in connection["findings"] if f["code"] == "decryption-failed"]
    assert "client random" in finding["message"]


def test_injected_keys_are_used_without_asking(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, closed_captures: list[tuple[Path, Path]]
) -> None:
    for capture, keys in closed_captures:
        out = tmp_path / "out.pcapng"
        assert main(["inject-keys", str(capture), str(keys), "-o", str(out)]) == 0
        capsys.readouterr()
        inside = analysed(capsys, str(out))
        beside = analysed(capsys, "--keylog", str(keys), str(capture))
        for connection in (*inside, *beside):
            del connection["capture"]
        assert inside == beside
        # Once more: keys that are in it stay in it.
        again = tmp_path / "again.pcapng"
        assert main(["inject-keys", str(out), str(keys), "-o", str(again)]) == 0
        capsys.readouterr()
        assert [c["outcome"] for c in analysed(capsys, str(again))] == [c["outcome"] for c in inside]


def test_a_file_without_keys_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, closed_captures: list[tuple[Path, Path]]
) -> None:
    capture, _ = closed_captures[0]
    assert main(["inject-keys", str(capture), str(capture), "-o", str(tmp_path / "out")]) == 3
    assert "no TLS secrets" in capsys.readouterr().err
    assert main(["inject-keys", str(capture), str(tmp_path / "missing"), "-o", str(tmp_path / "out")]) == 3
    assert main(["analyze", "--keylog", str(tmp_path / "missing"), str(capture)]) == 2
    assert main(["analyze", "--rsa-key", str(capture), str(capture)]) == 2
    assert not (tmp_path / "out").exists()
