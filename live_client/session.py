"""One connection from its first byte to its last: what the library's users hold in their hands."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from analyzer.errors import AnalyzerError, ProtocolError, ServerError
from analyzer.protocol.machine import state as st
from analyzer.protocol.records.commands.admin import ComProcessKill, ComRefresh, ComSetOption, ComShutdown
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.values import Bindable
from live_client.attributes import LIMIT_SQL, STORED_SQL, StoredAttributes, compare_attributes, make_attributes
from live_client.command_phase import CommandPhase, Files
from live_client.connection_phase import ConnectionPhase
from live_client.errors import ClosedByServer, ConnectionFailed, TimedOut, TlsFailed
from live_client.fault_injection import FaultInjector
from live_client.faults import COMMAND, COMMAND_SENT
from live_client.listener import Listener
from live_client.options import DISABLED, PREFERRED, REQUIRED, VERIFY_IDENTITY, Options
from live_client.packet_channel import Channel
from live_client.prepared import Bound, Prepared, execute_at_once, run_prepared
from live_client.recording import Recorder, TapedTransport
from live_client.results import Result
from live_client.tls import SavedTls, TemporaryKeyLog, TlsTransport, log_to, make_context
from live_client.transport import Transport, open_socket
from live_client.truth import ABORTED, SessionNotes
from live_client.wrapped_transport import Bounded, Parting

# How long the server's own goodbye is waited for, once everything is said; a server may go on sending (binary log).
GOODBYE: Final = 3.0


class Session:
    """A MySQL connection. Use `connect`, which opens it, or this with `open` to keep hold of one that fails.

    transport   anything with the methods of `live_client.transport.Transport`; a TCP socket where None
    listener    hears each step in plain words, and each packet
    record      a binary file that gets the conversation as pcapng, TLS keys inside
    keylog      a file that the TLS keys are added to
    resume      another connection's `saved_tls`, to be taken up; its TLS options then count, not those of `options`
    """

    def __init__(
        self,
        options: Options,
        *,
        transport: Transport | None = None,
        listener: Listener | None = None,
        record: BinaryIO | None = None,
        keylog: Path | None = None,
        resume: SavedTls | None = None,
    ) -> None:
        self.listener = listener or Listener()
        self.known = SessionNotes(fault=options.fault)
        self._strike = FaultInjector(options.fault, self.listener, self.known)
        self.options = self._for_fault(options)
        self._transport = transport
        self._recorder = Recorder(record) if record is not None else None
        self._keylog_file = keylog
        self._resume = resume
        self._tls: TlsTransport | None = None
        self._channel: Channel | None = None
        self._statements: CommandPhase | None = None
        self._login_done = False

    def _for_fault(self, options: Options) -> Options:
        fault = self._strike.fault
        if fault is not None and fault.without_tls:
            return replace(options, ssl_mode=DISABLED)
        if fault is not None and fault.with_tls and options.ssl_mode in (DISABLED, PREFERRED):
            return replace(options, ssl_mode=REQUIRED)
        return options

    # -- the connection's life --------------------------------------------------------------------------------------

    def open(self) -> Self:
        """Connects and logs in. Raises ServerError, ProtocolError, ConnectionFailed; `truth` may be asked after any."""
        begun, clock = time.time_ns(), time.monotonic()
        transport = self._transport or open_socket(self.options, self.listener.step)
        if not transport.private:
            self.known.local, self.known.peer = transport.local, transport.peer
            self.listener.step(f"connected: {_show(transport.local)} to {_show(transport.peer)}")
        if self._recorder is not None:
            self._recorder.connected(transport.local, transport.peer, begun)
            transport = TapedTransport(transport, self._recorder)
        options = self.options
        if options.deadline is not None:
            transport = Bounded(transport, options.timeout, options.deadline, clock + options.deadline, time.monotonic)
        channel = self._channel = Channel(transport, self.listener, self.known.note, options.timeout)
        login = ConnectionPhase(channel, self.options, self.listener, self.known, self._strike)
        try:
            login.run(self._start_tls)
        except AnalyzerError as error:
            self.close()
            # A verdict may come after the client has left, and is one all the same.
            self.known.outcome = self.known.outcome or ABORTED
            said = self.known.error
            if said is not None and isinstance(error, ClosedByServer | TimedOut):
                # Why the connection went away, in the server's own words.
                raise said from error
            raise
        self._statements = CommandPhase(channel, self.options, self.listener, self.known, self._strike)
        return self

    def _start_tls(self) -> None:
        channel = self._channel
        assert channel is not None
        keylog = TemporaryKeyLog() if self._recorder is not None or self._keylog_file is not None else None
        options, resume = self.options, self._resume
        try:
            context = make_context(options) if resume is None else resume.context
            log_to(context, keylog)
            hostname = options.host if options.ssl_mode == VERIFY_IDENTITY else None
            tls = TlsTransport(channel.transport, context, hostname, None if resume is None else resume.session)
            if self._recorder is not None:
                self._recorder.hold()
            try:
                tls.handshake()
            except ClosedByServer as error:
                raise TlsFailed(f"no TLS with this server: {error}") from error
            except TlsFailed:
                channel.put_back(tls.rest())
                raise
        finally:
            if keylog is not None:
                self._keep(keylog.lines())
                keylog.remove()
        known = self.known.tls
        known.version, known.cipher, known.cipher_number = tls.version, tls.cipher, tls.cipher_number()
        known.resumed, known.verified = tls.resumed, tls.verified
        self.listener.step(f"TLS is on: {tls.version}, {tls.cipher}{', session resumed' if tls.resumed else ''}")
        self.listener.step(_trust(tls, options))
        if resume is not None and not tls.resumed:
            self.listener.step("the server did not take up the TLS session: a full handshake")
        self._tls = tls
        channel.secured(tls)

    def _keep(self, lines: bytes) -> None:
        """The secrets of the session go where the user wants them."""
        if self._recorder is not None:
            self._recorder.secrets(lines)
        if self._keylog_file is not None and lines:
            # They open the whole session: readable by this user only, where the file is new.
            with open(self._keylog_file, "ab", opener=_private) as file:
                file.write(lines)

    def quit(self) -> None:
        """Says goodbye (COM_QUIT) and closes."""
        statements, channel = self._statements, self._channel
        if statements is not None and channel is not None and channel.machine.state == st.COMMAND:
            # A server that is gone needs no goodbye.
            with contextlib.suppress(ConnectionFailed):
                statements.quit()
        self.close()

    def drop(self) -> None:
        """Closes without a word."""
        self.close()

    def close(self) -> None:
        """Ends the connection, waits a moment (`GOODBYE`) for the server to do the same, and finishes the recording."""
        channel, self._channel = self._channel, None
        self._statements = None
        if channel is not None:
            transport = channel.transport
            with contextlib.suppress(ConnectionFailed):
                transport.end()
                channel.transport = Parting(transport, GOODBYE)
                self._last_words(channel)
            transport.close()
        if self._recorder is not None:
            self._recorder.finish()

    def _last_words(self, channel: Channel) -> None:
        """Hears what the server says to the client's leaving. Raises ConnectionFailed at the end, as ends do."""
        try:
            while True:
                record = channel.receive()
                self.listener.step(f"the server's last word: {record.summary()}")
        except ProtocolError:
            # The rest of a conversation that is broken off need not make sense.
            while channel.transport.receive():
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a break in the protocol nothing that is sent would be understood.
        if error is None or isinstance(error, ServerError):
            self.quit()
        else:
            self.close()

    # -- what it can do -----------------------------------------------------------------------------------------------

    @property
    def fault_struck(self) -> bool:
        """Whether the fault that was asked for has come to its turn."""
        return self._strike.struck

    @property
    def waits_for_command(self) -> bool:
        """Whether the fault that was asked for is one of a command."""
        fault = self._strike.fault
        return fault is not None and fault.point in (COMMAND, COMMAND_SENT)

    @property
    def _open(self) -> CommandPhase:
        if self._statements is None:
            raise ConnectionFailed("the connection is closed")
        return self._statements

    @property
    def statements(self) -> CommandPhase:
        """The command phase, command by command: what is not below, and `live_client.replication`, work on it."""
        return self._open

    def query(
        self, sql: str, attributes: Mapping[str, Bindable] | None = None, files: Files | None = None
    ) -> list[Result]:
        """Runs a statement (or several) and gives all of its results.

        `attributes` are query attributes (MySQL). `files` are what LOAD DATA LOCAL may have, by the name in the
        statement: no other file is ever sent.
        """
        return self._open.query(sql, attributes, files)

    def rows(self, sql: str) -> Iterator[tuple[str | None, ...]]:
        """The rows of a statement one by one, as texts: none is kept, however many there are."""
        return self._open.rows(sql)

    def prepare(self, sql: str) -> list[Result]:
        """Prepares, executes and closes a statement without parameters."""
        return run_prepared(self._open, sql)

    def prepared(self, sql: str) -> Prepared:
        """A prepared statement, to be executed and closed by the caller."""
        return Prepared(self._open, sql)

    def execute_at_once(self, sql: str, *values: Bound) -> list[Result]:
        """Prepares and executes without waiting in between (MariaDB)."""
        return execute_at_once(self._open, sql, values)

    def field_list(self, table: str, wildcard: str = "") -> list[str]:
        """The names of a table's columns (COM_FIELD_LIST)."""
        return self._open.field_list(table, wildcard)

    def statistics(self) -> str:
        """The server's own line about itself (COM_STATISTICS)."""
        return self._open.statistics()

    def process_info(self) -> Result:
        """SHOW PROCESSLIST (COM_PROCESS_INFO)."""
        return self._open.rows_of(com.COM_PROCESS_INFO, "process list")[0]

    def kill(self, connection_id: int) -> None:
        """Ends another connection, or this one (COM_PROCESS_KILL)."""
        self._open.simple(com.COM_PROCESS_KILL, f"kill connection {connection_id}", ComProcessKill(connection_id))

    def refresh(self, what: int) -> None:
        """FLUSH, by the bits of `records.simple.REFRESH_FLAGS` (COM_REFRESH)."""
        record = ComRefresh(what)
        self._open.simple(com.COM_REFRESH, f"refresh: {record.summary()}", record)

    def multi_statements(self, on: bool) -> None:
        """Several statements in one query, or not (COM_SET_OPTION)."""
        record = ComSetOption(0 if on else 1)
        self._open.simple(com.COM_SET_OPTION, record.summary(), record)

    def debug(self) -> None:
        """The server writes its state into its error log (COM_DEBUG)."""
        self._open.simple(com.COM_DEBUG, "debug")

    def shutdown(self, level: int = 0) -> None:
        """Ends the server (COM_SHUTDOWN), where it still knows this command."""
        self._open.simple(com.COM_SHUTDOWN, "shut the server down", ComShutdown(level))

    def ping(self) -> None:
        self._open.simple(com.COM_PING, "ping")

    def reset(self) -> None:
        """Puts the session back to its beginning (COM_RESET_CONNECTION)."""
        self._open.simple(com.COM_RESET_CONNECTION, "reset the connection")

    def use(self, database: str) -> None:
        self._open.use(database)

    def change_user(self, user: str, password: bytes = b"", database: str | None = None) -> None:
        options = replace(self.options, user=user, passwords=(password,), database=database, default_auth=None)
        self._open.change_user(options, make_attributes(options))

    def stored_attributes(self) -> StoredAttributes:
        """The connection attributes as they were sent, beside what the server has stored of them.

        Raises ServerError where it does not tell.
        """
        sent = getattr(self.known.login, "attributes", None) or ()
        try:
            rows = self.query(STORED_SQL[0])[0].rows
        except ServerError:
            rows = self.query(STORED_SQL[1])[0].rows
        row = self.query(LIMIT_SQL)[0].rows[0]
        limit = int(row[1] or 0) if row[0] == "1" else None
        return compare_attributes(sent, [(name or "", value or "") for name, value in rows], limit)

    @property
    def channel(self) -> Channel | None:
        """What sends and receives packets; None before the connection is open and after its end."""
        return self._channel

    @property
    def tls(self) -> TlsTransport | None:
        """The TLS layer; None without TLS, and before it begins."""
        return self._tls

    @property
    def saved_tls(self) -> SavedTls | None:
        """The TLS session, for `resume` of another connection; None without TLS, or where the server gave nothing.

        In TLS 1.3 it comes with the first answer inside TLS. May be asked after the end too.
        """
        return self._tls.saved() if self._tls is not None else None

    def truth(self) -> dict[str, Any]:
        """What is known to be true of the connection, in the keys of `handshark analyze` (see `live_client.truth`)."""
        return self.known.truth()


def connect(
    options: Options | None = None,
    *,
    transport: Transport | None = None,
    listener: Listener | None = None,
    record: BinaryIO | None = None,
    keylog: Path | None = None,
    resume: SavedTls | None = None,
    **choices: Any,
) -> Session:
    """Connects and logs in; gives an open Session, which is a context manager that says goodbye.

        with connect(host="127.0.0.1", user="app", passwords=(b"secret",)) as session:
            print(session.query("SELECT 1")[0].rows)

    `choices` are fields of `Options`. Raises ServerError where the server refuses, ProtocolError where it breaks the
    protocol, ConnectionFailed (TimedOut, ClosedByServer, NotMySQL, TlsFailed) where there is no connection.
    """
    chosen = replace(options or Options(), **choices)
    session = Session(chosen, transport=transport, listener=listener, record=record, keylog=keylog, resume=resume)
    return session.open()


def _show(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _trust(tls: TlsTransport, options: Options) -> str:
    """Whether the server is known to be who it says, in words."""
    if not tls.verified:
        return "the server's certificate was not verified: anybody in between may be at the other end of this TLS"
    named = options.ssl_mode == VERIFY_IDENTITY
    return f"the server's certificate was verified{f' for {options.host!r}' if named else '; its name was not checked'}"
