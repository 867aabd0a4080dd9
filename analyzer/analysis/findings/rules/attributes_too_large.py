"""attributes-too-large: more connection attributes than a server takes."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import login41, refused_with
from analyzer.analysis.findings.rule import ERROR, INFO, LIKELY, ON_ATTRIBUTES, Case, Rule, Verdict

LONGEST = 65_535
# performance_schema_session_connect_attrs_size where it is not set.
KEPT = 512
BAD_HANDSHAKE = 1043


def check(case: Case) -> Iterator[Verdict]:
    login = login41(case)
    if login is None or not login.attributes:
        return
    frame = case.conversation.facts.login.frame
    size = sum(len(name) + len(value) for name, value in login.attributes)
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
    ON_ATTRIBUTES,
    check,
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
