"""capture-one-sided: only one direction is in the capture."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_losses
from analyzer.analysis.findings.helpers import one_sided
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    if not one_sided(case):
        return
    tcp = case.connection.tcp
    side = "client" if tcp.bytes_from_client else "server"
    evidence = [f"{tcp.bytes_from_client} bytes of the client, {tcp.bytes_from_server} of the server"]
    yield RULE.says([case.connection.first_frame], {"side": side}, evidence=evidence)


RULE = Rule(
    "capture-one-sided",
    WARNING,
    "Only one direction is in the capture",
    (has_losses,),
    check,
    looks_at="no segment at all of one side",
    about=(
        "Half of the conversation is missing. What one side alone says is still shown; what needs both (the "
        "verdict on a login, latencies) is not known."
    ),
    message="Only what the {side} sent is in the capture; the other side's answers are not known.",
    advice=(
        "Capture where both directions pass: asymmetric routes, and mirror ports that are set to one "
        "direction, lose the other."
    ),
    sources=("tcpdump(1)",),
)
