"""What is made from the program: references of commands, fields and findings, man pages, completions of shells.

`python -m tests.docs` writes them; a test says when they are old. None depends on how argparse lays out its help, which
differs between releases of Python.
"""

from __future__ import annotations

import argparse
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import shtab

from analyzer.analysis.dissection.fields import FIELDS
from analyzer.cli import parser
from live_client.arguments import parser as client_parser
from tests.corpus import REPOSITORY

SHELLS: Final = {
    "bash": "share/bash-completion/completions/{}",
    "zsh": "share/zsh/site-functions/_{}",
    "fish": "share/fish/vendor_completions.d/{}.fish",
}
MADE: Final = "Made by `python -m tests.docs`; do not edit."
FILES: Final = frozenset({"CAPTURE", "FILE", "FILE.html", "FILE.pcapng", "TRUTH", "KEYLOG", "DIR"})


def generated() -> dict[str, str]:
    """Path within the repository -> content."""
    found = {
        "docs/reference/commands.md": _commands_page(),
        "docs/reference/fields.md": _fields_page(),
    }
    for program, top in (("handshark", parser()), ("handshark-client", client_parser())):
        for shell, place in SHELLS.items():
            found[place.format(program)] = _completion(top, shell)
        for name, one in _pages(program, top):
            found[f"share/man/man1/{name}.1"] = _man(name, one)
    return found


def write() -> list[Path]:
    """Writes all; returns what changed."""
    changed = []
    for name, content in generated().items():
        path = REPOSITORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            changed.append(path)
    return changed


def _actions(one: argparse.ArgumentParser) -> list[argparse.Action]:
    """All arguments of a parser: argparse has no public way to them."""
    found: list[argparse.Action] = vars(one)["_actions"]
    return found


def _pages(program: str, top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield program, top
    for action in _actions(top):
        if action.nargs == argparse.PARSER:
            for name, one in dict(action.choices or {}).items():
                yield f"{program}-{name}", one


def _titles(top: argparse.ArgumentParser) -> dict[str, str]:
    """Command -> its line in the help."""
    found = {}
    for action in _actions(top):
        if action.nargs == argparse.PARSER:
            for choice in vars(action)["_choices_actions"]:
                found[choice.dest] = choice.help or ""
    return found


# -- arguments ---------------------------------------------------------------------------------------------------------


def _arguments(one: argparse.ArgumentParser) -> list[argparse.Action]:
    shown = [action for action in _actions(one) if action.help != argparse.SUPPRESS]
    return [action for action in shown if action.nargs != argparse.PARSER]


def _values(action: argparse.Action) -> str:
    """What stands behind a switch, or in the place of an argument."""
    if action.nargs == 0:
        return ""
    if action.metavar is not None:
        name = action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    elif action.choices is not None:
        name = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        name = action.dest.upper()
    return f"{name} ..." if action.nargs == "+" else f"[{name} ...]" if action.nargs == "*" else name


def _spelled(action: argparse.Action) -> list[str]:
    """The forms of an argument: `-o FILE`, `--output FILE`."""
    value = _values(action)
    return [f"{switch} {value}".rstrip() for switch in action.option_strings] or [value]


def _help(action: argparse.Action, prog: str) -> str:
    if not action.help:
        return ""
    return action.help % {**vars(action), "prog": prog}


def _usage(one: argparse.ArgumentParser) -> str:
    named = [action for action in _arguments(one) if not action.option_strings]
    commands = any(action.nargs == argparse.PARSER for action in _actions(one))
    words = [one.prog, "[OPTION ...]", *map(_values, named), *(["COMMAND ..."] if commands else [])]
    return " ".join(words)


# -- pages -------------------------------------------------------------------------------------------------------------


def _commands_page() -> str:
    top = parser()
    titles = _titles(top)
    lines = [
        "# Commands",
        "",
        f"{MADE} `handshark COMMAND --help` says the same.",
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    pages = list(_pages("handshark", top))[1:]
    for name, _ in pages:
        command = name.removeprefix("handshark-")
        lines.append(f"| [{command}](#handshark-{command}) | {_text(titles.get(command, ''))} |")
    for name, one in [*pages, ("handshark-client", client_parser())]:
        title = name if name == "handshark-client" else f"handshark {name.removeprefix('handshark-')}"
        lines += [
            "",
            f"## {title}",
            "",
            f"    {_usage(one)}",
            "",
            _text(one.description or ""),
            "",
            "| argument | |",
            "|---|---|",
        ]
        for action in _arguments(one):
            spelled = ", ".join(f"`{form}`" for form in _spelled(action)).replace("|", "\\|")
            lines.append(f"| {spelled} | {_text(_help(action, one.prog))} |")
        if one.epilog:
            lines += ["", "```text", one.epilog.strip("\n"), "```"]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return re.sub(r"([\\*_<>\[\]|])", r"\\\1", " ".join(text.split()))


def _fields_page() -> str:
    lines = [
        "# Display fields",
        "",
        f"{MADE} `handshark fields` prints them. Names and types are Wireshark's; `handshark.*` are our own.",
        "A field of the connection holds for all its packets.",
    ]
    for layer in dict.fromkeys(name.partition(".")[0] for name in FIELDS):
        lines += ["", f"## {layer}", "", "| field | type | of | meaning |", "|---|---|---|---|"]
        for name, info in FIELDS.items():
            if name.partition(".")[0] == layer:
                lines.append(f"| `{name}` | {info.type} | {info.scope} | {_text(info.title)} |")
    return "\n".join(lines) + "\n"


def _man(name: str, one: argparse.ArgumentParser) -> str:
    """A page for man(1), in roff."""
    described = " ".join((one.description or "").split())
    title = described.split(". ")[0].rstrip(".").split(": ")[0]
    lines = [
        '.\\" Made by python -m tests.docs; do not edit.',
        f'.TH "{name.upper()}" "1" "" "handshark" "User Commands"',
        *(".SH NAME", f"{_roff(name)} \\- {_roff(title)}", ".SH SYNOPSIS", _roff(_usage(one)), ".SH DESCRIPTION"),
        _roff(described),
    ]
    actions = _arguments(one)
    if actions:
        lines.append(".SH OPTIONS")
    for action in actions:
        lines += [
            ".TP",
            "\\fB" + "\\fR, \\fB".join(map(_roff, _spelled(action))) + "\\fR",
            _roff(_help(action, one.prog)),
        ]
    titles = _titles(one)
    if titles:
        lines.append(".SH COMMANDS")
        for command, about in titles.items():
            lines += [".TP", f"\\fB{_roff(command)}\\fR", f"{_roff(about)}; see {_roff(name)}-{_roff(command)}(1)"]
    if one.epilog:
        lines += [".SH EXAMPLES AND NOTES", ".nf", *map(_roff, one.epilog.strip("\n").split("\n")), ".fi"]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + shown if shown.startswith((".", "'")) else shown


def _completion(top: argparse.ArgumentParser, shell: str) -> str:
    """What a shell completes: commands, switches, their values, names of files."""
    made = copy.deepcopy(top)
    for _, one in _pages("", made):
        for action in _actions(one):
            metavar = action.metavar if isinstance(action.metavar, str) else ""
            if metavar.split("|")[0] in FILES or action.dest in ("captures", "output"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    text: str = shtab.complete(made, shell)
    return text.rstrip("\n") + "\n"
