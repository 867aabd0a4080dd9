"""attributes-too-large: more connection attributes than a server takes."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import login41, refused_with
from analyzer.analysis.findings.rule import ERROR, INFO, LIKELY, Case, Rule, Verdict
from analyzer.protocol.records.login import HandshakeResponse41

LONGEST = 65_535
# performance_schema_session_connect_attrs_size where it is not set.
KEPT = 512
BAD_HANDSHAKE = 1043


def size_of(login: HandshakeResponse41) -> int:
    """Bytes of a login's attributes, without the lengths between them."""
    if not login.attributes:
        return 0
    return sum([len(name) + len(value) for name, value in login.attributes])


def applies(case: Case) -> bool:
    login = case.facts.login.record
    return isinstance(login, HandshakeResponse41) and size_of(login) > KEPT


def check(case: Case) -> Iterator[Verdict]:
    login = login41(case)
    if login is None or not login.attributes:
        return
    frame = case.facts.login.frame
    size = size_of(login)
    evidence = [f"frame {frame}: {len(login.attributes)} attributes, {size} bytes"]
    if size > LONGEST - 1024 and refused_with(case, BAD_HANDSHAKE):
        yield RULE.says([frame], {"size": size}, evidence=evidence)
    elif size > KEPT and case.connection.outcome == "accepted":
        doubt = "the server's limit is not on the wire; 512 bytes are its default"
        yield RULE.says(
            [frame],
            {"size": size, "kept": KEPT},
            variant="cut",
            severity=INFO,
            confidence=LIKELY,
            evidence=evidence,
            doubt=doubt,
        )


RULE = Rule(
    "attributes-too-large",
    ERROR,
    "More connection attributes than a server takes",
    (applies,),
    check,
    by_login=True,
    looks_at="the size of the connection attributes: over 64 KiB with ERR 1043; over 512 bytes",
    about=(
        "Connection attributes (program name, driver, version ...) travel in the login. Servers refuse more "
        "than 64 KiB with error 1043, and keep as many as performance_schema_session_connect_attrs_size holds"
        " (512 bytes by default); the rest is cut off, and counted in "
        "Performance_schema_session_connect_attrs_lost."
    ),
    message="The login carries {size} bytes of connection attributes: servers refuse more than 64 KiB.",
    advice=(
        "Send fewer or shorter attributes (connectionAttributes=none in JDBC, program_name and conn_attrs elsewhere)."
    ),
    variants=(
        (
            "cut",
            (
                "The login carries {size} bytes of connection attributes: a server with the default limit "
                "keeps {kept} and cuts off the rest."
            ),
            "Raise performance_schema_session_connect_attrs_size if you need them all, or send fewer.",
        ),
    ),
    sources=("MySQL Reference Manual: Performance Schema Connection Attribute Tables",),
)
