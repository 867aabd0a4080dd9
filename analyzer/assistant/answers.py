"""The answers: plain values for JSON, bounded in number, size and time.

All that came over the network stands below a key `captured`: it is data, whatever it says.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.model.command import Command
from analyzer.analysis.model.packet import Packet
from analyzer.assistant.bounds import MOST, SECONDS, Answer, TookTooLongError, shown, shown_value
from analyzer.engine.collectors import connection_alone
from analyzer.engine.handle import CaptureHandle
from analyzer.engine.listener import RunListener
from analyzer.engine.run import Run
from analyzer.engine.shelf import Shelf
from analyzer.engine.workload_collector import with_workload
from analyzer.errors import AnalyzerError
from analyzer.report.prose import labels
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.headlines import headlines
from analyzer.report.text.explain import Explainer

T = TypeVar("T")

LONGEST_STORY: Final = 20_000
WIDTH: Final = 100  # columns of a story
SLOWEST: Final = 20


class Answers:
    """Answers questions about the captures on a shelf. Raises AnalyzerError for what can not be answered."""

    def __init__(self, shelf: Shelf, options: AnalysisOptions) -> None:
        self._shelf = shelf
        self._options = options

    def captures(self) -> Answer:
        """What may be asked about."""
        listed = self._shelf.captures()
        return {
            "captures": [
                {"capture": one.name, "bytes": one.size, "changed": f"{labels.date(one.changed_ns)}T"
                 f"{labels.time_of_day(one.changed_ns)}Z"}
                for one in listed
            ]
        }  # fmt: skip

    def summary(self, capture: str) -> Answer:
        """A capture as a whole: its story, what went wrong, its findings, its slowest statements."""
        path = self._shelf.path(capture)
        story = CaptureStory()
        codes: Counter[tuple[str, str]] = Counter()
        run: Run[Connection | Workload] = Run(
            self._options, with_workload(None, connection_alone, statements=True), 1, _Deadline()
        )
        for one in run.items(str(path)):
            if isinstance(one, Workload):
                story.workload.merge(one)
            elif not one.is_copy:
                story.add(one)
                codes.update({(finding.severity, finding.code) for finding in one.findings})
        source = run.sources[-1]
        ranked = sorted(codes.items(), key=lambda item: (labels.rank(item[0][0]), -item[1], item[0]))
        whole = story.workload.whole()
        return {
            "capture": capture,
            "frames": source.frames,
            "connections": story.connections,
            "outcomes": dict(story.outcomes),
            "findings": [
                {"code": code, "severity": severity, "connections": number} for (severity, code), number in ranked
            ],
            "captured": {
                "story": shown(" ".join(story.opening([source]))),
                "notes": [shown(_safe(text, str(path), capture)) for text in (*source.warnings, *source.notes)],
                "what_went_wrong": [shown(one.sentence) for one in headlines(story)],
                "slowest_statements": [
                    {
                        "statement": shown(group.name),
                        "times": group.count,
                        "errors": group.errors,
                        "rows": group.rows,
                        "total_ns": group.durations.total,
                        "p95_ns": group.durations.percentile(95),
                        "share": round(group.durations.total / (whole.durations.total or 1), 4),
                        "slowest": None if group.example is None else _place(group.example[1], group.example[2]),
                    }
                    for group in story.workload.slowest(SLOWEST)
                ],
            },
        }

    def connections(self, capture: str, display_filter: str | None, limit: int, offset: int) -> Answer:
        """Connections, or those for which a display filter holds."""
        with self._open(capture) as handle:
            found, more = _page(handle.connections(display_filter), limit, offset)
            return {
                "capture": capture,
                "connections": [_connection(one) for one in found],
                "offset": offset,
                "more": more,
            }

    def connection(self, capture: str, stream: int) -> Answer:
        """The story of one connection, step by step, and its findings with the frames that prove them."""
        with self._open(capture) as handle:
            for one in handle.connections(f"tcp.stream == {stream}"):
                lines: list[str] = []
                Explainer(lines.append, WIDTH).connection(one)
                return {
                    **_connection(one),
                    "capture": capture,
                    "findings": [
                        {
                            "code": finding.code,
                            "severity": finding.severity,
                            "confidence": finding.confidence,
                            "frames": finding.frames,
                            "captured": {"message": shown(finding.message), "advice": shown(finding.advice)},
                        }
                        for finding in labels.by_severity(one.findings)
                    ],
                    "captured": {
                        **_connection(one)["captured"],
                        "story": _safe("".join(lines), str(handle.name), capture)[:LONGEST_STORY],
                    },
                }
        raise AnalyzerError(f"{capture}: no MySQL connection has the number {stream}")

    def commands(self, capture: str, display_filter: str | None, slow_ms: float, limit: int, offset: int) -> Answer:
        """Commands with their responses, in the order in which the responses end."""
        with self._open(capture) as handle:
            found, more = _page(handle.commands(display_filter, int(slow_ms * 1e6)), limit, offset)
            return {"capture": capture, "commands": [_command(one) for one in found], "offset": offset, "more": more}

    def packets(self, capture: str, stream: int, limit: int, offset: int) -> Answer:
        """Packets of a connection, dissected."""
        with self._open(capture) as handle:
            found, more = _page(handle.packets(f"tcp.stream == {stream}"), limit, offset)
            packets = [
                {
                    "frame": one.frame,
                    "time_ns": one.time_ns,
                    "sender": one.sender,
                    "record": one.record,
                    "bytes": one.length,
                    "encrypted": one.encrypted,
                    "captured": {
                        "summary": shown(one.summary),
                        "fields": _fields(one),
                    },
                }
                for one in found
            ]
            return {"capture": capture, "stream": stream, "packets": packets, "offset": offset, "more": more}

    def findings(self, code: str | None) -> Answer:
        """All findings that there are, or what one means, what may cause it and what to do."""
        if code is None:
            return {"findings": [{"code": r.code, "severity": r.severity, "title": r.title} for r in TABLE]}
        rule = next((one for one in TABLE if one.code == code), None)
        if rule is None:
            raise AnalyzerError(f"{code!r} is the code of no finding; ask for all of them without a code")
        lines: list[str] = []
        Explainer(lines.append, WIDTH).rule(rule)
        return {"code": rule.code, "severity": rule.severity, "title": rule.title, "text": "".join(lines)}

    def _open(self, capture: str) -> CaptureHandle:
        path = self._shelf.path(capture)
        deadline = _Deadline()
        return CaptureHandle(
            str(path), self._options, 1, lambda done, total, frames: deadline.progress(capture, done, total, frames)
        )


class _Deadline(RunListener):
    """Ends a reading that takes too long."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if time.monotonic() > self._end:
            raise TookTooLongError(
                f"the answer took more than {SECONDS:.0f} s ({frames:,} frames were read): ask for less, with a filter"
            )


def _page(items: Iterable[T], limit: int, offset: int) -> tuple[list[T], bool]:
    """`limit` items behind the first `offset`, and whether there are more."""
    if not 1 <= limit <= MOST:
        raise AnalyzerError(f"limit is {limit}: it goes from 1 to {MOST}")
    if offset < 0:
        raise AnalyzerError(f"offset is {offset}: it goes from 0 up")
    rest: Iterator[T] = islice(items, offset, None)
    found = list(islice(rest, limit))
    return found, next(rest, None) is not None


def _connection(one: Connection) -> Answer:
    auth = one.authentication
    return {
        "stream": one.stream,
        "start_ns": one.start_time_ns,
        "lasted_ns": one.lasted_ns,
        "first_frame": one.first_frame,
        "last_frame": one.last_frame,
        "outcome": one.outcome,
        "error_code": None if one.error is None else one.error.code,
        "error_frame": None if one.error is None else one.error.frame,
        "tls": None if one.tls is None else one.tls.version or "TLS",
        "findings": [finding.code for finding in labels.by_severity(one.findings)],
        "captured": {
            "client": labels.client(one),
            "server": labels.endpoint(one.server),
            "server_version": None if one.greeting is None else shown(one.greeting.server_version),
            "user": None if one.login is None else shown(one.login.user),
            "database": None if one.login is None or one.login.database is None else shown(one.login.database),
            "driver": shown(labels.driver(one)) or None,
            "plugin": None if auth is None or auth.plugin is None else shown(auth.plugin),
            "error": None if one.error is None else shown(one.error.message),
        },
    }


def _command(one: Command) -> Answer:
    return {
        "stream": one.stream,
        "number": one.number,
        "frame": one.frame,
        "response_frame": one.response_frame,
        "time_ns": one.time_ns,
        "duration_ns": one.duration_ns,
        "command": one.command,
        "response": one.response,
        "rows": one.rows,
        "affected_rows": one.affected_rows,
        "error_code": None if one.error is None else one.error.code,
        "complete": one.complete,
        "captured": {
            "statement": None if one.statement is None else shown(one.statement),
            "user": None if one.user is None else shown(one.user),
            "database": None if one.database is None else shown(one.database),
            "error": None if one.error is None else shown(one.error.message),
        },
    }


def _fields(packet: Packet) -> Answer:
    return {name: [shown_value(value) for value in values[:MOST]] for name, values in packet.fields.items()}


def _place(stream: int, frame: int) -> Answer:
    return {"stream": stream, "frame": frame}


def _safe(text: str, path: str, capture: str) -> str:
    """Text in which a path of this machine stands as the capture's name."""
    return text.replace(path, capture)
