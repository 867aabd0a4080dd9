"""JSON lines, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.model.connection import Connection
from analyzer.report import csv as csvout
from analyzer.report import jsonl
from analyzer.report.connection_csv import CSV
from analyzer.report.connection_lines import JSON
from analyzer.report.escape import csv_cell, json_safe
from tests.report import examples
from tests.report.texts import ANY_TEXT, disguised


def test_a_line_in_two_steps_is_the_same() -> None:
    for connection in (examples.accepted(), examples.rejected(), examples.connection()):
        for name in ("app", 'a " "findings":[] b', "\udcff"):
            if connection.login is not None:
                connection.login.attributes = {name: name, "findings": "[]"}
            begun = JSON.begin(connection)
            assert JSON.finish(begun, connection.findings) == jsonl.encode(connection)
            assert CSV.finish(CSV.begin(connection), connection.findings) == csvout.encode(connection)


def test_keys_and_order_are_the_contracts() -> None:
    line = jsonl.encode(examples.accepted())
    keys = list(json.loads(line))
    assert keys[:6] == ["capture", "stream", "client", "server", "first_frame", "last_frame"]
    assert keys == [field.encode_name for field in msgspec.structs.fields(Connection)]
    switch = json.loads(jsonl.encode(examples.rejected()))["authentication"]["switches"][0]
    assert list(switch) == ["from", "to", "frame"]


def test_what_is_not_known_is_null() -> None:
    found = json.loads(jsonl.encode(examples.connection()))
    assert found["greeting"] is None
    assert found["proxy"] is None
    assert found["findings"] == []


@given(ANY_TEXT)
def test_json_of_any_text(text: str) -> None:
    one = disguised(text)
    line = jsonl.encode(one)
    assert line.count(b"\n") == 1
    found = json.loads(line)
    assert list(found) == [field.encode_name for field in msgspec.structs.fields(Connection)]
    assert found["error"]["message"] == json_safe(text)
    again = msgspec.json.decode(line, type=Connection)
    assert jsonl.encode(again) == line


def test_hostile_text_survives_as_text() -> None:
    found = json.loads(jsonl.encode(examples.hostile()))
    assert found["login"]["user"] == examples.HOSTILE.replace("\udc80", r"\x80")


@given(st.lists(st.integers(0, 3), max_size=4))
def test_array(numbers: list[int]) -> None:
    connections = [examples.everything()[number] for number in numbers]
    found = json.loads(b"".join(jsonl.encode_array(connections)))
    assert found == [json.loads(jsonl.encode(one)) for one in connections]


def test_array_streams() -> None:
    def connections() -> Iterator[Connection]:
        yield examples.accepted()
        pytest.fail("read too far")

    assert next(jsonl.encode_array(connections())).startswith(b"[\n{")


def rows(*connections: Connection) -> list[dict[str, str]]:
    text = csvout.header() + "".join(csvout.encode(one).decode() for one in connections)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv() -> None:
    accepted, rejected, _, encrypted, _ = rows(*examples.everything())
    assert accepted["client_address"] == "192.168.56.1"
    assert accepted["client_port"] == "50000"
    assert accepted["greeting_server_version"] == "8.4.3"
    assert accepted["login_user"] == "root"
    assert accepted["commands"] == "query=3;quit=1"
    assert accepted["error_code"] == ""
    assert accepted["tcp_syn"] == "true"
    assert rejected["error_code"] == "1045"
    assert rejected["findings"] == "access-denied;old-plugin"
    assert rejected["finding_severities"] == "error;warning"
    assert encrypted["tls_version"] == "TLSv1.3"
    assert "CLIENT_SSL" in accepted["greeting_capabilities"].split(";")


def test_csv_columns_are_unlike() -> None:
    assert len(set(csvout.COLUMNS)) == len(csvout.COLUMNS)


@given(ANY_TEXT)
def test_csv_of_any_text(text: str) -> None:
    line = csvout.encode(disguised(text)).decode()
    line.encode()
    assert line.endswith("\r\n")
    assert line[:-2].isprintable()
    [row] = rows(disguised(text))
    assert row["login_user"] == csv_cell(text)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
