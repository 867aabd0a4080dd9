"""What `handshark-client` can do once it is logged in: one row for each option, in `DEEDS`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from analyzer.errors import AnalyzerError
from analyzer.protocol.records.commands.admin import REFRESH_FLAGS
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.replication import ComRegisterSlave
from analyzer.protocol.records.commands.text import ComOther
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.column_types import (
    MYSQL_TYPE_BLOB,
    MYSQL_TYPE_DATE,
    MYSQL_TYPE_DATETIME,
    MYSQL_TYPE_DOUBLE,
    MYSQL_TYPE_LONGLONG,
    MYSQL_TYPE_NEWDECIMAL,
    MYSQL_TYPE_TIME,
)
from analyzer.protocol.wire.values import Bindable
from live_client import replication
from live_client.command_phase import Files
from live_client.prepared import Bound, Prepared
from live_client.results import Result
from live_client.session import Session
from live_client.terminal import TableWriter, plain, shortened, table


@dataclass
class Choices:
    """What goes with a deed. `rows` are the values of one --prepare or --bulk, a list for each execution."""

    rows: list[list[Bound]] = field(default_factory=list)
    attributes: dict[str, Bindable] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    fetch: int = 0
    password: bytes = b""


def value_of(text: str) -> Bound:
    """A value as it is written on the command line. Raises ValueError.

    null, int:5, float:1.5, decimal:1.50, date:2024-02-29, datetime:2024-02-29 01:02:03.5, time:-838:59:59, hex:00ff;
    all else is text, also behind text: .
    """
    kind, colon, rest = text.partition(":")
    if text == "null":
        return None
    if not colon or kind not in _KINDS:
        return text
    return _KINDS[kind](rest)


def _number(text: str) -> Bound:
    value = int(text)
    return Parameter.of(value, type=MYSQL_TYPE_LONGLONG, unsigned=value >= 1 << 63)


def _decimal(text: str) -> Bound:
    try:
        return Parameter.of(str(Decimal(text)), type=MYSQL_TYPE_NEWDECIMAL)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no number") from error


def _of(kind: int) -> Callable[[str], Bound]:
    return lambda text: Parameter.of(float(text) if kind == MYSQL_TYPE_DOUBLE else text, type=kind)


_KINDS: Final[dict[str, Callable[[str], Bound]]] = {
    "int": _number,
    "float": _of(MYSQL_TYPE_DOUBLE),
    "decimal": _decimal,
    "date": _of(MYSQL_TYPE_DATE),
    "datetime": _of(MYSQL_TYPE_DATETIME),
    "time": _of(MYSQL_TYPE_TIME),
    "hex": lambda text: Parameter.of(bytes.fromhex(text), type=MYSQL_TYPE_BLOB),
    "text": lambda text: text,
}


def row_of(text: str) -> list[Bound]:
    """The values of one execution, between commas; one with a comma in it stands in double quotes."""
    (words,) = csv.reader([text], strict=True)
    return [value_of(word) for word in words]


def show(results: Sequence[Result]) -> str:
    """Results as tables; nothing of those that have no rows."""
    return "".join(table(result.columns, result.rows) for result in results if result.columns)


# -- deeds -------------------------------------------------------------------------------------------------------------


def _execute(session: Session, value: str, choices: Choices) -> Iterator[str]:
    """Written as it comes: of a result with many rows none is kept."""
    writer: TableWriter | None = None
    for result, ended in session.statements.stream(value, choices.attributes, choices.files):
        if writer is None and result.columns:
            writer = TableWriter(result.columns)
        if not ended and writer is not None:
            yield writer.row(result.rows[-1])
        elif ended and writer is not None:
            yield writer.end()
            writer = None


def _prepare(session: Session, value: str, choices: Choices) -> str:
    if not choices.rows and not choices.fetch and not choices.attributes:
        return show(session.prepare(value))
    statement = session.prepared(value)
    out = ""
    for row in choices.rows or [[]]:
        if len(row) != statement.num_params:
            raise AnalyzerError(f"the statement has {statement.num_params} parameters, and {len(row)} values are given")
        results = statement.execute(*row, attributes=choices.attributes, cursor=bool(choices.fetch))
        if choices.fetch and results[-1].cursor:
            results = [_fetched(statement, choices.fetch)]
        out += show(results)
    statement.close()
    return out


def _fetched(statement: Prepared, rows: int) -> Result:
    """All rows of a cursor, so many at a time."""
    whole = statement.fetch(rows)
    last = whole.last
    while not last:
        more = statement.fetch(rows)
        whole.rows += more.rows
        last = more.last
    return whole


def _bulk(session: Session, value: str, choices: Choices) -> str:
    statement = session.prepared(value)
    rows = [[each.value if isinstance(each, Parameter) else each for each in row] for row in choices.rows]
    if any(len(row) != statement.num_params for row in rows):
        raise AnalyzerError(f"the statement has {statement.num_params} parameters, and not each row has so many values")
    out = show(statement.execute_many(rows)) if rows else ""
    statement.close()
    return out


def _ping(session: Session, value: str, choices: Choices) -> str:
    session.ping()
    return ""


def _reset(session: Session, value: str, choices: Choices) -> str:
    session.reset()
    return ""


def _debug(session: Session, value: str, choices: Choices) -> str:
    session.debug()
    return ""


def _statistics(session: Session, value: str, choices: Choices) -> str:
    return plain(session.statistics()) + "\n"


def _process_info(session: Session, value: str, choices: Choices) -> str:
    return show([session.process_info()])


def _show_attributes(session: Session, value: str, choices: Choices) -> str:
    stored = session.stored_attributes()
    rows = [(name, shortened(sent), shortened(kept)) for name, sent, kept in stored.rows]
    return table(("attribute", "sent", "stored"), rows) + plain(stored.verdict) + "\n"


def _use(session: Session, value: str, choices: Choices) -> str:
    session.use(value)
    return ""


def _change_user(session: Session, value: str, choices: Choices) -> str:
    session.change_user(value, choices.password, session.options.database)
    return ""


def _field_list(session: Session, value: str, choices: Choices) -> str:
    name, _, wildcard = value.partition(":")
    return "".join(plain(column) + "\n" for column in session.field_list(name, wildcard))


def _kill(session: Session, value: str, choices: Choices) -> str:
    session.kill(int(value))
    return ""


def _refresh(session: Session, value: str, choices: Choices) -> str:
    session.refresh(refresh_flags(value))
    return ""


def _multi_statements(session: Session, value: str, choices: Choices) -> str:
    session.multi_statements(value == "on")
    return ""


def _binlog(session: Session, value: str, choices: Choices) -> str:
    name, _, position = value.partition(":")
    replication.register(session.statements, ComRegisterSlave(0xFFFF_FFF0))
    events = replication.dump(session.statements, name, position=int(position or 4), server_id=0xFFFF_FFF0)
    return "".join(plain(event.summary()) + "\n" for event in events)


def _command(session: Session, value: str, choices: Choices) -> str:
    raw = bytes.fromhex(value)
    name = com.COMMANDS.get(raw[0], f"command 0x{raw[0]:02x}")
    session.statements.simple(raw[0], name, ComOther(raw[0], raw[1:]))
    return ""


# Gives text, or its pieces as they come.
Deed = Callable[[Session, str, Choices], str | Iterable[str]]

# name of the option -> what it is given (None: nothing), what it does in words, and what does it; gives its output.
DEEDS: Final[dict[str, tuple[str | None, str, Deed]]] = {
    "execute": ("SQL", "run a statement", _execute),
    "prepare": ("SQL", "the same as a prepared statement, once for each --row behind it", _prepare),
    "bulk": ("SQL", "all --row behind it in one packet (MariaDB, +MARIADB_CLIENT_STMT_BULK_OPERATIONS)", _bulk),
    "ping": (None, "COM_PING", _ping),
    "reset": (None, "COM_RESET_CONNECTION", _reset),
    "show-attributes": (None, "attributes as sent and as the server stored them", _show_attributes),
    "use": ("NAME", "COM_INIT_DB", _use),
    "change-user": ("USER", "COM_CHANGE_USER, to the same database", _change_user),
    "statistics": (None, "COM_STATISTICS", _statistics),
    "process-info": (None, "COM_PROCESS_INFO (MariaDB)", _process_info),
    "field-list": ("TABLE[:PATTERN]", "COM_FIELD_LIST", _field_list),
    "multi-statements": ("on|off", "COM_SET_OPTION", _multi_statements),
    "debug": (None, "COM_DEBUG", _debug),
    "refresh": ("WHAT[,WHAT]", "COM_REFRESH (MariaDB): status, log, tables ...", _refresh),
    "kill": ("ID", "COM_PROCESS_KILL (MariaDB): end another connection", _kill),
    "binlog": ("FILE[:POSITION]", "COM_REGISTER_SLAVE and COM_BINLOG_DUMP, to the end of the file", _binlog),
    "command": ("HEX", "any command that is answered with OK or an error, byte for byte", _command),
}


def refresh_flags(text: str) -> int:
    """The bits of COM_REFRESH, by name without REFRESH_. Raises ValueError."""
    names = {name.removeprefix("REFRESH_").lower(): bit for bit, name in REFRESH_FLAGS.items()}
    unknown = [word for word in text.split(",") if word not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not of {', '.join(names)}")
    return sum(names[word] for word in set(text.split(",")))


def check(name: str, value: str) -> None:
    """Raises ValueError where a deed can not be done with this value."""
    if name == "refresh":
        refresh_flags(value)
    elif name == "kill" and not (value.isdecimal() and int(value) < 1 << 32):
        raise ValueError(f"{value!r} is no number of a connection")
    elif name == "multi-statements" and value not in ("on", "off"):
        raise ValueError(f"{value!r} is neither on nor off")
    elif name == "binlog":
        position = value.partition(":")[2]
        if position and not (position.isdecimal() and int(position) < 1 << 32):
            raise ValueError(f"{position!r} is no position")
    elif name == "command" and not bytes.fromhex(value):
        raise ValueError("a command has at least one byte")


def files_of(paths: Sequence[Path]) -> Files:
    """Files that LOCAL INFILE may send, each under the name in which it was given."""
    return {str(path): path for path in paths}
