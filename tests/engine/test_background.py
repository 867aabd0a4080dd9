"""Questions answered by processes of their own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from analyzer.engine.background import LONGEST_QUESTION, Background, Send, WorkFailed
from analyzer.errors import CaptureError

PATIENCE_SECONDS = 20.0


def work(question: object, send: Send) -> None:
    """What the processes of these tests do."""
    match question:
        case ("count", int(number)):
            for each in range(number):
                send(each)
        case "pid":
            send(os.getpid())
        case "capture":
            raise CaptureError("x.pcap", "is none")
        case "file":
            open("/nowhere/at/all").close()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "for ever":
            send(os.getpid())
            while True:
                time.sleep(0.01)
                send(None)


@pytest.fixture
def background() -> Iterator[Background]:
    made = Background(work)
    yield made
    made.close()


def test_each_question_has_a_process(background: Background) -> None:
    assert list(background.ask(("count", 1000))) == list(range(1000))
    (one,), (other,) = background.ask("pid"), background.ask("pid")
    assert len({one, other, os.getpid()}) == 3


def test_several_questions_are_answered_side_by_side(background: Background) -> None:
    endless = background.ask("for ever")
    number = next(iter(endless))
    assert list(background.ask(("count", 2))) == [0, 1]
    endless.close()
    assert gone(number)


def gone(number: int) -> bool:
    """Whether a process ends."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("question", "why"), [("capture", "x.pcap: is none"), ("file", "/nowhere/at/all"), ("die", "ended early")]
)
def test_what_fails_is_said(background: Background, question: str, why: str) -> None:
    with pytest.raises(WorkFailed, match=why):
        list(background.ask(question))
    assert list(background.ask(("count", 1))) == [0]


def test_a_question_that_is_too_long(background: Background) -> None:
    with pytest.raises(WorkFailed, match="too long"):
        background.ask("x" * LONGEST_QUESTION)


def test_all_ends_with_it() -> None:
    background = Background(work)
    number = next(iter(background.ask("for ever")))
    background.close()
    with pytest.raises(WorkFailed):
        background.ask("pid")
    assert gone(number)


def test_it_answers_a_program_that_has_threads(background: Background) -> None:
    found: list[list[object]] = []
    threads = [threading.Thread(target=lambda: found.append(list(background.ask(("count", 50))))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(50))] * 8
