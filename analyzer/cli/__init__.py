"""The command line: arguments, exit codes, progress. The only place that prints."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

from analyzer import __version__
from analyzer.cli.help import Parser
from analyzer.cli.process import Terminated, begin, leave, prepare

# In the order of `handshark --help`: a module adds its own arguments with `add`, and does its work in `run`. Only what
# is asked for is imported: some need much that others do not.
MODULES: Final[dict[str, str]] = {
    "analyze": "analyzer.cli.analyze",
    "commands": "analyzer.cli.commands",
    "explain": "analyzer.cli.explain",
    "findings": "analyzer.cli.findings",
    "stats": "analyzer.cli.stats",
    "follow": "analyzer.cli.follow",
    "dissect": "analyzer.cli.dissect",
    "fields": "analyzer.cli.fields",
    "report": "analyzer.cli.report",
    "export": "analyzer.cli.export",
    "sql": "analyzer.cli.sql",
    "tui": "analyzer.cli.tui",
    "serve": "analyzer.cli.serve",
    "live": "analyzer.cli.live",
    "interfaces": "analyzer.cli.interfaces",
    "extract": "analyzer.cli.extract",
    "redact": "analyzer.cli.redact",
    "inject-keys": "analyzer.cli.inject_keys",
    "mcp": "analyzer.cli.mcp",
    "corpus": "analyzer.cli.corpus",
    "verify": "analyzer.cli.verify",
}

# Switches that belong to no command.
OWN: Final = frozenset({"-h", "--help", "--version"})
# What a call that names no command begins with, where tshark is meant.
TSHARK: Final = frozenset({"-r", "-Y", "-T", "-n", "-V", "-q", "-t", "-z", "-2"})

# What holds arguments that may stand anywhere.
_SEVERAL: Final = ("captures", "words")
_MARKS: Final = frozenset("*?[")

EXAMPLES = """examples:
  handshark capture.pcapng                             # a line for each connection: `analyze`
  handshark explain capture.pcapng                     # what went wrong, and why
  handshark analyze -v capture.pcapng                  # the packets of each login, as a ladder
  handshark analyze *.pcap --format jsonl | jq .outcome
  tcpdump -i any -U -w - port 3306 | handshark analyze -
  handshark follow capture.pcapng --stream 3           # one connection as a readable script
  handshark commands --group --top 10 capture.pcapng   # which statements take the time
  handshark report capture.pcapng --open               # one HTML page

handshark COMMAND --help has the options of each, with more examples.
exit codes: 0 done; 1 a finding at or above --fail-on was made, or a corpus or truth differs; 2 wrong usage;
3 a capture could not be read at all.
"""


def _module(name: str) -> ModuleType:
    return import_module(MODULES[name])


class _Version(argparse.Action):
    """`--version`. What it takes to know more than the number is loaded only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from analyzer.compiled import how

        print(f"handshark {__version__} ({how()})")
        parser.exit()


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or that of one command."""
    top = Parser(
        prog="handshark",
        description="Says what happened on the MySQL and MariaDB connections of a packet capture, and why.",
        epilog=EXAMPLES,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version, and whether it runs compiled")
    added = top.add_subparsers(dest="command", metavar="COMMAND", required=True, prog=top.prog)
    for name in (only,) if only in MODULES else MODULES:
        _module(name).add(added)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The command `handshark`. Returns the exit code of the contract."""
    if argv is not None:
        return _main(list(argv))
    try:
        prepare()
        code = _main(sys.argv[1:])
    except SystemExit as wanted:  # of argparse
        code = wanted.code if isinstance(wanted.code, int) else 0
    except (KeyboardInterrupt, Terminated):
        code = 128 + signal.SIGINT  # a second signal while the first was being answered
    leave(code)


def _msgspec() -> None:
    """Loads msgspec, which takes what `typing` has too from a library that takes a while to load, where it is there."""
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import_module("msgspec")
    finally:
        del sys.modules["typing_extensions"]


def _main(words: list[str]) -> int:
    # Few cycles, many objects that live for a batch (200,000 in a storm of logins): the default looks for garbage far
    # too often.
    gc.set_threshold(300_000, 20, 50)
    # NumPy's linear algebra, which nobody here uses, would start a thread for each processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _msgspec()
    arguments: argparse.Namespace | None = None
    try:
        try:
            if words and words[0] not in MODULES and _is_capture(words[0]):
                words = ["analyze", *words]  # a capture alone
            elif words and words[0][:2] in TSHARK and not words[0].startswith("--"):
                words = ["dissect", *words]  # as if it were tshark
            elif words and words[0] not in OWN and words[0].startswith("-") and any(map(os.path.isfile, words)):
                words = ["analyze", *words]  # a capture, with switches in front of it
            arguments = _parsed(words)
            code = _run(arguments)
        finally:
            sys.stdout.flush()
        if code == 128 + signal.SIGINT:
            _complain(_interrupted(arguments))
        return code
    except BrokenPipeError:
        from analyzer.cli.output import silence_stdout

        # Whoever read our output has what it wanted (head, jq with an error): no message, and none at exit either.
        silence_stdout()
        return 128 + signal.SIGPIPE
    except OSError as error:
        from analyzer.cli.output import silence_stdout

        _complain(f"{error.filename or 'standard output'}: {error.strerror}")
        silence_stdout()
        return 3
    except KeyboardInterrupt:
        _complain(_interrupted(arguments))
        return 128 + signal.SIGINT
    except Terminated as ended:
        _complain(f"ended by {signal.Signals(ended.number).name}")
        return 128 + ended.number


def _parsed(words: list[str]) -> argparse.Namespace:
    """The arguments of a command line: captures may stand on both sides of a switch."""
    top = parser(words[0] if words else None)
    arguments, rest = top.parse_known_args(words)
    name = next((one for one in _SEVERAL if isinstance(getattr(arguments, one, None), list)), None)
    if name is not None and not any(word.startswith("-") for word in rest):
        setattr(arguments, name, getattr(arguments, name) + rest)
    elif rest:
        top.error(f"{arguments.command} does not take {' '.join(rest)}; handshark {arguments.command} --help says more")
    return arguments


def _is_capture(word: str) -> bool:
    """Whether a word is no command, but what is to be analysed."""
    return not word.startswith("-") and (os.path.exists(word) or "://" in word)


def _run(arguments: argparse.Namespace) -> int:
    from analyzer.cli.output import overwriting

    module = _module(arguments.command)
    settle = getattr(module, "settle", None)
    if settle is not None:
        settle(arguments)
    failed = _looked_up(arguments)
    if failed and not arguments.captures:
        return 3
    problem = overwriting(arguments)
    if problem is not None:
        _complain(problem)
        return 2
    begin()
    if getattr(arguments, "redacted", False):
        from analyzer.cli.redacted import run_redacted

        return run_redacted(arguments, module.run) or (3 if failed else 0)
    code: int = module.run(arguments)
    return code or (3 if failed else 0)


def _looked_up(arguments: argparse.Namespace) -> bool:
    """Makes folders, patterns and URLs among the captures what they hold; whether one of them holds nothing."""
    names = getattr(arguments, "captures", None)
    # What has to be looked up is rare, and what looks it up takes a while to load.
    if not isinstance(names, list) or not any(_is_place(name) for name in names):
        return False
    from analyzer.capture.places import expanded

    wrong: list[str] = []
    arguments.captures = expanded(names, lambda error: wrong.append(str(error)))
    for message in wrong:
        _complain(message)
    return bool(wrong)


def _is_place(name: str) -> bool:
    return "://" in name or not _MARKS.isdisjoint(name) or os.path.isdir(name)


def run_words(words: Sequence[str]) -> int:
    """Another command, as a part of the one that runs; returns its exit code."""
    return _run(parser(words[0]).parse_args(words))


def _complain(message: str) -> None:
    from analyzer.cli.console import complain

    complain(message)


def _interrupted(arguments: argparse.Namespace | None) -> str:
    output = getattr(arguments, "output", None)
    return "interrupted" if output in (None, "-") else f"interrupted: {output} is left as it was"
