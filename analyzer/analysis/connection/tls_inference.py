"""What the sizes and order of encrypted records tell of a login inside TLS that nobody can read.

TLS hides what is said, and neither how much nor when. A login is a short dance of packets whose sizes are nearly fixed:
AuthMoreData of caching_sha2_password is 6 bytes with its header, an OK without more to say is 11, COM_QUIT is 5, and an
error is its message and 13 bytes. After an error the server hangs up; after an OK the client says something.
All of it is inference: it is given with a confidence, and leaves the outcome what it is, `encrypted`.

Sizes below are those of whole packets, with their header of 4 bytes.
Sources: MySQL source documentation, "Protocol::AuthSwitchRequest", "Protocol::AuthMoreData", "Protocol::OK_Packet",
"Protocol::ERR_Packet", "Caching_sha2_password information"; MariaDB Server documentation, "Connecting", "OK_Packet";
RFC 8446, 4.6.1 (NewSessionTicket) and 5.4 (padding).
"""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.analysis.findings.rule import LIKELY, POSSIBLE
from analyzer.analysis.model.connection import Inferred
from analyzer.protocol.machine.machine import CLIENT, SERVER
from analyzer.protocol.tables.capabilities import CLIENT_SESSION_TRACK

SENT: Final = "sent"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
FAST: Final = "fast"
FULL: Final = "full"

# A HandshakeResponse41 without user and response; a packet of one byte.
LEAST_LOGIN: Final = 4 + 32 + 2
ONE_BYTE: Final = 5
COMPRESSED_HEADER: Final = 7
# AuthMoreData of caching_sha2_password: 01 03 (fast) or 01 04 (full).
MORE_DATA: Final = 6
OK_LEAST: Final = 11
# Header, 0xff, code, # and SQLSTATE; the shortest message of a login's end is "Bad handshake".
ERROR_LEAST: Final = 13 + len("Bad handshake")
ERROR_MOST: Final = 13 + 512
# "Access denied for user ''@'::1' (using password: NO)", and what nearly all messages stay under.
DENIED_LEAST: Final = 13 + 44
DENIED_MOST: Final = 13 + 216
# MariaDB since 11.3 proves in its OK that it knows the password: 01 and 64 hexadecimal digits, after their length.
PROOF_SINCE: Final = (11, 3)
OK_PROOF: Final = OK_LEAST + 66
# RFC 8446, 4.6.1: lifetime, age, nonce of 8, and a session id of 32 in place of a ticket, as OpenSSL has them.
TICKET_LEAST: Final = 57
# Tickets with the session inside begin at about this size.
TICKET_USUAL: Final = 180
# What a server closes so soon after its last packet, it closes because of it.
SOON_NS: Final = 1_000_000_000
# More turns of the client than any login has (two passwords, three factors and their plugins).
MANY_TURNS: Final = 8
# Factors that may follow the first (MySQL Reference Manual, "Multifactor Authentication").
MOST_FACTORS: Final = 2

# The auth switch of before 4.1 is one byte; nothing else is.
OLD_SWITCH: Final = 5
# An auth switch (or what follows it) and the client's answer, where both sizes are known.
_SWITCHES: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (48, (24, 36, 4)),  # mysql_native_password, caching_sha2_password; an empty password
    (47, (24, 36, 4)),  # without the NUL behind the nonce
    (52, (68,)),  # client_ed25519
    (44, (4,)),  # parsec: an empty answer asks for the salt
    (25, (100,)),  # parsec: salt and iterations, signature
)
# Of these the answer is a password: sha256_password, mysql_clear_password, dialog.
_PASSWORD_SWITCHES: Final = frozenset({41, 42, 12, 26, 27})


class Seen(msgspec.Struct, frozen=True):
    """An encrypted record: its contents are `least` to `most` bytes long."""

    sender: int
    least: int
    most: int
    frame: int
    time_ns: int


class Around(msgspec.Struct, frozen=True):
    """What is known beside the records.

    capabilities  those in force, as far as SSLRequest and greeting say; None where they were not captured
    caching       caching_sha2_password may be spoken: the greeting names it, or was not captured
    ended         (role, time) of the first FIN, RST or closing alert; None: the connection is open
    lost_frame    of the first gap, None without one
    """

    tls13: bool
    exact: bool
    capabilities: int | None
    compressed: bool
    mariadb: bool
    version: tuple[int, ...] = ()
    caching: bool = True
    ended: tuple[int, int] | None = None
    lost_frame: int | None = None


class _Turns:
    """The records behind the login, in turns: what one side said before the other spoke."""

    def __init__(self, records: list[Seen]) -> None:
        self.turns: list[list[Seen]] = []
        for record in records:
            if self.turns and self.turns[-1][0].sender == record.sender:
                self.turns[-1].append(record)
            else:
                self.turns.append([record])

    def at(self, index: int) -> list[Seen]:
        return self.turns[index] if index < len(self.turns) else []


class _Reader:
    """Walks through the turns of a login; `path`, `switched` and `verdict` are what it finds."""

    def __init__(self, turns: _Turns, around: Around) -> None:
        self._turns = turns
        self._around = around
        self.path: str | None = None
        self.switched = False
        self.asked: Seen | None = None  # for more, and nothing came
        self.verdict: Seen | None = None
        self.after = 0  # index of the turn behind the verdict
        self.unclear = False  # the verdict may be an auth switch as well

    def read(self) -> None:
        at = self._turns.at
        index = 0
        for _ in range(MANY_TURNS):
            said = at(index)
            if not said:
                return
            first = said[0]
            if first.most == MORE_DATA:
                if len(said) > 1:
                    self.path = FAST
                    self._found(said[1], index + 1)
                    return
                if not at(index + 1):
                    self.asked = first
                    return
                self.path = FULL
                index += 2
                if at(index):
                    self._found(at(index)[0], index + 1)
                return
            answer = at(index + 1)
            if answer and (first.most == OLD_SWITCH or _is_switch(first.most, answer[0].most)):
                self.switched = True
                index += 2
                continue
            self._found(first, index + 1)
            self.unclear = first.most in _PASSWORD_SWITCHES or any(first.most == size for size, _ in _SWITCHES)
            return

    def _found(self, record: Seen, after: int) -> None:
        self.verdict = record
        self.after = after


def infer(records: list[Seen], around: Around) -> Inferred | None:
    """What can be said of the login; None where not even that it was sent.

    `records` are those behind the handshake, of both sides, in the order of the capture and without alerts.
    """
    start = next((i for i, record in enumerate(records) if record.sender == CLIENT), None)
    if start is None or (start and not around.tls13):
        return None
    login = records[start]
    if login.most < LEAST_LOGIN or (around.lost_frame is not None and around.lost_frame <= login.frame):
        return None
    sent = Inferred(SENT, LIKELY, None, None, "the client's first record is as long as a login", login.frame)
    rest = records[start + 1 :]
    # A login with many attributes may fill more than one record.
    while rest and rest[0].sender == CLIENT:
        del rest[0]
    tickets = {record.most for record in records[:start]}
    if around.tls13:
        while len(rest) > 1 and rest[1].sender == rest[0].sender == SERVER and rest[0].least >= TICKET_LEAST:
            tickets.add(rest[0].most)
            del rest[0]
        if len(rest) == 1 and rest[0].most in tickets:
            rest.clear()
    turns = _Turns(rest)
    busy = sum(turn[0].sender == CLIENT for turn in turns.turns)
    if busy >= MANY_TURNS:
        why = f"the client spoke {busy} times more after its login, and was answered"
        found = Inferred(ACCEPTED, LIKELY, None, None, why, rest[0].frame)
    else:
        found = sent
    if around.lost_frame is not None:
        return found
    if not around.exact:
        return found if found is not sent else _vague(turns, around) or sent
    reader = _Reader(turns, around)
    reader.read()
    verdict = reader.verdict
    if verdict is None:
        if reader.asked is not None:
            sent.why = "the server asked for more (6 bytes), and nothing came after that"
        return sent
    judged = _judge(reader, turns, around, verdict, bool(tickets))
    if judged is None:
        return found
    judged.authentication = reader.path
    if judged.login == ACCEPTED:
        judged.commands = _commands(reader, turns, around)
        if busy >= MANY_TURNS:
            judged.confidence = LIKELY
    return judged


def _vague(turns: _Turns, around: Around) -> Inferred | None:
    """The same where sizes are rounded up to blocks: only what is far from all else."""
    answer = turns.at(0)
    if len(answer) != 1:
        return None
    first = answer[0]
    between = f"{first.least} to {first.most} bytes"
    if turns.at(1):
        # As short are AuthMoreData and the switch of old, which only some servers send.
        if around.caching or first.most >= ERROR_LEAST or not first.least <= OK_LEAST <= first.most:
            return None
        if len(turns.turns) < 5 and _ends_in_error(turns.turns[-1], around):
            return None  # the switch of old, and a refusal
        why = f"the server answered with {between}, in which an OK fits and no error, and the client went on"
        return Inferred(ACCEPTED, POSSIBLE, None, None, why, first.frame)
    if not ERROR_LEAST <= first.least <= first.most <= ERROR_MOST or not _ends_in_error(answer, around):
        return None
    if around.ended is None or around.ended[0] != SERVER:
        # The client may have left over an auth switch, or after an OK.
        plausible = any(_may_be_ok(size, around) for size in range(first.least, first.most + 1))
        if plausible or not DENIED_LEAST <= first.least <= first.most <= DENIED_MOST:
            return None
    why = f"the server answered with {between}, as long as an error, and then the connection closed"
    return Inferred(REJECTED, POSSIBLE, None, None, why, first.frame)


def _judge(reader: _Reader, turns: _Turns, around: Around, verdict: Seen, tickets: bool) -> Inferred | None:
    size = verdict.most
    said = _words(reader, size)
    after = turns.at(reader.after)
    if after:
        return _accepted(reader, turns, around, verdict, said)
    if size == OK_LEAST:
        return Inferred(ACCEPTED, LIKELY, None, None, f"{said}, as long as an OK", verdict.frame)
    if size < ERROR_LEAST:
        if reader.unclear:
            return None
        return Inferred(ACCEPTED, POSSIBLE, None, None, f"{said}, too short for an error", verdict.frame)
    if around.ended is None or size > ERROR_MOST:
        return None
    if around.tls13 and not tickets and reader.path is None and not reader.switched and not _no_ticket(size):
        return None
    by, when = around.ended
    soon = when - verdict.time_ns <= SOON_NS
    why = f"{said}, as long as an error, and then {'the server' if by == SERVER else 'the connection'} closed"
    if by == SERVER and soon:
        return Inferred(REJECTED, LIKELY, None, None, why, verdict.frame)
    if not soon or reader.unclear or _may_be_ok(size, around):
        return None
    sure = DENIED_LEAST <= size <= DENIED_MOST
    return Inferred(REJECTED, LIKELY if sure else POSSIBLE, None, None, why, verdict.frame)


def _accepted(reader: _Reader, turns: _Turns, around: Around, verdict: Seen, said: str) -> Inferred | None:
    """The client spoke after what may be the verdict."""
    size = verdict.most
    last = turns.turns[-1]
    quits = last[0].sender == CLIENT and _is_quit(last[-1], around)
    spoken = sum(turn[0].sender == CLIENT for turn in turns.turns[reader.after :])
    why = f"{said}{', as long as an OK' if size == OK_LEAST else ''}, and the client "
    if quits:
        why += "took its leave in the end (COM_QUIT)" if spoken > 1 else "took its leave (COM_QUIT)"
    else:
        why += "went on"
    plausible = size < ERROR_LEAST or _may_be_ok(size, around)
    if quits and spoken == 1 and not plausible:
        # Few clients take their leave of a server that refused them.
        return None
    if size >= ERROR_LEAST and not quits and spoken <= MOST_FACTORS and _ends_in_error(last, around):
        # Another factor is asked for in a packet like this, and may be refused.
        return None
    if reader.unclear and not quits:
        # An auth switch, an answer, and what came of it; or an OK, a command and its response.
        if spoken < 3:
            return None
        plausible = False
    sure = plausible or quits or spoken > 3
    return Inferred(ACCEPTED, LIKELY if sure else POSSIBLE, None, None, why, verdict.frame)


def _ends_in_error(last: list[Seen], around: Around) -> bool:
    """Whether the last packets may be an error, after which the connection was closed."""
    closed = around.ended is not None and around.ended[1] - last[-1].time_ns <= SOON_NS
    return closed and last[-1].sender == SERVER and ERROR_LEAST <= last[-1].most <= ERROR_MOST


def _is_switch(size: int, answer: int) -> bool:
    return any(size == known and answer in answers for known, answers in _SWITCHES)


def _words(reader: _Reader, size: int) -> str:
    """How the answer came, for `why`."""
    answer = f"the server answered with {size} bytes"
    if reader.path == FAST:
        return f"the server sent 6 bytes (fast authentication) and then {size}"
    if reader.path == FULL:
        return f"the server asked for the password itself (6 bytes: full authentication) and answered it with {size}"
    return f"after an auth switch {answer}" if reader.switched else answer


def _is_quit(record: Seen, around: Around) -> bool:
    return record.most == ONE_BYTE + (COMPRESSED_HEADER if around.compressed else 0)


def _no_ticket(size: int) -> bool:
    """Whether a first record of this size is an answer, where no ticket came before it."""
    return size < TICKET_LEAST or DENIED_LEAST + 10 <= size < TICKET_USUAL


def _may_be_ok(size: int, around: Around) -> bool:
    """Whether the OK of a login may be so long: for a proof, or for what session tracking adds."""
    if size == OK_LEAST:
        return True
    tracks = around.capabilities is None or bool(around.capabilities & CLIENT_SESSION_TRACK)
    if around.mariadb and (not around.version or around.version >= PROOF_SINCE):
        # With tracking: the proof, and system variables by name and value.
        return size == OK_PROOF or (tracks and (size < DENIED_LEAST or size >= OK_PROOF + 64))
    # The name of the database, if that; few are longer than 40 bytes.
    return tracks and size < DENIED_LEAST


def _commands(reader: _Reader, turns: _Turns, around: Around) -> int:
    """How often the client spoke after the verdict, its COM_QUIT left out."""
    spoken = [turn for turn in turns.turns[reader.after :] if turn[0].sender == CLIENT]
    last = turns.turns[-1]
    if spoken and last is spoken[-1] and len(last) == 1 and _is_quit(last[0], around):
        spoken.pop()
    return len(spoken)
