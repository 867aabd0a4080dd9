"""protocol-41-missing: a login without CLIENT_PROTOCOL_41."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import error_seen
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    error = case.connection.error
    if error is None:
        return
    # Without the flag the packet is read as one of before 4.1, which it mostly is not.
    old = [m for m in facts.faults.malformed if m[1] == "HandshakeResponse320"]
    frame = facts.login.frame or (old[0][5] if old else 0)
    if not old and (facts.login.record is None or facts.login.record.capability_flags & CLIENT_PROTOCOL_41):
        return
    evidence = [f"frame {frame}: the flag 0x0200 is clear", error_seen(case)]
    yield RULE.says([frame, error.frame], evidence=evidence)


RULE = Rule(
    "protocol-41-missing",
    ERROR,
    "A login without CLIENT_PROTOCOL_41",
    (has_error,),
    check,
    looks_at="a login whose flags lack CLIENT_PROTOCOL_41 (0x0200), and ERR 1043 or 1251",
    about=(
        "The flag CLIENT_PROTOCOL_41 says that the login has the layout of MySQL 4.1 and later. Without it "
        "servers read the packet as one of MySQL 4.0, whose layout and passwords are others, and refuse it."
    ),
    message="The login does not set CLIENT_PROTOCOL_41: the server takes it for one of MySQL 4.0, and refuses.",
    advice=(
        "Set CLIENT_PROTOCOL_41 (0x0200) in the client's capabilities, or replace a client library from before 2004."
    ),
    causes=("a client that writes its flags in the wrong byte order",),
    sources=(("MySQL Source Documentation: Capabilities Flags, CLIENT_PROTOCOL_41; Protocol::HandshakeResponse320"),),
    errors=frozenset({1043, 1251}),
)
