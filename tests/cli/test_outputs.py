"""What becomes of the user's files: outputs that are inputs, full disks, closed pipes, signals, modes."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import parser
from analyzer.cli.output import INPUTS, OUTPUTS
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"
REFUSED = SAMPLES / "mysql97_cli_wrong-password.pcap"
KEYED = SAMPLES / "mysql97_cli_tls13-full-auth.pcap"
BULK = SAMPLES / "bulk-resultset.pcap.zst"
HANDSHARK = [sys.executable, "-m", "analyzer"]
SECONDS = 60


def run(*words: object, **how: Any) -> subprocess.CompletedProcess[bytes]:
    how = {"capture_output": True, "cwd": REPOSITORY, "timeout": SECONDS, **how}
    return subprocess.run([*HANDSHARK, *map(str, words)], check=False, **how)


def one_line(errors: bytes) -> str:
    """The only line of standard error."""
    text = errors.decode()
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    assert text.count("\n") == 1, text
    return text.removeprefix("handshark: ").rstrip("\n")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return Path(shutil.copy(REFUSED, tmp_path / "in.pcap"))


@pytest.mark.parametrize("link", ["same", "soft", "hard"])
@pytest.mark.parametrize(
    "command", [["analyze"], ["commands"], ["stats"], ["dissect"], ["report"], ["report", "--format", "md"]]
)
def test_an_output_that_is_an_input_is_refused(command: list[str], link: str, capture: Path) -> None:
    before = capture.read_bytes()
    output = capture.with_name(link)
    if link == "same":
        output = capture
    elif link == "soft":
        output.symlink_to(capture)
    else:
        output.hardlink_to(capture)
    done = run(*command, capture, "-o", output)
    assert done.returncode == 2
    assert "would be overwritten" in one_line(done.stderr)
    assert capture.read_bytes() == before


def test_keys_and_passwords_are_inputs_too(capture: Path) -> None:
    keys = capture.with_name("keys")
    for words in (
        ["analyze", capture, "--keylog", keys, "-o", keys],
        ["analyze", capture, "--password-file", keys, "-o", keys],
        ["analyze", capture, "--rsa-key", keys, "-o", keys],
        ["inject-keys", capture, keys, "-o", keys],
        ["inject-keys", capture, keys, "-o", capture],
        ["live", "--keylog", keys, "-w", keys],
        ["live", "-w", capture.with_name("new"), "--report", capture.with_name("new")],
    ):
        shutil.copy(KEYED.with_suffix(".keys"), keys)
        before = keys.read_bytes(), capture.read_bytes()
        done = run(*words)
        assert done.returncode == 2, words
        assert "would be" in one_line(done.stderr)
        assert (keys.read_bytes(), capture.read_bytes()) == before


def test_standard_input_and_output_are_files_too(capture: Path) -> None:
    before = capture.read_bytes()
    with capture.open("rb") as given:
        done = run("analyze", "-", "-o", capture, stdin=given)
    assert "it is standard input" in one_line(done.stderr)
    with capture.open("ab") as out:
        done = run("analyze", capture, stdout=out, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert "standard output: is read" in one_line(done.stderr)
    assert capture.read_bytes() == before


def test_every_argument_that_is_a_file_is_known() -> None:
    """A new option for a file has to say whether it is read or written."""
    # argparse has no public way to list what was added.
    (commands,) = [one.choices for one in vars(parser())["_actions"] if isinstance(one.choices, dict)]
    files = set()
    for command in commands.values():
        for action in vars(command)["_actions"]:
            shown = str(action.metavar or "")
            if action.type is Path or any(word in shown for word in ("FILE", "CAPTURE", "KEYLOG", "TRUTH")):
                files.add(action.dest)
    assert files - {"outputs"} == {*INPUTS, *OUTPUTS}  # dissect makes of these what they mean: `output` is one


def test_a_full_disk_is_said_in_one_line(capture: Path) -> None:
    with open("/dev/full", "wb") as full:
        for words in (
            ["--help"],
            ["analyze", capture],
            ["findings"],
            ["explain", capture],
            ["fields"],
            ["dissect", capture],
        ):
            done = run(*words, stdout=full, stderr=subprocess.PIPE, capture_output=False)
            assert done.returncode == 3, words
            assert one_line(done.stderr) == "standard output: No space left on device"
    done = run("analyze", capture, "-o", "/dev/full")
    assert done.returncode == 3
    assert one_line(done.stderr) == "/dev/full: No space left on device"


def test_closed_descriptors(capture: Path) -> None:
    for closed, line in (("1", "standard output: Bad file descriptor"), ("2", None), ("0", None)):
        words = " ".join(map(str, [*HANDSHARK, "analyze", capture, f"{closed}>&-"]))
        done = subprocess.run(["sh", "-c", words], capture_output=True, cwd=REPOSITORY, timeout=SECONDS, check=False)
        assert (done.returncode, done.stderr.decode() == "") == ((3, False) if line else (0, True))
        if line:
            assert one_line(done.stderr) == line
    out = capture.with_name("out")
    words = " ".join(map(str, [*HANDSHARK, "analyze", capture, "-o", out, "1>&-"]))
    assert subprocess.run(["sh", "-c", words], cwd=REPOSITORY, timeout=SECONDS, check=False).returncode == 0
    assert b"rejected" in out.read_bytes()


def test_a_reader_that_has_enough_is_no_error() -> None:
    # More than the program and a pipe hold back together.
    words = " ".join([*HANDSHARK, "dissect", *[str(BULK)] * 40, "| head -1"])
    script = f"{words}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_modes_of_what_holds_secrets(tmp_path: Path) -> None:
    def mode(*words: object) -> int:
        out = tmp_path / "out"
        out.unlink(missing_ok=True)
        assert run(*words, "-o", out, preexec_fn=lambda: os.umask(0o022)).returncode == 0
        return stat.S_IMODE(out.stat().st_mode)

    assert mode("report", REFUSED) == 0o644
    assert mode("report", "--show-secrets", REFUSED) == 0o600
    assert mode("analyze", "--show-secrets", REFUSED) == 0o600
    assert mode("inject-keys", KEYED, KEYED.with_suffix(".keys")) == 0o600


class Started:
    """A command that waits for its capture to go on: it has begun, and can not end by itself."""

    def __init__(self, *words: object, stdout: Any = subprocess.PIPE) -> None:
        self.process = subprocess.Popen(
            [*HANDSHARK, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            start_new_session=True,
        )

    def feed(self, content: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(content)
        self.process.stdin.flush()

    def end(self, number: int) -> tuple[int, bytes, bytes]:
        os.killpg(self.process.pid, number)
        out, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out or b"", errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("wait", [0.15, 0.3, 0.6, 1.2])
def test_a_signal_leaves_no_half_file(number: signal.Signals, wait: float, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"mine")
    started = Started("report", "-", "-o", out)
    started.feed(REFUSED.read_bytes()[:-8])
    time.sleep(wait)  # wherever it is by then
    code, _, errors = started.end(number)
    assert out.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["out"]
    if wait >= 1.2:  # long after it has begun, also on a busy machine
        assert code == 128 + number
        text = one_line(errors)
        assert text == (f"interrupted: {out} is left as it was" if number == 2 else f"ended by {number.name}")


def test_ctrl_c_shows_what_was_read() -> None:
    started = Started("analyze", "-", "--format", "jsonl")
    started.feed(REFUSED.read_bytes())
    time.sleep(1.5)
    code, out, errors = started.end(signal.SIGINT)
    assert code == 130
    assert b'"outcome":"rejected"' in out
    assert one_line(errors) == "interrupted"


def test_a_capture_alone_is_analyzed(capture: Path) -> None:
    assert run(capture).stdout == run("analyze", capture).stdout
    assert run(capture, "--format", "jsonl").stdout == run("analyze", capture, "--format", "jsonl").stdout
    assert run(capture.with_name("missing")).returncode == 2


def test_files_without_an_end_and_pipes_without_a_writer(capture: Path) -> None:
    pipe = capture.with_name("pipe")
    os.mkfifo(pipe)
    for option in ("--keylog", "--password-file", "--rsa-key"):
        done = run("analyze", capture, option, "/dev/zero")
        assert done.returncode == 2
        assert "it is larger than" in one_line(done.stderr)
    done = run("analyze", capture, "--keylog", pipe)
    assert one_line(done.stderr) == f"{pipe}: nobody writes to this pipe"
    done = run("inject-keys", capture, "/dev/zero", "-o", capture.with_name("out"))
    assert "it is larger than" in one_line(done.stderr)
    words = " ".join(map(str, [*HANDSHARK, "analyze", KEYED, "--keylog", f"<(cat {KEYED.with_suffix('.keys')})"]))
    done = subprocess.run(["bash", "-c", words], capture_output=True, cwd=REPOSITORY, timeout=SECONDS, check=True)
    assert b"accepted" in done.stdout


def test_numbers_that_are_too_large(capture: Path) -> None:
    done = run("analyze", "--jobs", "100000", capture)
    assert done.returncode == 2
    assert b"at most 64" in done.stderr
    done = run("live", "-B", "1000000")
    assert done.returncode == 2
    assert b"at most 1024 MiB" in done.stderr
