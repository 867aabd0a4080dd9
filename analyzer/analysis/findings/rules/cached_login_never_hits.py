"""cached-login-never-hits: the same user takes the slow path of caching_sha2_password again and again."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.history import History, pair_of
from analyzer.analysis.findings.password_mistakes import known_mistake
from analyzer.analysis.findings.rule import CERTAIN, INFO, POSSIBLE, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import ACCEPTED
from analyzer.analysis.model.connection import Connection, Finding


def applies(case: Case) -> bool:
    auth = case.facts.auth
    return auth.path == "full" and case.connection.outcome == "accepted" and case.facts.nth > 1


def check(case: Case) -> Iterator[Verdict]:
    """The first half: a login that took the full path, by a client that had been there before.

    Whether the same user logged in before is known to `complete` alone: it completes this, or drops it.
    """
    c = case.connection
    facts = case.facts
    if not applies(case) or facts.auth.plugin != "caching_sha2_password":
        return
    password = case.evidence.password
    proof = next((p for p in facts.auth.proofs if p[1].name == "caching_sha2_password"), None)
    frames = [facts.login.frame, facts.auth.verdict_frame]
    user: dict[str, object] = {"user": c.login.user if c.login else "?"}
    if password is None or proof is None:
        yield RULE.says(frames, user, confidence=POSSIBLE, doubt=DOUBT)
        return
    frame, plugin, nonce, response = proof
    if plugin.verify(password, nonce, response):
        yield RULE.says(frames, user, variant="right", confidence=POSSIBLE, doubt=DOUBT)
        return
    mistake = known_mistake(plugin, password, nonce, response)
    if mistake:
        evidence = [f"frame {frame}: the scramble fits the given password only so: {mistake}"]
        yield RULE.says(frames, user | {"mistake": mistake}, variant="mistake", evidence=evidence)
    else:
        yield RULE.says(frames, user, variant="other", confidence=POSSIBLE, doubt=DOUBT)


DOUBT = "the server's cache is not on the wire: FLUSH PRIVILEGES or a restart in between would look the same"


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    user = connection.login.user if connection.login else ""
    logins = history.logins.get((*pair_of(connection), user))
    if logins is None:
        return False
    if logins.fast and finding.confidence != CERTAIN:
        return False  # the cache does know this client
    finding.evidence.append(f"{logins.full + logins.fast} logins before it, {logins.full} on the full path")
    if logins.full < 2 and finding.confidence != CERTAIN:
        finding.severity = INFO
    return True


RULE = Rule(
    "cached-login-never-hits",
    WARNING,
    "The same user takes the slow path of caching_sha2_password again and again",
    (applies,),
    check,
    given=ACCEPTED,
    looks_at=(
        "a login on the full path (`01 04`), accepted, of a user whose login from the same address to the "
        "same server was accepted earlier in the capture; with --password-file: which known mistake makes the"
        " scramble"
    ),
    about=(
        "After one full login the server has the user in its cache, and the next should take the short way "
        "(`01 03`). If every login goes the long way, each costs extra round trips and an RSA operation, or "
        "sends the password itself through TLS. The usual reason is a client whose scramble is wrong: it can "
        "never hit the cache, and the full path, which does not use the scramble, hides that."
    ),
    message=(
        "User {user!r} logged in before from this address, and had to send the password itself again: the "
        "server's cache did not know the scramble."
    ),
    advice=(
        "Give the password with --password-file: it tells whether the client's scramble is right. If it is, "
        "look for FLUSH PRIVILEGES, ALTER USER, restarts, or a proxy that spreads logins over several "
        "servers."
    ),
    variants=(
        (
            "mistake",
            (
                "User {user!r} logged in before from this address, and can never hit the server's cache: the "
                "client computes its scramble wrongly, {mistake}."
            ),
            ("This is a fault of the driver: use another version. Until then every login sends the password itself."),
        ),
        (
            "right",
            (
                "User {user!r} logged in before from this address with the right scramble, and the server's "
                "cache did not have it any more."
            ),
            (
                "The client does all right. Look for FLUSH PRIVILEGES, ALTER USER, restarts, or a proxy that "
                "spreads logins over several servers."
            ),
        ),
        (
            "other",
            (
                "User {user!r} logged in before from this address, and had to send the password itself again:"
                " the scramble is not one that the given password makes."
            ),
            "Check that the password given here is this user's; if it is, the driver's scramble is wrong.",
        ),
    ),
    causes=(
        "FLUSH PRIVILEGES, ALTER USER or a restart between the two logins",
        "several servers behind one address",
        "two accounts of the same name for different hosts",
        "a nonce with a zero byte in it: some drivers cut it there, so that a few logins miss, not all",
    ),
    sources=(
        "MySQL Reference Manual: Caching SHA-2 Pluggable Authentication: Cache Operation",
        "MySQL Source Documentation: Caching_sha2_password information",
    ),
    complete=complete,
)
