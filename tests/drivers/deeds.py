"""Holds each command that the analyzer lists against the server's general log and what the driver was told to do.

The log has a statement as the server read it, and an execution with its parameters written into the statement.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from tests.drivers.cases import Told

Row = dict[str, Any]
SECONDS: Final = 120
# A syntax error, a system variable that is not there: MySQL logs no statement that it can not parse.
NO_STATEMENT: Final = frozenset({1064, 1193})
# Steps of which the words are a statement and what came of it.
COMPARED: Final = frozenset({"query", "fails", "multi", "load", "together"})
SAID: Final = {"query": "Query", "stmt_prepare": "Prepare", "stmt_execute": "Execute", "stmt_bulk_execute": "Execute"}
# What may follow a comparison of two numbers, one of which was written as text with 15 digits or more.
CLOSE: Final = 1e-12
_LITERAL: Final = re.compile(
    r"(?:_binary\s*|_utf8mb4\s*|_latin1\s*|DATE|TIMESTAMP|TIME)?(?:'(?P<text>(?:[^'\\]|\\.|'')*)'|(?P<bare>[^',)]+))",
    re.DOTALL,
)
_ESCAPES: Final = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a", "t": "\t", "b": "\b"}
_BYTES: Final = re.compile("0x(?:[0-9a-f]{2})+")
_NO_TEXT: Final = re.compile(r"\\x[0-9A-Fa-f]{2}")
_FRACTION: Final = re.compile(r"(:\d\d)\.(\d*?)0*$")


def listed(capture: Path, keylog: Path) -> dict[int, list[Row]]:
    """The commands of each connection, by its stream, as `handshark commands` lists them."""
    words = [sys.executable, "-m", "analyzer", "commands", "--format", "jsonl", "--show-secrets"]
    words += ["--keylog", str(keylog), str(capture)]
    done = subprocess.run(words, capture_output=True, check=True, timeout=SECONDS)
    found: dict[int, list[Row]] = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        found.setdefault(row["stream"], []).append(row)
    return {stream: sorted(rows, key=lambda row: int(row["number"])) for stream, rows in found.items()}


def unescaped(text: str) -> str:
    """What a string literal of SQL means."""
    return re.sub(r"\\(.)|''", lambda hit: _ESCAPES.get(hit[1], hit[1]) if hit[1] else "'", text, flags=re.DOTALL)


def literals(template: str, text: str) -> list[str | None] | None:
    """The literals that stand in `text` where `template` has a question mark; None where it does not fit."""
    pieces = template.split("?")
    if not text.startswith(pieces[0]):
        return None
    place = len(pieces[0])
    found: list[str | None] = []
    for piece in pieces[1:]:
        hit = _LITERAL.match(text, place)
        if hit is None:
            return None
        bare = hit["bare"]
        word = bare.rstrip() if bare is not None else None
        if bare is not None and piece and piece.strip() and piece.strip()[0] not in ",)":
            # Nothing but the text behind it says where a bare word ends.
            word = text[place : text.index(piece, place)] if piece in text[place:] else bare
        end = hit.end() if word is None else place + len(word)
        if not text.startswith(piece, end):
            return None
        found.append(unescaped(hit["text"]) if word is None else None if word.upper() == "NULL" else word)
        place = end + len(piece)
    return found if place == len(text) else None


def same_value(said: Any, logged: str | None) -> bool:
    """Whether a decoded parameter is what stands in the log."""
    if said is None or logged is None:
        return said is None and logged is None
    if isinstance(said, int | float):
        try:
            return math.isclose(float(said), float(logged), rel_tol=CLOSE)
        except ValueError:
            return False
    text = said if isinstance(said, str) else json.dumps(said)
    if text == logged:
        return True
    try:
        return Decimal(text) == Decimal(logged)
    except InvalidOperation:
        pass  # no numbers
    if _BYTES.fullmatch(text):
        # The servers write bytes that are no text as \xNN, and differ in what they escape.
        shown = bytes.fromhex(text[2:]).decode("utf-8", "backslashreplace")
        return shown.replace("\\", "") == logged.replace("\\", "").replace("xFF", "xff")
    return _FRACTION.sub(_shorter, text) == _FRACTION.sub(_shorter, logged)


def _shorter(hit: re.Match[str]) -> str:
    return f"{hit[1]}.{hit[2]}" if hit[2] else hit[1]


def _execution(row: Row, logged: str) -> str | None:
    """What is different between an execution and its line of the log."""
    statement, parameters = row["statement"], row["parameters"]
    if not parameters:
        return None if logged in (statement.rstrip(";"), statement, "") else f"the log has {logged!r}"
    if row["command"] == "stmt_bulk_execute":
        return None
    values = literals(statement, logged)
    if values is None or len(values) != len(parameters):
        return f"parameters {parameters!r}: the log has {logged[-400:]!r}"
    wrong = [(said, seen) for said, seen in zip(parameters, values, strict=True) if not same_value(said, seen)]
    return "; ".join(f"parameter {said!r}: the log has {seen!r}" for said, seen in wrong) or None


def _lower(statement: str) -> str:
    """Bytes that are no text are written in the same way by all."""
    return _NO_TEXT.sub(lambda hit: hit[0].lower(), statement)


def _parts(row: Row, wanted: Sequence[tuple[str, str]], place: int) -> int | None:
    """How many lines of the log, from `place`, make up the statement of a query; None where they do not."""
    rest = _lower(row["statement"]).strip().rstrip(";").strip()
    count = 0
    while rest:
        if place + count >= len(wanted) or wanted[place + count][0] != "Query":
            return None
        logged = _lower(wanted[place + count][1]).strip().rstrip(";").strip()
        if not logged or not rest.startswith(logged):
            return None
        rest = rest[len(logged) :].lstrip().removeprefix(";").strip()
        count += 1
    return count


def against_log(rows: Sequence[Row], log: Sequence[tuple[str, str]], *, broken: bool) -> Iterator[str]:
    """Where the listed commands and the server's log differ; `broken`: it logs what it can not parse too."""
    wanted = [line for line in log if line[0] in SAID.values()]
    place = 0
    for row in rows:
        kind = SAID.get(row["command"])
        error = (row["error"] or {}).get("code")
        if kind is None or (not broken and (error in NO_STATEMENT or (error and kind == "Prepare"))):
            continue
        lines: int | None = 1
        while kind == "Execute" and wanted[place : place + 1] == [("Prepare", row["statement"])]:
            # MySQL has prepared it anew by itself.
            place += 1
        if kind == "Query":
            lines = _parts(row, wanted, place)
        elif place >= len(wanted) or wanted[place][0] != kind:
            lines = None
        else:
            logged = wanted[place][1]
            problem = _execution(row, logged) if kind == "Execute" else None
            if kind == "Prepare" and logged not in (row["statement"], row["statement"].rstrip(";")):
                problem = f"the log has {logged!r}"
            if problem:
                yield f"command {row['number']}, {row['command']} {row['statement']!r}: {problem}"
        if lines is None:
            seen = wanted[place] if place < len(wanted) else None
            yield f"command {row['number']}, {row['command']} {row['statement']!r}: the log has {seen!r}"
            return
        place += lines
    if place < len(wanted):
        yield f"{len(wanted) - place} lines of the log are no command: first {wanted[place]!r}"


def _sets(row: Row) -> list[int]:
    if row["result_sets"] is None:
        return [row["rows"] or 0]
    return [each["rows"] or 0 for each in row["result_sets"]]


def against_steps(rows: Sequence[Row], told: Told) -> Iterator[str]:
    """Steps of which the listed commands have no trace, or another outcome; in order."""
    left = list(rows)
    fetched = [row["rows"] or 0 for row in rows if row["command"] == "stmt_fetch"]
    for kind, *words in told.case["steps"]:
        if kind == "cursor" and fetched and (sum(fetched) != words[2] or max(fetched) > words[1]):
            yield f"step cursor: {fetched} rows were fetched"
        if kind not in COMPARED:
            continue
        several = zip(*words, strict=True) if kind == "together" else [words[:2]]
        for statement, expected in several:
            problem = _first(left, statement, kind, expected)
            if problem is not None:
                yield f"step {kind}: {problem}"
    incomplete = [row["number"] for row in rows if row["complete"] is not True and row["command"] != "quit"]
    if incomplete:
        yield f"commands {incomplete} are not complete, in a capture that lacks nothing"


def _fits(row: Row, kind: str, expected: Any) -> bool:
    """Whether a command came out as a step says."""
    if kind == "fails":
        return bool((row["error"] or {}).get("code") == expected)
    if kind == "load":
        return bool(row["affected_rows"] == expected)
    return row["error"] is None and _sets(row) == (expected if kind == "multi" else [expected])


def _first(left: list[Row], statement: str, kind: str, expected: Any) -> str | None:
    """Takes the first such command, and all before it; or says what is wrong."""
    almost: Row | None = None
    wanted = statement.strip().rstrip(";")
    for number, row in enumerate(left):
        # Some prepare whatever they are asked.
        if row["command"] in ("query", "stmt_execute") and (row["statement"] or "").strip().rstrip(";") == wanted:
            if _fits(row, kind, expected):
                del left[: number + 1]
                return None
            almost = row
    keys = ("rows", "result_sets", "affected_rows", "error")
    return f"{statement!r}: " + (f"{[almost[key] for key in keys]}" if almost else "no such command is listed")
