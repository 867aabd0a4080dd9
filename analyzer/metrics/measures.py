"""What is measured, as one table, and how connections, commands and counts become measurements.

Labels that come from the network are bounded: so many values of each, so many combinations of each metric; what comes
later counts as `other`.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.counts import Counts
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.tables.commands import COMMAND_NAMES
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.text.layout import clip

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"  # of seconds

MOST_VALUES: Final = 100  # of one label
MOST_SERIES: Final = 2000  # combinations of a metric's labels
LONGEST_LABEL: Final = 60
OTHER: Final = "other"
NONE: Final = "none"
UNKNOWN: Final = "unknown"
# Upper ends of the buckets, in seconds: from a local command to a login that times out.
BUCKETS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


class Metric(NamedTuple):
    """A row of the table: counters are named without their `_total`."""

    name: str
    kind: str
    about: str
    labels: tuple[str, ...] = ()


CONNECTIONS: Final = Metric(
    "handshark_connections",
    COUNTER,
    "Connections that ended, or whose login was decided when the capture ended, by what became of the login",
    ("outcome", "error_code", "plugin", "tls", "driver", "server"),
)
PHASES: Final = Metric(
    "handshark_login_phase_seconds", HISTOGRAM, "Time that each phase of a login took", ("phase", "server")
)
COMMANDS_SEEN: Final = Metric(
    "handshark_commands", COUNTER, "Commands, by what answered them", ("command", "response", "error_code", "server")
)
LATENCY: Final = Metric(
    "handshark_command_seconds", HISTOGRAM, "Time from a command to the end of its response", ("command", "server")
)
FINDINGS: Final = Metric("handshark_findings", COUNTER, "Findings", ("code", "severity"))
FRAMES: Final = Metric("handshark_frames", COUNTER, "Frames captured")
DROPPED: Final = Metric("handshark_frames_dropped", COUNTER, "Frames that the kernel dropped before they were captured")
SKIPPED: Final = Metric("handshark_frames_skipped", COUNTER, "Frames captured that the analysis was too late for")
OPEN: Final = Metric("handshark_open_connections", GAUGE, "MySQL connections that are open now")
LAG: Final = Metric("handshark_lag_seconds", GAUGE, "Age of the last frame analysed while others wait, else 0")
METRICS: Final = (CONNECTIONS, PHASES, COMMANDS_SEEN, LATENCY, FINDINGS, FRAMES, DROPPED, SKIPPED, OPEN, LAG)

_PHASES: Final = (
    ("tcp_connect", "tcp_connect_ns"),
    ("greeting", "greeting_ns"),
    ("tls", "tls_ns"),
    ("login", "login_ns"),
    ("authentication", "authentication_ns"),
    ("total", "total_ns"),
)


class MetricSink(Protocol):
    """Where measurements go; `values` are those of the metric's labels, in their order."""

    def count(self, metric: Metric, values: tuple[str, ...], number: int = 1) -> None: ...
    def observe(self, metric: Metric, values: tuple[str, ...], seconds: float) -> None: ...
    def set(self, metric: Metric, number: float) -> None: ...


class Bounds:
    """Keeps labels few and readable."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], set[str]] = {}
        self._series: dict[str, set[tuple[str, ...]]] = {}

    def bounded(self, metric: Metric, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values to count under: as they are as long as there is room, else `other`."""
        shown = tuple(
            self._value(metric.name, label, value) for label, value in zip(metric.labels, values, strict=True)
        )
        known = self._series.setdefault(metric.name, set())
        if shown in known:
            return shown
        if len(known) >= MOST_SERIES:
            return (OTHER,) * len(values)
        known.add(shown)
        return shown

    def _value(self, name: str, label: str, value: str) -> str:
        text = clip(terminal(value), LONGEST_LABEL)
        known = self._values.setdefault((name, label), set())
        if text in known:
            return text
        if len(known) >= MOST_VALUES:
            return OTHER
        known.add(text)
        return text


class Measures:
    """Turns what a live capture tells of into measurements for all sinks."""

    def __init__(self, sinks: list[MetricSink]) -> None:
        self._sinks = sinks
        self._bounds = Bounds()
        self._counted: dict[Metric, int] = {}

    def watch(self, tcp: TcpConnection) -> CommandTracker:
        """Who looks on at the commands of a connection that begins."""
        return _MeasuredCommands(tcp, self)

    def connection(self, c: Connection) -> None:
        """A connection that has ended."""
        server = labels.endpoint(c.server)
        auth = c.authentication
        self._count(
            CONNECTIONS,
            (
                *(c.outcome, NONE if c.error is None else str(c.error.code)),
                *(UNKNOWN if auth is None or not auth.plugin else auth.plugin,),
                *(NONE if c.tls is None else c.tls.version or UNKNOWN, labels.driver(c) or UNKNOWN, server),
            ),
        )
        for name, field in _PHASES:
            took = getattr(c.timing, field)
            if took is not None and took >= 0:
                self._observe(PHASES, (name, server), took)
        for finding in c.findings:
            self._count(FINDINGS, (finding.code, finding.severity))

    def command(self, pending: PendingCommand, server: str) -> None:
        """A command that is over."""
        request = pending.request
        name = COMMAND_NAMES[request.code]
        error = NONE if pending.error is None else str(pending.error.error_code)
        self._count(COMMANDS_SEEN, (name, pending.response, error, server))
        took = pending.last_ns - request.time_ns
        if pending.response_frame is not None and pending.ended and not pending.torn and took >= 0:
            self._observe(LATENCY, (name, server), took)

    def counts(self, counts: Counts) -> None:
        """How far the capture has come."""
        for metric, number in ((FRAMES, counts.frames), (DROPPED, counts.dropped), (SKIPPED, counts.skipped)):
            more = number - self._counted.get(metric, 0)
            if more > 0:
                self._counted[metric] = number
                for sink in self._sinks:
                    sink.count(metric, (), more)
        for sink in self._sinks:
            sink.set(OPEN, counts.open)
            sink.set(LAG, counts.lag_seconds)

    def _count(self, metric: Metric, values: tuple[str, ...]) -> None:
        shown = self._bounds.bounded(metric, values)
        for sink in self._sinks:
            sink.count(metric, shown)

    def _observe(self, metric: Metric, values: tuple[str, ...], ns: int) -> None:
        shown = self._bounds.bounded(metric, values)
        for sink in self._sinks:
            sink.observe(metric, shown, ns / 1e9)


class _MeasuredCommands(CommandTracker):
    """Measures the commands of one connection as they end, and keeps none of them."""

    __slots__ = ("_measures", "_server")

    def __init__(self, tcp: TcpConnection, measures: Measures) -> None:
        super().__init__(tcp, [])
        self._measures = measures
        self._server: str | None = None

    def put(self, pending: PendingCommand) -> None:
        if self._server is None:
            self._server = labels.endpoint(self.ends[1])
        self._measures.command(pending, self._server)
