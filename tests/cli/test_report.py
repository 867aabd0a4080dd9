"""`handshark report` as a user calls it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.cli import report as report_command
from tests.cli.support import run
from tests.corpus import REPOSITORY
from tests.report.html.reading import blocks, data
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import err, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Say, Step, conversation, in_time_order, wait

SAMPLES = REPOSITORY / "samples"
FAST = str(SAMPLES / "mysql97_cli_fast-auth.pcap")
WRONG = str(SAMPLES / "mysql97_cli_wrong-password.pcap")
TLS = str(SAMPLES / "mysql97_cli_tls12.pcapng")


def test_page(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    command = [
        "report",
        FAST,
        WRONG,
        "--title",
        "Two <logins>",
        "--note",
        "Seen here",
        "--theme",
        "dark",
        "-o",
        str(out),
    ]
    assert main(command) == 0
    text = out.read_text(encoding="utf-8")
    assert "Two &lt;logins&gt;" in text
    assert "Seen here" in text
    assert 'data-theme="dark"' in text
    assert data(text)["kept"] == 2
    [columns] = blocks(text, "rows")
    assert columns[-2] == ["c0", "c2-0"]


def test_read_once_and_read_twice_say_the_same(tmp_path: Path) -> None:
    """A pipe can not be read again: packets are then noted on the way."""
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    assert main(["report", FAST, "--title", "x", "-o", str(one)]) == 0
    command = [sys.executable, "-m", "analyzer", "report", "-", "--title", "x", "-o", str(other)]
    subprocess.run(command, stdin=open(FAST, "rb"), check=True, cwd=REPOSITORY)  # noqa: SIM115 - subprocess closes nothing
    pages = [
        re.sub("standard input|" + re.escape(FAST), "-", file.read_text(encoding="utf-8")) for file in (one, other)
    ]
    assert blocks(pages[0], "packets") == blocks(pages[1], "packets")
    views = [json.dumps(blocks(page, "views")).replace(os.path.basename(FAST), "-") for page in pages]
    assert views[0] == views[1]


def test_markdown_goes_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", WRONG, "--format", "md"]) == 0
    shown = capsysbinary.readouterr().out.decode()
    assert shown.startswith("## mysql97\\_cli\\_wrong-password.pcap\n")
    assert "`access-denied`" in shown


def test_difference(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    out = tmp_path / "diff.html"
    assert main(["report", "--diff", FAST, TLS, "-o", str(out)]) == 0
    assert "TLSv1.2" in out.read_text(encoding="utf-8")
    assert main(["report", "--diff", FAST, TLS, "--format", "md"]) == 0
    assert "| TLSv1.2 | - | 1 (100.0 %) | only after |" in capsysbinary.readouterr().out.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--diff", FAST, "-o", "x.html"], 2, "--diff compares two captures"),
        (["--diff", FAST, FAST, FAST, "-o", "x.html"], 2, "--diff compares two captures"),
        (["no-such-file.pcap", "-o", "x.html"], 3, "no-such-file.pcap"),
        (["--diff", FAST, "no-such-file.pcap", "--format", "md"], 3, "no-such-file.pcap"),
        ([FAST, "-o", "no-such-directory/x.html"], 3, "no-such-directory/x.html"),
    ],
)
def test_errors(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        found = main(["report", *arguments])
    except SystemExit as left:
        found = int(left.code or 0)
    assert found == code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("twice", [False, True])
def test_commands_in_trouble_are_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twice: bool) -> None:
    """Those that failed, were cut off or waited: by statement, with the connection of the first, made harmless."""
    if twice:
        monkeypatch.setattr(report_command, "READ_ONCE", 0)
    bad: list[Step] = [("c", query("SELECT 1 FROM gone")), ("s", err(1, 1146, "<b>no such table", "42S02"))]
    slow: list[Step] = [("c", query("SELECT SLEEP(2)")), wait("s", ok(1), 2.0)]
    cut: list[Step] = [("c", query("UPDATE t SET a = 1")), Say("c", flags=FIN), Say("s", flags=FIN)]
    frames = [
        *conversation([*ACCEPTED, *bad, *bad, *slow, *cut], client=("10.0.0.1", 1001)),
        *conversation([*ACCEPTED, *bad, *GOODBYE], client=("10.0.0.1", 1002), start_ns=START + SECOND),
    ]
    path, page = tmp_path / "trouble.pcap", tmp_path / "out.html"
    path.write_bytes(pcap(in_time_order(frames)))
    assert main(["report", str(path), "-o", str(page)]) == 0
    section = re.search(r'<h2 id="failures">.*?</section>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert section is not None
    rows = re.findall(r"<tr>\n<td>.*?</tr>", section.group(), re.DOTALL)
    said = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]
    assert said[0].startswith("failed SELECT ? FROM gone &lt;b&gt;no such table error 1146, 2 connections")
    assert said[0].endswith(" 3 #0")
    assert said[1].startswith("cut off UPDATE t SET a = ? 1 connection")
    assert said[2].startswith("waited SELECT SLEEP (?) up to 2.0s, 1 connection")
    assert len(said) == 3


def test_the_page_has_a_name_where_none_is_given(tmp_path: Path) -> None:
    shutil.copy(FAST, tmp_path / "some.pcap")
    for _ in range(2):  # its own page is replaced
        done = run("report", "some.pcap", cwd=tmp_path)
        assert (done.code, done.out) == (0, "")
        assert "written: some.html" in done.err
    assert "<title>some.pcap</title>" in (tmp_path / "some.html").read_text()
    (tmp_path / "some.html").write_text("my own")
    done = run("report", "some.pcap", cwd=tmp_path)
    assert done.code == 2
    assert "some.html is there, and is no report of handshark's" in done.err
    assert (tmp_path / "some.html").read_text() == "my own"
    shutil.copy(FAST, tmp_path / "other.pcap.gz")
    assert run("report", "--diff", "some.pcap", "other.pcap.gz", cwd=tmp_path).code == 0
    assert (tmp_path / "some-other.html").exists()


def test_the_page_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def browser(url: str) -> bool:
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", browser)
    out = tmp_path / "out.html"
    assert main(["report", FAST, "-o", str(out), "--open"]) == 0
    assert opened == [out.as_uri()]
    assert main(["report", FAST, "-o", str(out), "--open"]) == 0
    assert "there is no browser that can be opened" in capsys.readouterr().err
