"""Measurements, findings and slow or failed logins for OpenTelemetry, which gets them over OTLP (opentelemetry-sdk)."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from analyzer import __version__
from analyzer.analysis.model.connection import FAILED, Connection
from analyzer.metrics.measures import BUCKETS, COUNTER, HISTOGRAM, METRICS, Metric
from analyzer.report.escape import terminal
from analyzer.report.prose import labels

EVERY_MS: Final = 10_000
PARTING_SECONDS: Final = 3.0
# OpenTelemetry's word for histograms without fixed buckets, which Prometheus calls native.
EXPONENTIAL: Final = "base2_exponential_bucket_histogram"
SLOW: Final = "slow-login"
_SEVERITIES: Final = {"error": SeverityNumber.ERROR, "warning": SeverityNumber.WARN, "info": SeverityNumber.INFO}
# Phases of a login in the order in which they follow each other; TLS is a part of the login's.
_PHASES: Final = ("tcp_connect", "greeting", "login", "authentication")


class OtlpSink:
    """Sends the numbers every ten seconds to an OTLP endpoint over HTTP, and findings and logins as they come.

    `url` is the collector's address, as http://127.0.0.1:4318; what can not be delivered is dropped, and the capture
    goes on.
    """

    def __init__(self, url: str) -> None:
        base = url.rstrip("/")
        resource = Resource.create({"service.name": "handshark", "service.version": __version__})
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"), EVERY_MS)
        view = View(instrument_name="*_seconds", aggregation=ExplicitBucketHistogramAggregation(BUCKETS))
        native = os.environ.get(OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION) == EXPONENTIAL
        self._meters = MeterProvider([reader], resource, shutdown_on_exit=False, views=[] if native else [view])
        self._logs = LoggerProvider(resource, shutdown_on_exit=False)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{base}/v1/logs")))
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
        self._logger = self._logs.get_logger("handshark")
        self._tracer = self._traces.get_tracer("handshark")
        meter = self._meters.get_meter("handshark", __version__)
        self._made: dict[str, Counter | Histogram | Gauge] = {}
        for one in METRICS:
            if one.kind == COUNTER:
                self._made[one.name] = meter.create_counter(one.name, description=one.about)
            elif one.kind == HISTOGRAM:
                self._made[one.name] = meter.create_histogram(one.name, "s", one.about)
            else:
                self._made[one.name] = meter.create_gauge(one.name, description=one.about)

    def count(self, metric: Metric, values: tuple[str, ...], number: int = 1) -> None:
        counter = self._made[metric.name]
        assert isinstance(counter, Counter)
        counter.add(number, dict(zip(metric.labels, values, strict=True)))

    def observe(self, metric: Metric, values: tuple[str, ...], seconds: float) -> None:
        histogram = self._made[metric.name]
        assert isinstance(histogram, Histogram)
        histogram.record(seconds, dict(zip(metric.labels, values, strict=True)))

    def set(self, metric: Metric, number: float) -> None:
        gauge = self._made[metric.name]
        assert isinstance(gauge, Gauge)
        gauge.set(number)

    def connection(self, c: Connection) -> None:
        """Findings as log records; a login that was slow or failed as a span, its phases as children."""
        about: dict[str, str | int] = {
            "client.address": c.client.address,
            "client.port": c.client.port,
            "server.address": c.server.address,
            "server.port": c.server.port,
            "handshark.stream": c.stream,
            "handshark.outcome": c.outcome,
        }
        if c.login is not None:
            about["db.user"] = terminal(c.login.user)
        for finding in c.findings:
            self._logger.emit(
                timestamp=c.end_time_ns,
                severity_number=_SEVERITIES.get(finding.severity, SeverityNumber.INFO),
                severity_text=finding.severity,
                body=terminal(finding.message),
                attributes={**about, "handshark.finding": finding.code, "handshark.frames": list(finding.frames)},
            )
        if c.outcome in FAILED or any(finding.code == SLOW for finding in c.findings):
            self._span(c, about)

    def _span(self, c: Connection, about: dict[str, str | int]) -> None:
        start = at = c.start_time_ns
        if c.error is not None:
            about = {**about, "mysql.error_code": c.error.code, "mysql.error": terminal(c.error.message)}
        span = self._tracer.start_span("login", start_time=start, attributes=about)
        if c.outcome in FAILED:
            span.set_status(Status(StatusCode.ERROR, labels.error_text(c) or c.outcome))
        inside = set_span_in_context(span)
        for name in _PHASES:
            took = getattr(c.timing, f"{name}_ns")
            if took is None or took < 0:
                continue
            child = self._tracer.start_span(name, inside, start_time=at)
            at += took
            child.end(at)
        span.end(max(at, start + max(0, c.timing.total_ns or 0)))

    def close(self) -> None:
        """Sends what is left, for a moment at most: who can not be reached is tried for much longer."""
        endings = (self._meters.shutdown, self._logs.shutdown, self._traces.shutdown)
        threads = [threading.Thread(target=ending, daemon=True) for ending in endings]
        for thread in threads:
            thread.start()
        until = time.monotonic() + PARTING_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
