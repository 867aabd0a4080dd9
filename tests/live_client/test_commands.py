"""Every command of the protocol against the real servers: what the client knows of it is what the analyzer says.

One connection for each server runs them all and is recorded; `handshark commands` has to tell the same, command for
command: statement, parameters, attributes, outcome, columns, rows.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.cli import main
from analyzer.errors import ServerError
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.commands.admin import ComCreateDb, ComDropDb
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.replication import ComRegisterSlave, ComTableDump
from analyzer.protocol.records.commands.table import COMMAND_RECORDS, ComMulti
from analyzer.protocol.records.commands.text import ComOther
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.wire.values import Bindable, Plain
from live_client import ClosedByServer, Options, Session, cli, replication
from tests.live_client.analysed import analyse, plain
from tests.servers import Server, require_servers
from tests.servers.accounts import account

pytestmark = pytest.mark.server

SERVERS: Final = ("mysql97", "mariadb118", "mariadb1011")
UNKNOWN_COMMAND: Final = 1047
# Only ends a hang.
SECONDS: Final = 60.0
# A server ends the dump of a replica when another one comes with the same number.
REPLICA: Final = 200_000_000 + 4 * os.getpid()


@cache
def server(name: str) -> Server:
    return require_servers(name)[0]


def options(where: Server, who: str = "app", **choices: Any) -> Options:
    person = account(who)
    return Options(
        **{
            "host": where.host,
            "port": where.port,
            "user": person.name,
            "passwords": (person.password.encode(),),
            "database": "labdb" if person.rights in ("all", "labdb") else None,
            "ssl_mode": "disabled",
            "get_server_public_key": True,
            **choices,
        }
    )


# Commands that name a prepared statement and execute nothing.
ABOUT_STATEMENTS: Final = {"stmt_fetch", "stmt_reset", "stmt_close", "stmt_send_long_data"}


@contextmanager
def recorded(path: Path, chosen: Options) -> Iterator[Session]:
    """A session that is recorded, and compared with what the analyzer says of it when it is over."""
    with path.open("wb") as file, Session(chosen, record=file) as session:
        session.open()
        yield session
    agrees(path, plain(session.truth()))


def agrees(path: Path, truth: dict[str, Any]) -> None:
    """The analyzer's view of the recording, which has to be the client's."""
    (connection,) = analyse(path)
    assert compare(connection, truth) == []
    told = exchanges(path)
    wanted = truth["exchanges"]
    assert [each["command"] for each in told] == [each["command"] for each in wanted]
    for known in wanted:
        if known["command"] in ABOUT_STATEMENTS and "statement" in known:
            # The text is what such a command is about: it sends none itself.
            known["argument"] = known.pop("statement")
    differences = [
        (known["command"], key, value, found[key])
        for found, known in zip(told, wanted, strict=True)
        for key, value in known.items()
        if found[key] != value
    ]
    assert not differences, differences


def exchanges(path: Path) -> list[dict[str, Any]]:
    """What `handshark commands` says of a capture."""
    out = path.with_suffix(".jsonl")
    assert main(["commands", str(path), "--format", "jsonl", "--jobs", "1", "--show-secrets", "-o", str(out)]) == 0
    return [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]


def refused(work: Callable[[], object]) -> int:
    """The number of the error that the server answers with."""
    with pytest.raises(ServerError) as found:
        work()
    return found.value.code


# -- parameters --------------------------------------------------------------------------------------------------------

# (value, what the server makes of it as text), for all three servers.
VALUES: Final[list[tuple[Any, str | None]]] = [
    (None, None),
    (True, "1"),
    (-(2**63), "-9223372036854775808"),
    (2**64 - 1, "18446744073709551615"),
    (1.5, "1.5"),
    ("text ä 日本", "text ä 日本"),
    ("", ""),
    (b"bytes", "bytes"),
    ("x" * 70_000, "x" * 70_000),
    (Decimal("12345678901234567890.12345"), "12345678901234567890.12345"),
    (datetime.date(2024, 2, 29), "2024-02-29"),
    (datetime.datetime(2024, 2, 29, 23, 59, 59, 123456), "2024-02-29 23:59:59.123456"),
    (datetime.datetime(2024, 2, 29), "2024-02-29 00:00:00.000000"),
    (-datetime.timedelta(hours=838, minutes=59, seconds=59), "-838:59:59.000000"),
    (datetime.timedelta(days=2, microseconds=5), "48:00:00.000005"),
]
# (type, value) of types that no Python value has of itself.
TYPED: Final[list[tuple[int, Any]]] = [
    (0x01, -128), (0x02, -32768), (0x03, -(2**31)), (0x04, 0.5), (0x07, "2024-02-29 01:02:03"), (0x0F, "varchar"),
    (0xF6, "3.14"), (0xF9, b"tiny"), (0xFA, b"medium"), (0xFB, b"long"), (0xFE, "string"),
]  # fmt: skip


def _close(found: str | None, wanted: str | None) -> bool:
    """The servers differ in how many zeros they write behind the seconds."""
    if found is None or wanted is None:
        return found == wanted
    return (
        found == wanted
        or (":" in wanted and found.ljust(len(wanted), "0")[: len(wanted)] == wanted)
        or f"{found}.000000" == wanted
    )


@pytest.mark.parametrize("where", SERVERS)
def test_parameters_of_every_type(where: str, tmp_path: Path) -> None:
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        for value, text in VALUES:
            statement = session.prepared("SELECT ?")
            (result,) = statement.execute(value)
            assert _close(result.rows[0][0], text)
            # Types that the server remembers from before.
            if value is not None:
                (again,) = statement.execute(value, types=False)
                assert again.rows == result.rows
            statement.close()
        for kind, value in TYPED:
            (result,) = (statement := session.prepared("SELECT ?")).execute(Parameter.of(value, type=kind))
            text = value.decode() if isinstance(value, bytes) else str(value)
            assert _close(str(result.rows[0][0]).removesuffix(".000000"), text)
            statement.close()
        many = session.prepared(f"SELECT {', '.join('?' * len(VALUES))}")
        (result,) = many.execute(*(value for value, _ in VALUES))
        assert all(_close(found, text) for found, (_, text) in zip(result.rows[0], VALUES, strict=True))


COLUMNS: Final = (
    "a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT, e BIGINT UNSIGNED, f FLOAT, g DOUBLE, h DECIMAL(20,5), "
    "i DATE, j DATETIME(6), k TIMESTAMP NULL, l TIME(3), m YEAR, n CHAR(10), o VARCHAR(300), p BINARY(4), "
    "q VARBINARY(20), r TINYBLOB, s BLOB, t MEDIUMTEXT, u LONGTEXT, v ENUM('x','y'), w SET('p','q'), x BIT(10), "
    "y JSON, z GEOMETRY"
)
ROW: Final = (
    "-1, 65535, -8388608, 2147483647, 18446744073709551615, 1.5, -2.25, 12345678901234.56789, '2024-02-29', "
    "'2024-02-29 23:59:59.123456', '2024-01-01 00:00:00', '-838:59:58.999', 2024, 'char', 'varchar', x'00ff00ff', "
    "x'deadbeef', 'tb', 'b', 'mt', 'lt', 'y', 'p,q', b'1010101010', '{\"k\": 1}', ST_GeomFromText('POINT(1 2)')"
)


@pytest.mark.parametrize("where", SERVERS)
def test_text_and_binary_rows_say_the_same(where: str, tmp_path: Path) -> None:
    """Every column type, with values and NULLs, asked for in both protocols."""
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        session.query(f"CREATE TEMPORARY TABLE every ({COLUMNS})")
        session.query(f"INSERT INTO every VALUES ({ROW})")
        session.query(f"INSERT INTO every VALUES ({', '.join(['NULL'] * 26)})")
        (text,) = session.query("SELECT * FROM every")
        (binary,) = session.prepare("SELECT * FROM every")
        assert text.columns == binary.columns
        assert text.rows == binary.rows
        assert text.values == binary.values
        first: dict[str, Plain] = dict(zip(text.columns, binary.values[0], strict=True))
        assert (first["e"], first["f"], first["h"]) == (2**64 - 1, 1.5, "12345678901234.56789")
        assert (first["l"], first["p"], first["x"]) == ("-838:59:58.999", b"\x00\xff\x00\xff", b"\x02\xaa")


# -- statements --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", SERVERS)
def test_a_cursor(where: str, tmp_path: Path) -> None:
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        session.query("CREATE TEMPORARY TABLE numbers (n INT)")
        session.query("INSERT INTO numbers VALUES (1), (2), (3), (4), (5)")
        statement = session.prepared("SELECT n, ? FROM numbers ORDER BY n")
        (opened,) = statement.execute("x", cursor=True)
        assert (opened.cursor, opened.rows, opened.columns[0]) == (True, [], "n")
        first = statement.fetch(2)
        assert (first.rows, first.last) == ([("1", "x"), ("2", "x")], False)
        rest = statement.fetch(10)
        assert (len(rest.rows), rest.last) == (3, True)
        statement.reset()
        assert refused(lambda: statement.fetch(1)) == 1421  # ER_STMT_HAS_NO_OPEN_CURSOR
        statement.close()
        assert refused(lambda: statement.fetch(1)) == 1243  # ER_UNKNOWN_STMT_HANDLER


@pytest.mark.parametrize("where", SERVERS)
def test_long_data(where: str, tmp_path: Path) -> None:
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        statement = session.prepared("SELECT ?, ?")
        statement.send_long_data(1, b"part one, ", text=True)
        statement.send_long_data(1, b"part two", text=True)
        (result,) = statement.execute(7, None)
        assert result.rows == [("7", "part one, part two")]
        statement.send_long_data(1, b"thrown away")
        statement.reset()
        (result,) = statement.execute(8, "short")
        assert result.rows == [("8", "short")]
        statement.close()


@pytest.mark.parametrize("where", SERVERS)
def test_several_results(where: str, tmp_path: Path) -> None:
    """Multi statements, switched on and off, and a procedure's results."""
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        session.multi_statements(True)
        results = session.query("SELECT 1; DO 2; SELECT 3, 4")
        assert [result.rows for result in results] == [[("1",)], [], [("3", "4")]]
        assert refused(lambda: session.query("SELECT 1; SELECT nope")) == 1054
        session.multi_statements(False)
        assert refused(lambda: session.query("SELECT 1; SELECT 2")) == 1064


def test_query_attributes(tmp_path: Path) -> None:
    """MySQL's component is not there to read them back; that the server takes them says that they are well-formed."""
    with recorded(tmp_path / "session.pcapng", options(server("mysql97"))) as session:
        assert session.statements.channel.machine.context.in_force & CLIENT_QUERY_ATTRIBUTES
        attributes: dict[str, Bindable] = {
            "text": "ä", "number": -5, "large": 2**64 - 1, "real": 1.25, "nothing": None, "bytes": b"\xff",
            "day": datetime.date(2024, 2, 29), "time": datetime.timedelta(hours=-3),
        }  # fmt: skip
        assert session.query("SELECT 1", attributes)[0].rows == [("1",)]
        statement = session.prepared("SELECT ?")
        assert statement.execute(5, attributes=attributes)[0].rows == [("5",)]
        statement.close()
        statement = session.prepared("SELECT 6")
        assert statement.execute(attributes={"only": "one"})[0].rows == [("6",)]


def test_query_attributes_go_nowhere_on_mariadb(tmp_path: Path) -> None:
    with recorded(tmp_path / "session.pcapng", options(server("mariadb118"))) as session:
        assert session.query("SELECT 1", {"text": "x"})[0].rows == [("1",)]


@pytest.mark.parametrize("where", SERVERS[1:])
def test_bulk(where: str, tmp_path: Path) -> None:
    """MariaDB: many rows in one packet, NULLs among them; an execute that names the statement prepared last."""
    capabilities = (("MARIADB_CLIENT_STMT_BULK_OPERATIONS", True), ("LONG_PASSWORD", False))
    with recorded(tmp_path / "session.pcapng", options(server(where), capabilities=capabilities)) as session:
        session.query("CREATE TEMPORARY TABLE pairs (n INT, t VARCHAR(20))")
        statement = session.prepared("INSERT INTO pairs VALUES (?, ?)")
        rows = [(number, None if number % 3 == 0 else f"row {number}") for number in range(50)]
        (result,) = statement.execute_many(rows)
        assert result.affected_rows == 50
        (result,) = statement.execute_many([(100, "more")], types=False)
        assert result.affected_rows == 1
        statement.close()
        (result,) = session.query("SELECT * FROM pairs WHERE n < 50 ORDER BY n")
        assert result.values == rows
        (result,) = session.execute_at_once("SELECT ?, ?", 5, "five")
        assert result.values == [(5, "five")]


@pytest.mark.parametrize("where", SERVERS[1:])
def test_bulk_needs_its_capability(where: str, tmp_path: Path) -> None:
    with recorded(tmp_path / "session.pcapng", options(server(where))) as session:
        statement = session.prepared("DO ?")
        assert refused(lambda: statement.execute_many([(1,)])) == 1295


@pytest.mark.parametrize("where", SERVERS)
def test_local_infile(where: str, tmp_path: Path) -> None:
    """A file over several packets; one that the caller has not named; an error that comes before its end."""
    chosen = options(server(where), capabilities=(("LOCAL_FILES", True),))
    with recorded(tmp_path / "session.pcapng", chosen) as session:
        session.query("CREATE TEMPORARY TABLE loaded (n INT, t VARCHAR(20))")
        lines = b"".join(b"%d\trow %d\n" % (number, number) for number in range(5000))
        (result,) = session.query("LOAD DATA LOCAL INFILE 'data.tsv' INTO TABLE loaded", files={"data.tsv": lines})
        assert result.affected_rows == 5000
        (result,) = session.query("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE loaded", files={"data.tsv": lines})
        assert result.affected_rows == 0
        path = tmp_path / "small.tsv"
        path.write_bytes(b"7\tseven\n")
        (result,) = session.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded", files={"x": path})
        assert result.affected_rows == 1
        assert refused(lambda: session.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE nope", files={"x": path})) == 1146


# -- the server --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", SERVERS)
def test_the_connection(where: str, tmp_path: Path) -> None:
    """What is asked of the server itself, and of this connection; what all of them may ask."""
    target = server(where)
    mysql = target.flavor == "mysql"
    with recorded(tmp_path / "session.pcapng", options(target)) as session:
        session.ping()
        assert session.statistics().startswith("Uptime: ")
        session.query("CREATE TABLE IF NOT EXISTS labdb.handshark_fields (one INT, other INT DEFAULT 5)")
        assert session.field_list("handshark_fields") == ["one", "other"]
        assert session.field_list("handshark_fields", "o%r") == ["other"]
        assert refused(lambda: session.field_list("nope")) == 1146
        session.query("DROP TABLE labdb.handshark_fields")
        if mysql:
            assert refused(session.process_info) == UNKNOWN_COMMAND
        else:
            assert "Id" in session.process_info().columns
        session.use("information_schema")
        assert refused(lambda: session.use("nope")) in (1044, 1049)
        statement = session.prepared("SELECT 1")
        session.reset()
        assert refused(statement.execute) == 1243
        session.change_user("app", account("app").password.encode(), "labdb")
        assert session.query("SELECT DATABASE()")[0].rows == [("labdb",)]
        assert refused(lambda: session.refresh(0x01)) == (UNKNOWN_COMMAND if mysql else 1227)
        assert refused(session.debug) == 1227
        assert refused(session.shutdown) == (UNKNOWN_COMMAND if mysql else 1227)
        assert refused(lambda: session.kill(0xFFFF_FFF0)) == (UNKNOWN_COMMAND if mysql else 1094)
    with recorded(tmp_path / "other.pcapng", options(target)) as session:
        assert refused(lambda: session.change_user("app", b"wrong", "labdb")) == 1045
        with suppress(ServerError):
            session.close()


def ping_on(session: Session) -> None:
    """Until it fails, or for long."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        session.ping()


@pytest.mark.parametrize("where", SERVERS)
def test_what_only_an_administrator_may(where: str, tmp_path: Path) -> None:
    target = server(where)
    with recorded(tmp_path / "session.pcapng", options(target, "admin", database=None)) as session:
        session.debug()
        if target.flavor == "mariadb":
            session.refresh(0x10)
        else:
            assert refused(lambda: session.refresh(0x10)) == UNKNOWN_COMMAND
            return
        with Session(options(target)) as other:
            other.open()
            greeting = other.known.greeting
            assert greeting is not None
            session.kill(greeting.thread_id)
            # It ends when its thread comes to it; the server may still say why.
            with pytest.raises((ClosedByServer, ServerError)):
                ping_on(other)


@pytest.mark.parametrize("where", SERVERS)
def test_commands_of_other_times(where: str, tmp_path: Path) -> None:
    """What the servers no longer know, or never took from a client: an error, and the connection goes on."""
    target = server(where)
    simple = ["sleep", "connect", "time", "delayed_insert", "connect_out", "daemon"]
    numbers = {name: code for code, name in com.COMMANDS.items()}
    with recorded(tmp_path / "session.pcapng", options(target)) as session:
        statements = session.statements
        for name in simple:
            assert refused(partial(statements.simple, numbers[name], name)) == UNKNOWN_COMMAND
        for record in (ComCreateDb("nope"), ComDropDb("nope")):
            code = next(code for code, kind in COMMAND_RECORDS.items() if isinstance(record, kind))
            assert refused(partial(statements.simple, code, "", record))
        table = ComTableDump("labdb", "t")
        assert refused(lambda: statements.simple(com.COM_TABLE_DUMP, "dump a table", table)) in (UNKNOWN_COMMAND, 1227)
        assert refused(lambda: statements.simple(0x77, "no command", ComOther(0x77, b"x"))) == UNKNOWN_COMMAND
        multi = ComMulti((b"\x0e",))
        assert refused(lambda: statements.simple(com.COM_MULTI, "several at once", multi)) == UNKNOWN_COMMAND
        if target.flavor == "mariadb":
            for name in ("binlog_dump_gtid", "clone", "subscribe_group_replication_stream"):
                assert refused(partial(statements.simple, numbers[name], name, ComOther(numbers[name], b"")))
        else:
            assert refused(lambda: statements.simple(com.COM_CLONE, "clone"))
            bulk = ComOther(com.COM_STMT_BULK_EXECUTE, b"")
            assert refused(lambda: statements.simple(com.COM_STMT_BULK_EXECUTE, "bulk", bulk)) == UNKNOWN_COMMAND
        session.ping()


# -- replication -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", SERVERS)
def test_a_binlog_dump(where: str, tmp_path: Path) -> None:
    """A replica without an end: it registers, asks for the last file, and hears it to its end."""
    target = server(where)
    with Session(options(target, "admin", database=None)) as admin:
        admin.open()
        admin.query("FLUSH BINARY LOGS")
        admin.query("CREATE TABLE labdb.handshark_log (n INT, t TEXT)")
        admin.query("INSERT INTO labdb.handshark_log VALUES (1, 'one'), (2, NULL)")
        admin.query("DROP TABLE labdb.handshark_log")
        file = admin.query("SHOW BINARY LOGS")[0].rows[-1][0]
    assert file is not None
    chosen = options(target, "admin", database=None)
    with recorded(tmp_path / "session.pcapng", chosen) as session:
        session.query("SET @source_binlog_checksum = 'CRC32', @master_binlog_checksum = 'CRC32'")
        if target.flavor == "mariadb":
            session.query("SET @mariadb_slave_capability = 4")
        replication.register(session.statements, ComRegisterSlave(REPLICA, "", "", "", 0))
        events = replication.dump(session.statements, file, server_id=REPLICA)
        assert len(events) > 8
        assert all(isinstance(event, BinlogEvent) for event in events)
    with recorded(tmp_path / "broken.pcapng", chosen) as session:
        assert refused(lambda: replication.dump(session.statements, "binlog.999999", server_id=REPLICA + 1)) == 1236


def test_a_binlog_dump_by_gtid(tmp_path: Path) -> None:
    """MySQL without gtid_mode says so; what it says is what the analyzer shows."""
    chosen = options(server("mysql97"), "admin", database=None)
    with recorded(tmp_path / "session.pcapng", chosen) as session:
        session.query("SET @source_binlog_checksum = 'CRC32'")
        mode = session.query("SELECT @@gtid_mode")[0].rows[0][0]
        everything = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,3e11fa47-71ca-11e1-9e33-c80aa9429562:blue:2-3"
        if mode == "ON":
            assert replication.dump_gtid(session.statements, everything, server_id=REPLICA + 2)
        else:
            assert refused(lambda: replication.dump_gtid(session.statements, everything, server_id=REPLICA + 2)) == 1236


# -- from the command line ---------------------------------------------------------------------------------------------


WIRES: Final = {
    "plain": ["--ssl-mode", "disabled"],
    "tls": ["--ssl-mode", "required"],
    "zlib": ["--ssl-mode", "disabled", "--compression", "zlib"],
    "tls+zlib": ["--ssl-mode", "required", "--compression", "zlib"],
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("where", SERVERS)
def test_the_command_line(where: str, wire: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every option that does something, and what it prints; inside TLS and compression too."""
    target = server(where)
    path, truth, data = tmp_path / "session.pcapng", tmp_path / "truth.json", tmp_path / "data.tsv"
    data.write_bytes(b"1\tone\n2\ttwo\n")
    words = ["--host", target.host, "--port", str(target.port), "--user", "admin", "--password", "admin-pw"]
    words += ["--database", "labdb", *WIRES[wire], "--get-server-public-key", "--quiet"]
    words += ["--record", str(path), "--truth", str(truth), "--local-infile", str(data), "--fetch", "2"]
    if target.flavor == "mysql":
        words += ["--query-attribute", "trace=int:7"]
    else:
        words += ["--capability", "+MARIADB_CLIENT_STMT_BULK_OPERATIONS", "--capability", "-LONG_PASSWORD"]
    words += ["-e", "CREATE TEMPORARY TABLE told (n INT, t TEXT)"]
    words += ["-e", f"LOAD DATA LOCAL INFILE '{data}' INTO TABLE told"]
    words += ["--prepare", "SELECT n, t, ? FROM told ORDER BY n", "--row", "x", "--row", '"a, b"']
    words += ["--ping", "--statistics", "--debug", "--multi-statements", "on", "-e", "SELECT 1; SELECT 2", "--reset"]
    if target.flavor == "mariadb":
        words += ["--process-info", "--refresh", "status,tables", "-e", "CREATE TEMPORARY TABLE bulk (n INT)"]
        words += ["--bulk", "INSERT INTO bulk VALUES (?)", "--row", "int:1", "--row", "null"]
    words += ["--use", "labdb", "--change-user", "admin", "--command", "0e"]
    assert cli.main(words) == 0
    out, errors = capsys.readouterr()
    assert "--password-file" in errors
    told = [line.split() for line in out.splitlines()]
    assert told[0] == ["n", "t", "?"]
    assert [line for line in told if "one" in line] == [["1", "one", "x"], ["1", "one", "a,", "b"]]
    assert "Uptime: " in out
    agrees(path, msgspec.json.decode(truth.read_bytes()))


def test_a_row_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = server("mysql97")
    words = ["--host", target.host, "--port", str(target.port), "--user", "app", "--password", "app-pw"]
    words += ["--get-server-public-key", "--prepare", "SELECT ?, ?", "--row", "one"]
    assert cli.main(words) == 1
    assert "2 parameters, and 1 values are given" in capsys.readouterr().err
    with Session(options(target)) as session:
        session.open()
        statement = session.prepared("SELECT ?")
        with pytest.raises(ValueError, match="2 values for 1 parameters"):
            statement.execute(1, 2)
