"""`handshark findings` and `handshark explain`, as a user calls them; and the pages made from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from analyzer.analysis.findings.catalog import TABLE
from analyzer.cli import main
from analyzer.report.markdown import findings_page
from analyzer.report.prose.story import story
from analyzer.report.prose.templates import template
from analyzer.report.text.layout import cells
from tests.analysis.findings.examples import EXAMPLES, PAGE, explained, page
from tests.analysis.findings.making import PROBE, SERVER_CLOSES, fast
from tests.analysis.support import analyse_file
from tests.analysis.traffic import one
from tests.corpus import LAB, REPOSITORY, cases, needs_corpus
from tests.wire.files import pcap
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import GOODBYE, conversation

FINDINGS = REPOSITORY / "analyzer" / "analysis" / "findings"
SAMPLES = REPOSITORY / "samples"
ESCAPE = "\x1b["


def out_of(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error)."""
    code = main(arguments)
    out, said = capsysbinary.readouterr()
    return code, out.decode(), said.decode()


# -- the list ----------------------------------------------------------------------------------------------------------


def test_all_are_listed(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = out_of(capsysbinary, "findings")
    assert code == 0
    assert all(cells(line) <= 80 for line in out.splitlines())
    listed = [line.split()[1] for line in out.splitlines() if not line.startswith(" ")]
    assert listed == [rule.code for rule in TABLE]
    assert ESCAPE not in out


def test_as_json(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = out_of(capsysbinary, "findings", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert [row["code"] for row in rows] == [rule.code for rule in TABLE]
    for row in rows:
        assert all(row[key] for key in ("severity", "title", "looks_at", "about", "messages", "advice", "sources"))


def test_the_page_of_findings_is_current(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = out_of(capsysbinary, "findings", "--format", "md")
    assert code == 0
    assert out == findings_page()
    page = (FINDINGS / "FINDINGS.md").read_text(encoding="utf-8")
    assert page == out, "make it anew: handshark findings --format md > analyzer/analysis/findings/FINDINGS.md"


def test_one_file_for_each() -> None:
    for rule in TABLE:
        assert (FINDINGS / "rules" / f"{rule.code.replace('-', '_')}.py").is_file(), rule.code


@pytest.mark.parametrize("code", [rule.code for rule in TABLE])
def test_long_text(code: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    status, out, _ = out_of(capsysbinary, "explain", code)
    rule = next(rule for rule in TABLE if rule.code == code)
    assert status == 0
    assert out.startswith(code)
    assert all(cells(line) <= 80 for line in out.splitlines())
    words = " ".join(out.split())
    for text in (rule.title, template(rule.about), template(rule.advice), *rule.causes):
        assert " ".join(text.split()) in words.replace(" - ", " ").replace("- ", "") or " ".join(text.split()) in words


def test_a_code_that_is_none(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, said = out_of(capsysbinary, "explain", "host-bloked")
    assert (code, out) == (3, "")
    assert "did you mean host-blocked" in said


# -- the story ---------------------------------------------------------------------------------------------------------


def test_the_page_of_examples_is_current() -> None:
    assert len(EXAMPLES) == 10
    assert PAGE.read_text(encoding="utf-8") == page(), "make it anew: python -m tests.analysis.findings.examples"


def test_story_of_a_login() -> None:
    out = explained([str(SAMPLES / "mysql97_raw_full-auth-rsa.pcapng")])
    before, _, after = out.partition("Step by step\n")
    steps = re.findall(r"^\d+\. ([\w ]+?)(?:  |$)", after, re.MULTILINE)
    assert steps == ["TCP", "Greeting", "No TLS", "Login", "Authentication", "Verdict", "Commands", "End"]
    assert "encrypted with the server's RSA key" in " ".join(after.split())
    assert "It holds one MySQL connection" in " ".join(before.split())
    assert "Nothing went wrong in what the capture shows." in before
    alone = explained([str(SAMPLES / "mysql97_raw_full-auth-rsa.pcapng"), "--stream", "0"])
    assert "Step by step" not in alone
    assert "Nothing to find fault with." in alone


@pytest.mark.parametrize(
    "name",
    [
        "mariadb118_raw_parsec",
        "mariadb1011_raw_ed25519",
        "mysql97_raw_tls13",
        "mysql97_raw_killed",
        "mariadb118_raw_proxy-v1",
    ],
)
def test_lines_fit(name: str) -> None:
    path = str(SAMPLES / f"{name}.pcapng")
    for width in (80, 60):
        out = explained([path, "--width", str(width)])
        # Names without a blank in them may be longer than a narrow line; they are cut at its end.
        assert all(cells(line) <= width for line in out.splitlines())
    assert ESCAPE not in explained([path])
    colored = explained([path, "--color", "always"])
    assert ESCAPE in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == explained([path])


def three(tmp_path: Path) -> Path:
    """A capture of a healthy connection, one that is refused, and one that only knocks."""
    refused = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "no", "28000")), *SERVER_CLOSES]
    failing = [*fast()[:3], ("c", query("select 7 from gone")), ("s", err(1, 1146, "no such table", "42S02")), *GOODBYE]
    frames = [
        *conversation(fast(), client=("10.0.0.1", 1001)),
        *conversation(refused, client=("10.0.0.1", 1002)),
        *conversation(PROBE, client=("10.0.0.1", 1003)),
        *conversation(failing, client=("10.0.0.1", 1004)),
    ]
    path = tmp_path / "three.pcap"
    path.write_bytes(pcap(sorted(frames, key=lambda frame: frame.timestamp_ns)))
    return path


def test_the_capture_is_told_as_a_whole(tmp_path: Path) -> None:
    out = explained([str(three(tmp_path))])
    text = " ".join(out.split())
    assert "It holds 4 MySQL connections, from 1 host (10.0.0.1)" in text
    wrong = re.findall(r"^\d+\. .*?  +(\S.*)$", out, re.MULTILINE)
    assert wrong[:2] == ["access-denied", "error 1146"]
    assert "The server answered 1 command with an error: 'no such table'." in text
    assert "- 1 x SELECT ? FROM gone" in text
    assert "--stream N tells the story of one connection" in text
    assert "Step by step" not in out


def test_connections_that_are_named_are_told_one_by_one(tmp_path: Path) -> None:
    only = explained([str(three(tmp_path)), "--stream", "2", "--stream", "1"])
    assert "connection 2: aborted" in only
    assert "connection 1: rejected" in only
    assert "connection 0" not in only
    assert only.count("What was found") + only.count("Nothing to find fault with.") == 2


def test_the_limit_is_for_what_went_wrong(tmp_path: Path) -> None:
    out = explained([str(three(tmp_path)), "--limit", "1"])
    assert "1. " in out
    assert "\n2. " not in out
    assert "more; --limit shows more" in out


def test_what_is_not_there(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(conversation(fast())))
    code, _, said = out_of(capsysbinary, "explain", str(path), "--stream", "7")
    assert code == 2
    assert "has the number 7" in said
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(pcap([]))
    code, _, said = out_of(capsysbinary, "explain", str(empty))
    assert code == 0
    assert "no MySQL connection" in said
    code, _, said = out_of(capsysbinary, "explain", str(tmp_path / "nowhere.pcap"))
    assert code == 3


def test_text_from_the_wire_is_made_safe(tmp_path: Path) -> None:
    hostile = "\x1b[2J\r\n\u202eevil"
    path = tmp_path / "hostile.pcap"
    script = [("s", greeting(version=hostile[4:])), ("c", login(user=hostile)), ("s", err(2, 1045, hostile)), *GOODBYE]
    path.write_bytes(pcap(conversation(script)))
    out = explained([str(path)])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", out)


def test_every_sample_has_a_story() -> None:
    for path in sorted(SAMPLES.glob("mariadb*.pcap*")):
        for connection, _ in analyse_file(path):
            steps = story(connection)
            assert [step.title for step in steps][-1] == "End"
            assert all(step.sentences and all(step.sentences) for step in steps)
            known = [step.after_ns for step in steps if step.after_ns is not None]
            assert known == sorted(known), path.name


def test_a_story_without_a_start() -> None:
    connection = one([("c", login()), ("s", err(2, 1045, "no", "28000"))], handshake=False)
    titles = [step.title for step in story(connection)]
    assert titles[:2] == ["TCP", "No greeting"]
    assert "before the capture began" in story(connection)[0].sentences[0]


@needs_corpus[0]
@needs_corpus[1]
@pytest.mark.parametrize("case", [case for case in cases() if case.startswith(("m10", "m11"))])
def test_every_lab_capture_has_a_story(case: str) -> None:
    for path in LAB.glob(f"{case}.pcap*"):
        for connection, _ in analyse_file(path):
            assert all(step.sentences and all(step.sentences) for step in story(connection))
