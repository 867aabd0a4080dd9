"""Carries out the fault that was asked for when its point of the login has come."""

from __future__ import annotations

from analyzer.errors import ProtocolError
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from live_client import faults
from live_client.errors import ClosedByServer, ConnectionFailed, LeftOnPurpose, TimedOut
from live_client.listener import Listener
from live_client.packet_channel import Channel
from live_client.truth import OF_COMMAND, OF_LOGIN, SessionNotes, error_of

# A server's own patience with a silent client (connect_timeout) is 10 s by default, and may be more.
PATIENCE = 60.0


class FaultInjector:
    """One connection's fault, or none. `struck` says whether its point has come."""

    def __init__(self, name: str | None, listener: Listener, known: SessionNotes) -> None:
        if name is not None and name not in faults.FAULTS:
            raise ConnectionFailed(f"there is no fault named {name!r}")
        self.name = name
        self.fault = faults.FAULTS[name] if name is not None else None
        self.struck = False
        self._listener = listener
        self._known = known

    def at(self, point: str, channel: Channel) -> None:
        """The login has come to `point`. Raises what ends the connection, if the fault does that here."""
        fault = self._due(point)
        if fault is None:
            return
        if fault.send is not None:
            self._known.unsaid |= OF_LOGIN
            channel.send_raw(fault.send)
            self._await_answer(channel)
        if fault.leave is not None:
            self._leave(fault.leave, channel)

    def login(self, record: HandshakeResponse41 | HandshakeResponse320) -> HandshakeResponse41 | HandshakeResponse320:
        """The login as it is to be sent."""
        fault = self.fault
        if fault is None or fault.login is None:
            return record
        if not isinstance(record, HandshakeResponse41):
            raise ConnectionFailed(f"fault {self.name}: not with --protocol 320")
        self._due(faults.LOGIN)
        self._known.unsaid |= fault.unsaid
        return fault.login(record)

    def wire(self, point: str, channel: Channel) -> bool:
        """The next packet is the one of `point`: it is changed on its way out. True where the connection ends so."""
        fault = self.fault
        if fault is None or fault.wire is None or self._due(point) is None:
            return False
        channel.change_wire = fault.wire
        self._known.unsaid |= OF_LOGIN if point == faults.LOGIN else OF_COMMAND
        return fault.leave is not None

    def leave(self, channel: Channel) -> None:
        if self.fault is not None and self.fault.leave is not None:
            self._leave(self.fault.leave, channel)

    def nonce(self, nonce: bytes) -> bytes:
        """The server's nonce as the scramble takes it."""
        fault = self.fault
        if fault is None or fault.nonce is None:
            return nonce
        self._due(faults.NONCE)
        return fault.nonce(nonce)

    def _due(self, point: str) -> faults.Fault | None:
        fault = self.fault
        if fault is None or fault.point != point or (self.struck and point != faults.NONCE):
            return None
        if not self.struck:
            self.struck = True
            self._listener.step(f"fault {self.name}: {fault.what}")
        return fault

    def _leave(self, how: str, channel: Channel) -> None:
        if how == faults.SILENCE:
            self._wait(channel)
        elif how == faults.RESET:
            channel.transport.abort()
        raise LeftOnPurpose(f"fault {self.name}: the client {how}")

    def _wait(self, channel: Channel) -> None:
        """Says nothing until the server ends it."""
        channel.transport.set_timeout(PATIENCE)
        try:
            while True:
                record = channel.receive()
                self._listener.step(f"the server says: {record.summary()}")
        except ClosedByServer:
            self._listener.step("the server closed the connection")
        except (TimedOut, ProtocolError) as error:
            self._listener.step(str(error))

    def _await_answer(self, channel: Channel) -> None:
        """What the server says to bytes that it can not understand. Raises what it said."""
        while True:
            record = channel.receive()
            if isinstance(record, ErrPacket):
                raise error_of(record)
            self._listener.step(f"the server says: {record.summary()}")
