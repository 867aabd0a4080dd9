"""group-replication: the connection became one of group replication's."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import left_open
from analyzer.analysis.findings.helpers import HANDED_OVER
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.protocol.tables.commands import COM_SUBSCRIBE_GROUP_REPLICATION_STREAM


def check(case: Case) -> Iterator[Verdict]:
    answers = case.facts.answers
    if HANDED_OVER not in case.connection.commands or answers.error_counts or answers.waiting:
        return
    frames = [sent.frame for sent in answers.opening if sent.code == COM_SUBSCRIBE_GROUP_REPLICATION_STREAM]
    yield RULE.says(frames)


RULE = Rule(
    "group-replication",
    INFO,
    "The connection carries group replication's own protocol",
    (left_open,),
    check,
    looks_at="COM_SUBSCRIBE_GROUP_REPLICATION_STREAM, answered with OK",
    about=(
        "Members of a group whose communication stack is MySQL log in to one another as clients do. With "
        "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM the server hands the connection to XCom, its group communication: "
        "what follows is no MySQL packet, and is not decoded."
    ),
    message=(
        "A member of a group logged in and took it over: behind COM_SUBSCRIBE_GROUP_REPLICATION_STREAM both "
        "sides speak XCom, which is not decoded."
    ),
    advice="Nothing is wrong. What members say to one another shows in performance_schema.replication_group_members.",
    causes=(),
    sources=("MySQL Reference Manual: group_replication_communication_stack",),
)
