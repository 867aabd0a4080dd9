"""A real Prometheus asks a live capture of real frames, and takes our alert rules."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.capture.live.network import Network, network
from tests.capture.live.support import SECONDS, live, may_capture, send
from tests.corpus import REPOSITORY, tool
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

pytestmark = pytest.mark.tool

ALERTS = REPOSITORY / "docs" / "metrics" / "alerts.yml"
REFUSED: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000"))]
FAILED: list[Step] = [*ACCEPTED, ("c", query("SELECT 1")), ("s", err(1, 1146, "no such table")), *GOODBYE]


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    may_capture()
    with network() as pair:
        yield pair


def test_alert_rules_are_right() -> None:
    done = subprocess.run([tool("promtool"), "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 rules found" in done.stdout


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def asked(port: int, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query; nothing while it does not listen yet."""
    address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


def test_prometheus_scrapes_a_live_capture(wire: Network, tmp_path: Path) -> None:
    program = tool("prometheus")
    with live("-i", wire.near, "-f", "tcp port 3306", "--format", "jsonl", "--metrics", "127.0.0.1:0") as run:
        run.wait_for(r"metrics: http://127\.0\.0\.1:\d+/metrics")
        found = re.search(r"metrics: http://127\.0\.0\.1:(\d+)/", run.errors)
        assert found
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{ALERTS}]\n"
            f"scrape_configs: [{{job_name: handshark, static_configs: [{{targets: ['127.0.0.1:{found[1]}']}}]}}]\n"
        )
        port = free_port()
        data = f"--storage.tsdb.path={tmp_path / 'data'}"
        words = [program, f"--config.file={config}", data, f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as prometheus:
            try:
                for number, script in enumerate((REFUSED, FAILED, [*ACCEPTED, *GOODBYE])):
                    ends = {"client": (f"10.1.0.{number}", 40000 + number), "server": ("10.2.0.1", 3306)}
                    send(wire, conversation(script, **ends))  # type: ignore[arg-type]
                # A login without an end counts when the connection does.
                run.wait_for_rows(2, final=True)
                end = time.monotonic() + SECONDS
                while not asked(port, 'handshark_commands_total{response="error"}'):
                    assert time.monotonic() < end
                    time.sleep(0.2)
                (accepted,) = asked(port, 'sum(handshark_connections_total{outcome="accepted"})')
                assert accepted["value"][1] == "2"
                (failed,) = asked(port, 'handshark_commands_total{response="error"}')
                assert failed["metric"]["error_code"] == "1146"
                assert failed["metric"]["server"] == "10.2.0.1:3306"
            finally:
                prometheus.terminate()
                prometheus.wait(SECONDS)
        assert run.end() == 0
