"""A capture that somebody looks around in: what there is to ask of it, and how it is answered (see `background`).

Every question reads the capture from its start. What comes back is bounded, however large the capture is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result, Source
from analyzer.analysis.commands.excerpt import shortened
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.classifier import MYSQL
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.model.command import Command
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.engine.background import Send
from analyzer.engine.collectors import Collector, connection_alone, connections, jobs_allowed
from analyzer.engine.command_collectors import RankedCommands, SummedCommands, TopCommands
from analyzer.engine.filters import filter_of
from analyzer.engine.listener import RunListener
from analyzer.engine.packed import Key
from analyzer.engine.run import Run
from analyzer.errors import CaptureError

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

T = TypeVar("T")

# Of one connection: packets, and commands; of the commands after them the slowest.
MOST_PACKETS: Final = 2000
MOST_COMMANDS: Final = 5000
SLOWEST: Final = 500
# Commands of the whole capture.
SLOWEST_OF_ALL: Final = 1000
# Characters of a statement, and of an error's message.
LONGEST_STATEMENT: Final = 4000
LONGEST_MESSAGE: Final = 1000
# Values bound to a statement, and characters of each.
MOST_PARAMETERS: Final = 20
LONGEST_PARAMETER: Final = 100
# Connections in one message.
AT_ONCE: Final = 500


# -- questions ---------------------------------------------------------------------------------------------------------


class AskConnections(msgspec.Struct, frozen=True):
    """All connections: lists of Arrival, with ReadingProgress between them and a Source after each capture."""


class AskMatches(msgspec.Struct, frozen=True):
    """The connections for which a display filter holds, or of which it holds for a packet: lists of ConnectionKey."""

    filter: str


class AskConnection(msgspec.Struct, frozen=True):
    """What is inside one connection: one ConnectionContent."""

    capture: str
    first_frame: int


class AskSlowest(msgspec.Struct, frozen=True):
    """The commands that took longest, of all connections: one list of Command, the slowest first."""


class AskStatistics(msgspec.Struct, frozen=True):
    """The response times of all commands: one CommandStatistics."""

    kinds: tuple[str, ...]


# -- answers -----------------------------------------------------------------------------------------------------------

# (name of the capture, number of the connection's first frame)
ConnectionKey = tuple[str, int]


class Arrival(msgspec.Struct):
    """A connection; not `final`: it goes on, and comes again when it is over."""

    connection: Connection
    final: bool


class ReadingProgress(msgspec.Struct, frozen=True):
    """Bytes of a capture that have been read, of how many (None: nobody knows), and frames."""

    name: str
    done: int
    total: int | None
    frames: int


class ReadingFailed(msgspec.Struct, frozen=True):
    """One of the captures can not be read, or not to its end."""

    why: str


class ConnectionContent(msgspec.Struct):
    """What is inside a connection. `commands` are the first, and of those after them the slowest."""

    detail: ConnectionDetail
    commands: list[Command]
    commands_seen: int


# -- who answers -------------------------------------------------------------------------------------------------------


class Browser:
    """Answers questions about captures. `merge`: several are one. `keep`: only connections for which it holds."""

    def __init__(self, names: Sequence[str], merge: bool, options: AnalysisOptions, keep: Filter | None = None) -> None:
        self._names = names
        self._merge = merge
        self._options = options
        self._keep = keep

    def work(self, question: object, send: Send) -> None:
        """Answers one question through `send`. Raises CaptureError where none of the captures can be read."""
        if isinstance(question, AskConnections):
            self._connections(send)
        elif isinstance(question, AskMatches):
            self._matches(question, send)
        elif isinstance(question, AskConnection):
            self._connection(question, send)
        elif isinstance(question, AskSlowest):
            send(self._slowest(send))
        elif isinstance(question, AskStatistics):
            self._statistics(question, send)
        else:
            raise TypeError(f"{type(question).__name__} is no question")

    def _connections(self, send: Send) -> None:
        batches = Batches(send)
        run = Run(self._options, partial(ArrivalCollector, self._keep), 1, batches)
        run.growing = True
        batches.all_of(run, self._names, self._merge)

    def _matches(self, question: AskMatches, send: Send) -> None:
        send_matches(question.filter, self._options, _key, Batches(send), self._names, self._merge)

    def _connection(self, question: AskConnection, send: Send) -> None:
        names = self._names if self._merge else [question.capture]
        collect = partial(ContentCollector, question.first_frame)
        run = Run(self._options, collect, 1, OneOnly(send))
        for _, contents in run.each(names, self._merge):
            for content in contents:
                send(content)
                return
        raise CaptureError(question.capture, "the connection is not there any more: has the file changed?")

    def _slowest(self, send: Send) -> list[Command]:
        top = TopCommands(SLOWEST_OF_ALL)
        run = Run(
            self._options, partial(RankedCommands, 0, SLOWEST_OF_ALL, keep=self._keep), self._jobs(), Batches(send)
        )
        for number, (_, commands) in enumerate(run.each(self._names, self._merge)):
            for command in commands:
                top.add(_shortened(command), number)
        return top.ranked()

    def _statistics(self, question: AskStatistics, send: Send) -> None:
        from analyzer.analysis.commands.statistics import CommandStatistics

        whole = CommandStatistics(question.kinds)
        collect = partial(SummedCommands, 0, question.kinds, self._keep)
        for _, several in Run(self._options, collect, self._jobs(), Batches(send)).each(self._names, self._merge):
            for statistics in several:
                whole.merge(statistics)
        send(whole)

    def _jobs(self) -> int | None:
        return jobs_allowed(self._keep, None)


class Batches(RunListener):
    """Sends items in lists: many at once, or what there is when a batch has been read."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._items: list[object] = []

    def add(self, item: object) -> None:
        self._items.append(item)
        if len(self._items) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._items:
            self._send(self._items)
            self._items = []

    def all_of(self, run: Run[Any], names: Sequence[str], merge: bool) -> None:
        """Sends all that a run gives of captures."""
        for _, items in run.each(names, merge):
            for item in items:
                self.add(item)
            self.flush()

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        self.flush()
        self._send(ReadingProgress(name, done, total, frames))

    def failed(self, error: CaptureError) -> None:
        self.flush()
        self._send(ReadingFailed(str(error)))

    def done(self, source: Source) -> None:
        self.flush()
        self._send(source)


class OneOnly(Batches):
    """For what is asked of one capture: that it can not be read is what there is to say."""

    def failed(self, error: CaptureError) -> None:
        raise error


def send_matches(
    text: str,
    options: AnalysisOptions,
    render: Callable[[Result], object],
    batches: Batches,
    names: Sequence[str],
    merge: bool,
) -> None:
    """Sends of each connection for which a display filter holds, or of which it holds for a packet, what `render` says.

    Raises FilterError.
    """
    keep = filter_of(text)
    batches.all_of(Run(options, connections(keep, render), jobs_allowed(keep, None), batches), names, merge)


def _key(result: Result) -> ConnectionKey:
    return result[0].capture, result[0].first_frame


class ArrivalCollector:
    """Each connection as `analyze` has it, and those that go on for long once before, when their login is decided."""

    def __init__(self, keep: Filter | None) -> None:
        self._keep = keep
        self._inner: Collector[Connection] = connections(keep, connection_alone)()
        self._told: set[int] = set()  # first frames of those that go on

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return self._inner.options(options)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, Arrival]]:
        for key, connection in self._inner.take(analysis, results, last):
            yield key, Arrival(connection, True)
        if not last:
            for connection in self._going_on(analysis):
                yield (connection.stream,), Arrival(connection, False)

    def _going_on(self, analysis: Analysis) -> Iterator[Connection]:
        keep, told = self._keep, self._told
        if keep is not None and keep.needs_packets:
            return  # that is known when it is over
        self._told = set()
        for tcp in analysis.open_connections:
            conversation = tcp.handler
            if not isinstance(conversation, Conversation) or conversation.kind != MYSQL:
                continue
            facts = conversation.facts
            if facts.auth.verdict is None and not facts.commands:
                continue
            self._told.add(tcp.first_frame)
            if tcp.first_frame not in told:
                connection = analysis.so_far(tcp, conversation)
                if keep is None or keep.matches(ConnectionFields(connection)):
                    yield connection


class ContentCollector:
    """Packets and commands of the connection that begins with a frame."""

    def __init__(self, first_frame: int) -> None:
        self._first_frame = first_frame
        self._sink: Sink = []
        self._mask: StatementMask | None = None  # secrets are shown
        self._commands: list[Command] = []
        self._slowest = TopCommands(SLOWEST)
        self._seen = 0

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        sink = self._sink
        self._mask = None if options.show_secrets else StatementMask()
        observe = (*options.observe, lambda tcp: CommandTracker(tcp, sink))
        return replace(options, packets=MOST_PACKETS, only=frozenset({self._first_frame}), observe=observe)

    def take(
        self, analysis: Analysis, results: Iterator[Result], last: bool
    ) -> Iterable[tuple[Key, ConnectionContent]]:
        analysis.hold_nothing_back()
        done = list(results)
        for _, log, pending in self._sink:
            self._seen += 1
            command = _shortened(log.command(analysis.name, pending, self._mask))
            if len(self._commands) < MOST_COMMANDS:
                self._commands.append(command)
            else:
                self._slowest.add(command)
        self._sink.clear()
        for _, detail in done:
            commands = sorted([*self._commands, *self._slowest.ranked()], key=lambda one: one.number)
            yield (0,), ConnectionContent(detail or ConnectionDetail([]), commands, self._seen)


def _shortened(command: Command) -> Command:
    """The command without the ends of its long texts, and without what would be too much to keep."""
    if command.statement is not None:
        command.statement, command.statement_cut = shortened(
            command.statement, command.statement_cut, LONGEST_STATEMENT
        )
    if command.argument is not None:
        command.argument = command.argument[:LONGEST_STATEMENT]
    if command.error is not None:
        command.error.message = command.error.message[:LONGEST_MESSAGE]
    if command.parameters is not None:
        some = command.parameters[:MOST_PARAMETERS]
        command.parameters = [None if one is None else str(one)[:LONGEST_PARAMETER] for one in some]
    command.attributes = command.result_sets = None
    return command
