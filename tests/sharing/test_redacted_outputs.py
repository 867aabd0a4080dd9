"""--redact of the commands that show something: nothing of the original is in what they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import run
from tests.sharing.reading import holds
from tests.wire.files import pcap
from tests.wire.mysql import err, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

SECRET = b"Pl4intSecret"
SAID: list[Step] = [
    *ACCEPTED,
    ("c", query(f"SELECT * FROM t WHERE a = '{SECRET.decode()}'")),
    ("s", err(1, 1054, f"Unknown column '{SECRET.decode()}' in 'where clause'", "42S22")),
    *GOODBYE,
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "of-a-customer.pcap"
    file.write_bytes(pcap(conversation(SAID, client=("203.0.113.9", 50000))))
    return file


@pytest.mark.parametrize(
    "words",
    [
        ["analyze"],
        ["analyze", "--format", "jsonl"],
        ["analyze", "--format", "csv"],
        ["analyze", "-vvv", "--show-secrets"],
        ["commands"],
        ["commands", "--format", "jsonl"],
        ["commands", "--format", "csv"],
        ["stats"],
        ["dissect", "-V"],
        ["dissect", "-T", "json", "-x"],
        ["report", "--format", "md", "-o", "-"],
    ],
    ids=" ".join,
)
def test_nothing_is_left_in_an_output(source: Path, words: list[str]) -> None:
    done = run(*words, "--redact", source)
    assert done.code == 0, done.err
    for secret in (SECRET, b"203.0.113.9", b"of-a-customer"):
        assert not holds((done.out + done.err).encode(), secret), secret
    assert done.out


def test_a_page_is_written_where_it_is_wanted(source: Path, tmp_path: Path) -> None:
    done = run("report", "--redact", source, "-o", tmp_path / "page.html")
    assert done.code == 0, done.err
    page = (tmp_path / "page.html").read_bytes()
    assert not holds(page, SECRET)
    assert b"capture-1.pcapng" in page
    assert not holds(page, b"of-a-customer")


def test_the_story_is_the_same(source: Path) -> None:
    plain, hidden = (
        [json.loads(line) for line in run("analyze", "--format", "jsonl", *more, source).out.splitlines()]
        for more in ([], ["--redact"])
    )
    for one, other in zip(plain, hidden, strict=True):
        for key in ("stream", "first_frame", "last_frame", "outcome", "phase_reached", "commands", "timing", "tcp"):
            assert one[key] == other[key]
        assert [found["code"] for found in one["findings"]] == [found["code"] for found in other["findings"]]


def test_a_filter_is_of_what_was_there(source: Path) -> None:
    kept = run("analyze", "--format", "jsonl", "--redact", "-Y", 'mysql.user == "app"', source)
    assert len(kept.out.splitlines()) == 1
    none = run("analyze", "--format", "jsonl", "--redact", "-Y", 'mysql.user == "somebody"', source)
    assert none.out == ""


def test_a_filter_of_packets_is_of_what_was_there(source: Path, tmp_path: Path) -> None:
    """Of commands, statistics and packets: those whose packets match in the original are shown as redacted."""
    for words in (["commands", "--format", "jsonl"], ["dissect", "-T", "fields", "-e", "frame.number"]):
        plain, hidden = (
            run(*words, *more, "-Y", f'mysql.query contains "{SECRET.decode()}"', source).out.splitlines()
            for more in ([], ["--redact"])
        )
        assert len(plain) == len(hidden) > 0
        if words[0] == "dissect":
            assert plain == hidden
        none = run(*words, "--redact", "-Y", 'mysql.query contains "nobody asked"', source)
        assert (none.code, none.out) == (0, "")
    several = run("commands", "--redact", "-Y", "mysql.query", source, source)
    assert several.code == 2
    assert "--merge" in several.err


def test_explain(source: Path) -> None:
    done = run("explain", "--redact", source, "--stream", "0")
    assert done.code == 0, done.err
    for secret in (SECRET, b"203.0.113.9", b"of-a-customer"):
        assert not holds((done.out + done.err).encode(), secret), secret
    assert "connection 0" in done.out
    assert run("explain", "--redact", "access-denied").out == run("explain", "access-denied").out
    assert run("explain", "--redact", "no-such-code").code == 3


def test_wrong_usage(source: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    assert run("analyze", "--redact", "--password-file", password, source).code == 2
    assert run("analyze", "--redact", tmp_path / "none.pcap").code == 3
