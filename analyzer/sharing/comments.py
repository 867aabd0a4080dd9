"""What is said of a connection in the comments of its frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.model.connection import Connection, Finding
from analyzer.report.escape import terminal
from analyzer.report.prose.story import in_brief, story

# Frames of one finding that have its message; more of the same say nothing new.
MOST_MARKED: Final = 20
# Findings named in a connection's own comment.
MOST_NAMED: Final = 10


def of_connection(connection: Connection, label: str) -> str:
    """Outcome and findings of a connection, and where it was cut out of: for its first frame."""
    codes = list(dict.fromkeys(one.code for one in connection.findings))
    named = ", ".join(codes[:MOST_NAMED]) + (f" and {len(codes) - MOST_NAMED} more" if len(codes) > MOST_NAMED else "")
    where = f"stream {connection.stream} of {label}, frames {connection.first_frame} to {connection.last_frame}"
    text = f"handshark: {where}; outcome: {connection.outcome}; findings: {named or 'none'}. {in_brief(connection)}"
    return terminal(text)


def of_frames(connection: Connection) -> Iterator[tuple[int, str]]:
    """(frame, comment): findings where they rest on a frame, and the story's steps where they can be seen."""
    for step in story(connection):
        if step.frame is not None and step.sentences:
            yield step.frame, terminal(f"{step.title}: {' '.join(step.sentences)}")
    if connection.authentication is not None:
        for done in connection.authentication.steps:
            yield done.frame, terminal(f"Authentication, {done.sender}: {done.summary}")
    for finding in connection.findings:
        frames = finding.frames[:MOST_MARKED] or [connection.first_frame]
        for number, frame in enumerate(frames):
            yield frame, _said(finding, whole=number == 0)


def _said(finding: Finding, whole: bool) -> str:
    sure = "" if finding.confidence == "certain" else f" ({finding.confidence})"
    advice = f" {finding.advice}" if whole and finding.advice else ""
    return terminal(f"{finding.severity} {finding.code}{sure}: {finding.message}{advice}")
