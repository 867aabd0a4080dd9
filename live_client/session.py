"""One connection from its first byte to its last: what the library's users hold in their hands."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from analyzer.errors import AnalyzerError, ProtocolError, ServerError
from analyzer.protocol import commands as com
from analyzer.protocol import state as st
from live_client.attributes import LIMIT_SQL, STORED_SQL, StoredAttributes, compare_attributes, make_attributes
from live_client.channel import Channel
from live_client.errors import ClosedByServer, ConnectionFailed, TimedOut, TlsFailed
from live_client.faults import COMMAND, COMMAND_SENT
from live_client.listener import Listener
from live_client.login import Login
from live_client.options import DISABLED, PREFERRED, REQUIRED, VERIFY_IDENTITY, Options
from live_client.recording import Recorder, TapedTransport
from live_client.statements import Result, Statements
from live_client.striking import Strike
from live_client.tls import KeyLog, TlsTransport, make_context
from live_client.transport import Transport, open_socket
from live_client.truth import ABORTED, Known

# How long the server's own goodbye is waited for, once everything is said.
GOODBYE: Final = 1.0


class Session:
    """A MySQL connection. Use `connect`, which opens it, or this with `open` to keep hold of one that fails.

    transport   anything with the methods of `live_client.transport.Transport`; a TCP socket where None
    listener    hears each step in plain words, and each packet
    record      a binary file that gets the conversation as pcapng, TLS keys inside
    keylog      a file that the TLS keys are added to
    """

    def __init__(
        self,
        options: Options,
        *,
        transport: Transport | None = None,
        listener: Listener | None = None,
        record: BinaryIO | None = None,
        keylog: Path | None = None,
    ) -> None:
        self.listener = listener or Listener()
        self.known = Known(fault=options.fault)
        self._strike = Strike(options.fault, self.listener, self.known)
        self.options = self._for_fault(options)
        self._transport = transport
        self._recorder = Recorder(record) if record is not None else None
        self._keylog_file = keylog
        self._channel: Channel | None = None
        self._statements: Statements | None = None
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
        begun = time.time_ns()
        transport = self._transport or open_socket(self.options, self.listener.step)
        if not transport.private:
            self.known.local, self.known.peer = transport.local, transport.peer
            self.listener.step(f"connected: {_show(transport.local)} to {_show(transport.peer)}")
        if self._recorder is not None:
            self._recorder.connected(transport.local, transport.peer, begun)
            transport = TapedTransport(transport, self._recorder)
        channel = self._channel = Channel(transport, self.listener, self.known.note)
        login = Login(channel, self.options, self.listener, self.known, self._strike)
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
        self._statements = Statements(channel, self.options, self.listener, self.known, self._strike)
        return self

    def _start_tls(self) -> None:
        channel = self._channel
        assert channel is not None
        keylog = KeyLog() if self._recorder is not None or self._keylog_file is not None else None
        options = self.options
        try:
            context = make_context(options, keylog)
            hostname = options.host if options.ssl_mode == VERIFY_IDENTITY else None
            tls = TlsTransport(channel.transport, context, hostname)
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
        self.known.tls_version, self.known.cipher = tls.version, tls.cipher
        self.known.cipher_number = tls.cipher_number()
        self.listener.step(f"TLS is on: {tls.version}, {tls.cipher}")
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
        """Ends the connection, waits a moment for the server to do the same, and finishes the recording."""
        channel, self._channel = self._channel, None
        self._statements = None
        if channel is not None:
            transport = channel.transport
            with contextlib.suppress(ConnectionFailed):
                transport.end()
                transport.set_timeout(GOODBYE)
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
    def _open(self) -> Statements:
        if self._statements is None:
            raise ConnectionFailed("the connection is closed")
        return self._statements

    def query(self, sql: str) -> list[Result]:
        """Runs a statement (or several) and gives all of its results, their values as text."""
        return self._open.query(sql)

    def prepare(self, sql: str) -> list[Result]:
        """Prepares, executes and closes a statement without parameters."""
        return self._open.prepare(sql)

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
    **choices: Any,
) -> Session:
    """Connects and logs in; gives an open Session, which is a context manager that says goodbye.

        with connect(host="127.0.0.1", user="app", passwords=(b"secret",)) as session:
            print(session.query("SELECT 1")[0].rows)

    `choices` are fields of `Options`. Raises ServerError where the server refuses, ProtocolError where it breaks the
    protocol, ConnectionFailed (TimedOut, ClosedByServer, NotMySQL, TlsFailed) where there is no connection.
    """
    chosen = replace(options or Options(), **choices)
    session = Session(chosen, transport=transport, listener=listener, record=record, keylog=keylog)
    return session.open()


def _show(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
