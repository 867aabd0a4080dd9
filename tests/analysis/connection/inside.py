"""Sessions in TLS 1.3 with secrets of their own: inside are logins that are alike, plain turns, and something else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from analyzer.analysis.conversation.sealed_session import MOST_SEGMENTS
from tests.analysis.connection.opened import ALERT, CLOSE_NOTIFY, DATA, SAMPLE, Session
from tests.bench.replay import frames_of, turns_of
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame
from tests.wire.mysql import err, ok, packet, query

SAMPLES = (SAMPLE, "mysql97_cli_wrong-password.pcap", "mariadb1011_cli_native.pcap")
COPIES = 10
BEGIN_NS = 1_790_000_000_000_000_000
QUIT = b"\1\0\0\0\1"
ATTRIBUTES = 1 << 27 - 24  # CLIENT_QUERY_ATTRIBUTES, in the last byte of the flags

Change = Callable[[Session], None]


def _inside(session: Session) -> list[tuple[bool, bytes]]:
    return [one for one in session.inside if one[1] != QUIT]


def _query(session: Session, text: str) -> bytes:
    """A COM_QUERY; without attributes where there may be some."""
    named = session.inside[0][1][7] & ATTRIBUTES
    return query(("\0\1" if named else "") + text)


def _asks(session: Session) -> None:
    session.say(True, _query(session, "SELECT hushed FROM shop.t WHERE a = 'muffled'"))
    session.say(False, ok(1))


def _fails(session: Session) -> None:
    session.say(True, _query(session, "SELECT 1 FROM hushed"))
    session.say(False, err(1, 1146, "Table 'shop.hushed' doesn't exist", "42S02"))


def _in_parts(session: Session) -> None:
    rows = packet(1, b"\1") + packet(2, b"\3def\4shop\1t\1t\1a\1a\x0c\x2d\0\x80\0\0\0\xfd\1\0\0\0\0")
    rows += b"".join(packet(3 + number, b"\7muffled") for number in range(5)) + packet(8, b"\xfe\0\0\2\0\0\0")
    session.say(True, _query(session, "SELECT a FROM t"))
    for at in range(0, len(rows), 19):
        session.say(False, rows[at : at + 19])


def _at_once(session: Session) -> None:
    session.say(True, b"\5\0\0\0\x19\1\0\0\0" + _query(session, "SELECT 'muffled'"))
    session.say(False, ok(1))


def _pings(session: Session) -> None:
    for _ in range(MOST_SEGMENTS):
        session.say(True, b"\1\0\0\0\x0e")
        session.say(False, ok(1))


def _strange(session: Session) -> None:
    session.say(True, b"\1\0\0\0\x77")
    session.say(False, err(1, 1047, "Unknown command 'hushed'", "08S01"))


def _uses(session: Session) -> None:
    session.say(True, b"\7\0\0\0\2hushed")
    session.say(False, ok(1))


def _waits(session: Session) -> None:
    session.say(True, _query(session, "SELECT 'muffled'"))


def _breaks(session: Session) -> None:
    session.say(True, _query(session, "SELECT 'muffled'")[:-3])


def _updates(session: Session) -> None:
    session.turns += [(one, session.writers[one].key_update()) for one in (True, False)]


def _alerts(session: Session) -> None:
    session.say(False, b"\2\x28", ALERT)


def _says(session: Session, changes: Sequence[Change]) -> None:
    session.shake()
    for from_client, data in _inside(session):
        session.say(from_client, data, DATA)
    for change in changes:
        change(session)
    if changes:
        session.say(True, QUIT)
    session.say(True, CLOSE_NOTIFY, ALERT)


PLAIN: tuple[Change, ...] = (_asks, _fails, _in_parts, _at_once)
OTHERS: tuple[Change, ...] = (_pings, _strange, _uses, _waits, _breaks, _updates, _alerts)


def sessions_of(names: Sequence[str], draw: random.Random, changes: Sequence[Change], copies: int) -> list[Session]:
    """Copies of what samples hold, with changes behind their logins."""
    made = []
    for number in range(copies * len(names)):
        name = names[number % len(names)]
        session = Session(turns_of(REPOSITORY / "samples" / name), draw)
        # MariaDB's definitions have another field.
        said = [one for one in changes if one is not _in_parts or "mariadb" not in name]
        _says(session, said if "wrong" not in name else ())
        made.append(session)
    return made


def frames_of_all(sessions: Sequence[Session]) -> list[Frame]:
    """What they are on the wire, one beginning shortly behind the other."""
    draw = random.Random(3)
    return [
        Frame(data, timestamp_ns=time_ns)
        for number, session in enumerate(sessions)
        for time_ns, data in frames_of(session.turns, number, BEGIN_NS + number * 40_000_000, draw)
    ]


def broken(frames: Sequence[Frame], draw: random.Random) -> list[Frame]:
    """Some are lost, some changed behind their headers, some swapped."""
    made = [one for one in frames if draw.random() > 0.005]
    for number, one in enumerate(made):
        chance = draw.random()
        if chance < 0.005:
            at = draw.randrange(54, len(one.data) + 1)
            made[number] = one._replace(data=one.data[:at] + draw.randbytes(1) + one.data[at + 1 :])
        elif chance < 0.01:
            made[number - 1], made[number] = one, made[number - 1]
    return made
