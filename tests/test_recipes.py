"""CONTRIBUTING's recipes, each done in a copy of the tree: one file, one line in a table, and the program knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.mysql import greeting, login, ok, packet
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")


class Copy:
    """A copy of the tree, in which something is added and tried."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        leave = shutil.ignore_patterns("__pycache__", "*.golden.json")
        for name in ("analyzer", "live_client", "tests"):
            shutil.copytree(REPOSITORY / name, root / name, ignore=leave)
        shutil.copy(REPOSITORY / "pyproject.toml", root)
        (root / "samples").symlink_to(REPOSITORY / "samples")

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def line(self, path: str, after: str, line: str) -> None:
        """Puts a line behind the first that begins with `after`."""
        lines = (self.root / path).read_text(encoding="utf-8").split("\n")
        at = next(index for index, text in enumerate(lines) if text.startswith(after))
        self.write(path, "\n".join([*lines[: at + 1], line, *lines[at + 1 :]]))

    def python(self, *arguments: str) -> str:
        """Runs Python with the copy's packages; returns what it wrote."""
        environment = {**os.environ, "PYTHONPATH": str(self.root), "HANDSHARK_PURE": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def handshark(self, *arguments: str) -> str:
        return self.python("-m", "analyzer", *arguments)

    def check(self, *tests: str) -> None:
        """Runs tests of the copy."""
        self.python("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests)

    def capture(self, *steps: Step, link_type: int = 1) -> str:
        path = self.root / "made.pcap"
        path.write_bytes(pcap(conversation(steps), link_type))
        return str(path)


def auth_plugin(copy: Copy) -> None:
    copy.write(
        "analyzer/protocol/auth/poem_client.py",
        '''"""poem_client: the client recites."""

from __future__ import annotations

from analyzer.protocol.auth.base import Exchange, Opaque, Plugin, Proof, ProofExchange


class PoemClient(Plugin):
    name = "poem_client"
    short_name = "poem"
    proof = Proof(computed="The client recites a poem.", proves="The client knows the poem.")

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ProofExchange(self.cut(nonce), secure, Opaque.decode)
''',
    )
    table = "analyzer/protocol/auth/__init__.py"
    copy.line(
        table,
        "from analyzer.protocol.auth.parsec import",
        "from analyzer.protocol.auth.poem_client import PoemClient",
    )
    copy.line(table, '    "parsec": Parsec()', '    "poem_client": PoemClient(),')
    verse = b"tyger-tyger-burning-bright"
    path = copy.capture(
        ("s", greeting(plugin="poem_client")),
        ("c", login(response=verse, plugin="poem_client")),
        ("s", ok(2)),
        *GOODBYE,
    )
    told = " ".join(copy.handshark("explain", path).split())
    assert "The plugin is poem_client. The client recites a poem. The client knows the poem." in told
    assert " poem " in copy.handshark("analyze", path)
    for shown in (copy.handshark("analyze", "-v", path), copy.handshark("dissect", "-x", path)):
        assert "tyger" not in shown
        assert verse[:4].hex(" ") not in shown
    copy.check("tests/protocol/auth/test_plugins.py", "tests/protocol/auth/test_records.py")


def command(copy: Copy) -> None:
    commands = "analyzer/protocol/tables/commands.py"
    copy.line(commands, "COM_DAEMON: Final", "COM_HORN: Final = 0x50")
    copy.line(commands, "COMMANDS: Final", '    0x50: "horn",')
    copy.line("analyzer/protocol/machine/state.py", "AWAITED: Final", "    com.COM_HORN: STATISTICS,")
    path = copy.capture(
        *ACCEPTED, ("c", packet(0, b"\x50loud")), ("s", packet(1, b"Toot!")), ("c", packet(0, b"\x0e")), ("s", ok(1))
    )
    rows = [json.loads(line) for line in copy.handshark("commands", "--format", "jsonl", path).splitlines()]
    assert [(row["command"], row["response"]) for row in rows] == [("horn", "statistics"), ("ping", "ok")]
    copy.check("tests/protocol/machine/test_state.py")


def binlog_event(copy: Copy) -> None:
    copy.line("analyzer/protocol/tables/binlog.py", "STOP_EVENT: Final", "HORN_EVENT: Final = 0x7D")
    file = "analyzer/protocol/records/binlog/control.py"
    text = (copy.root / file).read_text(encoding="utf-8")
    copy.write(
        file,
        text
        + '''

class Horn(EventBody, frozen=True, tag="horn"):
    """Somebody blew it."""

    tone: str

    @classmethod
    def read(cls, r: Reader, stream: BinlogStream, header: EventHeader) -> Self:
        return cls(r.rest_text("tone"))

    def write(self, w: Writer) -> None:
        w.raw(self.tone)

    def summary(self) -> str:
        return f"tone {self.tone}"
''',
    )
    copy.line("analyzer/protocol/records/binlog/event.py", "    tb.STOP_EVENT:", "    tb.HORN_EVENT: control.Horn,")
    copy.python(
        "-c",
        """
from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.records.binlog.base import EventHeader
from analyzer.protocol.records.binlog.control import Horn
from analyzer.protocol.records.binlog.event import Event
from analyzer.protocol.wire.reader import Reader, Writer
made = Event.build(EventHeader(1, 0x7D, 7, 0, 100, 0), Horn("deep"), False)
w = Writer()
made.write(w)
again = Event.read(Reader(bytes(w.data), "Event"), BinlogStream())
assert again.body == Horn("deep"), again
assert again.body.summary() == "tone deep"
""",
    )


def link_type(copy: Copy) -> None:
    path = copy.capture(*ACCEPTED, *GOODBYE, link_type=150)
    copy.line("analyzer/net/link/linktypes.py", "LINK_TYPES: Final", "    0x96: HeaderType.ETHERNET,")
    assert "1 MySQL connection: 1 accepted" in copy.handshark("analyze", path)
    copy.check("tests/net/link/test_decode_property.py")


def finding(copy: Copy) -> None:
    copy.write(
        "analyzer/analysis/findings/rules/poor_poet.py",
        '''"""poor-poet: the user's name is a poet's."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict


def is_poet(case: Case) -> bool:
    return case.connection.login is not None and case.connection.login.user == "blake"


def check(case: Case) -> Iterator[Verdict]:
    login = case.connection.login
    assert login is not None
    yield RULE.says([login.frame], {"user": login.user}, evidence=[f"frame {login.frame}: the login"])


RULE = Rule(
    "poor-poet",
    WARNING,
    "A poet logs in",
    (is_poet,),
    check,
    looks_at="The user's name",
    about="Poets are poor.",
    message="The user {user!r} is a poet.",
    advice="Pay for the next book.",
    sources=("William Blake, Songs of Innocence",),
)
''',
    )
    table = "analyzer/analysis/findings/catalog.py"
    copy.line(table, "    plugin_unsupported,", "    poor_poet,")
    copy.line(table, "TABLE: tuple", "    poor_poet.RULE,")
    path = copy.capture(("s", greeting()), ("c", login(user="blake")), ("s", ok(2)), *GOODBYE)
    assert "poor-poet" in copy.handshark("findings")
    told = " ".join(copy.handshark("explain", path).split())
    assert "1. A poet logs in poor-poet The user 'blake' is a poet." in told
    copy.write("analyzer/analysis/findings/FINDINGS.md", copy.handshark("findings", "--format", "md"))
    page = "tests/cli/test_explain.py"
    copy.check(f"{page}::test_the_page_of_findings_is_current", f"{page}::test_one_file_for_each")


def display_field(copy: Copy) -> None:
    copy.line(
        "analyzer/analysis/dissection/fields/own.py",
        "OWN_FIELDS: Final",
        '    F("handshark.thread", "UINT32", "Thread", "dec"),',
    )
    mapping = "analyzer/analysis/dissection/fields/mapping.py"
    text = (copy.root / mapping).read_text(encoding="utf-8")
    old = '        "thread_id": (("mysql.thread_id", "value"),),'
    assert old in text
    copy.write(mapping, text.replace(old, old[:-2] + ' ("handshark.thread", "value")),'))
    path = copy.capture(("s", greeting(thread=4711)), ("c", login()), ("s", ok(2)), *GOODBYE)
    assert (
        copy.handshark("dissect", "-T", "fields", "-e", "handshark.thread", "-Y", "handshark.thread", path) == "4711\n"
    )
    assert "handshark.thread" in copy.handshark("fields")


def output_format(copy: Copy) -> None:
    copy.write(
        "analyzer/report/names.py",
        '''"""Who logged in, a line each."""

from __future__ import annotations

from analyzer.analysis.model.connection import Connection
from analyzer.report.escape import terminal


def encode(connection: Connection) -> bytes:
    return (terminal(connection.login.user if connection.login is not None else "-") + "\\n").encode()
''',
    )
    file = "analyzer/cli/analyze.py"
    copy.line(file, "_WRITERS: dict", '    "names": _names,')
    text = (copy.root / file).read_text(encoding="utf-8")
    writer = """def _names(
    arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO
) -> None:
    from analyzer.report.names import encode

    rendering = Rendering(lambda result: (encode(result[0]), rank_of(result[0].findings)))
    out.writelines(_rendered(arguments, options, outcome, rendering))


"""
    copy.write(file, text.replace("_WRITERS: dict", writer + "_WRITERS: dict"))
    copy.line("tests/test_architecture.py", '    "csv": frozenset', '    "names": frozenset({"escape"}),')
    path = copy.capture(*ACCEPTED, *GOODBYE)
    assert copy.handshark("analyze", "--format", "names", path) == "app\n"


def driver(copy: Copy) -> None:
    named = {"_client_name": "Poetry", "_client_version": "1.2.0"}
    path = copy.capture(("s", greeting()), ("c", login(attributes=named)), ("s", ok(2)), *GOODBYE)
    copy.python("-m", "tests.drivers.signatures", path)
    unnamed = copy.capture(("s", greeting()), ("c", login(attributes={})), ("s", ok(2)), *GOODBYE)
    (row,) = [json.loads(line) for line in copy.handshark("analyze", "--format", "jsonl", unnamed).splitlines()]
    assert row["driver"]["name"] == "Poetry"


def subcommand(copy: Copy) -> None:
    copy.write(
        "analyzer/cli/greet.py",
        '''"""`handshark greet`."""

from __future__ import annotations

import argparse

from analyzer.cli.arguments import Commands, command


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(commands, "greet", "says hello", "Says hello to somebody.", "examples: handshark greet you")
    parser.add_argument("whom")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    print(f"hello {arguments.whom}")
    return 0
''',
    )
    copy.line("analyzer/cli/__init__.py", "MODULES: Final", '    "greet": "analyzer.cli.greet",')
    assert copy.handshark("greet", "world") == "hello world\n"
    assert "says hello" in copy.handshark("--help")


def documentation_page(copy: Copy) -> None:
    shutil.copytree(REPOSITORY / "docs", copy.root / "docs")
    shutil.copy(REPOSITORY / "README.md", copy.root)
    copy.write("docs/page.md", "# A page\n\n```console\n$ handshark findings\n```\n")
    asked = "from tests.docs.commands import all_commands; print(*all_commands(), sep='\\n')"
    shown = copy.python("-c", asked)
    assert "Shown(page='docs/page.md', line='handshark findings', runs=True)" in shown


# What CONTRIBUTING calls it -> how it is done.
RECIPES: dict[str, Callable[[Copy], None]] = {
    "an auth plugin": auth_plugin,
    "a protocol command": command,
    "a binlog event": binlog_event,
    "a link type": link_type,
    "a finding": finding,
    "a display field": display_field,
    "an output format": output_format,
    "a driver": driver,
    "a page of the documentation": documentation_page,
    "a subcommand": subcommand,
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("recipes") / "copy")


@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name: str, copy: Copy) -> None:
    RECIPES[name](copy)


def test_what_was_added_keeps_the_rules_of_the_house(copy: Copy) -> None:
    """After the recipes above, in the same copy."""
    copy.check("tests/test_architecture.py")


def test_contributing_has_these_recipes_and_no_other() -> None:
    section = CONTRIBUTING.partition("\n## To add\n")[2].partition("\n## ")[0]
    told = [line[4:].partition("**")[0] for line in section.splitlines() if line.startswith("- **")]
    assert told == list(RECIPES)
