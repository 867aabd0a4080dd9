"""connection-churn: many short connections from one client."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import POOL, option
from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.statements import is_opening, shape_of
from analyzer.protocol.tables.commands import COM_QUIT

# A finding is made at the 50th connection of a burst, the 100th, the 200th ...
FIRST = 50
# What counts as short.
SHORT_NS = SECOND
FEW_COMMANDS = 3


def is_milestone(burst: int) -> bool:
    """50, 100, 200, 400 ..."""
    return burst >= FIRST and burst % FIRST == 0 and (burst // FIRST) & (burst // FIRST - 1) == 0


def applies(case: Case) -> bool:
    return is_milestone(case.facts.burst)


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    lasted = c.end_time_ns - c.start_time_ns
    if c.outcome not in ("accepted", "encrypted") or not is_milestone(facts.burst) or lasted > SHORT_NS:
        return
    opening = [each for each in facts.answers.opening if is_opening(each) and each.code != COM_QUIT]
    working = sum(c.commands.values()) - c.commands.get("quit", 0) - len(opening)
    if working > FEW_COMMANDS or facts.closing.end is None:
        return
    rate = facts.burst * SECOND / max(facts.burst_ns, 1)
    cost = c.timing.total_ns
    filling: dict[str, object] = {
        "source": c.client.address,
        "count": facts.burst,
        "time": span(facts.burst_ns),
        "rate": f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}",
        "option": option(case, POOL),
        "cost": f"; {span(cost)} of this one's {span(lasted)} went into connecting and logging in" if cost else "",
    }
    evidence = [f"{facts.burst} connections in {span(facts.burst_ns)}, none more than 2 s after the one before"]
    if opening:
        shapes = ", ".join(dict.fromkeys(shape_of(each) for each in opening))
        evidence.append(f"each new connection begins with {len(opening)} statements of its own: {shapes}")
        filling["repeats"] = f", and {len(opening)} statements that prepare the session ({shapes}) come again each time"
    else:
        filling["repeats"] = ""
    if cost and rate > 0:
        saved = rate * cost / SECOND
        evidence.append(f"at this rate logins take {saved * 100:.0f} % of a second each second")
    yield RULE.says(
        [c.first_frame, c.last_frame],
        filling,
        confidence=LIKELY,
        evidence=evidence,
        doubt="this connection was short; of the others only their opening is counted here",
    )


RULE = Rule(
    "connection-churn",
    WARNING,
    "Many short connections from one client",
    (applies,),
    check,
    looks_at=(
        "connections that one address opens to one server, each at most 2 s after the one before: at the "
        "50th, 100th, 200th ..., if that one is short (under a second, at most 3 commands)"
    ),
    about=(
        "A program that connects anew for each statement pays TCP, TLS and a login every time, and makes the "
        "server do the same; each also leaves a port in TIME_WAIT. A pool keeps connections open and hands "
        "them out."
    ),
    message="{source} opened {count} connections to this server within {time} ({rate} a second){cost}{repeats}.",
    advice=("Pool connections in the client: {option}. Or put a pooling proxy in front (ProxySQL, MaxScale)."),
    causes=(
        "many programs behind one address (NAT, a proxy): then no single one does it",
        "a login storm after a restart",
    ),
    sources=("MySQL Reference Manual: Connection Interfaces; How MySQL Handles Client Connections",),
)
