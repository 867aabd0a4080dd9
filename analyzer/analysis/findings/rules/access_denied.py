"""access-denied: user, password, host or a required TLS property do not match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.driver_options import TLS, name_of, option
from analyzer.analysis.findings.helpers import error_seen, is_mariadb, wants_tls
from analyzer.analysis.findings.history import NAMED, History, Server, pair_of
from analyzer.analysis.findings.password_mistakes import known_mistake
from analyzer.analysis.findings.rule import A_BIT_AHEAD, ERROR, LIKELY, Case, Found, Rule, Verdict
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.protocol.auth.base import CLEARTEXT

# Without TLS these want the password encrypted with the server's RSA key.
UNDER_RSA = ("caching_sha2_password", "sha256_password")

# So many users refused from one address are guesses.
GUESSES = 5


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    error = c.error
    if error is None or error.phase == "command" or error.code not in RULE.errors:
        return
    if wants_tls(error.code, error.message) and case.connection.tls is None:
        return  # tls-required
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    used = password_used(case)
    with_password = {True: "with a password", False: "without a password", None: "with or without a password"}[used]
    filling: dict[str, object] = {"code": error.code, "state": state, "text": error.message, "used": with_password}
    filling["user"] = c.login.user if c.login else "?"
    evidence = [error_seen(case)]
    if facts.auth.protection == "empty":
        evidence.append(f"frame {facts.login.frame}: the client sent no password")
    elif facts.auth.protection is not None:
        evidence.append(f"the password was protected by: {facts.auth.protection}")
    frames = [facts.login.frame, error.frame]
    proof = _proof(case)
    if c.tls is None and (proof is None or proof[0]):
        evidence.append("no TLS: an account with REQUIRE SSL, X509 or CIPHER is refused with the same bytes")
    if c.tls is None and facts.auth.protection == CLEARTEXT and facts.auth.plugin in UNDER_RSA:
        filling |= {"driver": name_of(case), "plugin": facts.auth.plugin, "option": option(case, TLS)}
        doubt = "the password may be wrong as well"
        yield RULE.says(frames, filling, variant="unsealed", confidence=LIKELY, evidence=evidence, doubt=doubt)
    elif proof is None:
        variant = "unused" if used is False else ""
        doubt = "the server gives no reason: a wrong password, an unknown user and an unmet REQUIRE look the same"
        yield RULE.says(frames, filling, variant=variant, evidence=evidence, doubt=doubt)
    elif proof[0]:
        tls = c.tls is None
        last = "REQUIRE SSL or X509 not being met" if tls else "REQUIRE X509, SUBJECT or CIPHER not being met"
        if tls and is_mariadb(case):
            last += " (or require_secure_transport)"
        yield RULE.says(frames, filling | {"last": last}, variant="proved", evidence=evidence)
    elif proof[1]:
        yield RULE.says(frames, filling | {"mistake": proof[1]}, variant="mistake", evidence=evidence)
    else:
        yield RULE.says(frames, filling, variant="disproved", evidence=evidence)


def _proof(case: Case) -> tuple[bool, str | None] | None:
    """Whether the given password made the last response; and which known mistake made it, if not."""
    password = case.evidence.password
    proofs = case.facts.auth.proofs
    if password is None or not proofs:
        return None
    _, plugin, nonce, response = proofs[-1]
    right = plugin.verify(password, nonce, response)
    if right is None:
        return None
    return right, None if right else known_mistake(plugin, password, nonce, response)


def password_used(case: Case) -> bool | None:
    """Whether the client sent a password: by the server's own word, else by the response's length."""
    error = case.connection.error
    said = error.message if error is not None else ""
    if "using password: YES" in said:
        return True
    protection = case.facts.auth.protection
    if protection is not None:
        # A plugin that asks first leaves the server's word at NO.
        return protection != "empty"
    return False if "using password: NO" in said else None


def conclude(found: Sequence[Found], history: History) -> None:
    """Says of whom else the server knows: the same user from elsewhere, and other users from here."""
    pairs = [pair_of(connection) for connection, _ in found]
    counts = Counter(pairs)
    # Most addresses of a storm are refused once.
    users: dict[tuple[str, Server], set[str]] = {pair: set() for pair, count in counts.items() if count > 1}
    for pair, (connection, _) in zip(pairs, found, strict=True):
        if pair in users:
            users[pair].add(connection.login.user if connection.login else "?")
    for pair, (connection, finding) in zip(pairs, found, strict=True):
        _tell_accepted(connection, finding, history)
        tried = users.get(pair, ())
        if len(tried) >= GUESSES:
            finding.message += (
                f" {counts[pair]} logins of {len(tried)} users were refused from this address: somebody guesses, or a "
                f"program "
                "has the wrong list of accounts."
            )
            finding.evidence.append(f"users refused from {pair[0]}: {', '.join(sorted(tried)[:NAMED])} ...")
        elif tried:
            finding.evidence.append(f"{counts[pair]} logins were refused from {pair[0]} in this capture")


def _tell_accepted(connection: Connection, finding: Finding, history: History) -> None:
    """The same user was accepted: from another address (another account may be meant), or from the same."""
    user = connection.login.user if connection.login is not None else None
    if user is None:
        return
    server, here = connection.server, connection.client.address
    logins = history.accepted.get((server.port, user))
    if logins is None:
        return
    # By the same server; one of another address family may be the same one too.
    accepted = [one for one in logins if one[1] == server.address or (":" in one[1]) != (":" in server.address)]
    others = [address for address, _ in accepted if address != here]
    if others:
        family = ""
        if (":" in here) != (":" in others[0]):
            family = f" ({'IPv6' if ':' in here else 'IPv4'} against {'IPv6' if ':' in others[0] else 'IPv4'})"
        finding.message += (
            f" The same user was accepted from {', '.join(others)} in this capture, and is refused from "
            f"{here}{family}: the"
            " server takes them for two accounts, or has none for this address."
        )
        finding.evidence.append(f"{user!r} was accepted from {', '.join(others)}")
    elif any(address == here for address, _ in accepted):
        finding.message += " The same user was accepted from this address as well: two passwords are in use."
        finding.evidence.append(f"{user!r} was accepted from {here} as well")


RULE = Rule(
    "access-denied",
    ERROR,
    "User, password, host or a required TLS property do not match",
    (has_error,),
    check,
    of_login=True,
    looks_at=(
        "ERR 1045 or 1698 in answer to the login; whether a password was sent; with --password-file: whether "
        "it makes the captured scramble"
    ),
    about=(
        "The server refuses the login and does not say why, so that nobody can find out which users there "
        "are. An unknown user, a wrong password, an account for another host, an empty password where one is "
        "needed, and an unmet REQUIRE SSL or X509 all give this error. The message names user and host as the"
        " server saw them; 'using password' says whether the client sent one."
    ),
    message="The server refused user {user!r} {used}: error {code}{state}, {text!r}.",
    advice=(
        "Compare user and host in the message with SELECT user, host, plugin FROM mysql.user (the most "
        "specific host wins, so ''@'localhost' comes before 'app'@'%'); check the password; look for REQUIRE "
        "in SHOW CREATE USER. Give the password with --password-file to learn whether the client used it."
    ),
    variants=(
        (
            "unsealed",
            "The server refused user {user!r} because {driver} sent the password as it is: for {plugin} without TLS it "
            "has to be encrypted with the server's RSA key: error {code}{state}, {text!r}.",
            "The password can be right and is refused all the same. Turn TLS on: {option}. And change the password: it "
            "went over the network in clear text.",
        ),
        (
            "unused",
            (
                "The server refused user {user!r}, for whom the client sent no password at all: error "
                "{code}{state}, {text!r}."
            ),
            (
                "Set the password in the client's options (an empty or misspelt setting, a variable of the "
                "environment that is not there); if the account is to have none, check its host and plugin "
                "(unix_socket and auth_socket do not work over TCP)."
            ),
        ),
        (
            "proved",
            (
                "The server refused user {user!r} though the given password makes exactly the captured "
                "response: error {code}{state}, {text!r}."
            ),
            (
                "The client had this password. What is left is another password in the account than you "
                "think, an account for another host, or {last}: look at SHOW CREATE USER."
            ),
        ),
        (
            "mistake",
            (
                "The server refused user {user!r} because the client computed its response wrongly, "
                "{mistake}: error {code}{state}, {text!r}."
            ),
            (
                "The given password is what the client had; this is a fault of the driver, or of how the "
                "password is configured. Use another version of the driver, or correct the setting."
            ),
        ),
        (
            "disproved",
            (
                "The server refused user {user!r}, and the given password does not make the captured "
                "response: error {code}{state}, {text!r}."
            ),
            (
                "The client used another password than the one given here. Compare its configuration; look "
                "for a newline or a space at the end, and for characters outside ASCII."
            ),
        ),
    ),
    causes=(
        "the user does not exist, or only for another host",
        "the password is another one",
        "the account has REQUIRE SSL, X509 or CIPHER, which is not met",
        "MariaDB before 11: require_secure_transport without TLS",
        "the driver computes the response wrongly (--password-file tells)",
    ),
    conclude=conclude,
    ahead=A_BIT_AHEAD,
    sources=(
        (
            "MySQL Reference Manual: Troubleshooting Problems Connecting to MySQL; Access Control, Stage 1: "
            "Connection Verification"
        ),
        "MySQL Error Reference: ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR",
    ),
    errors=frozenset({1045, 1698}),
)
