"""Ordinary connections: told of without facts, and with the same answer as where rules' conditions are asked."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.connection import builder as builders
from analyzer.analysis.connection.ordinary import COVERED, OF_KEY, RULED_OUT, Ordinary
from analyzer.analysis.findings.engine import OF_LOGIN, SESSION, asked_of, find
from analyzer.analysis.findings.rule import Case
from analyzer.analysis.findings.signs import signs_of
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.wire.frames import ACK, FIN, RST, Frame, batches
from tests.wire.mysql import FAST, PING, QUIT, err, greeting, login, ok, packet, query, switch
from tests.wire.script import SECOND, START, Say, Script, conversation, in_time_order, wait

SCRAMBLE = bytes(range(1, 21))
NATIVE = "mysql_native_password"
LOGIN: Script = [("s", greeting()), ("c", login()), ("s", FAST), ("s", ok(3))]
ASKS: Script = [("c", query()), ("s", ok(1))] * 4
ENDS: Script = [("c", QUIT), Say("c", flags=FIN | ACK), Say("s", flags=FIN | ACK)]
REFUSED = err(2, 1045, "Access denied for user 'app'")
COPIES = 7

# What they do -> whether the last ones are ordinary.
CASES: dict[str, tuple[Script, bool]] = {
    "asks": ([*LOGIN, *ASKS, *ENDS], True),
    "asks for seconds": ([*LOGIN, *ASKS, wait("c", query(), 3), ("s", ok(1)), *ENDS], True),
    "no end": ([*LOGIN, *ASKS, ("c", QUIT)], True),
    "failing commands": ([*LOGIN, *ASKS, ("c", query("x")), ("s", err(1, 1064, "syntax", "42000")), *ENDS], True),
    "refused": ([("s", greeting()), ("c", login()), ("s", REFUSED), Say("s", flags=FIN | ACK)], True),
    "refused, client first": ([("s", greeting()), ("c", login()), ("s", REFUSED), Say("c", flags=FIN | ACK)], True),
    "a switch": (
        [("s", greeting()), ("c", login()), ("s", switch(2, NATIVE)), ("c", packet(3, SCRAMBLE)), ("s", ok(4)), *ENDS],
        True,
    ),
    "a query and COM_QUIT": ([*LOGIN, *ASKS[:2], *ENDS], True),
    "a ping": ([*LOGIN, ("c", PING), ("s", ok(1)), *ENDS], False),
    "a user who watches": ([("s", greeting()), ("c", login("haproxy_check")), ("s", FAST), ("s", ok(3)), *ENDS], False),
    "no COM_QUIT": ([*LOGIN, *ASKS, Say("c", flags=FIN | ACK)], False),
    "a slow login": ([("s", greeting()), ("c", login()), ("s", FAST), wait("s", ok(3), 1.5), *ASKS, *ENDS], False),
    "a reset": ([*LOGIN, *ASKS, ("c", QUIT), Say("c", flags=RST | ACK)], False),
    "a command under way": ([*LOGIN, *ASKS, ("c", query()), Say("c", flags=FIN | ACK)], False),
    "a command behind COM_QUIT": ([*LOGIN, *ASKS, ("c", QUIT), ("c", query())], False),
    "a binlog": ([*LOGIN, ("c", packet(0, b"\x12" + bytes(10))), ("s", err(1, 1236, "no", "HY000")), *ENDS], False),
}


def _frames(said: Script, copies: int = COPIES, apart: int = 60, hosts: int = 250) -> list[Frame]:
    made = [
        conversation(said, client=(f"10.0.0.{i % hosts + 1}", 40_000 + i), start_ns=START + i * apart * SECOND)
        for i in range(copies)
    ]
    return in_time_order(*made)


class _Silent:
    """Knows nothing, and learns."""

    def __init__(self, ordinary: Ordinary) -> None:
        self.learn = ordinary.learn

    def told(self, *_: Any) -> None:
        return None


def _lines(frames: list[Frame]) -> tuple[list[bytes], int]:
    """The lines of all connections, and how many were ordinary; each has to be what the other ways say of it."""
    found = 0
    quick, slow = Ordinary.told, builders.Builder.told

    def told(self: builders.Builder, tcp: Any, session: Any, evidence: Any) -> Any:
        nonlocal found
        given = quick(self.ordinary, tcp, session, evidence)
        with pytest.MonkeyPatch.context() as patch:
            cases: list[Case] = []

            def seen(*words: Any) -> Case:
                cases.append(Case(*words))
                return cases[-1]

            patch.setattr(self, "ordinary", _Silent(self.ordinary))
            patch.setattr(builders, "Case", seen)
            whole = slow(self, tcp, session, evidence)
        if given is not None:
            found += 1
            assert isinstance(whole, Alike)
            assert (given.kind, given.row, given.outline) == (whole.kind, whole.row, whole.outline)
            assert encode(given.connection()) == encode(whole.connection())
            (case,) = cases
            assert given.findings() == find(case)
            assert not signs_of(case) & ~SESSION
            assert not any(condition(case) for condition in RULED_OUT)
        return whole

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builders, "Builder", type("Watched", (builders.Builder,), {"told": told}))
        analysis = Analysis("capture", AnalysisOptions())
        results = [one for batch in batches(frames) for one in analysis.told(batch)]
        results += analysis.told_last(False)
    return [lines_of([one]) if isinstance(one, Alike) else encode(one[0]) for one in results], found


def _whole(frames: list[Frame]) -> list[bytes]:
    analysis = Analysis("capture", AnalysisOptions(shapes=False))
    results = [one for batch in batches(frames) for one in analysis.feed(batch)]
    return [encode(one) for one, _ in [*results, *analysis.finish(False)]]


@pytest.mark.parametrize("name", CASES)
def test_what_is_ordinary(name: str) -> None:
    said, ordinary = CASES[name]
    frames = _frames(said)
    lines, found = _lines(frames)
    assert lines == _whole(frames)
    # Two teach the shape, one the key of the kind, one the kind.
    assert found == (COPIES - 4 if ordinary else 0)


def test_every_hundredth_of_a_burst_is_not() -> None:
    frames = _frames(CASES["asks"][0], copies=120, apart=0, hosts=1)
    lines, found = _lines(frames)
    assert lines == _whole(frames)
    assert found == 120 - 4 - 2
    assert sum(b"connection-churn" in line for line in lines) == 2


def test_every_condition_is_decided() -> None:
    asked = {condition for _, condition in asked_of(SESSION)}
    # One that is not: name in its rule's `given` the signs without which it can not hold, or rule it out.
    assert asked <= OF_LOGIN | OF_KEY | RULED_OUT
    assert COVERED
