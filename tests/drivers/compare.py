"""Holds the analyzer's connections against what the drivers were told and the server saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.truth import compare
from tests.drivers.cases import LEFT_ALONE, Told
from tests.drivers.deeds import Row, against_log, against_steps, listed
from tests.drivers.known import DESERVED, DIFFERENCES
from tests.drivers.run import ServerRun
from tests.drivers.truth import IDLE, NOT_TRUSTED, ending, server_disagrees, truth, went_wrong
from tests.reading import connections_of

# Node's clock has milliseconds.
SLACK_NS: Final = 2_000_000
HARMLESS: Final = "info"
# Cases of which failures are the point: what they deserve, other tests say.
NO_SUCCESS: Final = frozenset({"ended", IDLE, "TLS, not trusted"})
ENDED: Final = "server-ended-session"
# What the other connections and a busy machine decide, not the driver.
NOT_ITS_OWN: Final = frozenset({"connection-churn", "slow-login"})


@dataclass
class Verdict:
    """One case of one driver: the differences, without and with those that are known."""

    told: Told
    server: str
    connection: dict[str, Any] | None
    differences: list[str] = field(default_factory=list)
    # (difference, reason)
    known: list[tuple[str, str]] = field(default_factory=list)

    @property
    def agreed(self) -> bool:
        """Whether nothing is different."""
        return not self.differences and not self.known

    def title(self) -> str:
        """Which case this is."""
        return f"{self.told.driver.name}, {self.server}, {self.told.case['name']}"


def options_for(run: ServerRun) -> AnalysisOptions:
    """The analyzer's options, with the TLS secrets that the server wrote."""
    return AnalysisOptions(keylogs=(run.server.keylog.read_bytes(),))


def analyse(run: ServerRun, *, keys: bool = True) -> list[dict[str, Any]]:
    """The connections of the capture, in the keys of the contract; without `keys` nothing opens their TLS."""
    options = options_for(run) if keys else None
    return [msgspec.to_builtins(connection) for connection in connections_of(run.capture, options)]


def match(run: ServerRun, connections: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The connection of each case, by its position in `run.told`.

    By the connection id that the driver asked for; without one by time, since a server's cases follow one another.
    """
    by_id = {each["greeting"]["connection_id"]: each for each in connections if each["greeting"]}
    found: dict[int, dict[str, Any]] = {}
    for number, told in enumerate(run.told):
        number_given = told.result.get("connection_id")
        if number_given in by_id:
            found[number] = by_id.pop(number_given)
    for number, told in enumerate(run.told):
        if "connection_id" in told.result:
            continue
        first, last = int(told.result["start_ns"]) - SLACK_NS, int(told.result["end_ns"]) + SLACK_NS
        fitting = [each for each in by_id.values() if first <= each["start_time_ns"] <= last]
        # Of other programs at the same time: who is readable has to be who was told.
        fitting = [each for each in fitting if not each["login"] or each["login"]["user"] == told.case["user"]]
        if fitting:
            found[number] = by_id.pop(min(fitting, key=lambda each: each["start_time_ns"])["greeting"]["connection_id"])
    return found


def message_differs(told: Told, connection: dict[str, Any]) -> list[str]:
    """Whether the driver shows another error message than the analyzer."""
    error = connection["error"]
    left = told.case["name"] == IDLE or (told.driver.just_leaves and not told.result["error"])
    if error is None or left or ending(told) is not None or told.case["name"] == NOT_TRUSTED:
        return []
    if error["message"] in told.result.get("message", ""):
        return []
    return [f"error.message: the driver shows {told.result.get('message')!r}, the analyzer says {error['message']!r}"]


def as_logged(connection: dict[str, Any]) -> dict[str, Any]:
    """The connection with its commands counted as the servers log them: a bulk execution is one, a fetch nothing."""
    counted = dict(connection["commands"])
    counted.pop("stmt_fetch", None)
    if bulk := counted.pop("stmt_bulk_execute", 0):
        counted["stmt_execute"] = counted.get("stmt_execute", 0) + bulk
    return {**connection, "commands": counted}


def commands_differ(told: Told, log: Sequence[tuple[str, str]], rows: Sequence[Row]) -> list[str]:
    """Where the listed commands differ from the server's log and from the steps."""
    if "connection_id" not in told.result:
        return []
    if told.case["name"] == IDLE:
        # What is asked then the server does not read, or not as it was asked.
        rows = rows[: next((place + 1 for place, row in enumerate(rows) if row["statement"] == LEFT_ALONE), None)]
    steps = [] if told.result["problems"] else list(against_steps(rows, told))
    return [*against_log(rows, log, broken=told.case["logs_broken"]), *steps]


def without_keys(told: Told, connection: dict[str, Any], sealed: dict[str, Any]) -> list[str]:
    """Where the same connection, read without keys, says more than it may, or something else."""
    if connection["tls"] is None or told.case["name"] == NOT_TRUSTED:
        keys = ("outcome", "commands", "error", "login", "driver", "compression")
        return [f"without keys: {key}: {sealed[key]!r}" for key in keys if sealed[key] != connection[key]]
    found = [f"without keys: {key}: {sealed[key]!r}" for key in ("login", "commands", "authentication") if sealed[key]]
    if sealed["outcome"] != "encrypted" and sealed["outcome"] != connection["outcome"]:
        found.append(f"without keys: outcome: {sealed['outcome']!r}")
    tls = ("version", "cipher_suite", "requested_frame", "resumed")
    return found + [f"without keys: tls.{key}" for key in tls if sealed["tls"][key] != connection["tls"][key]]


def judge(told: Told, run: ServerRun, connection: dict[str, Any] | None, rows: Sequence[Row]) -> Verdict:
    """The differences of one case; `rows` are the commands of its connection."""
    verdict = Verdict(told, run.server.name, connection)
    place = (told.driver.name, run.server.name)
    found = went_wrong(told)
    if connection is None:
        found.append("the analyzer has no such connection")
    else:
        log = run.log.get(connection["greeting"]["connection_id"], [])
        found += server_disagrees(told, log)
        found += compare(as_logged(connection), truth(told, log, run.plugin))
        found += message_differs(told, connection)
        found += commands_differ(told, log, rows)
        if connection["outcome"] == "encrypted":
            # `compare` leaves out what TLS hides, but the server has written its secrets.
            found.append("outcome: encrypted, in spite of the server's TLS secrets")
        if told.case["name"] == IDLE and ENDED not in {each["code"] for each in connection["findings"]}:
            found.append(f"finding: {ENDED} is not said")
        if not told.result["error"] and told.case["name"] not in NO_SUCCESS:
            right = {row.code for row in DESERVED if (row.driver, row.server) == place} | NOT_ITS_OWN
            others = (each for each in connection["findings"] if each["code"] not in right)
            graver = [each for each in others if each["severity"] != HARMLESS]
            found += [f"finding: {each['code']} ({each['severity']}): {each['message']}" for each in graver]
    for difference in found:
        row = next((row for row in DIFFERENCES if row.covers(*place, told.case["name"], difference)), None)
        if row is None:
            verdict.differences.append(difference)
        else:
            verdict.known.append((difference, row.reason))
    return verdict


def judge_all(run: ServerRun, connections: Sequence[dict[str, Any]]) -> list[Verdict]:
    """All cases of one server."""
    matched = match(run, connections)
    commands = listed(run.capture, run.server.keylog)
    verdicts: list[Verdict] = []
    sealed = {connection["stream"]: connection for connection in analyse(run, keys=False)}
    for number, told in enumerate(run.told):
        connection = matched.get(number)
        verdicts.append(judge(told, run, connection, commands.get(connection["stream"], []) if connection else []))
        if connection is not None:
            verdicts[-1].differences += without_keys(told, connection, sealed[connection["stream"]])
    return verdicts
