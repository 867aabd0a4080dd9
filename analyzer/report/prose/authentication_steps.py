"""What each auth plugin does, in plain words: what is computed from what, and what it proves. Literal.

Sources: MySQL Source Documentation, "Authentication Methods"; MariaDB Knowledge Base, "Authentication Plugins";
RFC 8032 (Ed25519), RFC 8018 (PBKDF2), RFC 8017 (RSA-OAEP).
"""

from __future__ import annotations

from typing import Final

PLUGINS: Final = {
    "caching_sha2_password": (
        "Its scramble: SHA-256 of the password, XORed with SHA-256 of (SHA-256 of that hash, and the nonce). The "
        "server compares it with the hash in its cache: it proves that the client has the password, without sending it."
    ),
    "sha256_password": (
        "It has no scramble: the client sends the password itself, through TLS or encrypted with the server's RSA key, "
        "and the server hashes it and compares."
    ),
    "mysql_native_password": (
        "Its scramble: SHA-1 of the password, XORed with SHA-1 of (the nonce, and SHA-1 of that hash). It proves that "
        "the client has the password, without sending it; SHA-1 makes it cheap to guess offline."
    ),
    "mysql_old_password": (
        "Its scramble is eight bytes from a home-made generator seeded with the password and the nonce. It can be "
        "broken in moments by whoever sees it."
    ),
    "client_ed25519": (
        "The client makes a key from SHA-512 of the password and signs the nonce with it (Ed25519). The server has "
        "only the public key: it learns that the client has the password, and nothing to pass on."
    ),
    "parsec": (
        "The server gives a salt and a cost; the client makes a key from the password with PBKDF2 and signs both "
        "sides' nonces with it (Ed25519). The server has only the public key."
    ),
    "mysql_clear_password": "The client sends the password as it is: only TLS protects it.",
    "dialog": "The server asks, the client answers as it is (PAM): only TLS protects the answers.",
    "auth_gssapi_client": "Client and server exchange Kerberos tickets; no password is sent.",
    "authentication_kerberos_client": "Client and server exchange Kerberos tickets; no password is sent.",
    "authentication_ldap_sasl_client": "Client and server run a SASL exchange (SCRAM): the password is not sent.",
    "authentication_webauthn_client": "A security key signs the server's challenge.",
    "authentication_fido_client": "A security key signs the server's challenge.",
    "authentication_openid_connect_client": "The client sends a token that an identity provider signed.",
    "auth_socket": "The server asks the operating system who the client is.",
}
PATHS: Final = {
    "fast": "It matched what the server has in its cache (01 03): the scramble was enough.",
    "full": "The scramble did not match what the server has in its cache (01 04), so it asked for the password itself.",
}
PROTECTIONS: Final = {
    "empty": "No password was sent.",
    "scramble": "The password itself never went over the wire.",
    "rsa": "The password went over the wire encrypted with the server's RSA key.",
    "tls": "The password went through TLS as it is; the server saw it.",
    "cleartext": "The password went over the wire as it is, readable by everyone on the way.",
    "other": "How the password was protected is the plugin's own affair.",
}
OUTCOMES: Final = {
    "accepted": "The server accepted the login.",
    "rejected": "The server refused the login.",
    "aborted": "Nobody decided: a side left, or went silent, before the server's verdict.",
    "encrypted": "What the server decided is inside TLS.",
    "unknown": "The capture lacks what would decide it.",
}
