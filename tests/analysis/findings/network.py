"""Sessions over a network that misbehaves, for the findings about it: what makes them, and what comes close."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.analysis import Connection
from tests.analysis.traffic import analyse
from tests.wire.frames import ACK, RST, SYN
from tests.wire.mysql import QUIT, err, greeting, ok, packet, query
from tests.wire.script import SECOND, START
from tests.wire.session import MSS, Session, sack

Made = Callable[[], Connection]

SELECT = query("SELECT name FROM people WHERE id = 7")
SMALL = 300  # bytes of the small segment behind the full ones


def result(size: int) -> bytes:
    """A result set of so many bytes, of one column; its last row is not whole."""
    name = b"\x04name"
    column = b"\x03def\x00\x06people\x06people" + name + name + b"\x0c\xff\0" + bytes(4) + b"\xfd\0\0\0\0\0"
    found = packet(1, b"\x01") + packet(2, column)
    number = 3
    while len(found) < size:
        found += packet(number & 0xFF, b"\xc8" + b"x" * 200)
        number += 1
    return found[:size]


def judged(*sessions: Session) -> list[Connection]:
    frames = sorted((f for session in sessions for f in session.frames), key=lambda frame: frame.timestamp_ns)
    return analyse(frames)


def judged_one(session: Session) -> Connection:
    (connection,) = judged(session)
    return connection


# -- idle connections --------------------------------------------------------------------------------------------------


def dropped(idle: float = 352, *, reset: bool = True, alive: bool = False) -> Session:
    """A command after a pause, which is reset, or vanishes."""
    session = Session().log_in().send("c", query("SELECT 1")).send("s", ok(1))
    for _ in range(int(idle // 9) if alive else 0):
        session.put("c", seq=session.sent["c"] - 1, wait=9)
        session.put("s")
    session.later(idle % 9 if alive else idle)
    session.send("c", SELECT, arrives=False)
    if reset:
        return session.reset("s", wait=0.00005)
    return session.again("c", SELECT, 5).close("c", wait=1, arrives=False)


def wait_timeout() -> Session:
    """The server closes an idle session; the client notices when it asks."""
    session = Session().log_in().later(352).close("s")
    session.send("c", SELECT, wait=20, arrives=False)
    return session.reset("s", wait=0.00005)


def answered_late() -> Session:
    """A quiet session that is as well as ever."""
    return Session().log_in().later(352).send("c", SELECT).send("s", ok(1)).goodbye()


# -- paths and sizes ---------------------------------------------------------------------------------------------------


def large_error() -> bytes:
    """An answer of more than one segment."""
    return err(1, 1064, "x" * (MSS + SMALL))


def black_hole(*, behind: int = SMALL, acks: bool = True, before: bytes = b"") -> Session:
    """A result of which the full segments are lost; what is `behind` them arrives."""
    session = Session().log_in()
    if before:
        session.send("c", SELECT).send("s", before).put("c")
    session.send("c", SELECT)
    start = session.sent["s"]
    rows = result(3 * MSS + behind)
    session.send("s", rows, arrives=False)
    if acks:
        session.put("c", options=sack(start + 3 * MSS, start + len(rows)))
    session.again("s", rows[:MSS], 5, seq=start)
    return session.close("c", wait=15).close("s")


def black_hole_at_the_client(*, lost: int = 1, size: int = MSS, full: bool = False) -> Session:
    """The same where the full segments never come to where the capture is made."""
    session = Session().log_in()
    if full:
        session.send("c", SELECT).send("s", large_error()).put("c")
    session.send("c", SELECT)
    rows = result(size * lost + SMALL)
    session.send("s", rows[: size * lost], arrives=False, captured=False, size=size)
    behind_at = session.sent["s"]
    session.send("s", rows[size * lost :], arrives=False)
    session.put("c", options=sack(behind_at, behind_at + SMALL))
    return session.close("c", wait=8)


def lost_once() -> Session:
    """A full segment is lost twice, and comes at last."""
    session = Session().log_in().send("c", SELECT)
    start = session.sent["s"]
    answer = large_error()
    session.send("s", answer, arrives=False)
    session.put("c", options=sack(start + MSS, start + len(answer)))
    session.again("s", answer[:MSS], 4, seq=start)
    session.got["c"] = session.sent["s"]
    session.put("c")
    return session.goodbye()


# -- answers -----------------------------------------------------------------------------------------------------------


def answer_lost(times: int = 7, *, arrives: bool = False) -> Session:
    session = Session().log_in().send("c", SELECT).put("s")
    answer = err(1, 1146, "Table 'people' doesn't exist")
    session.send("s", answer, wait=2.5, arrives=arrives).again("s", answer, times)
    if arrives:
        session.put("c")
    return session.close("c", wait=0.2, arrives=arrives)


# -- clients that leave, and clients that do not read ------------------------------------------------------------------


def gave_up(seconds: float = 2.0, *, answered: bool = False, number: int = 0) -> Session:
    session = Session(client=("10.0.0.1", 50_000 + number)).log_in().later(number * 0.3)
    session.send("c", SELECT).put("s")
    if answered:
        session.send("s", ok(1), wait=seconds / 2)
    return session.close("c", wait=seconds).send("s", ok(1), wait=3).reset("c")


def left_before_the_greeting(seconds: float) -> Connection:
    session = Session().open().close("c", wait=seconds).send("s", greeting(), wait=4).reset("c")
    return judged_one(session)


def slow_reader(shut: float = 61, *, gives_up: bool = True) -> Session:
    """A result that the client does not take."""
    session = Session().log_in().send("c", SELECT).send("s", result(3 * MSS) if gives_up else large_error())
    session.put("c", window=0)
    for _ in range(3):
        session.put("s", seq=session.sent["s"] - 1, wait=shut / 4)
        session.put("c", window=0, wait=0.0001)
    session.later(shut / 4)
    if gives_up:
        return session.close("s").reset("c")
    return session.put("c").goodbye()


# -- servers that go down, clocks that step, captures that hold a frame twice ------------------------------------------


def refused(number: int = 9, after: float = 0.3) -> Session:
    """A connection that nobody takes."""
    session = Session(client=("10.0.0.1", 50_000 + number)).later(after)
    session.put("c", flags=SYN)
    session.sent["c"] += 1
    session.got["s"], session.sent["s"] = session.sent["c"], 0
    return session.put("s", flags=RST | ACK, window=0)


def went_down(*, told: bool = False, polite: bool = False) -> list[Session]:
    """Three sessions that the server ends at one moment; one of them has a command under way."""
    sessions = []
    for number in range(3):
        session = Session(client=("10.0.0.1", 50_000 + number)).log_in()
        if polite:
            session.send("c", QUIT)
        elif not number:
            session.send("c", SELECT)
        session.now = START + SECOND // 5
        if told and number:
            session.send("s", err(0, 1053, "Server shutdown in progress", "08S01"))
        sessions.append(session.close("s"))
    return sessions


def stepped(back_s: float = 5, frame: int = 9, frames: int = 100) -> Session:
    """The clock goes back before this frame, and stays there for so many frames."""
    session = (
        Session().log_in().later(10).send("c", SELECT).send("s", ok(1)).send("c", SELECT).send("s", ok(1)).goodbye()
    )
    for index in range(frame - 1, min(frame - 1 + frames, len(session.frames))):
        old = session.frames[index]
        session.frames[index] = old._replace(timestamp_ns=old.timestamp_ns - int(back_s * SECOND))
    return session


def mirrored(*, same_id: bool = True) -> Session:
    """Every frame twice; as a switch copies them, or as a sender sends them again."""
    session = Session().log_in().send("c", SELECT).send("s", ok(1)).goodbye()
    twice = []
    for number, frame in enumerate(session.frames):
        copy = frame.data if same_id else frame.data[:18] + (4000 + number).to_bytes(2, "big") + frame.data[20:]
        twice += [frame, frame._replace(data=copy, timestamp_ns=frame.timestamp_ns + 10_000)]
    session.frames = twice
    return session


def timed(step_ns: int) -> Session:
    """Each frame so long behind the one before."""
    session = Session().log_in().send("c", SELECT).send("s", ok(1)).goodbye()
    session.frames = [
        frame._replace(timestamp_ns=START + number * step_ns) for number, frame in enumerate(session.frames)
    ]
    return session


def two_places(apart: float = 0.05, hops: int = 2, *, numbered: bool = True) -> Session:
    """Every frame once more, as seen so many routers further on by a clock that is so far ahead."""
    session = Session()
    if not numbered:
        session.ip_id = 0
    session.log_in()
    for number in range(20):
        session.send("c", query(f"SELECT {number}")).send("s", ok(1))
    session.goodbye()
    frames = session.frames
    if not numbered:
        frames = [frame._replace(data=frame.data[:18] + bytes(2) + frame.data[20:]) for frame in frames]
    further = [
        frame._replace(
            data=frame.data[:22] + bytes([64 - hops]) + frame.data[23:],
            timestamp_ns=frame.timestamp_ns + int(apart * SECOND),
        )
        for frame in frames
    ]
    session.frames = sorted([*frames, *further], key=lambda frame: frame.timestamp_ns)
    return session


def differing(*, same: bool = False) -> Session:
    """An answer that comes again, with another text."""
    session = Session().log_in().send("c", SELECT).send("s", err(1, 1146, "no table A"))
    return session.again("s", err(1, 1146, "no table A" if same else "no table B"), 1).goodbye()


def translated(*, other_numbers: bool = False) -> list[Session]:
    """One session before and after address translation."""
    outside = Session(client=("10.0.0.1", 50_000), server=("10.0.0.2", 3306))
    inside = Session(client=("172.17.0.1", 40_000), server=("172.17.0.9", 3306), start_ns=START + 9_000)
    if other_numbers:
        inside.sent = {"c": 77_000, "s": 88_000}
    return [each.log_in().send("c", SELECT).send("s", ok(1)).goodbye() for each in (outside, inside)]


def port_used_again(handshake: int = 3, *, goodbye: bool = True) -> list[Connection]:
    """Two sessions from one port of the client; the first `handshake` segments of the second were lost."""
    first, second = Session().log_in().send("c", SELECT).send("s", ok(1)), Session(start_ns=START + SECOND)
    if goodbye:
        first.goodbye()
    second.sent = {"c": 3_000_000_000, "s": 2_500_000_000}
    second.log_in().send("c", SELECT).send("s", ok(1)).goodbye()
    second.frames = second.frames[handshake:]
    return judged(first, second)


def killed(
    kill: bytes = b"\x03KILL 7",
    *,
    at_work: bool = True,
    before: bool = False,
    server: str = "10.0.0.2",
    answer: bytes | None = None,
    after_ns: int = SECOND // 500,
) -> list[Connection]:
    """A session that the server ends (with a statement under way), and another one on which this is sent."""
    victim = Session().log_in(7).send("c", SELECT).put("s")
    if not at_work:
        victim.send("s", ok(1)).put("c")
    start = START - SECOND if before else START + SECOND // 2
    killer = Session(client=("10.0.0.9", 60_000), server=(server, 3306), start_ns=start).log_in(8)
    killer.now = START + SECOND
    killer.send("c", packet(0, kill)).send("s", answer or ok(1))
    victim.now = START + SECOND + after_ns
    victim.close("s").close("c")
    killer.goodbye()
    return judged(victim, killer)


def in_order(session: Session) -> Connection:
    """Judged in the order of the frames, whatever their times."""
    (connection,) = analyse(session.frames)
    return connection


NETWORK: dict[str, tuple[Made, Made]] = {
    "idle-connection-dropped": (lambda: judged_one(dropped()), lambda: judged_one(wait_timeout())),
    "path-mtu": (lambda: judged_one(black_hole()), lambda: judged_one(lost_once())),
    "answer-lost": (lambda: judged_one(answer_lost()), lambda: judged_one(answer_lost(arrives=True))),
    "client-gave-up": (lambda: judged_one(gave_up()), lambda: judged_one(gave_up(answered=True))),
    "slow-reader": (lambda: judged_one(slow_reader()), lambda: judged_one(slow_reader(1, gives_up=False))),
    "server-went-down": (lambda: judged(*went_down(), refused())[0], lambda: judged(*went_down())[0]),
    "clock-step": (lambda: in_order(stepped()), lambda: in_order(stepped(0.05))),
    "retransmission-differs": (lambda: judged_one(differing()), lambda: judged_one(differing(same=True))),
    "session-killed": (lambda: killed()[1], lambda: killed(b"\x03KILL QUERY 7")[1]),
    "seen-twice": (lambda: in_order(mirrored()), lambda: in_order(mirrored(same_id=False))),
}
