"""plaintext-in-tls: a whole command of the client in plain text, where the next TLS record is due."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import TLS
from analyzer.analysis.findings.tls_rules import outside_tls


def applies(case: Case) -> bool:
    return outside_tls(case) is not None


def check(case: Case) -> Iterator[Verdict]:
    said = outside_tls(case)
    session = case.connection.tls
    if said is None or session is None:
        return
    command, frame, size = said
    evidence = [f"frame {frame}: {size} bytes of the client are no TLS record, and a whole {command}"]
    alert = next((each for each in session.alerts if each.sender == "server" and each.frame > frame), None)
    if alert is not None:
        evidence.append(f"frame {alert.frame}: the server's alert {alert.description} after it")
    yield RULE.says([frame, alert.frame if alert else 0], {"command": command, "frame": frame}, evidence=evidence)


RULE = Rule(
    "plaintext-in-tls",
    WARNING,
    "A command of the client in plain text, in the middle of a TLS session",
    (applies,),
    check,
    given=TLS,
    looks_at="bytes of the client where a TLS record is due: whether they are a whole command",
    about=(
        "Once TLS has begun everything goes through it. A driver that writes to the socket itself, past its TLS layer, "
        "sends what all on the way can read; the server takes it for a broken record and ends the session (alert "
        "unexpected_message). With COM_QUIT little is lost but the clean end: servers count and log it as aborted."
    ),
    message=(
        "The client sent {command} past TLS, in plain text (frame {frame}): a server can not take it for a record of "
        "the session."
    ),
    advice="This is a fault of the driver: use another version, and tell its authors.",
    causes=("a driver that closes its socket's stream in place of the TLS stream around it",),
    sources=("RFC 8446, section 6.2 (unexpected_message)", "MySQL Source Documentation: COM_QUIT"),
)
