"""The field table, both ways: all fields of records have a display field, all display fields a source or a reason."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.analysis.dissection.computed_fields import FRAME_FIELDS, GETTERS, OF_FRAME
from analyzer.analysis.dissection.fields import FIELDS, closest, formatted, shown
from analyzer.analysis.dissection.fields.base import CONNECTION, FieldInfo, Value
from analyzer.analysis.dissection.fields.connection import EARLY
from analyzer.analysis.dissection.fields.connection import GETTERS as OF_CONNECTION
from analyzer.analysis.dissection.fields.extract import GIVES, HEADERS, MAKERS, NOTES, TAKES
from analyzer.analysis.dissection.fields.mapping import AUTH, BINLOG, BITS, LABELS, MAPPING, Outs
from tests.analysis.dissection.tshark import known_fields, version
from tests.corpus import REPOSITORY, tool

PROTOCOL = REPOSITORY / "analyzer" / "protocol"
# Reader methods whose first argument names a field, and functions that read under the name they are given.
READS = {"u8", "uint", "take", "rest", "nul", "lenenc", "lenenc_bytes", "text", "nul_text", "lenenc_text", "rest_text"}
HELPERS = {"enter": 1, "narrow": 1, "decode_value": 3, "_sized": 1}
# Functions that read ahead, without a trace.
UNTRACED = {"guess_count", "_guess_bulk", "_after_lenenc", "_head", "shows_extended"}
CHOSEN = set(GIVES)


def outs() -> Iterator[tuple[str, str, Outs]]:
    for record, table in (*MAPPING.items(), *AUTH.items()):
        for span, found in table.items():
            yield record, span, found
    for span, found in BINLOG.items():
        yield "BinlogEvent", span, found


def names_read(node: ast.AST) -> Iterator[str]:
    """Names of fields that a function or class reads."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call):
            continue
        if isinstance(call.func, ast.Attribute) and call.func.attr in READS:
            place = 0
        elif isinstance(call.func, ast.Name) and call.func.id in HELPERS:
            place = HELPERS[call.func.id]
        else:
            continue
        if len(call.args) > place:
            argument = call.args[place]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
                yield argument.value


def test_every_field_of_a_record_is_shown() -> None:
    missing = []
    tables = {**MAPPING, **AUTH}
    everywhere = {span for table in tables.values() for span in table} | set(BINLOG)
    for path in sorted((*(PROTOCOL / "records").rglob("*.py"), *(PROTOCOL / "auth").glob("*.py"))):
        if path.name in ("proxy.py", "gtids.py"):
            continue  # in front of the connection, not a packet; the parts of a set of GTIDs, which is one field
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name in UNTRACED:
                continue
            binlog = "binlog" in path.parts
            known = set(BINLOG) if binlog else set(tables.get(node.name, ())) or everywhere
            missing += [f"{path.name}: {node.name}.{name}" for name in names_read(node) if name not in known]
    assert not missing


def test_what_the_mapping_names_is_there() -> None:
    for record, span, found in outs():
        for name, take in found:
            where = f"{record}.{span}"
            assert take in TAKES or take in GIVES or take in LABELS or take == "label", where
            assert name in FIELDS or (take in CHOSEN and not name), f"{where}: {name}"
    for name, flags in BITS.items():
        assert name in FIELDS
        masks = [mask for _, mask in flags]
        assert all(flag in FIELDS for flag, _ in flags)
        assert sum(masks) < 1 << FIELDS[name].bits, name
        assert len(set(masks)) == len(masks), name


def test_every_display_field_has_a_source_or_a_reason() -> None:
    for name, info in FIELDS.items():
        sources = [
            name in MAKERS,
            name in HEADERS,
            name in NOTES,
            name in GETTERS,
            name in OF_CONNECTION,
        ]
        if info.unavailable is not None:
            assert not any(sources), f"{name} has a source, and a reason why it has none"
            assert len(info.unavailable) > 20
        else:
            assert any(sources), f"{name} has neither a source nor a reason"
        assert info.title
        assert (info.scope == CONNECTION) == (name in OF_CONNECTION), name


def test_small_tables_name_fields() -> None:
    assert FIELDS.keys() >= GETTERS.keys() | OF_CONNECTION.keys() | FRAME_FIELDS | EARLY
    assert FIELDS.keys() >= OF_FRAME - {"handshark.capture"}


@pytest.mark.tool
def test_wiresharks_names_and_types_are_wiresharks() -> None:
    tshark = tool("tshark")
    if not version(tshark).startswith("4.0."):
        pytest.skip("types and bases changed since 4.0")
    theirs = {n: t for n, t in known_fields(tshark).items() if n.startswith(("mysql.", "mariadb."))}
    assert not [name for name in theirs if name not in FIELDS]
    # Those that 4.6 has with another type, and times that it counts in seconds.
    changed = {
        "mysql.num_params",
        "mysql.compressed_packet_number",
        "mysql.exec.field.string",
        "mysql.binlog.server_id",
    }
    wrong = {name: (kind, FIELDS[name].type) for name, (kind, _) in theirs.items() if FIELDS[name].type != kind}
    assert wrong.keys() <= changed, wrong
    hexadecimal = {n for n, (k, b) in theirs.items() if b == "BASE_HEX"}
    assert {n for n in hexadecimal if FIELDS[n].base != "hex"} <= changed
    own = {name for name in FIELDS if name.startswith(("mysql.", "mariadb."))}
    # 4.6 has 275 fields under its protocol mysql, the mariadb.* among them; some of 4.0 are gone there.
    assert len(own) >= 275


VALUES: list[tuple[str, Value, str, str]] = [
    ("mysql.command", 3, "3", "Query (3)"),
    ("mysql.caps.server", 0xFFFE, "0xfffe", "0xfffe"),
    ("mysql.server_status", 2, "0x0002", "0x0002"),
    ("mariadb.extcaps.server", 0x1D, "0x0000001d", "0x0000001d"),
    ("mysql.caps.lp", True, "1", "Set"),
    ("mysql.caps.lp", False, "0", "Not set"),
    ("mysql.passwd", b"\x01\xff", "01ff", "01ff"),
    ("mysql.auth_switch_request.data", b"", "", "<MISSING>"),
    ("frame.time_relative", 1_701_000, "0.001701000", "0.001701000 seconds"),
    ("frame.time_relative", -5, "-0.000000005", "-0.000000005 seconds"),
    ("frame.time_epoch", 1_795_343_643_115_962_000, "1795343643.115962000", "1795343643.115962000 seconds"),
    (
        "frame.time",
        1_795_343_643_115_962_000,
        "Nov 22, 2026 10:34:03.115962000 UTC",
        "Nov 22, 2026 10:34:03.115962000 UTC",
    ),
    ("frame.time", 0, "Jan  1, 1970 00:00:00.000000000 UTC", "Jan  1, 1970 00:00:00.000000000 UTC"),
    ("mysql.exec.field.double", 1.5, "1.5", "1.5"),
    ("mysql.exec.field.float", 0.1, "0.1", "0.1"),
    ("mysql.exec.field.longlong", -7, "-7", "-7"),
    ("mysql.user", "root", "root", "root"),
]


@pytest.mark.parametrize(("name", "value", "text", "in_tree"), VALUES)
def test_values_are_printed_as_tshark_prints_them(name: str, value: Value, text: str, in_tree: str) -> None:
    info: FieldInfo = FIELDS[name]
    assert formatted(info, value) == text
    assert shown(info, value) == in_tree


def test_near_names() -> None:
    assert closest("mysql.usr")[0] == "mysql.user"
    assert "mysql.error_code" in closest("mysql.errorcode")
    assert closest("x" * 10_000) == []


@pytest.mark.tool
def test_the_installed_tshark_agrees_that_they_are_fields() -> None:
    """Every field under one of Wireshark's names is known to the installed one, or listed as new in 4.6."""
    tshark = tool("tshark")
    if not version(tshark).startswith("4.0."):
        pytest.skip("the list is that of 4.0")
    unknown = [
        name
        for name, info in FIELDS.items()
        if name.startswith(("mysql.", "mariadb.", "tcp.", "ip.", "ipv6.", "frame."))
        and name not in known_fields(tshark)
    ]
    listed = Path(__file__).with_name("new_in_4_6.txt").read_text(encoding="utf-8").split()
    assert sorted(unknown) == sorted(listed)
    assert subprocess.run([tshark, "-v"], capture_output=True, check=False).returncode == 0
