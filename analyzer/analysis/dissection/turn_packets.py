"""Packets of plain turns as the state machine decodes them, one by one: for who looks at turns, and at few of those."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Final

from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.dissection.computed_fields import OF_FRAME, FrameView
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.prefilter import Sieve
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.packets.masking import PacketSurroundings
from analyzer.errors import DecodeError
from analyzer.protocol.columns import Columns
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord
from analyzer.protocol.machine.malformed import malformed_record
from analyzer.protocol.machine.resultset import decoded, definition_of
from analyzer.protocol.machine.state import AwaitedCommand
from analyzer.protocol.prepared import Bound
from analyzer.protocol.records.commands.table import COMMAND_RECORDS
from analyzer.protocol.records.generic import EOFPacket
from analyzer.protocol.records.response import ColumnCount, Data, StmtPrepareOK
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.tables.commands import COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER, RawPacket

# Where a packet of a response stands (ALONE: it is the whole response), and the state in which it comes.
HEAD: Final = 0
DEFINITION: Final = 1
DEFINITIONS_END: Final = 2
ROW: Final = 3
END: Final = 4
ALONE: Final = 5
PREPARED: Final = 6
PARAMETER: Final = 7
PARAMETERS_END: Final = 8
PREPARED_COLUMN: Final = 9
PREPARED_END: Final = 10
_BEFORE: Final = {
    HEAD: st.RESULT,
    DEFINITION: st.COLUMNS,
    DEFINITIONS_END: st.COLUMNS_EOF,
    ROW: st.ROWS,
    END: st.ROWS,
    PREPARED: st.PREPARE,
    PARAMETER: st.PREPARE_PARAMS,
    PARAMETERS_END: st.PREPARE_PARAMS_EOF,
    PREPARED_COLUMN: st.PREPARE_COLUMNS,
    PREPARED_END: st.PREPARE_COLUMNS_EOF,
}
# Those that are never broken, by their records.
_NAMES: Final = {
    HEAD: "ColumnCount",
    DEFINITIONS_END: "EOFPacket",
    PREPARED: "StmtPrepareOK",
    PARAMETERS_END: "EOFPacket",
    PREPARED_END: "EOFPacket",
}


class TurnPackets:
    """Makes packets of the turn in hand, and says what is shown of each; None: the filter does not let it through.

    What is shown must not depend on where a packet begins: that is not told. `record` is that of the last answer made.
    """

    def __init__(self, wanted: RowRequest, sieve: Sieve | None, shown: Callable[[Dissection], bytes]) -> None:
        self.wanted = wanted
        self._sieve = sieve
        # Whether something is shown or asked of values that an execute binds.
        self.tells_values = wanted.fields is None or bool(wanted.fields - OF_FRAME)
        if wanted.filter is not None and self._may("ComStmtExecute"):
            self.tells_values = True
        self._shown = shown
        self.record: AnyRecord | None = None
        self._scene: RequestTracker
        self._turn: PlainTurn
        self.context: Context
        # What the client's text is in, and the command that the response answers, made when somebody asks for it.
        self._codec: str | None = None
        self._asked: tuple[AwaitedCommand, Context] | None = None

    def take(self, scene: RequestTracker, turn: PlainTurn, context: Context, codec: str | None) -> None:
        """Has a turn in hand; `codec` is that of the client's text when it asked."""
        self._scene, self._turn, self.context, self._codec, self._asked = scene, turn, context, codec, None

    def request(self) -> bytes | None:
        """What is shown of the command."""
        turn = self._turn
        if turn.plan is None and not self._may(COMMAND_RECORDS[turn.code].__name__):
            return None
        asked, context = self._command()
        around = PacketSurroundings(CLIENT, st.COMMAND, prepared=asked.statement)
        payload = turn.request[HEADER:]
        view = FrameView(self._scene, CLIENT, turn.frame, turn.time_ns)
        return self._body(view, payload, 0, asked.record, around, self._codec, context)

    def answer(
        self, kind: int, payload: bytes, sequence: int, frame: int, time_ns: int, columns: Columns
    ) -> bytes | None:
        """What is shown of a packet of the response; `columns` are those of rows."""
        context = self.context
        if kind in (END, ALONE) and not self._may(type(self._turn.end).__name__):
            return None
        if kind in _NAMES and not self._may(_NAMES[kind]):
            return None
        if kind == ROW:
            context = copy(context)
            context.columns = columns
        self.record = record = self._record(kind, payload, context)
        before = st.AWAITED.get(self._turn.code, st.RESPONSE) if kind == ALONE else _BEFORE[kind]
        around = PacketSurroundings(SERVER, before, command=self._command()[0], tokens=True)
        view = FrameView(self._scene, SERVER, frame, time_ns)
        return self._body(view, payload, sequence, record, around, context.results_codec, context)

    def _may(self, name: str) -> bool:
        """Whether the filter may let such a record through."""
        return self._sieve is None or self._sieve.may(name)

    def _command(self) -> tuple[AwaitedCommand, Context]:
        """The command, and what it is decoded with."""
        if self._asked is None:
            turn, context = self._turn, self.context
            payload = turn.request[HEADER:]
            if turn.plan is not None:
                context = copy(context)
                context.bound = Bound(len(turn.plan.types), turn.plan.types)
            record: AnyRecord
            try:
                record = COMMAND_RECORDS[turn.code].from_bytes(payload, context)
            except DecodeError as error:
                record = malformed_record(error, payload, context)
            self._asked = AwaitedCommand(turn.code, record, 0, turn.statement, payload), context
        return self._asked

    def _record(self, kind: int, payload: bytes, context: Context) -> AnyRecord:
        if kind in (END, ALONE):
            end = self._turn.end
            assert end is not None
            return end
        if kind == HEAD:
            return ColumnCount.from_bytes(payload, context)
        if kind == PREPARED:
            return StmtPrepareOK.from_bytes(payload, context)
        if kind in (DEFINITION, PARAMETER, PREPARED_COLUMN):
            return decoded(definition_of(context), payload, context)
        if kind != ROW:
            return EOFPacket.from_bytes(payload, context)
        if self._turn.code != COM_STMT_EXECUTE:
            return decoded(TextRow, payload, context)
        return decoded(BinaryRow, payload, context) if context.columns else Data("row", payload)

    def _body(
        self,
        view: FrameView,
        payload: bytes,
        sequence: int,
        record: AnyRecord,
        around: PacketSurroundings,
        codec: str | None,
        context: Context,
    ) -> bytes | None:
        frame, time_ns = view.frame, view.time_ns
        one = Dissection(self._scene, view.role, frame, time_ns)
        one.packet = RawPacket(sequence, payload, len(payload), frame, time_ns, frame, time_ns, sequence)
        one.record, one.context, one.before = record, context, around.before
        one.speak(codec)
        if self._scene.mask is not None:
            one.around = around
        one.encrypted, one.assumed = context.secure, context.assumed
        wanted = self.wanted
        if wanted.filter is not None and not wanted.filter.matches(one):
            return None
        one.settle(wanted.decodes(one), wanted.raw)
        return self._shown(one)
