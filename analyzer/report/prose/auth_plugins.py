"""The authentication of a connection in words: which plugin, why it was switched, what was computed from what, and what
that proves. What a plugin computes and proves stands in its own row (`Plugin.proof`); all else stands here.

Sources: MySQL source documentation, "Authentication Methods", "Caching_sha2_password information"; MySQL manual,
"Pluggable Authentication"; MariaDB Server documentation, "Authentication Plugin - ed25519", "- PARSEC", "Connecting".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.model.connection import Connection, Step
from analyzer.protocol.auth import plugin as plugin_of

PATHS: Final[dict[str, str]] = {
    "fast": "The server had the password's hash in its cache, and the proof fitted it: the fast path.",
    "full": "The server could not check the proof by its cache and needed the password itself: the full path.",
}
PROTECTIONS: Final[dict[str, str]] = {
    "empty": "No password was sent: the account has none.",
    "scramble": "The password stayed with the client; a proof of it was sent, from which it can be guessed offline.",
    "rsa": "The password was sent, encrypted with the server's RSA key.",
    "tls": "The password was sent inside TLS.",
    "cleartext": "The password was sent in clear text: everyone on the way can read it.",
    "other": "How the password was protected is the plugin's own affair.",
}
OUTCOMES: Final[dict[str, str]] = {
    "accepted": "The server accepted the login.",
    "rejected": "The server refused the login.",
    "aborted": "Nobody decided: a side left, or went silent, before the server's verdict.",
    "encrypted": "What the server decided is inside TLS, whose keys were not given.",
    "unknown": "The capture lacks what would decide how the login ended.",
}

# Beginnings of a step's summary -> what is behind it.
_SAYINGS: Final[tuple[tuple[str, str], ...]] = (
    ("fast_auth_success", "The proof fits what the server holds in its cache. Nothing more is asked."),
    (
        "perform_full_authentication",
        "The server's cache does not hold this account's password (a first login since its start, a change of "
        "password, or a wrong password). It needs the password itself, protected by TLS or RSA.",
    ),
    (
        "asks for the server's RSA",
        "Without TLS the password must be encrypted with the server's RSA key, and the client has none at hand. A key "
        "that comes over the network unverified can be that of someone in between.",
    ),
    ("the server's RSA public key", "Whoever sends this key can read the password that is encrypted with it."),
    (
        "the password, encrypted",
        "XOR(password and a NUL, nonce repeated), encrypted with RSA-OAEP: only the holder of the private key gets "
        "the password back, and only with this nonce.",
    ),
    (
        "the password in clear text",
        "The password and a NUL, as they are: what is around them protects them, or nothing.",
    ),
    ("asks for the account's extended salt", "An empty packet: the client can not make its key without the salt."),
    ("no password", "A single NUL, or nothing: the account is expected to have no password."),
)


# Beginnings of a step's summary -> what was done, where "sends ..." is not said well.
_DONE: Final[tuple[tuple[str, str], ...]] = (
    ("fast_auth_success", "says that the proof fits its cache (fast_auth_success)"),
    ("perform_full_authentication", "asks for the password itself (perform_full_authentication)"),
    ("the server's RSA public key", "sends its RSA public key"),
    ("the server's word", "sends a word of the plugin"),
)


class Told(NamedTuple):
    """One step: who did what in which frame, and what it means."""

    sender: str
    frame: int
    what: str
    why: str


def told(connection: Connection) -> list[Told]:
    """The steps of the authentication, in order; empty where none was seen."""
    found: list[Told] = []
    greeting, login, auth = connection.greeting, connection.login, connection.authentication
    if auth is None or not auth.steps:
        return found
    plugin = greeting.auth_plugin if greeting is not None else None
    if greeting is not None and plugin:
        why = "Its default plugin, and a nonce: random bytes that make the proof of this login worthless in any other."
        found.append(Told("server", greeting.frame, f"greets with {plugin}", why))
    if login is not None and login.auth_plugin:
        plugin = login.auth_plugin
    switches = {switch.frame: switch for switch in auth.switches}
    for step in auth.steps:
        switch = switches.get(step.frame)
        if switch is not None and step.sender == "server" and "Auth" in step.record:
            before = switch.from_ or plugin
            plugin = switch.to
            found.append(_switched(step, before, switch.to, login.user if login else None))
            continue
        found.append(Told(step.sender, step.frame, _headline(step, plugin), _meaning(step, plugin, connection)))
    return found


def _switched(step: Step, before: str | None, plugin: str, user: str | None) -> Told:
    if step.record == "AuthNextFactor":
        why = "The account needs more than one proof."
        return Told("server", step.frame, f"asks for a further factor with {plugin}", why)
    account = f"The account {user!r}" if user else "The account"
    instead = f", not for {before}" if before and before != plugin else ""
    why = (
        f"{account} is set up for {plugin}{instead} (or does not exist: servers then pretend). A new nonce comes with "
        "the request."
    )
    return Told("server", step.frame, f"switches to {plugin}", why)


def _headline(step: Step, plugin: str | None) -> str:
    if step.record.startswith("HandshakeResponse"):
        return f"logs in with {plugin}" if plugin else "logs in"
    if step.record == "OKPacket":
        return "accepts"
    if step.record == "ErrPacket":
        return "refuses"
    for beginning, words in _DONE:
        if step.summary.startswith(beginning):
            return words or f"sends {step.summary}"
    return step.summary if step.summary.startswith("asks ") else f"sends {step.summary or step.record}"


def _meaning(step: Step, plugin: str | None, connection: Connection) -> str:
    proof = plugin_of(plugin).proof
    summary = step.summary
    if step.record == "OKPacket":
        return proof.proves
    if step.record == "ErrPacket":
        return (connection.error.message if connection.error else "") or "The proof was not taken."
    if "empty response" in summary:
        return (
            "No proof yet: the client waits for the server to say which plugin the account needs, or has no password."
        )
    for beginning, meaning in _SAYINGS:
        # A login's summary has its user in front.
        if summary.startswith(beginning) or f": {beginning}" in summary:
            return meaning
    return proof.computed if step.sender == "client" else ""


def outcome(connection: Connection) -> str:
    """What the whole exchange came to; empty where nothing is known."""
    auth = connection.authentication
    if auth is None:
        return ""
    said = [PATHS.get(auth.path or "", ""), PROTECTIONS.get(auth.password_protection or "", "")]
    return " ".join(one for one in said if one)
