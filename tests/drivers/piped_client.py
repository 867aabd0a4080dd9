"""Clients of languages without JSON at hand: `python -m tests.drivers.piped_client PROGRAM...`, cases as all others.

The program does what a line asks for (VERB and words) and answers in lines: `r` and the cells of a row, `e` and how
many rows were written where a result ends, `u` and a command that the driver has sent by itself, then `ok`, or `no`,
the error's code and its text. A word is a letter for its type and its text in hexadecimal digits, `n` alone is NULL.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.drivers.py_client import Client, run

# The letters of the types of `cases.VALUES`.
LETTERS = {"int": "i", "bool": "i", "unsigned": "u", "double": "d", "date": "D", "datetime": "T", "time": "t"}
OPTIONS = ("tls", "verify", "compress", "zstd", "multi", "infile")


class Refused(Exception):
    """What the driver was told: `args` begins with the error's number."""

    def __str__(self) -> str:
        return str(self.args[1])


def word(value: str, letter: str = "s") -> str:
    """A word of a line."""
    return letter + value.encode().hex()


def plain(value: str | int) -> str:
    """A parameter as it comes from JSON."""
    return word(str(value), "i" if isinstance(value, int) else "s")


def typed_word(kind: str, value: str) -> str:
    """A value of a type."""
    if kind == "null":
        return "n"
    return f"b{value}" if kind == "blob" else word(value, LETTERS.get(kind, "s"))


def cell(given: str) -> str:
    """A cell of a row."""
    return "" if given == "n" else bytes.fromhex(given[1:]).decode("utf-8", "backslashreplace")


class Piped(Client):
    """A program that is asked line by line."""

    def __init__(self, case: dict[str, Any], program: list[str]) -> None:
        super().__init__(case)
        self.program = program
        self.process: subprocess.Popen[str]

    def ask(self, verb: str, *words: str) -> list[tuple[list[list[str]], int]]:
        """The results of what is asked for: rows, and how many were written."""
        asked, said = self.process.stdin, self.process.stdout
        if asked is None or said is None:
            raise Refused(-1, "the program has no pipes")
        print(verb, *words, file=asked, flush=True)
        results: list[tuple[list[list[str]], int]] = []
        rows: list[list[str]] = []
        for line in said:
            kind, *rest = line.split()
            if kind == "r":
                rows.append([cell(each) for each in rest])
            elif kind == "e":
                results.append((rows, int(rest[0])))
                rows = []
            elif kind == "u":
                self.unlogged[rest[0]] = self.unlogged.get(rest[0], 0) + 1
            elif kind == "ok":
                return results
            else:
                raise Refused(int(rest[0]), cell(rest[1]))
        raise Refused(-1, "the program has ended")

    def connect(self) -> None:
        self.process = subprocess.Popen(self.program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        case = self.case
        basics = [str(case[key]) for key in ("host", "port", "user", "password", "database", "ca")]
        options = " ".join(name for name in OPTIONS if case[name])
        attributes = [part for pair in case["attributes"].items() for part in pair]
        try:
            self.ask("connect", *map(word, (*basics, options, *attributes)))
        except Refused:
            self.end()
            raise

    def query(self, sql: str) -> list[Any]:
        results = self.ask("query", word(sql))
        return results[0][0] if results else []

    def multi(self, sql: str) -> list[int]:
        return [len(rows) for rows, _ in self.ask("query", word(sql))]

    def prepared(self, sql: str, parameters: list[Any]) -> list[Any]:
        return self.ask("prepared", word(sql), *map(plain, parameters))[0][0]

    def call(self, given: int, total: int) -> list[str]:
        self.query(f"SET @total = {total}")
        self.query(f"CALL doubled({given}, @total, @said)")
        found: list[str] = self.query("SELECT @total, @said")[0]
        return found

    def cursor(self, sql: str, size: int) -> list[Any]:
        return self.ask("cursor", word(sql), plain(size))[0][0]

    def typed(self, sql: str, values: list[list[str]]) -> int:
        return self.ask("prepared", word(sql), *(typed_word(*each) for each in values))[0][1]

    def batch(self, sql: str, rows: list[list[Any]]) -> int:
        return sum(self.ask("prepared", word(sql), *map(plain, row))[0][1] for row in rows)

    def load(self, sql: str) -> int:
        return self.ask("query", word(sql))[0][1]

    def ping(self) -> None:
        self.ask("ping")

    def change_user(self, user: str, password: str, database: str) -> None:
        self.ask("change_user", word(user), word(password), word(database))

    def reset(self) -> None:
        self.ask("reset")

    def end(self) -> None:
        """The program ends when nothing more is asked for."""
        self.process.communicate()

    def close(self) -> None:
        self.ask("close")
        self.end()


def main() -> None:
    """All cases of standard input."""
    for case in json.load(sys.stdin):
        print(json.dumps(run(Piped(case, sys.argv[1:]), case)), flush=True)


if __name__ == "__main__":
    main()
