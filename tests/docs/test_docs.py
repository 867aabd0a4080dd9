"""The documentation is built without a warning, what is made by a command is new, and every command in it works."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli import MODULES, parser
from live_client.arguments import parser as client_parser
from tests.corpus import REPOSITORY, tool
from tests.docs.commands import Shown, all_commands, captures, questions, questions_of_readme
from tests.docs.generated import generated

COMMANDS = all_commands()
# Question -> what the first command below it has to answer with.
ANSWERS = {
    "Why does this login fail?": r"The server refused user 'app'",
    "Did the client use this password?": r"The given password, of \d logins",
    "Who logs in without TLS?": r"app/shop",
    "Who still uses an old authentication plugin, and what does an upgrade break?": r"caching_sha2_password",
    "Which statements take the time?": r"id [0-9A-F]{32}",
    "Which statements fail?": r"1064 SELEC",
    "What was said on this connection?": r"<- server ErrPacket error 1045",
    "Why was the connection lost?": r"connection-reset",
    "What is inside TLS?": r"accepted",
    "What changed with the upgrade?": r"What changed: ",
}
TALK = {"What is happening now?", "Also asked"}  # an interface is needed, or it is a list


@pytest.mark.parametrize("name", sorted(generated()))
def test_what_is_made_by_a_command_is_new(name: str) -> None:
    assert (REPOSITORY / name).read_text(encoding="utf-8") == generated()[name], "python -m tests.docs makes it anew"


def test_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(REPOSITORY / "docs"),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "access-denied" in (tmp_path / "reference" / "findings.html").read_text(encoding="utf-8")
    assert (tmp_path / "tutorial.html").exists()


def words_of(command: str) -> list[list[str]]:
    """The words of each of handshark's commands in a line, without what the shell does with them."""
    found = []
    for part in re.split(r"\s[|]\s", re.sub(r"\s+#\s.*$", "", command)):
        words = shlex.split(re.sub(r"\s>\s*\S+", "", part))
        while words and words[0] in ("sudo",):
            del words[0]
        if words and words[0].rpartition("/")[2] in ("handshark", "handshark-client"):
            found.append([words[0].rpartition("/")[2], *words[1:]])
    return found


@pytest.mark.parametrize("shown", COMMANDS, ids=[f"{one.page}: {one.line}"[:90] for one in COMMANDS])
def test_every_command_is_understood(shown: Shown) -> None:
    for program, *words in words_of(shown.line):
        top: argparse.ArgumentParser = parser() if program == "handshark" else client_parser()
        alone = program == "handshark" and words[:1] and words[0] not in MODULES
        if {"--help", "--version", "--fault"} & set(words) or (alone and words[0].startswith("-")):
            continue  # these end the program, or name no command
        try:
            top.parse_args(["analyze", *words] if alone else words)
        except SystemExit as ended:
            pytest.fail(f"{shown.page}: {shown.line}: argparse ended with {ended.code}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files that the commands name, and a page that one of them makes."""
    made = tmp_path_factory.mktemp("docs")
    captures(made)
    (made / "capture.html").write_text('<meta name="generator" content="handshark">')
    return made


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as it stands."""
    binaries = folder / "bin"
    if not binaries.exists():
        binaries.mkdir()
        script = binaries / "handshark"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m analyzer "$@"\n')
        script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{binaries}:/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


RUN = [shown for shown in COMMANDS if shown.runs]


@pytest.mark.parametrize("shown", RUN, ids=[f"{one.page}: {one.line}"[:90] for one in RUN])
def test_commands_run_as_they_stand(shown: Shown, folder: Path) -> None:
    done = shell(shown.line, folder)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_newcomer_finds_an_answer_with_the_first_command(folder: Path) -> None:
    asked, first = questions(), questions_of_readme()
    assert {question for question, _ in asked} == ANSWERS.keys() | TALK
    assert {question for question, _ in first} == ANSWERS.keys() | {"What is happening now?"}
    for question, command in [*first, *asked]:
        if question in TALK:
            continue
        done = shell(command, folder)
        assert done.returncode == 0, f"{question}\n{done.stderr}"
        assert re.search(ANSWERS[question], " ".join(done.stdout.split())), f"{question}\n{done.stdout}"


def test_man_pages_are_understood() -> None:
    program = tool("man")
    for page in sorted((REPOSITORY / "share" / "man" / "man1").glob("*.1")):
        done = subprocess.run(
            [program, "--warnings", "-l", str(page)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        )
        assert "SYNOPSIS" in done.stdout
        assert "warning" not in done.stderr, (page, done.stderr)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["handshark", "fol"], {"follow"}),
        (["handshark", "analyze", "--form"], {"--format"}),
        (["handshark", "analyze", "--format", "js"], {"json", "jsonl"}),
        (["handshark", "commands", "capt"], {"capture.html", "capture.pcap", "capture.pcapng"}),
    ],
)
def test_the_shell_completes(typed: list[str], offered: set[str], folder: Path) -> None:
    script = REPOSITORY / "share" / "bash-completion" / "completions" / "handshark"
    words = " ".join(shlex.quote(word) for word in typed)
    code = f"""
source {shlex.quote(str(script))}
COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}; COMP_LINE={shlex.quote(" ".join(typed))}; COMP_POINT=${{#COMP_LINE}}
function_name=$(complete -p handshark | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function_name" handshark {shlex.quote(typed[-1])} {shlex.quote(typed[-2])}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = shell(code, folder)
    assert done.returncode == 0, done.stderr
    assert {line.strip() for line in done.stdout.split("\n") if line.strip()} == offered
