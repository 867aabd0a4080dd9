"""The samples that the raw client makes, one row each: how it is called, and what for.

`handshark-client` with these words, `--record` and `--truth`: anybody can make them again.
"""

from __future__ import annotations

from dataclasses import dataclass

from live_client.faults import FAULTS
from tests.servers.accounts import account

PEOPLE = "SELECT id, name, born, score FROM people ORDER BY id"
ONE = ("-e", "SELECT 1")
PLAIN = ("--ssl-mode", "disabled")
RSA = (*PLAIN, "--get-server-public-key")
TLS12 = ("--ssl-mode", "required", "--tls-version", "TLSv1.2")
TLS13 = ("--ssl-mode", "required", "--tls-version", "TLSv1.3")
CERTIFICATE = ("--ssl-ca", "{ca}", "--ssl-cert", "{certificate}", "--ssl-key", "{key}")
FLUSH = "FLUSH PRIVILEGES"


@dataclass(frozen=True)
class SampleSession:
    """One call of the raw client.

    name     the file is SERVER_raw_NAME
    words    of its command line, besides host and port; {ca}, {certificate} and {key} are the server's files
    before   statements of the administrator, and `after` those that undo them
    warm     app and sha2 log in over TLS first, so that the server knows their passwords
    hold     a connection of this account stays open meanwhile
    tcpdump  taken with tcpdump in place of --record
    ecdsa    with the server that has an ECDSA certificate
    """

    server: str
    name: str
    what: str
    words: tuple[str, ...]
    exit_code: int = 0
    before: str = ""
    after: str = ""
    warm: bool = False
    hold: str = ""
    host: str = ""
    suffix: str = ".pcapng"
    tcpdump: bool = False
    ecdsa: bool = False

    @property
    def file(self) -> str:
        return f"{self.server}_raw_{self.name}{self.suffix}"


def who(user: str, *words: str, password: str | None = None, database: str | None = "labdb") -> tuple[str, ...]:
    """The words for an account of the test servers."""
    secret = account(user).password if password is None else password
    named = ("--database", database) if database is not None else ()
    return ("--user", user, "--password", secret, *named, *words)


MYSQL = "mysql97"
NEW = "mariadb118"
OLD = "mariadb1011"
S = SampleSession

MYSQL_SESSIONS: tuple[SampleSession, ...] = (
    S(MYSQL, "fast-auth", "caching_sha2_password, fast path", who("app", *PLAIN, "-e", PEOPLE), warm=True),
    S(MYSQL, "full-auth-rsa", "caching_sha2_password, the password by RSA", who("app", *RSA, *ONE), before=FLUSH),
    S(MYSQL, "full-auth-tls12", "caching_sha2_password, the password in TLS 1.2", who("app", *TLS12, *ONE),
      before=FLUSH),
    S(MYSQL, "full-auth-tls13", "caching_sha2_password, the password in TLS 1.3", who("app", *TLS13, *ONE),
      before=FLUSH),
    S(MYSQL, "empty-password", "an account without a password", who("nopw", *PLAIN, *ONE)),
    S(MYSQL, "nonascii-password", "a password that is not ASCII, by RSA", who("nonascii", *RSA, *ONE), before=FLUSH),
    S(MYSQL, "long-password", "a password too long for RSA, in TLS 1.2", who("longpw", *TLS12, *ONE), before=FLUSH),
    S(MYSQL, "sha256-rsa", "switch to sha256_password, the password by RSA", who("sha256", *RSA, *ONE)),
    S(MYSQL, "sha256-tls13", "switch to sha256_password, the password in TLS 1.3", who("sha256", *TLS13, *ONE)),
    S(MYSQL, "switch-from-native", "begins with mysql_native_password and is switched",
      who("app", *PLAIN, "--default-auth", "mysql_native_password", *ONE), warm=True),
    S(MYSQL, "tls12", "login in TLS 1.2", who("app", *TLS12, "-e", PEOPLE), warm=True),
    S(MYSQL, "tls13", "login in TLS 1.3", who("app", *TLS13, "-e", PEOPLE), warm=True),
    S(MYSQL, "tls12-ecdsa", "a server with an ECDSA certificate, in TLS 1.2", who("app", *TLS12, *ONE), warm=True,
      ecdsa=True),
    S(MYSQL, "tls12-resumed", "a TLS 1.2 session taken up again", who("app", *TLS12, "--tls-resume", *ONE), warm=True),
    S(MYSQL, "tls13-resumed", "a TLS 1.3 session taken up again", who("app", *TLS13, "--tls-resume", *ONE), warm=True),
    S(MYSQL, "tls12-client-certificate", "an account that demands a client certificate, in TLS 1.2",
      who("reqx509", *TLS12, *CERTIFICATE, *ONE)),
    S(MYSQL, "tls13-client-certificate", "an account that demands a client certificate, in TLS 1.3",
      who("reqx509", *TLS13, *CERTIFICATE, *ONE)),
    S(MYSQL, "tls12-untrusted", "the client does not trust the server's certificate",
      who("app", "--ssl-mode", "verify-ca", "--ssl-ca", "{certificate}", "--tls-version", "TLSv1.2"), exit_code=1),
    S(MYSQL, "tls13-untrusted", "the client does not trust the server's certificate",
      who("app", "--ssl-mode", "verify-ca", "--ssl-ca", "{certificate}", "--tls-version", "TLSv1.3"), exit_code=1),
    S(MYSQL, "tls11-refused", "a TLS version that the server has given up",
      who("app", "--ssl-mode", "required", "--tls-version", "TLSv1.1"), exit_code=1),
    S(MYSQL, "zlib", "zlib compression", who("app", *PLAIN, "--compression", "zlib", "-e", PEOPLE), warm=True),
    S(MYSQL, "zstd", "zstd compression",
      who("app", *PLAIN, "--compression", "zstd", "--zstd-level", "7", "-e", PEOPLE), warm=True),
    S(MYSQL, "zstd-tls13", "zstd compression in TLS 1.3",
      who("app", *TLS13, "--compression", "zstd", "-e", PEOPLE), warm=True),
    S(MYSQL, "wrong-password", "wrong password", who("app", *RSA, password="not-it"), exit_code=1),
    S(MYSQL, "wrong-password-tls13", "wrong password, in TLS 1.3", who("app", *TLS13, password="not-it"), exit_code=1),
    S(MYSQL, "no-password", "no password where one is due", who("app", *PLAIN, password=""), exit_code=1),
    S(MYSQL, "unknown-database", "the database does not exist", who("admin", *RSA, database="no_such_db"),
      exit_code=1),
    S(MYSQL, "database-denied", "no right to the database", who("app", *RSA, database="mysql"), exit_code=1),
    S(MYSQL, "locked", "locked account", who("locked", *RSA), exit_code=1),
    S(MYSQL, "expired", "expired password", who("expired", *RSA), exit_code=1),
    S(MYSQL, "expired-sandbox", "expired password: accepted, and every statement refused",
      who("expired", *RSA, "--capability", "+CAN_HANDLE_EXPIRED_PASSWORDS", *ONE), exit_code=1),
    S(MYSQL, "ssl-required", "REQUIRE SSL, and the client does without", who("reqssl", *RSA), exit_code=1),
    S(MYSQL, "x509-required", "REQUIRE X509, and the client has no certificate (TLS 1.2)", who("reqx509", *TLS12),
      exit_code=1),
    S(MYSQL, "secure-transport", "require_secure_transport, and the client does without TLS", who("app", *PLAIN),
      exit_code=1, before="SET GLOBAL require_secure_transport = ON",
      after="SET GLOBAL require_secure_transport = OFF"),
    S(MYSQL, "user-limit", "MAX_USER_CONNECTIONS reached", who("limited", *RSA), exit_code=1, hold="limited"),
    S(MYSQL, "no-attributes", "no connection attributes", who("app", *PLAIN, "--no-attributes", *ONE), warm=True),
    S(MYSQL, "attributes-600", "more attributes than the server keeps, read back",
      who("app", *PLAIN, "--attributes-size", "600", "--show-attributes"), warm=True),
    S(MYSQL, "two-byte-collation", "a collation number of two bytes", who("app", *PLAIN, "--collation", "309", *ONE),
      warm=True),
    S(MYSQL, "eof-packets", "results with EOF packets",
      who("app", *PLAIN, "--capability=-DEPRECATE_EOF", "-e", PEOPLE), warm=True),
    S(MYSQL, "prepared", "a prepared statement over all types",
      who("app", *PLAIN, "--prepare", "SELECT * FROM all_types"), warm=True),
    S(MYSQL, "several-results", "a procedure with two results, and a failing statement",
      who("app", *PLAIN, "-e", "CALL two_sets()", "-e", "SELECT missing FROM people"), exit_code=1, warm=True),
    S(MYSQL, "change-user", "COM_CHANGE_USER, COM_RESET_CONNECTION, COM_PING, COM_INIT_DB",
      who("app", *PLAIN, "--change-user", "app", "--reset", "--ping", "--use", "labdb"), warm=True),
    S(MYSQL, "dropped", "the client leaves without COM_QUIT", who("app", *PLAIN, *ONE, "--drop"), warm=True),
    S(MYSQL, "killed", "the session is killed", who("app", *PLAIN, "-e", "KILL CONNECTION_ID()"), exit_code=1,
      warm=True),
    S(MYSQL, "ipv6", "IPv6", who("app", *PLAIN, *ONE), warm=True, host="::1"),
    S(MYSQL, "tcpdump-fast-auth", "as fast-auth, but with tcpdump", who("app", *PLAIN, "-e", PEOPLE), warm=True,
      suffix=".pcap", tcpdump=True),
    S(MYSQL, "tcpdump-tls13", "as tls13, but with tcpdump", who("app", *TLS13, "-e", PEOPLE), warm=True, tcpdump=True),
)  # fmt: skip
MARIADB_SESSIONS: tuple[SampleSession, ...] = (
    S(NEW, "native", "mysql_native_password", who("app", *PLAIN, "-e", PEOPLE)),
    S(NEW, "ed25519", "switch to client_ed25519", who("ed", *PLAIN, *ONE)),
    S(NEW, "ed25519-tls13", "switch to client_ed25519, in TLS 1.3", who("ed", *TLS13, *ONE)),
    S(NEW, "parsec", "switch to parsec", who("parsec", *PLAIN, *ONE)),
    S(NEW, "parsec-tls12", "switch to parsec, in TLS 1.2", who("parsec", *TLS12, *ONE)),
    S(NEW, "pam-dialog", "PAM: dialog, the password in clear text",
      who("pamu", *PLAIN, "--enable-cleartext-plugin", *ONE)),
    S(NEW, "pam-dialog-tls13", "PAM: dialog, in TLS 1.3", who("pamu", *TLS13, *ONE)),
    S(NEW, "old-password", "switch to mysql_old_password", who("oldpw", *PLAIN, *ONE)),
    S(NEW, "protocol-320", "the login of before 4.1", who("oldpw", *PLAIN, "--protocol", "320", *ONE)),
    S(NEW, "two-plugins", "ed25519 refuses the password, mysql_native_password takes it",
      who("second", *PLAIN, *ONE)),
    S(NEW, "zlib-tls12", "zlib compression in TLS 1.2", who("app", *TLS12, "--compression", "zlib", "-e", PEOPLE)),
    S(NEW, "tls13", "login in TLS 1.3", who("app", *TLS13, *ONE)),
    S(NEW, "extended", "MariaDB's extended capabilities",
      who("app", *PLAIN, "--capability=-LONG_PASSWORD", "--capability=+EXTENDED_METADATA",
          "--capability=+CACHE_METADATA", "--prepare", PEOPLE)),
    S(NEW, "wrong-password", "wrong password", who("app", *PLAIN, password="not-it"), exit_code=1),
    S(NEW, "locked", "locked account", who("locked", *PLAIN), exit_code=1),
    S(NEW, "expired", "expired password: accepted, and every statement refused", who("expired", *PLAIN, *ONE),
      exit_code=1),
    S(NEW, "proxy-v1", "a PROXY protocol header of version 1", who("app", *PLAIN, "--proxy-header", "v1", *ONE),
      before="SET GLOBAL proxy_protocol_networks = '127.0.0.0/8'", after="SET GLOBAL proxy_protocol_networks = ''"),
    S(NEW, "proxy-v2", "a PROXY protocol header of version 2", who("app", *PLAIN, "--proxy-header", "v2", *ONE),
      before="SET GLOBAL proxy_protocol_networks = '127.0.0.0/8'", after="SET GLOBAL proxy_protocol_networks = ''"),
    S(NEW, "fault-ssl-flag-without-tls", "fault: " + FAULTS["ssl-flag-without-tls"].what,
      who("app", "--fault", "ssl-flag-without-tls")),
    S(NEW, "tcpdump-parsec", "as parsec, but with tcpdump", who("parsec", *PLAIN, *ONE), suffix=".pcap", tcpdump=True),
    S(OLD, "native", "mysql_native_password", who("app", *PLAIN, *ONE)),
    S(OLD, "ed25519", "switch to client_ed25519", who("ed", *PLAIN, *ONE)),
    S(OLD, "tls13", "login in TLS 1.3", who("app", *TLS13, *ONE)),
    S(OLD, "unknown-user", "the user does not exist", who("app", *PLAIN, "--user", "nobody_here"), exit_code=1),
    S(OLD, "switch-from-sha2", "begins with caching_sha2_password and is switched",
      who("app", *PLAIN, "--default-auth", "caching_sha2_password", *ONE)),
)  # fmt: skip

# Where a fault needs more than the account app and a plain connection.
FAULT_WORDS = {
    "drop-after-switch": who("sha256", *RSA),
    "drop-after-full-auth-request": who("app", *RSA),
    "plain-text-in-tls": who("app"),
    "login-before-tls": who("app", *TLS12),
    "collation-differs-in-tls": who("app", *TLS12),
    "capabilities-differ-in-tls": who("app", *TLS12),
    "close-in-tls": who("app"),
    # The scramble of MySQL's plugin takes the nonce as it is; its first answer is "fast" or "full".
    "wrong-scramble-order": who("app", *RSA),
}
FAULT_SESSIONS: tuple[SampleSession, ...] = tuple(
    S(
        MYSQL,
        f"fault-{name}",
        f"fault: {fault.what}",
        (*FAULT_WORDS.get(name, who("app", *PLAIN)), "--fault", name),
        before=FLUSH if name == "drop-after-full-auth-request" else "",
        warm=name != "drop-after-full-auth-request",
        # Most of it is one value, repeated.
        suffix=".pcapng.zst" if name == "attributes-over-64k" else ".pcapng",
    )
    for name, fault in FAULTS.items()
)

SESSIONS = (*MYSQL_SESSIONS, *MARIADB_SESSIONS, *FAULT_SESSIONS)
