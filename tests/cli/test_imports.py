"""What a command loads: starting takes longer than reading a small capture, and each library adds to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "mysql97_cli_wrong-password.pcap"
# Outside libraries that others need: reports, filters, digests, TLS, compressed files.
LIBRARIES = frozenset(
    {
        *("rich", "jinja2", "markupsafe", "pygal", "scapy", "dpkt", "sqlglot", "lark", "regex", "cryptography"),
        *("zstandard", "lz4", "pandas", "pyarrow", "numpy"),
    }
)
# Parts of the standard library that cost more than a millisecond, alone or with what they load.
SLOW = frozenset(
    {
        *("multiprocessing", "tempfile", "subprocess", "pathlib", "shutil", "random", "socket", "email", "json"),
        *("dataclasses", "inspect", "ast", "ctypes", "pickle", "typing_extensions"),
    }
)
# Our own that analyse what nobody asked for here.
OWN = (
    "analyzer.engine.parallel",
    "analyzer.analysis.dissection",
    "analyzer.report.html",
    "analyzer.tls.session",
)
OF_COMMANDS = ("analyzer.analysis.commands", "analyzer.analysis.packets", "analyzer.protocol.records.binlog.event")
# Says of names and messages whether all that masks has to be loaded.
LIGHT = {"analyzer.analysis.packets", "analyzer.analysis.packets.server_words"}
PROGRAM = """
import io, os, sys
from analyzer.cli import main
sys.stdout = io.TextIOWrapper(open(os.devnull, "wb"))
code = main(sys.argv[1:])
sys.__stdout__.write("\\n".join(sys.modules))
sys.exit(code)
"""


def loaded(*words: str, sample: Path = SAMPLE) -> set[str]:
    """All modules that are there when a command has run."""
    argv = [sys.executable, "-c", PROGRAM, *words, str(sample)]
    run = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    return set(run.stdout.split())


def inside(modules: set[str], rooms: tuple[str, ...]) -> set[str]:
    return {module for module in modules if any(f"{module}.".startswith(f"{room}.") for room in rooms)}


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv"])
def test_what_analyze_does_not_load(form: str) -> None:
    modules = loaded("analyze", "--format", form)
    assert modules & LIBRARIES == set()
    assert modules & SLOW == set()
    assert inside(modules, (*OWN, *OF_COMMANDS)) - LIGHT == set()


@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_what_commands_does_not_load(form: str) -> None:
    modules = loaded("commands", "--format", form)
    assert modules & LIBRARIES == set()
    assert modules & SLOW == set()
    assert inside(modules, OWN) == set()


def test_pcapng_needs_no_more() -> None:
    modules = loaded("analyze", sample=SAMPLE.with_name("mysql97_dbd-mysql_prepared.pcapng"))
    assert modules & LIBRARIES == set()
    assert modules & SLOW == set()


def test_what_export_does_not_load(tmp_path: Path) -> None:
    modules = loaded("export", "-o", str(tmp_path / "out"))
    assert "pyarrow" in modules
    assert modules & {"duckdb", "pandas"} == set()  # pyarrow loads pandas where it makes arrays of lists


def test_a_filter_is_what_loads_its_parser() -> None:
    assert "lark" in loaded("analyze", "-Y", "mysql.error_code")


def test_captures_are_redacted_without_numpy(tmp_path: Path) -> None:
    assert "numpy" not in loaded("redact", "-o", str(tmp_path / "shared.pcapng"))
    assert (tmp_path / "shared.pcapng").stat().st_size > SAMPLE.stat().st_size


def test_tables_are_made_without_numpy(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")
    modules = loaded("export", "-o", str(tmp_path / "tables"))
    assert modules & {"pyarrow", "numpy", "pandas"} == {"pyarrow"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} > {"connections", "findings", "captures"}
