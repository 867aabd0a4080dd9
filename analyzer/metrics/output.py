"""A live capture's news as measurements, beside what shows them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail, Source
from analyzer.analysis.model.counts import Counts
from analyzer.engine.live_following import LiveOutput
from analyzer.metrics.measures import Measures, MetricSink

if TYPE_CHECKING:
    from analyzer.metrics.otlp import OtlpSink


class MeasuredOutput(LiveOutput):
    """Hands all on to `shown`, and measures it.

    prometheus  (address, port) to listen on
    otlp        URL to send to
    tell        says a line to the user
    """

    def __init__(
        self,
        shown: LiveOutput,
        prometheus: tuple[str, int] | None,
        otlp: str | None,
        tell: Callable[[str], None],
    ) -> None:
        self._shown = shown
        self._prometheus = prometheus
        self._url = otlp
        self._tell = tell
        self._sinks: list[MetricSink] = []
        self._otlp: OtlpSink | None = None
        self._measures = Measures(self._sinks)
        self._stack = ExitStack()
        self.packets = shown.packets

    def load(self) -> None:
        self._shown.load()
        if self._prometheus is not None:
            from analyzer.metrics.prometheus import PrometheusSink

            sink = PrometheusSink()
            address, port = self._prometheus
            try:
                port = sink.serve(address, port)
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"--metrics {address}:{port}") from error
            self._stack.callback(sink.close)
            self._sinks.append(sink)
            self._tell(f"metrics: http://{address}:{port}/metrics")
        if self._url is not None:
            from analyzer.metrics.otlp import OtlpSink

            self._otlp = OtlpSink(self._url)
            self._stack.callback(self._otlp.close)
            self._sinks.append(self._otlp)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        made = self._shown.options(options)
        return replace(made, observe=(*made.observe, self._measures.watch))

    def open(self) -> None:
        self._shown.open()

    def begin(self) -> None:
        self._shown.begin()

    def wants(self, connection: Connection) -> bool:
        return self._shown.wants(connection)

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        if final:
            self._measures.connection(connection)
            if self._otlp is not None:
                self._otlp.connection(connection)
        self._shown.news(connection, detail, final)

    def tick(self, counts: Counts) -> None:
        self._measures.counts(counts)
        self._shown.tick(counts)

    def hung_up(self) -> None:
        self._shown.hung_up()

    def end(self, source: Source, by_itself: bool = False) -> None:
        self._shown.end(source, by_itself)

    def stays(self) -> bool:
        return self._shown.stays()

    def leave(self, whole: bool = True) -> None:
        self._shown.leave(whole)

    def close(self, whole: bool) -> None:
        self._stack.close()
        self._shown.close(whole)
