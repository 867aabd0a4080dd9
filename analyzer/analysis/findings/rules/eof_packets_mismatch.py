"""eof-packets-mismatch: a result set with EOF packets that were to be left out, or without those that were due."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import FAULTS


def departs(case: Case) -> bool:
    return case.facts.faults.eof_departure is not None and not case.facts.faults.assumed


def check(case: Case) -> Iterator[Verdict]:
    departure = case.facts.faults.eof_departure
    if departure is None or not departs(case):
        return
    what, frame = departure
    missing = what == "row_for_eof"
    agreed = "not agreed on" if missing else "agreed on"
    seen = "a row where the EOF packet behind the definitions is due" if missing else "an EOF packet behind them"
    yield RULE.says(
        [frame],
        {"agreed": agreed, "seen": seen},
        confidence=LIKELY,
        evidence=[f"frame {frame}: CLIENT_DEPRECATE_EOF is {agreed}, and {seen}"],
        doubt="a server of another kind may do so without a proxy",
    )


RULE = Rule(
    "eof-packets-mismatch",
    WARNING,
    "EOF packets in a result set are not what was agreed on",
    (departs,),
    check,
    given=FAULTS,
    looks_at="what follows the column definitions, beside CLIENT_DEPRECATE_EOF of both sides",
    about=(
        "With CLIENT_DEPRECATE_EOF no EOF packet stands between the column definitions and the rows; without it one"
        " does. A proxy that answers from its cache with what the server told another client mixes the two up. Clients"
        " then lose the first row, count wrongly, or wait for ever."
    ),
    message="CLIENT_DEPRECATE_EOF is {agreed}, and in a result set there is {seen}.",
    advice=(
        "Look for a proxy with a query cache in between (ProxySQL, MaxScale): switch its cache off for this rule, or"
        " update it. Rows are counted here as they came."
    ),
    causes=("a server that others have written, which ignores what it agreed on",),
    sources=("MySQL Source Documentation: Text Resultset; Protocol::EOF_Packet",),
)
