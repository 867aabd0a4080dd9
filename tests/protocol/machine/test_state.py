"""Conversations as scripts: every row of the transition table is taken, and each in the way real servers take it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import SERVER
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.commands.clone import CloneCommand, CloneError, CloneResponse
from analyzer.protocol.records.commands.table import COMMAND_RECORDS
from analyzer.protocol.records.commands.text import ComChangeUser, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import EOFPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9
from analyzer.protocol.records.login import HandshakeResponse320, SSLRequest320
from analyzer.protocol.records.response import ColumnCount, LocalInfileRequest, StmtPrepareOK
from analyzer.protocol.records.session_track import Schema
from analyzer.protocol.tables import capabilities as cap
from analyzer.protocol.tables import commands as com
from tests.protocol.machine.conversations import (
    BASE,
    COLUMN,
    END,
    EOF,
    ERR,
    NATIVE,
    NEW,
    OK,
    OK_MORE,
    ROW,
    SCRAMBLE,
    after_login,
    hello,
    login,
    ssl_request,
)
from tests.protocol.machine.playbook import Playbook, packet

END_MORE = OKPacket(0xFE, 0, 0, 2 | cap.SERVER_MORE_RESULTS_EXISTS, 0, None, True, None)
EOF_MORE = EOFPacket(0, 2 | cap.SERVER_MORE_RESULTS_EXISTS)
EOF_CURSOR = EOFPacket(0, 2 | cap.SERVER_STATUS_CURSOR_EXISTS)
PROGRESS = ProgressReport(1, 1, 2, 100, "copy")


# -- scripts ----------------------------------------------------------------------------------------------------------

SCRIPTS: list[Callable[[], object]] = []


def script(play: Callable[[], object]) -> Callable[[], object]:
    SCRIPTS.append(play)
    return play


@script
def login_with_native_password() -> None:
    book = Playbook().server(hello(), "HandshakeV10", st.LOGIN)
    book.client(login(), "HandshakeResponse41", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND)
    assert book.play().login_done


@script
def login_and_goodbye_before_the_greeting() -> None:
    """HAProxy's `option mysql-check user`: one segment with both, sent before the greeting is read."""
    for said in (login(), b"\x00\x80\x00\x00\x01haproxy\x00"):
        name = "HandshakeResponse320" if isinstance(said, bytes) else "HandshakeResponse41"
        book = Playbook().client(said, name, st.AUTHENTICATION, sequence=1)
        book.client(b"\x01", "ComQuit", st.AUTHENTICATION, sequence=0)
        machine = book.server(hello(), "HandshakeV10", st.AUTHENTICATION, sequence=0).play()
        assert machine.sequence_error is None
        assert not machine.context.assumed
        assert machine.context.nonce == b"12345678901234567890"
        assert machine.exchange is not None
        assert machine.exchange.nonce[:8] == b"12345678"
        assert book.server(OK, "OKPacket", st.COMMAND, sequence=2).play().connection.at.quitting


@script
def eof_packets_that_were_to_be_left_out() -> None:
    """A proxy answers from its cache: what the server told a client without CLIENT_DEPRECATE_EOF."""
    book = after_login(NEW).client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.ROWS)
    book.server(EOF, "EOFPacket", st.ROWS).server(b"\x011", "Data:row", st.ROWS)
    machine = book.server(EOF, "EOFPacket", st.COMMAND).play()
    assert machine.connection.result.departure == ("eof_for_row", 1)
    # The next result of the connection may be as it was agreed on.
    book.client(ComQuery("select 2"), "ComQuery", st.RESULT).server(ColumnCount(1), "ColumnCount", st.COLUMNS)
    book.server(COLUMN, "Data:column", st.ROWS).server(b"\x011", "Data:row", st.ROWS)
    book.server(END, "OKPacket", st.COMMAND).play()


@script
def eof_packets_that_are_due_and_left_out() -> None:
    book = after_login().client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.COLUMNS_EOF)
    book.server(b"\x011", "Data:row", st.ROWS)
    # With what the session tracks it is longer than an EOF may be.
    machine = book.server(b"\xfe\x00\x00\x02\x00\x00\x00" + bytes(9), "OKPacket", st.COMMAND).play()
    assert machine.connection.result.departure == ("row_for_eof", 1)


@script
def login_refused() -> None:
    book = (
        Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(login(), "HandshakeResponse41", st.AUTHENTICATION)
    )
    book.server(ERR, "ErrPacket", st.CLOSED).play()


@script
def error_in_place_of_the_greeting() -> None:
    book = Playbook().server(b"\xff\x10\x04Too many connections", "ErrPacket", st.CLOSED)
    book.client(b"\x01", "Data:skipped", st.CLOSED).play()
    book.server(b"\xff\x10\x04Too many connections", "ErrPacket", st.CLOSED).play()


@script
def an_error_that_the_client_ignores() -> None:
    """Somebody in between has put it there."""
    book = Playbook().server(hello(BASE | cap.CLIENT_SSL), "HandshakeV10", st.LOGIN).server(ERR, "ErrPacket", st.CLOSED)
    book.client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE, sequence=2).play()


@script
def an_error_between_commands() -> None:
    """As a server says that it goes down."""
    after_login().server(ERR, "ErrPacket", st.COMMAND, sequence=0).play()


@script
def error_while_the_login_is_awaited() -> None:
    Playbook().server(hello(), "HandshakeV10", st.LOGIN).server(ERR, "ErrPacket", st.CLOSED).play()


@script
def login_inside_tls() -> None:
    book = Playbook().server(hello(BASE | cap.CLIENT_SSL), "HandshakeV10", st.LOGIN)
    book.client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE).play().secured()
    assert (book.machine.state, book.machine.context.secure) == (st.SECURE_LOGIN, True)
    book.client(login(BASE | cap.CLIENT_SSL), "HandshakeResponse41", st.AUTHENTICATION)
    book.server(OK, "OKPacket", st.COMMAND).play()


@script
def error_inside_tls() -> None:
    book = Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE)
    book.play().secured()
    book.server(ERR, "ErrPacket", st.CLOSED).play()


@script
def tls_fails() -> None:
    book = Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE)
    book.server(ERR, "ErrPacket", st.CLOSED).play()


@script
def login_in_plain_text_after_all() -> None:
    book = Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE)
    book.client(login(), "HandshakeResponse41", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND).play()


@script
def client_alone_was_captured() -> None:
    book = Playbook().client(ssl_request(), "SSLRequest", st.TLS_HANDSHAKE, sequence=1)
    assert book.play().context.assumed
    book = Playbook().client(login(), "HandshakeResponse41", st.AUTHENTICATION, sequence=1)
    assert book.play().context.assumed


@script
def protocol_of_old() -> None:
    old = HandshakeResponse320(0x2085, 0xFFFFFF, "old", b"GDSCQYR_", None)
    book = Playbook().server(HandshakeV9("3.21.1", 1, b"abcdefgh"), "HandshakeV9", st.LOGIN)
    book.client(old, "HandshakeResponse320", st.AUTHENTICATION).server(b"\x00\x00\x00", "OKPacket", st.COMMAND)
    book.client(b"\x03select 1", "ComQuery", st.RESULT).server(b"\x01", "ColumnCount", st.COLUMNS)
    book.server(b"\x00\x011\x03\x01\x00\x00\x01\x08\x02\x01\x00", "Data:column", st.COLUMNS_EOF)
    book.server(b"\xfe", "EOFPacket", st.ROWS).server(ROW, "Data:row", st.ROWS).server(b"\xfe", "EOFPacket", st.COMMAND)
    book.play()
    book = Playbook().server(hello(), "HandshakeV10", st.LOGIN)
    book.client(SSLRequest320(0x0885, 0xFFFFFF), "SSLRequest320", st.TLS_HANDSHAKE).play()


@script
def switched_to_another_plugin() -> None:
    book = (
        Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(login(), "HandshakeResponse41", st.AUTHENTICATION)
    )
    switch = AuthSwitchRequest("caching_sha2_password", b"x" * 20 + b"\x00")
    book.server(switch, "AuthSwitchRequest", st.AUTHENTICATION)
    book.client(AuthResponse(bytes(32)), "AuthResponse", st.AUTHENTICATION)
    book.server(AuthMoreData(b"\x03"), "AuthMoreData", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND)
    assert book.play().plugin_name == "caching_sha2_password"


@script
def switched_in_the_old_form() -> None:
    book = (
        Playbook().server(hello(), "HandshakeV10", st.LOGIN).client(login(), "HandshakeResponse41", st.AUTHENTICATION)
    )
    book.server(OldAuthSwitchRequest(), "OldAuthSwitchRequest", st.AUTHENTICATION)
    book.client(b"ABCDEFGH\x00", "AuthResponse", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND)
    assert book.play().plugin_name == "mysql_old_password"


@script
def two_factors() -> None:
    flags = BASE | cap.MULTI_FACTOR_AUTHENTICATION
    book = Playbook().server(hello(flags), "HandshakeV10", st.LOGIN)
    book.client(login(flags), "HandshakeResponse41", st.AUTHENTICATION)
    book.server(AuthNextFactor("mysql_clear_password", b""), "AuthNextFactor", st.AUTHENTICATION)
    book.client(b"secret\x00", "AuthResponse", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND)
    assert book.play().plugin_name == "mysql_clear_password"


@script
def simple_commands() -> None:
    book = after_login()
    for code in (com.COM_PING, com.COM_INIT_DB, com.COM_RESET_CONNECTION, com.COM_STMT_RESET, com.COM_SET_OPTION):
        name = COMMAND_RECORDS[code].__name__
        book.client(bytes([code]) + b"abcd", name, st.RESPONSE).server(OK, "OKPacket", st.COMMAND)
    book.client(b"\x77", "ComOther", st.RESPONSE).server(ERR, "ErrPacket", st.COMMAND)
    book.client(b"\x1b\x00\x00", "ComSetOption", st.RESPONSE).server(EOF, "EOFPacket", st.COMMAND)
    book.client(b"\x1b\x00\x00", "ComSetOption", st.RESPONSE).server(END, "OKPacket", st.COMMAND)
    book.client(b"\x0f", "ComTime", st.RESPONSE).server(ERR, "ErrPacket", st.COMMAND)
    book.client(b"\x0d", "ComDebug", st.RESPONSE).server(OK_MORE, "OKPacket", st.RESULT)
    book.server(OK, "OKPacket", st.COMMAND).play()


@script
def commands_without_an_answer() -> None:
    book = after_login()
    for code in st.UNANSWERED:
        book.client(bytes([code]) + bytes(6), COMMAND_RECORDS[code].__name__, st.COMMAND)
    book.client(b"\x0e", "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND).play()


@script
def results_with_eof_packets() -> None:
    book = (
        after_login()
        .client(ComQuery("select 1"), "ComQuery", st.RESULT)
        .server(ColumnCount(2), "ColumnCount", st.COLUMNS)
    )
    book.server(COLUMN, "Data:column", st.COLUMNS).server(COLUMN, "Data:column", st.COLUMNS_EOF)
    book.server(EOF, "EOFPacket", st.ROWS).server(ROW, "Data:row", st.ROWS).server(b"\xfb", "Data:row", st.ROWS)
    book.server(EOF, "EOFPacket", st.COMMAND)
    book.client(b"\x0a", "ComProcessInfo", st.RESULT).server(ColumnCount(1), "ColumnCount", st.COLUMNS)
    book.server(COLUMN, "Data:column", st.COLUMNS_EOF).server(EOF, "EOFPacket", st.ROWS)
    book.server(ERR, "ErrPacket", st.COMMAND).play()


@script
def results_without_eof_packets() -> None:
    book = after_login(NEW).client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.ROWS)
    book.server(ROW, "Data:row", st.ROWS).server(END, "OKPacket", st.COMMAND).play()


@script
def a_row_that_begins_like_an_end() -> None:
    """A first value of 16 MiB and over: its length begins with 0xFE."""
    for in_force, end in ((BASE, EOF), (NEW, END)):
        book = after_login(in_force).client(ComQuery("select x"), "ComQuery", st.RESULT)
        book.server(ColumnCount(1), "ColumnCount", st.COLUMNS)
        if in_force == BASE:
            book.server(COLUMN, "Data:column", st.COLUMNS_EOF).server(EOF, "EOFPacket", st.ROWS)
        else:
            book.server(COLUMN, "Data:column", st.ROWS)
        machine = book.play()
        begin = b"\xfe\x00\x00\x00\x01\x00\x00\x00\x00abc"
        long = machine.feed(SERVER, packet(begin, machine.next_sequence, length=0x100_0009))
        assert (getattr(long, "kind", None), machine.state) == ("row", st.ROWS)
        book.server(end, type(end).__name__, st.COMMAND).play()


@script
def several_statements() -> None:
    book = after_login().client(ComQuery("do 1; select 1; load data local ...; do 2"), "ComQuery", st.RESULT)
    book.server(OK_MORE, "OKPacket", st.RESULT).server(ColumnCount(1), "ColumnCount", st.COLUMNS)
    book.server(COLUMN, "Data:column", st.COLUMNS_EOF).server(EOF, "EOFPacket", st.ROWS)
    book.server(EOF_MORE, "EOFPacket", st.RESULT)
    book.server(LocalInfileRequest("/tmp/x"), "LocalInfileRequest", st.LOCAL_INFILE)
    book.client(b"1\n2\n", "Data:file", st.LOCAL_INFILE).client(b"", "Data:file", st.RESULT)
    book.server(OK_MORE, "OKPacket", st.RESULT).server(ERR, "ErrPacket", st.COMMAND).play()


@script
def a_procedure_with_out_parameters() -> None:
    """Its results, the OUT parameters as one more, and the OK of the CALL itself."""
    flags = 2 | cap.SERVER_MORE_RESULTS_EXISTS | 0x1000
    book = after_login(NEW).client(b"\x17" + bytes(9), "ComStmtExecute", st.RESULT)
    for end in (END_MORE, OKPacket(0xFE, 0, 0, flags, 0, None, True, None)):
        book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.ROWS)
        book.server(b"\x00\x00\x01", "Data:row", st.ROWS).server(end, "OKPacket", st.RESULT)
    book.server(OK, "OKPacket", st.COMMAND).play()


@script
def a_server_that_does_not_want_the_file() -> None:
    for answer, state in ((OK, st.COMMAND), (OK_MORE, st.RESULT), (ERR, st.COMMAND)):
        book = after_login().client(ComQuery("load data local infile 'x' into table t"), "ComQuery", st.RESULT)
        book.server(LocalInfileRequest("x"), "LocalInfileRequest", st.LOCAL_INFILE)
        book.server(answer, type(answer).__name__, state).play()


@script
def progress_reports() -> None:
    book = after_login(NEW | cap.MARIADB_CLIENT_PROGRESS).client(ComQuery("alter table t force"), "ComQuery", st.RESULT)
    book.server(PROGRESS, "ProgressReport", st.RESULT).server(PROGRESS, "ProgressReport", st.RESULT)
    book.server(OK, "OKPacket", st.COMMAND).play()


@script
def cursors() -> None:
    """The end of the definitions says that there is a cursor; its rows are fetched by other commands."""
    for in_force, ends in ((BASE, EOF_CURSOR), (NEW, OKPacket(0xFE, 0, 0, 0x42, 0, None, True, None))):
        name = type(ends).__name__
        book = after_login(in_force).client(b"\x17" + bytes(9), "ComStmtExecute", st.RESULT)
        book.server(ColumnCount(1), "ColumnCount", st.COLUMNS)
        book.server(COLUMN, "Data:column", st.COLUMNS_EOF if in_force == BASE else st.ROWS)
        book.server(ends, name, st.COMMAND)
        book.client(b"\x1c\x01\x00\x00\x00\x0a\x00\x00\x00", "ComStmtFetch", st.ROWS)
        book.server(b"\x00\x00\x01", "Data:row", st.ROWS).server(ends, name, st.COMMAND).play()


@script
def errors_between_the_definitions() -> None:
    book = (
        after_login()
        .client(ComQuery("select 1"), "ComQuery", st.RESULT)
        .server(ColumnCount(2), "ColumnCount", st.COLUMNS)
    )
    book.server(ERR, "ErrPacket", st.COMMAND)
    book.client(ComQuery("select 1"), "ComQuery", st.RESULT).server(ColumnCount(1), "ColumnCount", st.COLUMNS)
    book.server(COLUMN, "Data:column", st.COLUMNS_EOF).server(ERR, "ErrPacket", st.COMMAND).play()


@script
def results_without_definitions() -> None:
    """resultset_metadata=none of MySQL and the cached metadata of MariaDB, with and without EOF packets."""
    for flag in (cap.CLIENT_OPTIONAL_RESULTSET_METADATA, cap.MARIADB_CLIENT_CACHE_METADATA):
        book = after_login(BASE | flag).client(ComQuery("select 1"), "ComQuery", st.RESULT)
        book.server(ColumnCount(1, 0), "ColumnCount", st.COLUMNS_EOF).server(EOF, "EOFPacket", st.ROWS)
        book.server(ROW, "Data:row", st.ROWS).server(EOF, "EOFPacket", st.COMMAND).play()
        book = after_login(NEW | flag).client(ComQuery("select 1"), "ComQuery", st.RESULT)
        book.server(ColumnCount(1, 0), "ColumnCount", st.ROWS).server(ROW, "Data:row", st.ROWS)
        book.server(END, "OKPacket", st.COMMAND)
        book.client(ComQuery("select 1"), "ComQuery", st.RESULT).server(ColumnCount(1, 1), "ColumnCount", st.COLUMNS)
        book.server(COLUMN, "Data:column", st.ROWS).server(END, "OKPacket", st.COMMAND).play()


@script
def mid_stream_without_eof_packets() -> None:
    """The login was not captured. What follows the definitions shows whether EOF packets are sent."""
    for end, name, state in ((END, "OKPacket", st.COMMAND), (END_MORE, "OKPacket", st.RESULT)):
        book = after_login(cap.CLIENT_PROTOCOL_41, assumed=True).client(ComQuery("select 1"), "ComQuery", st.RESULT)
        book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.COLUMNS_EOF)
        assert book.server(end, name, state).play().context.in_force & cap.CLIENT_DEPRECATE_EOF
    book = after_login(cap.CLIENT_PROTOCOL_41, assumed=True).client(ComQuery("select 1"), "ComQuery", st.RESULT)
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.COLUMNS_EOF)
    book.server(ROW, "Data:row", st.ROWS).server(ROW, "Data:row", st.ROWS).server(END, "OKPacket", st.COMMAND).play()


@script
def prepared_with_eof_packets() -> None:
    book = after_login()
    for params, columns in ((1, 1), (2, 0), (0, 2), (0, 0)):
        book.client(ComStmtPrepare("select ?"), "ComStmtPrepare", st.PREPARE)
        after = st.PREPARE_PARAMS if params else st.PREPARE_COLUMNS if columns else st.COMMAND
        book.server(StmtPrepareOK(1, columns, params, 0, 0), "StmtPrepareOK", after)
        for left in range(params, 0, -1):
            book.server(COLUMN, "Data:parameter", st.PREPARE_PARAMS if left > 1 else st.PREPARE_PARAMS_EOF)
        if params:
            book.server(EOF, "EOFPacket", st.PREPARE_COLUMNS if columns else st.COMMAND)
        for left in range(columns, 0, -1):
            book.server(COLUMN, "Data:column", st.PREPARE_COLUMNS if left > 1 else st.PREPARE_COLUMNS_EOF)
        if columns:
            book.server(EOF, "EOFPacket", st.COMMAND)
    book.client(ComStmtPrepare("select"), "ComStmtPrepare", st.PREPARE).server(ERR, "ErrPacket", st.COMMAND).play()


@script
def prepared_without_eof_packets() -> None:
    book = after_login(NEW)
    for columns in (1, 0):
        book.client(ComStmtPrepare("select ?"), "ComStmtPrepare", st.PREPARE)
        book.server(StmtPrepareOK(1, columns, 1, 0, 0), "StmtPrepareOK", st.PREPARE_PARAMS)
        book.server(COLUMN, "Data:parameter", st.PREPARE_COLUMNS if columns else st.COMMAND)
        if columns:
            book.server(COLUMN, "Data:column", st.COMMAND)
    book.play()


@script
def prepared_without_definitions() -> None:
    """As MySQL 9.7 answers under resultset_metadata=none: no definitions, but the EOF packets behind them."""
    book = after_login(BASE | cap.CLIENT_OPTIONAL_RESULTSET_METADATA)
    book.client(ComStmtPrepare("select ?, 1"), "ComStmtPrepare", st.PREPARE)
    book.server(StmtPrepareOK(1, 2, 1, 0, 0, 0), "StmtPrepareOK", st.PREPARE_PARAMS_EOF)
    book.server(EOF, "EOFPacket", st.PREPARE_COLUMNS_EOF).server(EOF, "EOFPacket", st.COMMAND)
    book.client(ComStmtPrepare("do ?"), "ComStmtPrepare", st.PREPARE)
    book.server(StmtPrepareOK(1, 0, 1, 0, 0, 0), "StmtPrepareOK", st.PREPARE_PARAMS_EOF)
    book.server(EOF, "EOFPacket", st.COMMAND)
    book.client(ComStmtPrepare("select 7"), "ComStmtPrepare", st.PREPARE)
    book.server(StmtPrepareOK(1, 1, 0, 0, 0, 0), "StmtPrepareOK", st.PREPARE_COLUMNS_EOF)
    book.server(EOF, "EOFPacket", st.COMMAND).play()
    book = after_login(NEW | cap.CLIENT_OPTIONAL_RESULTSET_METADATA)
    book.client(ComStmtPrepare("select ?, 1"), "ComStmtPrepare", st.PREPARE)
    book.server(StmtPrepareOK(1, 2, 1, 0, 0, 0), "StmtPrepareOK", st.COMMAND).play()


@script
def prepared_and_given_up() -> None:
    """An error ends the answer to a prepare at any place."""
    steps = (
        (1, 0, [("Data:parameter", st.PREPARE_PARAMS_EOF)]),
        (2, 1, [("Data:parameter", st.PREPARE_PARAMS)]),
        (0, 2, [("Data:column", st.PREPARE_COLUMNS)]),
        (0, 1, [("Data:column", st.PREPARE_COLUMNS_EOF)]),
    )
    for params, columns, definitions in steps:
        book = after_login().client(ComStmtPrepare("select ?"), "ComStmtPrepare", st.PREPARE)
        begin = st.PREPARE_PARAMS if params else st.PREPARE_COLUMNS
        book.server(StmtPrepareOK(1, columns, params, 0, 0), "StmtPrepareOK", begin)
        for name, state in definitions:
            book.server(COLUMN, name, state)
        book.server(ERR, "ErrPacket", st.COMMAND).play()


@script
def prepared_mid_stream() -> None:
    """Whether EOF packets are sent is not known: the client's next command, or a definition, decides it."""
    for params, columns in ((1, 0), (0, 1), (1, 1)):
        book = after_login(cap.CLIENT_PROTOCOL_41, assumed=True)
        book.client(ComStmtPrepare("select ?"), "ComStmtPrepare", st.PREPARE)
        book.server(
            StmtPrepareOK(1, columns, params, 0, 0),
            "StmtPrepareOK",
            st.PREPARE_PARAMS if params else st.PREPARE_COLUMNS,
        )
        if params:
            book.server(COLUMN, "Data:parameter", st.PREPARE_PARAMS_EOF)
        if columns:
            # A definition where the parameters' EOF would be has shown that there are none.
            book.server(COLUMN, "Data:column", st.COMMAND if params else st.PREPARE_COLUMNS_EOF)
        book.client(b"\x17" + bytes(9), "ComStmtExecute", st.RESULT, sequence=0).server(OK, "OKPacket", st.COMMAND)
        assert book.play().context.in_force & cap.CLIENT_DEPRECATE_EOF


@script
def field_list() -> None:
    tracked = OKPacket(0xFE, 0, 0, 0x4002, 0, "", True, (Schema("test"),))
    for end, name in ((EOF, "EOFPacket"), (END, "OKPacket"), (tracked, "OKPacket"), (ERR, "ErrPacket")):
        book = after_login(NEW | cap.CLIENT_SESSION_TRACK).client(b"\x04t\x00%", "ComFieldList", st.FIELD_LIST)
        book.server(COLUMN, "Data:column", st.FIELD_LIST).server(end, name, st.COMMAND).play()


def test_nothing_follows_a_field_list_whatever_its_end_says() -> None:
    book = after_login(NEW).client(b"\x04t\x00%", "ComFieldList", st.FIELD_LIST)
    book.server(b"\xfe\x00\x00\x08\x00", "EOFPacket", st.COMMAND).play()


@script
def statistics() -> None:
    book = (
        after_login()
        .client(b"\x09", "ComStatistics", st.STATISTICS)
        .server(b"Uptime: 5", "Data:statistics", st.COMMAND)
    )
    book.client(b"\x09", "ComStatistics", st.STATISTICS).server(ERR, "ErrPacket", st.COMMAND).play()


@script
def binlog_dump() -> None:
    """Events, semi-synchronous acknowledgements in between, and COM_QUIT, which is none."""
    book = after_login().client(b"\x12" + bytes(10), "ComBinlogDump", st.STREAM)
    book.server(b"\x00\xef\x01" + bytes(30), "Data:event", st.STREAM)
    book.client(b"\xef" + bytes(8) + b"binlog.1", "SemiSyncAck", st.STREAM)
    book.client(b"\x05", "Data:acknowledgement", st.STREAM)
    book.server(b"\x00" + bytes(30), "Data:event", st.STREAM, sequence=2)
    # MariaDB counts from 1 after an event that asks, whether or not it has the acknowledgement; after no other.
    book.server(b"\x00\xef\x01" + bytes(30), "Data:event", st.STREAM, sequence=3)
    assert book.server(b"\x00" + bytes(30), "Data:event", st.STREAM, sequence=1).play().sequence_error is None
    assert book.server(b"\x00" + bytes(30), "Data:event", st.STREAM, sequence=1).play().sequence_error is not None
    book.client(b"\x01", "ComQuit", st.STREAM).play()
    book = (
        after_login().client(b"\x1e" + bytes(18), "ComBinlogDumpGtid", st.STREAM).server(ERR, "ErrPacket", st.COMMAND)
    )
    book.client(b"\x12" + bytes(10), "ComBinlogDump", st.STREAM).server(EOF, "EOFPacket", st.COMMAND).play()


@script
def handed_over() -> None:
    """COM_SUBSCRIBE_GROUP_REPLICATION_STREAM has an answer as others; who decodes knows what its OK means."""
    name = "ComSubscribeGroupReplicationStream"
    after_login().client(b"\x21", name, st.HANDOVER).server(ERR, "ErrPacket", st.COMMAND).play()
    for answer in (OK, OK_MORE):
        after_login().client(b"\x21", name, st.HANDOVER).server(answer, "OKPacket", st.COMMAND).play()


@script
def cloned() -> None:
    """COM_CLONE's OK, then what the recipient asks for and the donor's packets, all with the id 0, to EXIT's answer."""
    book = after_login().client(b"\x20", "ComClone", st.CLONE).server(OK, "OKPacket", st.CLONE)
    book.client(CloneCommand(1, b"\x03\x01\0\0"), "CloneCommand", st.CLONE)
    for said in (CloneResponse(7, b"\x01\0\0\0x"), CloneResponse(1, b"\x03\x01\0\0"), CloneResponse(99)):
        assert book.server(said, "CloneResponse", st.CLONE, sequence=0).play().sequence_error is None
    book.client(CloneCommand(4), "CloneCommand", st.CLONE)
    book.server(CloneError(3862, "no"), "CloneError", st.CLONE, sequence=0)
    book.client(CloneCommand(6), "CloneCommand", st.CLONE)
    machine = book.server(CloneResponse(99), "CloneResponse", st.COMMAND, sequence=0).play()
    assert (machine.sequence_error, machine.finished is not None) == (None, True)
    # Who is refused is in the command phase again, and who leaves has left.
    book.client(b"\x20", "ComClone", st.CLONE).server(ERR, "ErrPacket", st.COMMAND)
    book.client(b"\x20", "ComClone", st.CLONE).server(OK, "OKPacket", st.CLONE)
    assert book.client(b"\x01", "ComQuit", st.CLONE).play().quitting


@script
def another_user() -> None:
    """COM_CHANGE_USER begins the authentication again; an error ends it, and the connection goes on."""
    change = ComChangeUser("app2", SCRAMBLE, True, "db", 45, NATIVE)
    book = after_login().client(change, "ComChangeUser", st.AUTHENTICATION)
    book.server(AuthSwitchRequest(NATIVE, b"x" * 20 + b"\x00"), "AuthSwitchRequest", st.AUTHENTICATION)
    book.client(SCRAMBLE, "AuthResponse", st.AUTHENTICATION).server(OK, "OKPacket", st.COMMAND)
    book.client(change, "ComChangeUser", st.AUTHENTICATION).server(ERR, "ErrPacket", st.COMMAND)
    book.client(b"\x0e", "ComPing", st.RESPONSE).server(OK, "OKPacket", st.COMMAND).play()


@script
def bulk_and_multi() -> None:
    """MariaDB: a result for each row of a bulk (BULK_UNIT_RESULTS), and several commands in one packet."""
    book = after_login(NEW | cap.MARIADB_CLIENT_BULK_UNIT_RESULTS).client(
        b"\xfa" + bytes(6), "ComStmtBulkExecute", st.RESULT
    )
    book.server(ColumnCount(1), "ColumnCount", st.COLUMNS).server(COLUMN, "Data:column", st.ROWS)
    book.server(ROW, "Data:row", st.ROWS).server(END, "OKPacket", st.COMMAND)
    book.client(b"\xfe\x02\x00\x00\x00\x0e", "ComMulti", st.RESULT).server(OK_MORE, "OKPacket", st.RESULT)
    book.server(OK, "OKPacket", st.COMMAND).play()


@pytest.mark.parametrize("play", SCRIPTS, ids=lambda play: play.__name__)
def test_script(play: Callable[[], object]) -> None:
    play()


class _Noting(dict[Any, Any]):
    """The transition table, and which of its rows were asked for."""

    def __init__(self, table: dict[Any, Any]) -> None:
        super().__init__(table)
        self.taken: set[tuple[str, str]] = set()

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        self.taken.add(key)
        return super().get(key, default)


def test_every_transition_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _Noting(st.TRANSITIONS)
    monkeypatch.setattr(st, "TRANSITIONS", table)
    for play in SCRIPTS:
        play()
    assert set(table) - table.taken == set()
