"""The authentication of a connection in words: which plugin, why it was switched, what was computed from what, and what
that proves.

Sources: MySQL source documentation, "Authentication Methods", "Caching_sha2_password information"; MySQL manual,
"Pluggable Authentication"; MariaDB Server documentation, "Authentication Plugin - ed25519", "- PARSEC", "Connecting".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.model.connection import Connection, Step

# Plugin -> (what the client computes, what it proves to the server).
_PROOFS: Final[dict[str, tuple[str, str]]] = {
    "caching_sha2_password": (
        "The client computes XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce)): 32 bytes made from the "
        "password and the server's nonce. The password itself is not sent.",
        "Who holds SHA256(SHA256(password)) in its cache can undo the XOR and compare: the client knows the password.",
    ),
    "sha256_password": (
        "The client sends the password itself: inside TLS as it is, otherwise XORed with the nonce and encrypted with "
        "the server's RSA key.",
        "The server hashes what it received and compares it with the stored hash.",
    ),
    "mysql_native_password": (
        "The client computes XOR(SHA1(password), SHA1(nonce, SHA1(SHA1(password)))): 20 bytes made from the password "
        "and the server's nonce. The password itself is not sent.",
        "The server holds SHA1(SHA1(password)), undoes the XOR and hashes once more: equal means that the client knows "
        "SHA1(password).",
    ),
    "mysql_old_password": (
        "The client computes 8 bytes from a 62-bit hash of the password and 8 bytes of nonce.",
        "Little: the hash of before MySQL 4.1 is broken, and the stored hash alone is enough to log in.",
    ),
    "mysql_clear_password": (
        "The client sends the password as it is.",
        "The server, or the directory behind it, checks the password itself. Only TLS keeps it from others.",
    ),
    "dialog": (
        "The server asks questions, and the client sends the answers as they are.",
        "The server's PAM stack checks the answers. Only TLS keeps them from others.",
    ),
    "client_ed25519": (
        "The client signs the server's 32 bytes of nonce with Ed25519; the key is made from the password.",
        "The signature fits the public key that the server stores: the client knows the password. The stored key can "
        "not be used to log in.",
    ),
    "parsec": (
        "The client makes an Ed25519 key from the password and the account's salt with PBKDF2, and signs the server's "
        "nonce together with one of its own.",
        "The signature fits the public key that the server stores: the client knows the password. The stored key can "
        "not be used to log in, and guessing is slow.",
    ),
    "auth_socket": (
        "The client sends nothing: the server asks the operating system who is at the other end of the local socket.",
        "The operating system's user has the account's name.",
    ),
    "unix_socket": (
        "The client sends nothing: the server asks the operating system who is at the other end of the local socket.",
        "The operating system's user has the account's name.",
    ),
    "auth_gssapi_client": (
        "The client sends a Kerberos (GSSAPI) token for the service that the server names.",
        "A key distribution centre that both trust vouches for the client; no password is involved here.",
    ),
    "authentication_kerberos_client": (
        "The client sends a Kerberos ticket for the service that the server names.",
        "A key distribution centre that both trust vouches for the client; no password is involved here.",
    ),
    "authentication_ldap_sasl_client": (
        "Client and server pass SASL messages (SCRAM or GSSAPI) to and from an LDAP server.",
        "The LDAP server has checked the password, or the ticket.",
    ),
    "authentication_webauthn_client": (
        "A security key signs the server's challenge after someone touched it.",
        "The registered security key is present.",
    ),
    "authentication_fido_client": (
        "A security key signs the server's challenge after someone touched it.",
        "The registered security key is present.",
    ),
    "authentication_openid_connect_client": (
        "The client sends an identity token that an OpenID provider has signed.",
        "The provider vouches for the client.",
    ),
}
_UNKNOWN: Final = ("The client answers in the plugin's own way.", "Only the plugin's two ends know.")

# What the path and the protection of the whole run come to.
_PATHS: Final[dict[str, str]] = {
    "fast": "fast path: the server had the password's hash in its cache",
    "full": "full path: the server needed the password itself",
}
PROTECTION: Final[dict[str, str]] = {
    "empty": "no password was sent: the account has none",
    "scramble": "the password stayed with the client; a proof of it was sent, from which it can be guessed offline",
    "rsa": "the password was sent, encrypted with the server's RSA key",
    "tls": "the password was sent inside TLS",
    "cleartext": "the password was sent in clear text",
    "other": "the plugin has a protection of its own",
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
    computed, proof = _PROOFS.get(plugin or "", _UNKNOWN)
    summary = step.summary
    if step.record == "OKPacket":
        return proof
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
    return computed if step.sender == "client" else ""


def outcome(connection: Connection) -> str:
    """What the whole exchange came to, in one sentence; empty where nothing is known."""
    auth = connection.authentication
    if auth is None:
        return ""
    parts = [_PATHS.get(auth.path or "", ""), PROTECTION.get(auth.password_protection or "", "")]
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] + "." if text else ""
