"""The state machine of a connection: a packet and who sent it go in, a record comes out.

Only (sender, state) picks the decoder. A packet that is not what the state awaits becomes `Malformed`; the machine goes
on, and says through `sequence_error` and `DESYNCHRONISED` where it can no longer be sure.
"""

from __future__ import annotations

from collections import deque

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.auth.base import AuthRecord, Exchange, Plugin
from analyzer.protocol.context import Context
from analyzer.protocol.machine import client, server
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import UNREAD, AnyRecord, new_connection
from analyzer.protocol.machine.malformed import malformed_record
from analyzer.protocol.machine.server import compression_of
from analyzer.protocol.machine.state import CLIENT, SERVER, AwaitedCommand, SequenceError
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.prepared import PreparedStatement, PreparedStatements
from analyzer.protocol.records.base import malformed
from analyzer.protocol.records.commands.local_infile import LONGEST
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import HEADER, RawPacket

__all__ = [
    "CLIENT",
    "SERVER",
    "AnyRecord",
    "AwaitedCommand",
    "Machine",
    "SequenceError",
    "compression_of",
]


class Machine:
    """One connection's protocol state, and what moves it.

    After each `feed`: `detail` is the auth plugin's record inside the packet (or None), `sequence_error` says whether
    its sequence id was wrong, `finished` is the command whose response this packet completed (or None). What else is
    known: `connection`, of which the properties here are the parts that others ask for most.
    """

    __slots__ = ("connection", "context")

    def __init__(self, context: Context | None = None, state: st.StateName = st.GREETING) -> None:
        self.connection = new_connection(context, state)
        self.context = self.connection.context

    def again(self, nonce: bytes) -> Machine:
        """Another connection's machine, which stands where this one does; its server gave it another nonce."""
        machine = Machine.__new__(Machine)
        machine.connection = self.connection.again(nonce)
        machine.context = machine.connection.context
        return machine

    def feed(self, sender: int, packet: RawPacket) -> AnyRecord:
        """Decodes the packet and moves. Never raises for bad bytes."""
        connection = self.connection
        at = connection.at
        at.begin_packet()
        connection.auth.detail = None
        if sender == CLIENT:
            return client.received(connection, packet)
        connection.check_sequence(SERVER, packet)
        if not packet.length and at.name != st.DESYNCHRONISED:
            return malformed("ServerPacket", BadValue("ServerPacket", "header", 0, "an empty packet"), b"")
        try:
            record, event = server.DECODERS[at.name](connection, packet.payload, packet.length)
        except DecodeError as error:
            return malformed_record(error, packet.payload, connection.context)
        if event:
            if event in server.DEPARTURES and connection.result.departure is None:
                connection.result.departure = event, packet.frame
            connection.move(event)
        return record

    # -- without a record for each packet -----------------------------------------------------------------------------

    def sent(self, data: bytes, statement: PreparedStatement | None = None) -> None:
        """A plain command in one packet was taken elsewhere: a COM_QUERY, a COM_QUIT or an execute of `statement`."""
        at, code = self.connection.at, data[HEADER]
        if code == com.COM_QUIT:
            at.took(0)
            at.quit()
        else:
            at.await_response(AwaitedCommand(code, UNREAD, 0, statement, data[HEADER : HEADER + LONGEST]))

    def answered(self, sequence: int) -> None:
        """The current command's whole response has come; its last packet had the id `sequence`."""
        self.turned(sequence)
        self.connection.move("ok")

    def turned(self, sequence: int) -> None:
        """Commands with their whole responses were taken elsewhere; the last packet had the id `sequence`."""
        at = self.connection.at
        at.begin_packet()
        at.took(sequence)
        self.connection.auth.detail = None

    @property
    def may_pass(self) -> int:
        """How many packets of the server may be passed over undecoded: rows without end, all definitions but the last.

        They have to be in sequence, and of the kind that `PacketFramer.skip_rows` passes over.
        """
        connection = self.connection
        at = connection.at
        if at.sequence is None or connection.decode_rows:
            return 0
        if at.name == st.ROWS:
            return 1 << 62
        return connection.result.left - 1 if at.name in st.DEFINITIONS else 0

    def passed(self, count: int, sequence: int) -> None:
        """Notes `count` packets that were passed over; `sequence` is the id that would come next."""
        if count:
            at = self.connection.at
            at.took((sequence - 1) & 0xFF)
            if at.name != st.ROWS:
                self.connection.result.left -= count
            else:
                self.connection.result.rows_begun = True

    # -- what is known from elsewhere ---------------------------------------------------------------------------------

    def secured(self) -> None:
        """TLS is on: what comes next is the handshake response inside it."""
        self.context.secure = True
        self.connection.move("secure")

    def assume(self, state: st.StateName) -> None:
        """Bytes that are not in hand have moved the connection there."""
        self.connection.at.assume(state)

    def assume_login(self) -> None:
        """The login's OK is among the bytes that are not in hand."""
        self.connection.auth.login_done = True

    def assume_compression(self, algorithm: str) -> None:
        """What follows shows that compression is in force."""
        self.connection.compression = algorithm

    def forgive(self) -> None:
        """The last packet's wrong id is of no account: bytes before it are missing."""
        self.connection.at.forgive()

    def any_sequence(self) -> None:
        """Packets may be missing: the next may have any sequence id."""
        self.connection.at.took(None)

    def desynchronise(self) -> None:
        """Bytes are missing: waits for the next client packet that must be a command."""
        self.connection.at.desynchronise()

    def lose_exchange(self) -> None:
        """Part of the auth exchange is missing: what follows of it is not the plugin's any more."""
        self.connection.auth.lose()

    # -- where it stands ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """A `StateName`."""
        return self.connection.at.name

    @property
    def command(self) -> AwaitedCommand | None:
        return self.connection.at.command

    @property
    def queue(self) -> deque[AwaitedCommand]:
        return self.connection.at.queue

    @property
    def finished(self) -> AwaitedCommand | None:
        return self.connection.at.finished

    @property
    def quitting(self) -> bool:
        """Whether the client has said goodbye."""
        return self.connection.at.quitting

    @property
    def sequence(self) -> int | None:
        return self.connection.at.sequence

    @property
    def next_sequence(self) -> int:
        """The id the next packet of this turn has to have, -1 where any may follow."""
        return self.connection.at.next_sequence

    @property
    def sequence_error(self) -> SequenceError | None:
        return self.connection.at.sequence_error

    @property
    def file_sequence(self) -> int | None:
        return self.connection.at.file_sequence

    @property
    def plugin(self) -> Plugin | None:
        return self.connection.auth.plugin

    @property
    def plugin_name(self) -> str | None:
        return self.connection.auth.plugin_name

    @property
    def exchange(self) -> Exchange | None:
        return self.connection.auth.exchange

    @property
    def detail(self) -> AuthRecord | None:
        return self.connection.auth.detail

    @property
    def login_done(self) -> bool:
        return self.connection.auth.login_done

    @property
    def statements(self) -> PreparedStatements | None:
        return self.connection.prepared.statements

    @property
    def compression(self) -> str | None:
        return self.connection.compression

    # -- how it works -------------------------------------------------------------------------------------------------

    @property
    def ends(self) -> Ends:
        return self.connection.ends

    @ends.setter
    def ends(self, ends: Ends) -> None:
        self.connection.ends = ends

    @property
    def one_sided(self) -> bool:
        return self.connection.one_sided

    @one_sided.setter
    def one_sided(self, one_sided: bool) -> None:
        self.connection.one_sided = one_sided

    @property
    def unpaired(self) -> bool:
        return self.connection.unpaired

    @unpaired.setter
    def unpaired(self, unpaired: bool) -> None:
        self.connection.unpaired = unpaired

    @property
    def lean(self) -> bool:
        return self.connection.lean

    @lean.setter
    def lean(self, lean: bool) -> None:
        self.connection.lean = lean

    @property
    def decode_rows(self) -> bool:
        return self.connection.decode_rows

    @decode_rows.setter
    def decode_rows(self, decode_rows: bool) -> None:
        self.connection.decode_rows = decode_rows
