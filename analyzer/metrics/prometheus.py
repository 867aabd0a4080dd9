"""Measurements for Prometheus, which comes and asks for them (prometheus_client)."""

from __future__ import annotations

import threading
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, make_wsgi_app

from analyzer.metrics.measures import BUCKETS, COUNTER, GAUGE, METRICS, Metric
from analyzer.metrics.server import MetricsServer

_KINDS: Final = {COUNTER: Counter, GAUGE: Gauge}


class PrometheusSink:
    """Holds the numbers in a registry of its own; `serve` answers at http://address:port/metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        for one in METRICS:
            if one.kind in _KINDS:
                self._made[one.name] = _KINDS[one.kind](one.name, one.about, one.labels, registry=self.registry)
            else:
                self._made[one.name] = Histogram(
                    one.name, one.about, one.labels, buckets=BUCKETS, registry=self.registry
                )
        ProcessCollector(registry=self.registry)
        self._server: MetricsServer | None = None
        self._thread: threading.Thread | None = None

    def serve(self, address: str, port: int) -> int:
        """Listens from now on; returns the port. Raises OSError where that can not be."""
        self._server = MetricsServer(address, port, make_wsgi_app(self.registry))
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()
        return int(self._server.server_port)

    def close(self) -> None:
        """Listens no longer."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def count(self, metric: Metric, values: tuple[str, ...], number: int = 1) -> None:
        counter = self._made[metric.name]
        assert isinstance(counter, Counter)
        (counter.labels(*values) if values else counter).inc(number)

    def observe(self, metric: Metric, values: tuple[str, ...], seconds: float) -> None:
        histogram = self._made[metric.name]
        assert isinstance(histogram, Histogram)
        (histogram.labels(*values) if values else histogram).observe(seconds)

    def set(self, metric: Metric, number: float) -> None:
        gauge = self._made[metric.name]
        assert isinstance(gauge, Gauge)
        gauge.set(number)
