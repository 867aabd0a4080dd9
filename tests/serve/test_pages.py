"""Captures in the browser, without one: what the list, the pages, the comparison and the uploads answer."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.serve import captures as captures_module
from tests.corpus import REPOSITORY
from tests.serve.support import Visitor, numbers, serving, whole
from tests.wire.files import pcap
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import GOODBYE, Step, conversation, in_time_order

SAMPLES = REPOSITORY / "samples"
WRONG = "mysql97_cli_wrong-password.pcap"


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with serving([str(SAMPLES)]) as made:
        yield made


def number(visitor: Visitor, name: str) -> int:
    return numbers(visitor.ask("/").text)[name]


def test_a_folder_is_a_list_that_says_what_is_known(visitor: Visitor) -> None:
    listed = visitor.ask("/").text
    known = numbers(listed)
    assert len(known) == len([*SAMPLES.rglob("*.pcap*")])
    assert f"{(SAMPLES / WRONG).stat().st_size:,}" in listed
    whole(visitor, f"/captures/{known[WRONG]}/events")
    row = visitor.ask("/").text.partition(f">{WRONG}<")[2].partition("</tr>")[0]
    assert "1 MySQL connection to 1 server: it was rejected." in row


def test_small_captures_are_looked_into_for_the_list(tmp_path: Path) -> None:
    two(tmp_path, "small.pcap", "8.4.3")
    (tmp_path / "no.pcap").write_bytes(b"nothing of the kind")
    with serving([str(tmp_path)]) as visitor:
        while "It can not be read as a capture." not in visitor.ask("/").text:
            pass
        while "2 MySQL connections to 1 server: 1 accepted, 1 rejected." not in visitor.ask("/").text:
            pass


def test_a_capture_is_the_report_page(visitor: Visitor) -> None:
    at = f"/captures/{number(visitor, WRONG)}"
    page = visitor.ask(at)
    assert page.headers["content-type"].startswith("text/html")
    assert f"<h1>{WRONG}</h1>" in page.text
    told = whole(visitor, f"{at}/events")
    assert told["state"] == {"text": "", "whole": True, "over": True}
    (row,) = told["rows"].values()
    assert row[7:10] == ["rejected", "1045", "access-denied"]
    assert "access-denied" in told["parts"]["findings"]
    assert "was refused" in told["parts"]["summary"]
    view, packets, why = visitor.ask(f"{at}/connections/{row[-1]}").json()
    assert "Access denied for user" in view[8]
    assert packets[4][:3] == ["SYN", "SYN, ACK", "HandshakeV10"]
    assert why == ""


def test_who_comes_again_is_told_only_what_is_new(visitor: Visitor) -> None:
    at = f"/captures/{number(visitor, WRONG)}/events"
    last = [number for _, number, _ in visitor.events(at)][-1]
    again = list(visitor.events(at, last))
    assert [kind for kind, _, _ in again] == ["state"]
    assert [kind for kind, _, _ in visitor.events(at, "0-1-1-1")] == ["rows", "parts", "state"]
    assert [kind for kind, _, _ in visitor.events(at, "nonsense-x")] == ["rows", "parts", "state"]


def test_a_page_of_one_capture_alone_has_no_list(tmp_path: Path) -> None:
    with serving([str(SAMPLES / WRONG)], home=False) as visitor:
        answer = visitor.ask("/")
        assert (answer.status, answer.headers["location"]) == (303, "/captures/1")
        assert "All captures" not in visitor.ask("/captures/1").text
        assert visitor.send(b"").status == 404


def two(path: Path, name: str, text: str) -> None:
    script: list[Step] = [("s", greeting(text)), ("c", login(text)), ("s", FAST + ok(3))]
    script += [("c", query(f"SELECT '{text}'")), ("s", err(1, 1064, text)), *GOODBYE]
    refused: list[Step] = [("s", greeting(text)), ("c", login(text)), ("s", err(2, 1045, text))]
    made = [conversation(script), conversation(refused, client=("10.0.0.9", 50001))]
    (path / name).write_bytes(pcap(in_time_order(*made)))


def test_two_captures_are_compared(visitor: Visitor) -> None:
    known = numbers(visitor.ask("/").text)
    before, after = known[WRONG], known["mysql97_cli_full-auth-rsa.pcapng"]
    answer = visitor.ask(f"/compare?before={before}&after={after}")
    assert answer.status == 200
    assert f"{WRONG} and mysql97_cli_full-auth-rsa.pcapng" in answer.text
    assert "<b>Before</b>" in answer.text
    for wrong in ("", "?before=1", "?before=1&after=x", f"?before=1&after={10**8}", "?before=1&after=-1"):
        assert visitor.ask(f"/compare{wrong}").status == 404


def test_text_of_the_wire_and_names_of_files_are_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
    two(tmp_path, "<script>alert(1)<.pcap", hostile)
    with serving([str(tmp_path)]) as visitor:
        listed = visitor.ask("/").text
        assert "<script>alert(1)" not in listed
        assert "&lt;script&gt;alert(1)&lt;.pcap" in listed
        told = whole(visitor, "/captures/1/events")
        for part in told["parts"].values():
            assert "<img" not in part
            assert "\x1b" not in part
            assert "\u202e" not in part
        assert "&lt;img" in told["parts"]["findings"]
        for row in told["rows"].values():
            assert not any("\x1b" in str(cell) or "\u202e" in str(cell) for cell in row)
        assert "<script>alert(1)" not in visitor.ask("/captures/1").text


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    two(tmp_path, "one.pcap", "8.4.3")
    with serving([str(tmp_path)]) as visitor:
        assert len(whole(visitor, "/captures/1/events")["rows"]) == 2
        (tmp_path / "one.pcap").write_bytes((SAMPLES / WRONG).read_bytes())
        os.utime(tmp_path / "one.pcap", (1, 1))
        # A page that is open goes on as it is; one that is opened is new.
        assert len(whole(visitor, "/captures/1/events")["rows"]) == 2
        assert visitor.ask("/captures/1").status == 200
        assert len(whole(visitor, "/captures/1/events")["rows"]) == 1


def test_what_is_no_capture_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"nothing of the kind" * 10)
    with serving([str(tmp_path)]) as visitor:
        said = whole(visitor, "/captures/1/events")["state"]
        assert said["over"]
        assert "It can not be read to its end" in said["text"]


def test_pages_that_are_kept_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures_module, "MOST_PAGES", 2)
    monkeypatch.setattr(captures_module, "SMALL", 0)  # nothing is known but of pages
    for name in "abc":
        two(tmp_path, f"{name}.pcap", name)
    with serving([str(tmp_path)]) as visitor:
        for one in (1, 2, 3):
            assert len(whole(visitor, f"/captures/{one}/events")["rows"]) == 2
        assert visitor.ask("/").text.count("not opened yet") >= 1


def test_a_capture_that_is_sent_is_opened_and_deleted_at_the_end(tmp_path: Path) -> None:
    with serving([str(tmp_path)]) as visitor:
        answer = visitor.send(gzip.compress((SAMPLES / WRONG).read_bytes()), "..%2F..%2Fetc%2Fpasswd.pcap.gz")
        assert (answer.status, answer.text) == (201, "/captures/1")
        assert numbers(visitor.ask("/").text) == {"passwd.pcap.gz": 1}
        told = whole(visitor, "/captures/1/events")
        assert len(told["rows"]) == 1
        assert visitor.ask("/captures/1/connections/0").json()[1]
        # Its own name on disk is nowhere told.
        assert "coming-" not in told["parts"]["sources"]
    assert not list(tmp_path.iterdir())
