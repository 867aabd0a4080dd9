"""The commands that stand in the documentation, and captures of the names that it uses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import RST
from tests.wire.mysql import err, greeting, login, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Say, Step, conversation, in_time_order, wait

DOCS: Final = REPOSITORY / "docs"
SAMPLES: Final = REPOSITORY / "samples"
_FENCE: Final = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)


class Shown(NamedTuple):
    """One command of a page. `runs`: it stands in a block that says so (`console`), with a `$` in front."""

    page: str
    line: str
    runs: bool


def pages() -> list[Path]:
    """The pages that people have written, the README among them."""
    return [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md")), DOCS / "reference" / "json.md"]


def commands_of(page: Path) -> Iterator[Shown]:
    """The commands of handshark's in the blocks of a page, further lines joined."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(REPOSITORY))
    blocks = [(kind, block) for kind, block in _FENCE.findall(text) if kind in ("", "console", "sh")]
    rest = _FENCE.sub("", text)
    blocks += [("", "\n".join(line[4:] for line in rest.split("\n") if line.startswith("    ")))]
    for kind, block in blocks:
        for line in block.replace("\\\n", " ").split("\n"):
            command = line.removeprefix("$ ")
            if re.search(r"(^|[|]\s*|sudo |\.venv/bin/)handshark(-client)? ", command):
                yield Shown(name, command, kind == "console" and line.startswith("$ "))


def all_commands() -> list[Shown]:
    return [shown for page in pages() for shown in commands_of(page)]


def questions() -> list[tuple[str, str]]:
    """(question, the first command below it) of the recipes."""
    parts = re.split(r"^## ", (DOCS / "recipes.md").read_text(encoding="utf-8"), flags=re.M)[1:]
    found = []
    for part in parts:
        block = re.search(r"^```(?:console|sh)\n(?:\$ )?(.*?)$", part, re.M)
        assert block is not None, part
        found.append((part.split("\n")[0], block[1]))
    return found


def questions_of_readme() -> list[tuple[str, str]]:
    """(question, command) of the README's table."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([^|]*\?) \| `([^`]*)` \|$", text, re.M)


def captures(folder: Path) -> None:
    """The files that the documentation's commands name."""
    shutil.copy(SAMPLES / "mysql97_cli_tls13-full-auth.pcap", folder / "tls.pcap")
    shutil.copy(SAMPLES / "mysql97_cli_tls13-full-auth.keys", folder / "keys.txt")
    shutil.copy(SAMPLES / "mysql97_cli_wrong-password.pcap", folder / "before.pcap")
    (folder / "pw").write_text("not-it\n")
    (folder / "good.pcap").write_bytes(pcap(conversation([*ACCEPTED, *GOODBYE])))
    for number in (1, 2):
        (folder / f"ring_{number}.pcap").write_bytes(pcap(conversation([*ACCEPTED, *GOODBYE], start_ns=START * number)))
    refused: list[Step] = [
        ("s", greeting()),
        ("c", login()),
        ("s", err(2, 1045, "Access denied for user 'app'", "28000")),
    ]
    busy: list[Step] = [*ACCEPTED]
    for number in range(20):
        busy += [("c", query(f"SELECT a FROM t WHERE id = {number}")), wait("s", ok(1), 0.3)]
        busy += [("c", query("SELEC")), ("s", err(1, 1064, "You have an error in your SQL syntax", "42000"))]
    whole = [
        conversation(refused, client=("10.0.0.7", 40000)),
        conversation([*busy, *GOODBYE], client=("10.0.0.8", 40001), start_ns=START + SECOND),
        conversation([*ACCEPTED, Say("s", flags=RST)], client=("10.0.0.9", 40002), start_ns=START + 2 * SECOND),
    ]
    for name in ("capture.pcapng", "capture.pcap", "after.pcap", "big.pcapng", "session.pcapng"):
        (folder / name).write_bytes(pcap(in_time_order(*whole)))
