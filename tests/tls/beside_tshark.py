"""`python -m tests.tls.beside_tshark`: what TShark and this program show of the corpus's TLS captures, with keys.

Prints Markdown. What is right is decided by the truth beside each capture: what the client was told to do, and the
server's own log. Both programs are given the key log and are told which port is MySQL's. `-o FILE` writes it to a file.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from analyzer.protocol.tables.commands import COMMANDS
from analyzer.tls.tables import CIPHER_SUITES, VERSIONS
from tests.corpus import LAB, truth

Json = dict[str, Any]

SECONDS: Final = 120
FIELDS: Final = (
    "tcp.stream",
    "frame.number",
    "mysql.user",
    "mysql.schema",
    "mysql.connattrs.name",
    "mysql.connattrs.value",
    "mysql.query",
    "mysql.error_code",
    "mysql.command",
    "_ws.col.Info",
    "_ws.malformed",
)
HELLO_FIELDS: Final = (
    "tcp.stream",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.version",
)
# OpenSSL's names of suites before TLS 1.3, as the truth has them.
OPENSSL: Final = {
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
}
SEPARATOR: Final = "\x1f"
WITHIN: Final = "\x1e"
# What is compared, in the order of the columns.
GROUPS: Final = ("tls", "user", "database", "attributes", "errors", "commands", "statements")
# Error codes that the truth names and that servers sent before the connection was up, or to a statement.
_NUMBER: Final = re.compile(r"\((\d{4}), |^(\d{4})|ERROR (\d{4})")


HEAD: Final = """# TLS captures beside TShark

Made by `python -m tests.tls.beside_tshark`, with TShark {version}. Both programs are given the keys of every TLS
capture of the corpus and are told MySQL's port; the truth beside the capture decides. A cell is handshark / TShark: yes
is what the truth says, NO is something else or nothing, - is what the truth does not know. TShark 4.6 shows less: the
corpus's notes have it take the login inside TLS for another command.

| capture | stream | {groups} |
|{rule}
"""
NOTHING: Final = "Nothing differs from the truth."
FOOT: Final = """## Packets of the auth exchange that TShark names wrongly

A packet of the server that begins with 01 is AuthMoreData (MySQL source documentation, "Protocol::AuthMoreData"), an
AuthSwitchRequest begins with fe. None of these accounts was switched there.

"""


@dataclass
class Shown:
    """What a program shows of one connection."""

    user: str | None = None
    database: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    errors: list[int] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    tls: str | None = None
    # Frame -> what it is said to be, in the auth exchange.
    steps: dict[int, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def names() -> list[str]:
    """The TLS captures of the corpus with keys."""
    return sorted(path.stem for path in LAB.glob("*.keys"))


def capture_of(name: str) -> Path:
    return LAB / str(truth(name)["capture"])


# -- TShark -----------------------------------------------------------------------------------------------------------


def tshark(name: str, filtered: str, fields: Sequence[str]) -> Iterator[dict[str, str]]:
    """The fields of all frames that pass a display filter."""
    port = truth(name)["server"]["port"]
    words = ["tshark", "-n", "-r", str(capture_of(name)), "-o", f"tls.keylog_file:{LAB / name}.keys"]
    words += ["-d", f"tcp.port=={port},mysql", "-Y", filtered, "-T", "fields"]
    words += ["-E", f"separator={SEPARATOR}", "-E", f"aggregator={WITHIN}"]
    words += [word for one in fields for word in ("-e", one)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=SECONDS)
    for line in done.stdout.split("\n"):
        columns = line.split(SEPARATOR)
        if len(columns) == len(fields) and columns[0].isdigit():
            yield dict(zip(fields, columns, strict=True))


def by_tshark(name: str) -> dict[int, Shown]:
    """By the number of the TCP connection."""
    found: dict[int, Shown] = {}
    for row in tshark(name, "tls.handshake.type == 2", HELLO_FIELDS):
        suite, newer, older = (row[one].split(WITHIN)[0] for one in HELLO_FIELDS[1:])
        version = int(newer or older or "0", 0)
        shown = found.setdefault(int(row["tcp.stream"]), Shown())
        shown.tls = f"{VERSIONS.get(version)} {CIPHER_SUITES.get(int(suite or '0', 0))}"
    for row in tshark(name, "mysql", FIELDS):
        shown = found.setdefault(int(row["tcp.stream"]), Shown())
        if row["mysql.user"]:
            shown.user = row["mysql.user"]
        if row["mysql.schema"] and shown.database is None:
            shown.database = row["mysql.schema"]
        if row["mysql.connattrs.name"]:
            keys, values = (row[f"mysql.connattrs.{part}"].split(WITHIN) for part in ("name", "value"))
            shown.attributes = dict(zip(keys, values, strict=False))
        shown.errors += [int(code) for code in row["mysql.error_code"].split(WITHIN) if code]
        shown.commands += [code for code in row["mysql.command"].split(WITHIN) if code]
        shown.statements += [one for one in row["mysql.query"].split(WITHIN) if one]
        if "Auth Switch Request" in row["_ws.col.Info"]:
            shown.steps[int(row["frame.number"])] = "Auth Switch Request"
        if row["_ws.malformed"]:
            shown.odd.append(f"frame {row['frame.number']} malformed")
    return found


# -- this program -----------------------------------------------------------------------------------------------------


def run(verb: str, name: str) -> list[Json]:
    """The objects that a command prints; none where there is no such command."""
    command = [sys.executable, "-m", "analyzer", verb, "--format", "jsonl", "--keylog", f"{LAB / name}.keys"]
    done = subprocess.run([*command, str(capture_of(name))], capture_output=True, check=False, timeout=SECONDS)
    return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []


def by_handshark(name: str) -> dict[int, Shown]:
    """By the number of the TCP connection."""
    found: dict[int, Shown] = {}
    for row in run("analyze", name):
        login = row["login"] or {}
        shown = Shown(login.get("user"), login.get("database"), login.get("attributes") or {})
        if row["error"]:
            shown.errors.append(row["error"]["code"])
        shown.commands = [word for word, count in row["commands"].items() for _ in range(count)]
        if row["tls"]:
            shown.tls = f"{row['tls']['version']} {row['tls']['cipher_suite']}"
        shown.steps = {step["frame"]: step["record"] for step in (row["authentication"] or {"steps": []})["steps"]}
        shown.odd = [one["code"] for one in row["findings"] if one["severity"] == "error" and row["error"] is None]
        found[row["stream"]] = shown
    for row in run("commands", name):
        shown = found[row["stream"]]
        if row["statement"] and row["command"] in ("query", "stmt_prepare"):
            shown.statements.append(row["statement"])
        if row["error"]:
            shown.errors.append(row["error"]["code"])
    return found


# -- comparing --------------------------------------------------------------------------------------------------------


def squeezed(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).strip(" ;").lower()


def statements_of(known: Json, thread: int | None) -> list[str]:
    """The statements that the server noted for a connection; EXECUTE repeats what PREPARE has."""
    return [squeezed(row[2]) for row in known["server_log"] if row[0] == thread and row[1] in ("Query", "Prepare")]


def judged(shown: Shown | None, connection: Json, known: Json) -> dict[str, str]:
    """Of each group: "right", "wrong: ...", or "-" where the truth does not say."""
    if shown is None:
        return dict.fromkeys(GROUPS, "wrong: nothing shown")
    result = {}
    cipher = connection.get("tls_cipher", "")
    wanted_tls = f"{connection.get('tls_version')} {OPENSSL.get(cipher, cipher)}"
    result["tls"] = _same(shown.tls, wanted_tls) if cipher else "-"
    user, database = connection.get("user"), connection.get("database")
    result["user"] = _same(shown.user, user) if user is not None else "-"
    result["database"] = _same(shown.database or "", database or "") if connection.get("accepted") else "-"
    wanted = {key: value for key, value in connection.get("attributes", {}).items() if key != "_truncated"}
    differ = {key: shown.attributes.get(key) for key, value in wanted.items() if shown.attributes.get(key) != value}
    result["attributes"] = ("right" if not differ else f"wrong: {_short(differ)}") if wanted else "-"
    codes = _codes(connection)
    missing = [code for code in codes if code not in shown.errors]
    result["errors"] = ("right" if not missing else f"wrong: {missing} missing") if codes else "-"
    invented = [word for word in shown.commands if not _is_command(word)]
    result["commands"] = "right" if not invented else f"wrong: {_short(invented)}"
    logged = statements_of(known, connection.get("connection_id"))
    have = [squeezed(one) for one in shown.statements]
    lost = [one for one in logged if not any(one in other for other in have)]
    result["statements"] = ("right" if not lost else f"wrong: {_short(lost)}") if logged else "-"
    if logged and not shown.statements:
        result["statements"] = "wrong: none shown"
    return result


def _codes(connection: Json) -> list[int]:
    found = []
    for one in (connection.get("error"), *(row.get("error") for row in connection.get("statements", []))):
        code = one.get("code") if isinstance(one, dict) else None
        if isinstance(one, str) and (match := _NUMBER.search(one)):
            code = int(next(part for part in match.groups() if part))
        if code:
            found.append(int(code))
    return found


def _is_command(word: str) -> bool:
    """Whether a command is one of the protocol's: a name, or a number of TShark's."""
    return int(word) in COMMANDS if word.isdigit() else not word.startswith("0x")


def _same(shown: str | None, wanted: str) -> str:
    return "right" if shown == wanted else f"wrong: {shown!r} for {wanted!r}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 70 else text[:67] + "..."


# -- the page ---------------------------------------------------------------------------------------------------------


class Page:
    """Collects the rows of the table, and what is to be said below it."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.notes: list[str] = []
        self.labels: list[str] = []
        self.right = {"handshark": 0, "TShark": 0}
        self.checks = 0

    def capture(self, name: str) -> None:
        known = truth(name)
        programs = {"handshark": by_handshark(name), "TShark": by_tshark(name)}
        encrypted = [connection for connection in known["connections"] if connection.get("tls")]
        for stream, connection in zip(sorted(programs["handshark"]), encrypted, strict=True):
            where = f"{name}, stream {stream}"
            shown = {who: found.get(stream, Shown()) for who, found in programs.items()}
            verdicts = {who: judged(one, connection, known) for who, one in shown.items()}
            cells = [self._cell(where, group, {who: one[group] for who, one in verdicts.items()}) for group in GROUPS]
            self.rows.append(f"| {name} | {stream} | {' | '.join(cells)} |")
            self._labels(where, shown["handshark"].steps, shown["TShark"].steps)
            for who, one in shown.items():
                if one.odd:
                    self.notes.append(f"- {where}: {who} calls something wrong that is not: {', '.join(one.odd)}")

    def _cell(self, where: str, group: str, verdicts: dict[str, str]) -> str:
        if verdicts["handshark"] == "-":
            return "-"
        self.checks += 1
        for who, one in verdicts.items():
            self.right[who] += one == "right"
            if one != "right":
                self.notes.append(f"- {where}: {who}'s {group}: {one}")
        return " / ".join("yes" if one == "right" else "NO" for one in verdicts.values())

    def _labels(self, where: str, ours: dict[int, str], theirs: dict[int, str]) -> None:
        for frame, label in theirs.items():
            if ours.get(frame, "AuthSwitchRequest") != "AuthSwitchRequest":
                self.labels.append(f"- {where}, frame {frame}: TShark says {label}; it is {ours[frame]}")

    def text(self) -> str:
        version = subprocess.run(["tshark", "-v"], capture_output=True, encoding="utf-8", check=True).stdout
        match = re.search(r"\d+\.\d+\.\d+", version)
        found = match[0] if match else "?"
        head = HEAD.format(version=found, groups=" | ".join(GROUPS), rule="---|" * (len(GROUPS) + 2))
        total = f"Of {self.checks} checks hold: handshark {self.right['handshark']}, TShark {self.right['TShark']}."
        differs = ["## What is not as the truth says", "", *self.notes] if self.notes else [NOTHING]
        lines = [head + "\n".join(self.rows), "", total, "", *differs, "", FOOT + "\n".join(self.labels)]
        return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tls.beside_tshark")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args(arguments)
    if shutil.which("tshark") is None or not LAB.is_dir():
        print("needs tshark and the corpus", file=sys.stderr)
        return 2
    page = Page()
    for name in names():
        page.capture(name)
    text = page.text()
    if given.output is None:
        print(text, end="")
    else:
        given.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
