"""plugin-switch: an auth switch on the way to an accepted login."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.driver_options import FIRST_PLUGIN, option
from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.signs import ACCEPTED


def applies(case: Case) -> bool:
    return bool(case.facts.auth.switches) and case.connection.outcome == "accepted"


def check(case: Case) -> Iterator[Verdict]:
    switches = case.connection.authentication.switches if case.connection.authentication else []
    if not switches or case.connection.outcome != "accepted":
        return
    first, last = switches[0], switches[-1]
    evidence = [f"frame {each.frame}: from {each.from_ or 'no plugin'} to {each.to}" for each in switches]
    cost = ""
    took = case.own(_took)
    if took is not None:
        cost = f" of {took}"
        evidence.append(f"{took} from the login to the switch, as seen where the capture was made")
    filling: dict[str, object] = {
        "first": first.from_ or "no plugin",
        "last": last.to,
        "cost": cost,
        "option": option(case, FIRST_PLUGIN, to=last.to),
    }
    yield RULE.says([switch.frame for switch in switches], filling, evidence=evidence)


def _took(times: Sequence[int]) -> str | None:
    """The time from the login to the switch; None where the clock went back in between."""
    _, login_ns, switched_ns, _ = times
    return span(switched_ns - login_ns) if 0 < login_ns < switched_ns else None


RULE = Rule(
    "plugin-switch",
    INFO,
    "An auth switch on the way to an accepted login",
    (applies,),
    check,
    by_login=True,
    of_login=True,
    given=ACCEPTED,
    looks_at="an AuthSwitchRequest in a login that is accepted in the end; the time from the login to it",
    about=(
        "The client guesses a plugin before it knows which one the account has. If the guess is wrong the "
        "server asks it to start again with another: one more round trip, on every login. Clients guess the "
        "plugin that the greeting names, or one that is built in."
    ),
    message="The client began with {first} and was switched to {last}: an extra round trip{cost}, on every login.",
    advice="Let the client begin with the plugin of the account: {option}.",
    sources=(
        "MySQL Source Documentation: Connection Phase, Authentication Method Mismatch",
        "MySQL Reference Manual: Pluggable Authentication, --default-auth",
    ),
)
