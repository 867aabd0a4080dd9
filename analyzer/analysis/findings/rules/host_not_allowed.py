"""host-not-allowed: no account may connect from this host."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused


def check(case: Case) -> Iterator[Verdict]:
    if not is_refused(case):
        yield from refusal(case, RULE)


RULE = Rule(
    "host-not-allowed",
    ERROR,
    "No account may connect from this host",
    (has_error,),
    check,
    looks_at="ERR 1130 (9000 of Azure's gateway) in place of the greeting",
    about=(
        "Before it greets, the server looks whether any account at all may come from the client's address. "
        "None may, so it closes without asking for a name. The address is the one the server sees: behind "
        "NAT, a proxy or in a container that is another one than the client's own."
    ),
    message="The server has no account that may connect from this host: error {code}{state}, {text!r}, {place}.",
    advice=(
        "Create an account for the address in the message (CREATE USER 'app'@'10.0.%' ...), or rename one "
        "(RENAME USER); SELECT user, host FROM mysql.user shows those there are. With host names in accounts:"
        " check the reverse DNS, or skip_name_resolve. In a cloud (9000): add the address to the server's firewall "
        "rules."
    ),
    causes=(
        "the reverse DNS of the client's address fails or has changed, and accounts are made for names",
        "a database restored from elsewhere with accounts for 'localhost' only",
    ),
    sources=(
        "MySQL Reference Manual: Access Control, Stage 1: Connection Verification",
        "MySQL Error Reference: ER_HOST_NOT_PRIVILEGED",
    ),
    errors=frozenset({1130, 9000}),
)
