"""The list of connections: keys, filters, search, marks, what can be taken away, captures that grow, small screens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

import analyzer
from analyzer.tui.app import TuiApp
from analyzer.tui.dialogs import ChoiceScreen, FileScreen, HelpScreen
from analyzer.tui.filter_bar import FilterBar
from tests.corpus import REPOSITORY
from tests.report import examples
from tests.tui.support import GivenFeed, main_of, of_files, run, seen, streams, table_of, typed, until, written
from tests.wire.files import pcap
from tests.wire.mysql import err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Step, conversation, in_time_order

REFUSED: list[Step] = [("s", greeting()), ("c", login("mallory")), ("s", err(2, 1045, "Access denied", "28000"))]


def capture(folder: Path, name: str = "some.pcap", refused: int = 3, accepted: int = 3) -> Path:
    """Connections that were accepted, and some that were refused between them."""
    found = []
    for number in range(accepted + refused):
        script = REFUSED if number % 2 and number // 2 < refused else [*ACCEPTED, ("c", query(f"select {number}"))]
        if script is not REFUSED:
            script = [*script, ("s", ok(1)), *GOODBYE]
        client = (f"10.0.0.{9 - number}", 40000 + number)
        found.append(conversation(script, client=client, start_ns=START + number * SECOND))
    path = folder / name
    path.write_bytes(pcap(in_time_order(*found)))
    return path


def test_the_list_is_what_analyze_says(tmp_path: Path) -> None:
    path = capture(tmp_path)
    expected = [one.stream for one in analyzer.connections(path)]

    async def steps(pilot: Pilot[None]) -> None:
        assert streams(pilot) == expected
        text = seen(pilot)
        assert "some.pcap" in text
        assert "6 connections, 3 failed" in text
        assert text.count("rejected") == 3

    run(of_files(path), steps, (120, 30))


def test_sorting_by_each_column_by_key_and_by_mouse(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("s", "s")  # time, client
        assert streams(pilot) == [5, 4, 3, 2, 1, 0]
        assert "Client▲" in seen(pilot)
        await pilot.press("S")
        assert streams(pilot) == [0, 1, 2, 3, 4, 5]
        await pilot.click("#table", offset=(4, 0))
        assert streams(pilot) == [0, 1, 2, 3, 4, 5]
        await pilot.click("#table", offset=(4, 0))
        assert streams(pilot) == [5, 4, 3, 2, 1, 0]
        assert "#▼" in seen(pilot)

    run(of_files(capture(tmp_path)), steps)


def test_the_cursor_moves_as_in_vi_and_says_what_happened(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("j")
        assert "refused" in seen(pilot)
        assert "access-denied" in seen(pilot)
        await pilot.press("G")
        assert table_of(pilot).position == 5
        await pilot.press("k", "up", "down", "g")
        assert table_of(pilot).position == 0
        await pilot.click("#table", offset=(4, 3))
        assert table_of(pilot).position == 2

    run(of_files(capture(tmp_path)), steps)


def test_a_filter_of_connections(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await typed(pilot, "handshark.outc")
        assert "handshark.outcome" in seen(pilot)
        await pilot.press("tab")
        await typed(pilot, " == rej")
        await pilot.press("tab", "enter")
        keep = main_of(pilot).listing.filter
        assert keep is not None
        assert keep.text == 'handshark.outcome == "rejected"'
        assert streams(pilot) == [1, 3, 5]
        assert "3 of them" in seen(pilot)
        await pilot.press("escape")
        assert streams(pilot) == [0, 1, 2, 3, 4, 5]

    run(of_files(capture(tmp_path)), steps, (110, 24))


def test_a_filter_of_packets_reads_the_capture_again(tmp_path: Path) -> None:
    path = capture(tmp_path)

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("Y")
        await typed(pilot, 'mysql.query == "select 4"')
        await pilot.press("enter")
        await until(pilot, lambda: not main_of(pilot).listing.waiting)
        await until(pilot, lambda: streams(pilot) == [4])
        await pilot.press("f", *["backspace"] * 40)
        await typed(pilot, 'mysql.query == "nothing"')
        await pilot.press("enter")
        await until(pilot, lambda: not main_of(pilot).listing.waiting)
        await until(pilot, lambda: streams(pilot) == [])
        await until(pilot, lambda: "lets no connection through" in seen(pilot))

    run(of_files(path), steps)


@pytest.mark.parametrize("text", ["mysql.nothing", "handshark.outcome ==", "((", 'handshark.user matches "("'])
def test_a_filter_that_is_wrong_is_not_applied(tmp_path: Path, text: str) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await typed(pilot, text)
        await pilot.press("enter")
        assert main_of(pilot).query_one(FilterBar).display
        assert main_of(pilot).listing.filter is None
        await pilot.press("escape")
        assert not main_of(pilot).query_one(FilterBar).display
        assert streams(pilot) == [0, 1, 2, 3, 4, 5]

    run(of_files(capture(tmp_path)), steps)


def test_search_goes_round(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        await typed(pilot, "Mallory")
        await pilot.press("enter")
        found = [table_of(pilot).position]
        for key in ("n", "n", "n", "N"):
            await pilot.press(key)
            found.append(table_of(pilot).position)
        assert found == [1, 3, 5, 1, 5]
        await pilot.press("slash")
        await typed(pilot, "x" * 5)
        await pilot.press("enter")
        assert table_of(pilot).position == 5

    run(of_files(capture(tmp_path)), steps)


def test_findings_by_their_cause_lead_to_their_connections(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await until(pilot, lambda: "access-denied" in seen(pilot))
        assert "What it is" in seen(pilot)
        await pilot.press("slash")
        await typed(pilot, "access-denied")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: main_of(pilot).view == "connections")
        assert streams(pilot) == [1, 3, 5]

    run(of_files(capture(tmp_path)), steps, (100, 40))


def test_commands_and_statistics_of_the_capture(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "select 4" in seen(pilot))
        await pilot.press("4")
        await until(pilot, lambda: "By statement" in seen(pilot))
        await pilot.press("5")
        await until(pilot, lambda: "What went wrong" in seen(pilot))

    run(of_files(capture(tmp_path)), steps, (100, 40))


def test_help_and_back(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert "display filter" in seen(pilot)
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.return_code == 0)

    run(of_files(capture(tmp_path)), steps)


def test_copying_a_filter_and_a_command_line(tmp_path: Path) -> None:
    path = capture(tmp_path, "a name; with $signs.pcap")

    async def steps(pilot: Pilot[None]) -> None:
        main_of(pilot).apply('handshark.outcome == "rejected"')
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        choices = dict(main_of(pilot).choices())
        assert choices["Filter in force"] == 'handshark.outcome == "rejected"'
        assert choices["Filter for what is chosen"] == "tcp.stream in {1, 3}"
        assert [
            one.stream for one in analyzer.connections(path, display_filter=choices["Filter for what is chosen"])
        ] == [
            1,
            3,
        ]
        line = choices["Command line"].replace("handshark", f"{sys.executable} -m analyzer", 1)
        done = subprocess.run(["sh", "-c", line], cwd=REPOSITORY, capture_output=True, check=False)
        assert done.returncode == 0
        assert done.stdout.decode().count("rejected") == 4  # three lines, and one in the sum
        await pilot.press("j", "enter")
        assert pilot.app.clipboard == choices["Filter for what is chosen"]

    run(of_files(path), steps)


def test_the_report_and_the_extract_are_written(tmp_path: Path) -> None:
    path = capture(tmp_path)
    page, cut = tmp_path / "out.html", tmp_path / "cut.pcapng"

    async def steps(pilot: Pilot[None]) -> None:
        main_of(pilot).apply('handshark.outcome == "rejected"')
        await written(pilot, "w", page)
        await pilot.press("g", "space", "space")
        await written(pilot, "e", cut)

    run(of_files(path), steps)
    assert "mallory" in page.read_text(encoding="utf-8")
    assert [one.outcome for one in analyzer.connections(cut)] == ["rejected", "rejected"]


def test_what_is_there_is_written_over_only_when_asked_twice(tmp_path: Path) -> None:
    path = capture(tmp_path)
    kept = tmp_path / "kept.html"
    kept.write_text("mine", encoding="utf-8")

    async def steps(pilot: Pilot[None]) -> None:
        for name, said in ((kept, "is there already"), (tmp_path / "no" / "x.html", "there is no folder")):
            await pilot.press("w")
            await until(pilot, lambda: isinstance(pilot.app.screen, FileScreen))
            pilot.app.screen.query_one(Input).value = str(name)
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(pilot.app.screen, FileScreen)
            assert said in seen(pilot)
            await pilot.press("escape")
            await pilot.pause()

    run(of_files(path), steps)
    assert kept.read_text(encoding="utf-8") == "mine"


def test_a_capture_that_grows_is_read_again(tmp_path: Path) -> None:
    whole = capture(tmp_path, "whole.pcap").read_bytes()
    path = tmp_path / "growing.pcap"
    path.write_bytes(whole[: len(whole) // 2 + 7])  # in the middle of a frame

    async def steps(pilot: Pilot[None]) -> None:
        first = len(streams(pilot))
        assert 0 < first < 6
        main_of(pilot).apply('handshark.outcome == "rejected"')
        path.write_bytes(whole)
        await until(pilot, lambda: "bytes more: r reads again" in seen(pilot))
        await pilot.press("r")
        await until(pilot, lambda: main_of(pilot).gathered.over)
        await until(pilot, lambda: streams(pilot) == [1, 3, 5])
        await pilot.press("escape")
        assert streams(pilot) == [0, 1, 2, 3, 4, 5]

    run(of_files(path), steps, (120, 24))


def test_several_captures(tmp_path: Path) -> None:
    first, second = capture(tmp_path, "first.pcap"), capture(tmp_path, "second.pcap", 1, 1)

    cut = tmp_path / "cut.pcapng"

    async def steps(pilot: Pilot[None]) -> None:
        assert len(streams(pilot)) == 8
        assert "second.pcap" in seen(pilot)
        main_of(pilot).apply('handshark.outcome == "rejected"')
        await pilot.press("A", "e")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileScreen))
        pilot.app.screen.query_one(Input).value = str(cut)
        await pilot.press("enter")
        await until(pilot, lambda: any(f"written: {cut}" in note for note in main_of(pilot).said))
        of_both = [one for path in (first, second) for one in analyzer.connections(path)]
        wanted = {(one.client, one.outcome) for one in of_both if one.outcome == "rejected"}
        assert {(one.client, one.outcome) for one in analyzer.connections(cut)} == wanted
        assert len({one.client.port for one in of_both}) > len({client.port for client, _ in wanted})
        await pilot.press("escape", "A")
        chosen = dict(main_of(pilot).choices())["Filter for what is chosen"]
        found = [one for path in (first, second) for one in analyzer.connections(path, display_filter=chosen)]
        assert len(found) == 8

    run(of_files(first, second), steps, (160, 30))


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"nothing")
    good = capture(tmp_path)

    async def steps(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(streams(pilot)) == 6)
        await pilot.press("5")
        await until(pilot, lambda: "neither pcap" in seen(pilot))

    run(of_files(bad, good), steps, (160, 30))


@pytest.mark.parametrize("size", [(80, 24), (60, 12), (30, 8), (10, 4), (1, 1)])
def test_a_terminal_that_shrinks(tmp_path: Path, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(*size)
        for keys in ("j", "2", "3", "4", "5", "1", "enter", "2", "3", "tab", "j", "tab", "l", "z", "z", "4", "5", "q"):
            await pilot.press(keys)
            await pilot.pause()
        seen(pilot)
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert len(streams(pilot)) == 6

    run(of_files(capture(tmp_path)), steps)


def test_many_connections_are_listed_and_filtered() -> None:
    many = []
    for number in range(3000):
        one = (examples.accepted, examples.rejected)[number % 3 == 0]()
        one.stream, one.first_frame = number, number + 1
        many.append(one)

    async def steps(pilot: Pilot[None]) -> None:
        assert len(streams(pilot)) == 3000
        main_of(pilot).apply('handshark.outcome == "rejected"')
        await until(pilot, lambda: not main_of(pilot).listing.waiting)
        assert streams(pilot) == list(range(0, 3000, 3))
        await pilot.press("G")
        assert table_of(pilot).row == 2997
        assert "2997" in seen(pilot)

    run(TuiApp(GivenFeed(many)), steps)
