"""capture-one-sided: only one direction is in the capture."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_losses
from analyzer.analysis.findings.helpers import one_sided
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict

MOST_NAMED = 5


def check(case: Case) -> Iterator[Verdict]:
    if not one_sided(case):
        return
    tcp = case.connection.tcp
    side = "client" if tcp.bytes_from_client else "server"
    evidence = [f"{tcp.bytes_from_client} bytes of the client, {tcp.bytes_from_server} of the server"]
    if side == "client":
        yield RULE.says([case.connection.first_frame], evidence=evidence)
        return
    answers = case.facts.answers
    named = answers.errors[:MOST_NAMED]
    # Their words may quote what was asked: nobody knows whether that is to be shown.
    evidence += [f"frame {each.frame}: ERR {each.error.error_code}" for each in named]
    count = sum(answers.error_counts.values())
    told = [f"{number:,} {what}{'s' if number > 1 else ''}" for what, number in sorted(case.facts.faults.heard.items())]
    heard = f" It gave at least {' and '.join(told)}." if told else ""
    heard += f" At least {count} of its answers {'is an error' if count == 1 else 'are errors'}." if count else ""
    frames = [case.connection.first_frame, *(each.frame for each in named)]
    yield RULE.says(frames, {"heard": heard}, variant="server", evidence=evidence)


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
    message="Only what the client sent is in the capture; the server's answers are not known.",
    variants=(
        (
            "server",
            "Only what the server sent is in the capture; what it was asked is not known, nor what an answer is "
            "for.{heard}",
            "",
        ),
    ),
    advice=(
        "Capture where both directions pass: asymmetric routes, and mirror ports that are set to one "
        "direction, lose the other."
    ),
    sources=("tcpdump(1)",),
)
