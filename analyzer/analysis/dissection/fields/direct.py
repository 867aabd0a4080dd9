"""Display fields whose value a record holds as it stands: those most asked for, without decoding the packet again.

Each entry gives what `extract.nodes_of` would give for that record, before secrets are masked; a test holds the two
together. None: the field is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from analyzer.analysis.dissection.fields.base import Value
from analyzer.protocol.records.commands.text import (
    ComChangeUser,
    ComInitDb,
    ComQuery,
    ComStmtPrepare,
)
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320

Direct = Callable[[Any], Value | None]

DIRECT: Final[dict[str, dict[type, Direct]]] = {
    "mysql.user": {
        HandshakeResponse41: attrgetter("username"),
        HandshakeResponse320: attrgetter("username"),
        ComChangeUser: attrgetter("user"),
    },
    "mysql.schema": {
        HandshakeResponse41: attrgetter("database"),
        ComChangeUser: attrgetter("database"),
        ComInitDb: attrgetter("schema_name"),
    },
    "mysql.query": {ComQuery: attrgetter("query"), ComStmtPrepare: attrgetter("query")},
    "mysql.error_code": {ErrPacket: attrgetter("error_code")},
    "mysql.error.message": {ErrPacket: attrgetter("error_message")},
    "mysql.sqlstate": {ErrPacket: attrgetter("sql_state")},
    "mysql.version": {HandshakeV10: attrgetter("server_version")},
    "mysql.thread_id": {HandshakeV10: attrgetter("thread_id")},
    "mysql.affected_rows": {OKPacket: attrgetter("affected_rows")},
}
# Statements may hold passwords: they are masked before they are shown.
STATEMENTS: Final = frozenset({"mysql.query"})
