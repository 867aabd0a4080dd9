"""unexpected-local-infile: the server asks for a file of the client that the client's command has not named."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import CERTAIN, ERROR, POSSIBLE, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import FAULTS


def asked(case: Case) -> bool:
    return bool(case.facts.hostile.files)


def check(case: Case) -> Iterator[Verdict]:
    hostile = case.facts.hostile
    for request in hostile.files:
        sure = request.expected is False
        evidence = [f"frame {request.frame}: LOCAL INFILE request for {request.filename!r} in answer to {request.verb}"]
        if hostile.file_bytes:
            evidence.append(f"the client sent {hostile.file_bytes} bytes of files")
        yield RULE.says(
            [request.frame],
            {"name": request.filename, "verb": request.verb},
            variant="sent" if hostile.file_bytes else "",
            confidence=CERTAIN if sure else POSSIBLE,
            severity=None if sure else WARNING,
            evidence=evidence,
            doubt=None if sure else "the text of the statement that was answered is not known whole",
        )


RULE = Rule(
    "unexpected-local-infile",
    ERROR,
    "The server asks for a file that the client's statement has not named",
    (asked,),
    check,
    given=FAULTS,
    looks_at="a LOCAL INFILE request of the server (0xFB) in answer to anything but LOAD DATA LOCAL or LOAD XML LOCAL",
    about=(
        "LOAD DATA LOCAL works the other way round than it looks: the server asks for the file, and names it. A server"
        " that asks in answer to another statement wants a file of its own choice from the client's machine. Clients"
        " that allow LOCAL send any file that their user can read."
    ),
    message="In answer to {verb} the server asks for the client's file {name!r}.",
    variants=(
        ("sent", "In answer to {verb} the server asks for the client's file {name!r}, and the client sends it.", ""),
    ),
    advice=(
        "Take the server, or what is between, for hostile. Switch LOCAL off in the client (local_infile=0,"
        " allowLoadLocalInfile=false), or allow named directories only; if the file was sent, what it holds is known"
        " to the other side: change the passwords and keys in it."
    ),
    causes=("a server behind a proxy that mixes up the answers of two clients",),
    sources=("MySQL manual: Security Considerations for LOAD DATA LOCAL",),
)
