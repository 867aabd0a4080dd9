"""What is wrong is said, with what to do about it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from analyzer.capture.live.interfaces import ANY, names
from analyzer.cli import main
from tests.capture.live.network import network
from tests.capture.live.support import ENVIRONMENT, HANDSHARK, may_capture, tool
from tests.cli.support import run
from tests.corpus import REPOSITORY


def test_an_unknown_interface_is_answered_with_those_that_exist() -> None:
    before = socket.if_nameindex()
    done = run("live", "-i", "eth99")
    assert done.code == 3
    assert "eth99: no such interface; there are" in done.err
    assert all(name in done.err for name in stay(before))


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("tcp port 3306 andd host 10.0.0.1", "syntax error", "andd"),
        ("tcp prt 3306", "syntax error", "prt"),
        ("tcp port mysqlx", "unknown port 'mysqlx'", "mysqlx"),
        ("host 10.0.0.1 and port 1 )", "syntax error", ")"),
    ],
)
def test_a_bad_capture_filter_is_pointed_at(capsys: pytest.CaptureFixture[str], text: str, why: str, at: str) -> None:
    assert main(["live", "-i", "lo", "-f", text]) == 2
    first, echo, mark, _ = capsys.readouterr().err.splitlines()
    assert first == f"handshark: capture filter: {why}"
    assert echo == f"  {text}"
    assert mark.index("^") == echo.index(at)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-b", "files:3", "-w", "x"], "filesize"),
        (["-b", "size:3", "-w", "x"], "filesize:N"),
        (["-b", "filesize:100"], "-w"),
        (["-a", "filesize:0"], "number from 1 up"),
        (["-w", "-"], "standard output"),
        (["-i", "any", "-i", "lo"], "all interfaces"),
        (["-s", "-5"], "snap length"),
        (["--user", "no-such-user-here"], "no such user"),
        (["-Y", "mysql.user =="], "mysql.user =="),
        (["-a", "duration:nan"], "number of seconds"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    try:
        code = main(["live", *words])
    except SystemExit as ended:  # argparse's own way
        code = int(ended.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err


def test_no_permission_says_what_to_do() -> None:
    may_capture()
    setpriv = tool("setpriv")
    if setpriv is None:
        pytest.skip("no setpriv here")
    words = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    done = subprocess.run(
        [*words, *HANDSHARK, "live", "-i", "lo"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        check=False,
        timeout=60,
    )
    if "Permission denied" in done.stderr and "handshark" not in done.stderr:
        pytest.skip("another user can not read the checkout")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert r"\n" not in done.stderr
    assert len(done.stderr.splitlines()) == 4
    for hint in (
        "sudo handshark live",
        "setcap cap_net_raw",
        "tcpdump -i lo -U -w - 'tcp port 3306' | handshark analyze -",
    ):
        assert hint in done.stderr


@pytest.mark.parametrize("option", ["-w", "--report"])
def test_an_output_that_can_not_be_written_is_said_at_once(option: str, tmp_path: Path) -> None:
    may_capture()
    done = run("live", "-i", "lo", option, str(tmp_path / "none" / "out"))
    assert done.code == 3
    assert "no such file or directory" in done.err.lower()


def test_a_key_log_that_can_not_be_read_is_said_at_once(tmp_path: Path) -> None:
    may_capture()
    secret = tmp_path / "keys.txt"
    secret.write_bytes(b"")
    secret.chmod(0o600)
    done = run("live", "-i", "lo", "--user", "nobody", "--keylog", str(secret))
    assert done.code == 3
    assert "keys.txt: Permission denied" in done.err


def stay(before: list[tuple[int, str]]) -> list[str]:
    """The names, as `interfaces` has them, of what has been there since `before`: other tests make and remove some."""
    now = socket.if_nameindex()
    known = {name for index, name in before if (index, name) in now}
    return [name for name in names() if name in known or name == ANY]


def test_interfaces_lists_what_there_is() -> None:
    before = socket.if_nameindex()
    done = run("interfaces", "--format", "json")
    text = run("interfaces")
    there = stay(before)
    assert (done.code, text.code) == (0, 0)
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert [name for name in rows if name in there] == there
    assert "127.0.0.1" in rows["lo"]["addresses"]
    assert rows["lo"]["up"]
    assert rows["lo"]["capturable"] is (os.geteuid() == 0) or rows["lo"]["why_not"]
    assert [name for line in text.out.splitlines()[1:] if (name := line.split()[0]) in there] == there


def test_interfaces_of_a_namespace_are_just_these() -> None:
    may_capture()
    with network(4) as pair:
        if not pair.is_pair:
            pytest.skip("no network namespace can be made here")
        for form, of in (("json", lambda out: [row["name"] for row in json.loads(out)]), ("text", first_words)):
            words = [*pair.inside, *HANDSHARK, "interfaces", "--format", form]
            done = subprocess.run(
                words, capture_output=True, text=True, cwd=REPOSITORY, env=ENVIRONMENT, check=True, timeout=60
            )
            assert sorted(of(done.stdout)) == sorted(["any", "lo", pair.far])


def first_words(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]
