"""Planted conversations, changed by the bytes of an input in ways that make no secret open: how they are cut into
segments, what of them is lost, and how a statement is written."""

from __future__ import annotations

import io
from collections.abc import Iterator

import analyzer
from tests.secrets.planted import KINDS, MARK, Planted, Script, answers, binlogs
from tests.secrets.search import around
from tests.secrets.statements import SECRET, SECRETS, WHOLE
from tests.wire.files import pcap
from tests.wire.frames import Frame
from tests.wire.mysql import err, ok, query
from tests.wire.script import ACCEPTED, MS, Say, Step, conversation

WORD = f"{MARK}0000Zq"
# Of these a part of the capture alone does not say that it is a secret.
_WHOLE = (answers, binlogs)
_STATEMENTS = (*SECRETS, *WHOLE)
_BLANKS = (" ", "\n", "\t", "/**/", " /* x */ ", "/* it's */", " -- c\n", "#'\n", "\r\n ", "/*! */", " /*+ x */ ")


class Bytes:
    """An input as a row of choices; zero where it is over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, limit: int) -> int:
        value = int.from_bytes(self._data[self._at : self._at + 2].ljust(2, b"\0"), "little")
        self._at += 2
        return value % limit

    def one_of(self, odds: int) -> bool:
        return self.below(odds) == 1


def written(text: str, choices: Bytes) -> str:
    """A statement written another way: blanks, comments, case, what stands before and behind, where it ends."""
    parts = []
    quoted = ""
    plain = not any(mark in text for mark in ("#", "--", "/*"))
    for char in text.replace(SECRET, WORD):
        if char in "'\"`":
            quoted = "" if quoted == char else quoted or char
        if plain and char == " " and not quoted and choices.one_of(3):
            parts.append(_BLANKS[choices.below(len(_BLANKS))])
        elif plain and not quoted and char.isalpha() and choices.one_of(9):
            parts.append(char.swapcase())
        else:
            parts.append(char)
    made = "".join(parts)
    if choices.one_of(4):
        made = ("SELECT 'a'; ", "/* b */ ", "( ", "EXPLAIN ", "\n", "BEGIN; ")[choices.below(6)] + made
    if choices.one_of(4):
        made += ("; SELECT 'b'", " -- it's", ";", " /* ", "\0", " LIMIT 1")[choices.below(6)]
    return made


def planted(choices: Bytes) -> tuple[Planted, bool]:
    """A conversation, and whether parts of it may be lost."""
    kinds = [(kind, one) for kind in KINDS for one in kind(WORD.encode())]
    number = choices.below(len(kinds) + len(_STATEMENTS))
    if number < len(kinds):
        kind, one = kinds[number]
        return one, kind not in _WHOLE
    text = written(_STATEMENTS[number - len(kinds)], choices)
    answer = (
        err(1, 1064, b"near '" + text[-80:].encode("utf-8", "replace") + b"' at line 1") if choices.one_of(3) else ok(1)
    )
    script: Script = [*ACCEPTED, ("c", query(text.encode())), ("s", answer), ("c", query()), ("s", ok(1))]
    return Planted(text, script), False


def steps(script: Script, lossy: bool, choices: Bytes) -> Iterator[Step]:
    """The script in other pieces."""
    for step in script:
        say = step if isinstance(step, Say) else Say(*step)
        if lossy and choices.one_of(12):
            say = say._replace(lost=True) if choices.one_of(2) else say._replace(cut=choices.below(len(say.data) + 1))
        at = choices.below(len(say.data)) if len(say.data) > 1 and choices.one_of(3) else 0
        if at and say.cut is None:
            lost = lossy and choices.one_of(3)
            yield say._replace(data=say.data[:at], lost=say.lost or (lost and choices.one_of(2)))
            say = say._replace(data=say.data[at:], lost=say.lost or lost)
        yield say


def twisted(data: bytes) -> tuple[str, list[Frame]]:
    """The frames that an input makes, and what they are of."""
    choices = Bytes(data)
    one, lossy = planted(choices)
    script = list(steps(one.script, lossy, choices))
    begin = choices.below(len(script)) if lossy and choices.one_of(6) else 0
    frames = conversation(
        script[begin:],
        handshake=one.handshake and not begin,
        only=one.only if not choices.one_of(12) else "cs"[choices.below(2)],
        split=one.split or (1 + choices.below(40) if choices.one_of(5) else 0),
    )
    again = [frame._replace(timestamp_ns=frame.timestamp_ns + MS // 2) for frame in frames if choices.one_of(10)]
    return one.name, sorted([*frames, *again], key=lambda frame: frame.timestamp_ns)


def leaks(frames: list[Frame]) -> list[bytes]:
    """Where the secret stands in what scripts, reports and lists of commands and packets are made from."""
    content = pcap(frames)
    told = []
    for view in (analyzer.connections, analyzer.commands, analyzer.packets):
        text = analyzer.to_json(view(io.BytesIO(content)))
        told.append(text.encode())
    return around(b"\n".join(told), MARK.encode())
