"""Measurements: what is counted for connections and commands, and that labels from the network stay few."""

from __future__ import annotations

import http.server
import math
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.model.counts import Counts
from analyzer.engine.collectors import Connections, connection_alone
from analyzer.engine.live_following import LiveOutput
from analyzer.engine.run import Run
from analyzer.metrics.measures import (
    COMMANDS_SEEN,
    CONNECTIONS,
    FINDINGS,
    FRAMES,
    LATENCY,
    METRICS,
    MOST_SERIES,
    MOST_VALUES,
    OPEN,
    OTHER,
    PHASES,
    Bounds,
    Measures,
    Metric,
)
from tests.corpus import REPOSITORY
from tests.report import examples
from tests.wire.files import pcap
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import GOODBYE, Step, conversation, in_time_order, wait


class Taken:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.times: list[tuple[str, tuple[str, ...], float]] = []
        self.gauges: dict[str, float] = {}

    def count(self, metric: Metric, values: tuple[str, ...], number: int = 1) -> None:
        self.counts[metric.name, values] += number

    def observe(self, metric: Metric, values: tuple[str, ...], seconds: float) -> None:
        self.times.append((metric.name, values, seconds))

    def set(self, metric: Metric, number: float) -> None:
        self.gauges[metric.name] = number


def made(path: Path) -> Path:
    """Two accepted logins with commands (one takes two seconds), one refused."""
    script: list[Step] = [
        ("s", greeting()),
        ("c", login()),
        ("s", FAST + ok(3)),
        ("c", query("SELECT 1")),
        ("s", ok(1)),
    ]
    slow: list[Step] = [*script, ("c", query("SELECT 2")), wait("s", err(1, 1205, "Lock wait timeout exceeded"), 2.0)]
    refused: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied"))]
    conversations = [
        conversation([*one, *GOODBYE], client=(f"10.0.0.{number}", 40000))
        for number, one in enumerate((script, slow, refused))
    ]
    path.write_bytes(pcap(in_time_order(*conversations)))
    return path


def measured(path: Path, taken: Taken) -> list[Connection]:
    measures = Measures([taken])
    options = AnalysisOptions(observe=(measures.watch,))
    run: Run[Connection] = Run(options, lambda: Connections(connection_alone), 1)
    found = list(run.items(str(path)))
    for one in found:
        measures.connection(one)
    return found


def test_logins_commands_and_findings(tmp_path: Path) -> None:
    taken = Taken()
    measured(made(tmp_path / "made.pcap"), taken)
    logins = {values[:2]: number for (name, values), number in taken.counts.items() if name == CONNECTIONS.name}
    assert logins == {("accepted", "none"): 2, ("rejected", "1045"): 1}
    commands = {values[:3]: number for (name, values), number in taken.counts.items() if name == COMMANDS_SEEN.name}
    assert commands == {("query", "ok", "none"): 2, ("query", "error", "1205"): 1, ("quit", "none", "none"): 2}
    assert taken.counts[FINDINGS.name, ("access-denied", "error")] == 1
    latencies = [seconds for name, values, seconds in taken.times if name == LATENCY.name and values[0] == "query"]
    assert sorted(math.floor(one) for one in latencies) == [0, 0, 2]
    phases = Counter(values[0] for name, values, _ in taken.times if name == PHASES.name)
    assert phases["total"] == phases["tcp_connect"] == 3


def test_counts_rise_by_what_is_new() -> None:
    taken = Taken()
    measures = Measures([taken])
    measures.counts(Counts(frames=10, open=3))
    measures.counts(Counts(frames=25, open=2, lag_seconds=1.5))
    assert taken.counts[FRAMES.name, ()] == 25
    assert taken.gauges == {OPEN.name: 2, "handshark_lag_seconds": 1.5}


def test_labels_from_the_network_stay_few() -> None:
    bounds = Bounds()
    seen = {bounds.bounded(FINDINGS, (f"code-{number}", "error")) for number in range(5 * MOST_VALUES)}
    assert len(seen) == MOST_VALUES + 1
    assert (OTHER, "error") in seen
    assert bounds.bounded(FINDINGS, ("code-1", "error")) == ("code-1", "error")
    wide = {
        bounds.bounded(COMMANDS_SEEN, (f"a{one}", f"b{other}", "none", "s")) for one in range(90) for other in range(90)
    }
    assert len(wide) == MOST_SERIES + 1
    (hostile,) = {bounds.bounded(PHASES, ("x" * 500 + "\x1b[31m\n", "s"))[0]}
    assert len(hostile) <= 60
    assert "\x1b" not in hostile


def test_prometheus_is_answered(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    from analyzer.metrics.prometheus import PrometheusSink

    sink = PrometheusSink()
    measures = Measures([sink])
    connection = examples.hostile()
    measures.connection(connection)
    measures.counts(Counts(frames=7))
    port = sink.serve("127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    finally:
        sink.close()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert families["handshark_frames"].samples[0].value == 7
    (sample,) = [one for one in families["handshark_connections"].samples if one.name.endswith("_total")]
    assert sample.labels["outcome"] == connection.outcome
    assert {metric.name for metric in METRICS} <= set(families)
    assert families["process_resident_memory_bytes"].samples[0].value > 1 << 20


class _Collector(http.server.BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []
    handler = type("Handler", (_Collector,), {"received": received})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


def test_opentelemetry_gets_numbers_findings_and_failed_logins(
    tmp_path: Path, collector: tuple[str, list[tuple[str, bytes]]]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from analyzer.metrics.output import MeasuredOutput

    url, received = collector
    output = MeasuredOutput(LiveOutput(), None, url, lambda line: None)
    output.load()
    run: Run[Connection] = Run(output.options(AnalysisOptions()), lambda: Connections(connection_alone), 1)
    for one in run.items(str(made(tmp_path / "made.pcap"))):
        output.news(one, None, True)
    output.tick(Counts(frames=33))
    output.close(True)
    metrics, logs, spans = set(), [], []
    for path, body in received:
        if path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                metrics |= {metric.name for scope in resource.scope_metrics for metric in scope.metrics}
        elif path == "/v1/logs":
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                logs += [record for scope in resource.scope_logs for record in scope.log_records]
        elif path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans += [span for scope in resource.scope_spans for span in scope.spans]
    assert {CONNECTIONS.name, COMMANDS_SEEN.name, LATENCY.name, FRAMES.name, OPEN.name} <= metrics
    assert any("access-denied" in str(record.attributes) for record in logs)
    (root,) = [span for span in spans if span.name == "login" and not span.parent_span_id]
    children = [span for span in spans if span.parent_span_id == root.span_id]
    assert [span.name for span in sorted(children, key=lambda span: span.start_time_unix_nano)] == [
        *("tcp_connect", "greeting", "login", "authentication"),
    ]
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano <= root.end_time_unix_nano for span in children)


@pytest.mark.parametrize("native", [False, True])
def test_opentelemetry_gets_native_histograms_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[tuple[str, bytes]]], native: bool
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    from analyzer.metrics.otlp import EXPONENTIAL, OtlpSink

    url, received = collector
    if native:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", EXPONENTIAL)
    sink = OtlpSink(url)
    sink.observe(LATENCY, ("query", "10.0.0.1:3306"), 0.003)
    sink.close()
    (body,) = [body for path, body in received if path == "/v1/metrics"]
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (metric,) = [one for scope in resource.scope_metrics for one in scope.metrics if one.name == LATENCY.name]
    assert metric.WhichOneof("data") == ("exponential_histogram" if native else "histogram")


def test_what_can_not_be_delivered_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the end waits a moment for it, not for as long as it is tried."""
    pytest.importorskip("opentelemetry.sdk")
    from analyzer.metrics import otlp
    from analyzer.metrics.output import MeasuredOutput

    monkeypatch.setattr(otlp, "PARTING_SECONDS", 0.1)
    output = MeasuredOutput(LiveOutput(), None, "http://127.0.0.1:9", lambda line: None)
    output.load()
    output.news(examples.rejected(), None, True)
    output.close(True)


def test_the_dashboard_and_the_alerts_name_metrics_that_there_are() -> None:
    import re

    known = {metric.name for metric in METRICS}
    for file in ("dashboard.json", "alerts.yml"):
        text = (REPOSITORY / "docs" / "metrics" / file).read_text(encoding="utf-8")
        named = set(re.findall(r"\bhandshark_[a-z_]+", text))
        assert named
        for name in named:
            assert re.sub(r"_(total|bucket|sum|count)$", "", name) in known, name
