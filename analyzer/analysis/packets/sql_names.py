"""Words of a statement that say a password, a key or a token stands near them.

Sources: MySQL Reference Manual, "Passwords and Logging", "Account Management Statements", "Encryption and Compression
Functions", "CHANGE REPLICATION SOURCE TO", "CREATE SERVER"; MariaDB documentation of the same and of CONNECT, SPIDER,
S3, wsrep_sst_auth.
"""

from __future__ import annotations

import re
from typing import Final

_SECRET: Final = re.compile(
    r"PASSW|PASWO|PASSPHRASE|PASSCODE|PASSKEY|PASSHASH|PWD|PSWD|SECRET|CREDENTIAL|SST_AUTH|FILEKEY"
    r"|AUTH(?:ENTICATION)?_?(?:STRING|RESPONSE|DATA|CODE)"
    r"|(?:API|ACCESS|PRIVATE|ENCRYPTION|ENCRYPT|AUTH|SIGNING|SHARED|CIPHER|LICENSE|AES|HMAC|ACTIVATION|MASTER|CONSUMER)"
    r"_?KEY(?![A-Z])|(?:SESSION|RECOVERY|SSH)_?KEY(?![A-Z])|(?:RECOVERY|BACKUP|SECURITY|VERIFICATION)_?CODES?(?![A-Z])"
    r"|TOKEN(?:S?(?![A-Z])|_?HASH)|(?<![A-Z])PASS(?![A-Z])|(?<![A-Z])PW(?![A-Z])"
    r"|(?:USER|DB|SMTP|IMAP|MAIL|FTP|LDAP|SQL|LOGIN|ADMIN|ROOT|PROXY|WIFI|ACCOUNT)PASS(?![A-Z])"
    r"|(?<![A-Z])(?:JWT|T?OTP|BEARER|CVV|CVC|PIN(?:_?CODE|_?HASH)?)(?![A-Z])"
)
# Names that hold such a word and no secret.
_HARMLESS: Final = re.compile(
    r"(?<!SECRET)_ID\Z|_(?:IDS|PATH|FILE|DIR|TIME|AT|ON|DATE|COUNT|LENGTH|LEN|POLICY|LIFETIME|HISTORY|INTERVAL|EXPIRED|EXPIRES|EXPIRY"
    r"|CHANGED|CURRENT|ATTEMPTS|ROUNDS|TYPE|PLUGIN|VERSION|NUMBER|NAME|ENABLED|LIMIT|TIMEOUT|REQUIRED|RESET|KEYS)\Z"
    r"|\AVALIDATE_PASSWORD(?!_STRENGTH)|\A(?:MYSQL_NATIVE|MYSQL_OLD|MYSQL_CLEAR|SHA256|CACHING_SHA2)_PASSWORD"
    r"|\AOLD_PASSWORDS\Z|\ADEFAULT_PASSWORD|\A(?:STRICT|SIMPLE|CRACKLIB)_PASSWORD|\ADISCONNECT_ON_EXPIRED|\ASQL_MODE\Z"
)
# Functions whose arguments are a password, a key, or what is made from one.
FUNCTIONS: Final = frozenset(
    {"PASSWORD", "OLD_PASSWORD", "ENCRYPT", "DES_ENCRYPT", "DES_DECRYPT", "AES_ENCRYPT", "AES_DECRYPT", "ENCODE"}
    | {"DECODE", "VALIDATE_PASSWORD_STRENGTH", "MD5", "SHA", "SHA1", "SHA2", "KDF", "ASYMMETRIC_ENCRYPT"}
    | {"ASYMMETRIC_DECRYPT", "ASYMMETRIC_SIGN", "CREATE_ASYMMETRIC_PRIV_KEY", "CREATE_ASYMMETRIC_PUB_KEY"}
    | {"KEYRING_KEY_STORE", "KEYRING_KEY_GENERATE"}
)
# Functions that compare their arguments, or put them together: what stands beside a secret's name is what it is.
COMPARING: Final = frozenset(
    {"STRCMP", "FIND_IN_SET", "INSTR", "LOCATE", "POSITION", "FIELD", "COALESCE", "IFNULL", "NULLIF", "CONCAT"}
    | {"CONCAT_WS", "LOWER", "UPPER", "LCASE", "UCASE", "TRIM", "BINARY", "CAST", "CONVERT", "HEX", "REGEXP_LIKE"}
    | {"MATCH"}
)
# Procedures of hosted servers, and what applications call alike, that get a password among their arguments.
PROCEDURES: Final = re.compile(
    r"EXTERNAL_?(?:MASTER|SOURCE)|CHANGE_(?:MASTER|SOURCE|REPLICATION)|SSL_MATERIAL|AUTHENTICAT|(?<![A-Z])LOG_?IN(?![A-Z])"
    r"|(?:CREATE|ADD|REGISTER|NEW|VERIFY|CHECK|VALIDATE)_?USER(?![A-Z])"
)
# System tables that hold them: all values that go there.
TABLES: Final = frozenset({"USER", "GLOBAL_PRIV", "SERVERS", "SLAVE_MASTER_INFO", "PASSWORD_HISTORY"})
# Those of ProxySQL, in any schema.
PROXY_TABLES: Final = frozenset({"MYSQL_USERS", "PGSQL_USERS"})
# User variables with which a replica says what it can do: their values are no secrets.
OPEN_VARIABLES: Final = frozenset(
    {"MASTER_BINLOG_CHECKSUM", "SOURCE_BINLOG_CHECKSUM", "MASTER_HEARTBEAT_PERIOD", "SOURCE_HEARTBEAT_PERIOD"}
    | {"SLAVE_UUID", "REPLICA_UUID", "RPL_SEMI_SYNC_SLAVE", "RPL_SEMI_SYNC_REPLICA", "MARIADB_SLAVE_CAPABILITY"}
    | {"SLAVE_CONNECT_STATE", "SLAVE_GTID_STRICT_MODE", "SLAVE_GTID_IGNORE_DUPLICATES", "SLAVE_UNTIL_GTID"}
)
# What PASSWORD is followed by where it is an option of an account.
OPTIONS: Final = frozenset({"EXPIRE", "HISTORY", "REUSE", "REQUIRE", "LOCK_TIME"})
# What may stand where a password belongs and is none.
NO_VALUES: Final = frozenset(
    {"RANDOM", "PASSWORD", "OLD_PASSWORD", "NULL", "DEFAULT", "CONCAT", "BINARY", "N", "X", "B", "BY", "AS", "USING"}
)

# What is looked for first: without one of these, nothing in a statement is masked. Digits are taken out of the text
# that is looked at, and letters are small. Where a pattern stands beside it, that decides.
_HINTS: Final[tuple[tuple[bytes, re.Pattern[bytes] | None], ...]] = (
    (b"pass", None),
    (b"paswo", None),
    (b"pwd", None),
    (b"pswd", None),
    (b"pw", re.compile(rb"(?<![a-z])pw(?![a-z])")),
    (b"identif", re.compile(rb"identif(?!ier)")),
    (b"secret", None),
    (b"credential", None),
    (b"token", None),
    (b"auth", re.compile(rb"auth(?!or(?!iz))")),
    (
        b"key",
        re.compile(
            rb"filekey|keyring|(?:api|access|encryption|encrypt|signing|shared|aes|hmac|activation|master|consumer)[_-]?key"
            rb"|private[ _-]?key|(?:session|recovery|ssh|cipher|license|account)_?key"
        ),
    ),
    (b"crypt", None),
    (b"code", re.compile(rb"(?:en|de)code(?![a-z])|(?:recovery|backup|security|verification)_?code")),
    (b"jwt", None),
    (b"eyj", None),
    (b"otp", re.compile(rb"(?<![a-z])t?otp(?![a-z])")),
    (b"bearer", None),
    (b"cv", re.compile(rb"(?<![a-z])cv[cv](?![a-z])")),
    (b"pin", re.compile(rb"(?<![a-z])pin(?:_?code|_?hash)?(?![a-z])")),
    (b"sig", re.compile(rb"[?&;](?:x-amz-)?sig(?:nature)?=")),
    (b"_live_", None),
    (b"_pat_", None),
    (b"ghp_", None),
    (b"glpat-", None),
    (b"xox", re.compile(rb"xox[abeprs]-")),
    (b"external", re.compile(rb"external_?(?:master|source)")),
    (b"ssl_material", None),
    (b"log", re.compile(rb"(?<![a-z])log_?in(?![a-z])[^(]{0,64}\(")),
    (b"user", re.compile(rb"(?:create|add|register|new|verify|check|validate)_?user(?![a-z])[^(]{0,64}\(")),
    (
        b"into",
        re.compile(
            rb"into[^(']{1,64}?(?<![a-z_])(?:user|servers|global_priv|slave_master_info|password_history)(?![a-z_])|(?:my|pg)sql_users"
        ),
    ),
    (b"kdf", None),
    (b"asymmetric", None),
    (b"md", re.compile(rb"(?<![a-z_])md(?![a-z_])")),
    (b"sha", re.compile(rb"(?<![a-z_])sha(?![a-z_])")),
    (b"prepare", None),
    (b"immediate", None),
    (b"execute", re.compile(rb"execute(?![a-z_])")),
    (b"://", None),
    (b"*", re.compile(rb"['\"]\*[a-f]*['\"]")),
    (b"$", re.compile(rb"\$a?\$")),
    (b"alter", re.compile(rb"alter(?![a-z_])")),
    (b"create", re.compile(rb"create(?![a-z_])")),
    (b"grant", None),
    (b"change", re.compile(rb"change(?:(?![a-z_])|_(?:master|source|replication))")),
    (b"clone", None),
    (b"mysql", re.compile(rb"mysql[\s`\".]{1,8}(?:user|global_priv|servers|slave_master_info|password_history)")),
    (b"@", re.compile(rb"(?<![a-z_.@+\-])@(?!@)")),
)
LOWER: Final = bytes(range(256)).lower()
DIGITS: Final = b"0123456789"


def shape_of(raw: bytes) -> bytes:
    """A statement without its digits, in small letters: many statements differ in nothing else."""
    return raw.translate(LOWER, DIGITS)


def has_hint(shape: bytes) -> bool:
    """Whether a statement may hold a secret, as far as its words tell."""
    if not _has_needle(shape):
        return False
    return any(
        needle in shape and (pattern is None or pattern.search(shape) is not None) and _may_assign(needle, shape)
        for needle, pattern in _HINTS
    )


def _may_assign(needle: bytes, shape: bytes) -> bool:
    """Whether a user variable may get a value."""
    return needle != b"@" or b":=" in shape or b"set" in shape or b"into" in shape


def _has_needle(shape: bytes) -> bool:
    """Whether any of _HINTS is there, written out: this is asked of every statement that is not like one before."""
    return (
        b"pass" in shape
        or b"paswo" in shape
        or b"pwd" in shape
        or b"pswd" in shape
        or b"pw" in shape
        or b"identif" in shape
        or b"secret" in shape
        or b"credential" in shape
        or b"token" in shape
        or b"auth" in shape
        or b"key" in shape
        or b"crypt" in shape
        or b"code" in shape
        or b"jwt" in shape
        or b"eyj" in shape
        or b"otp" in shape
        or b"bearer" in shape
        or b"cv" in shape
        or b"pin" in shape
        or b"sig" in shape
        or b"_live_" in shape
        or b"_pat_" in shape
        or b"ghp_" in shape
        or b"glpat-" in shape
        or b"xox" in shape
        or b"external" in shape
        or b"ssl_material" in shape
        or b"log" in shape
        or b"user" in shape
        or b"into" in shape
        or b"kdf" in shape
        or b"asymmetric" in shape
        or b"md" in shape
        or b"sha" in shape
        or b"prepare" in shape
        or b"immediate" in shape
        or b"execute" in shape
        or b"://" in shape
        or b"*" in shape
        or b"$" in shape
        or b"alter" in shape
        or b"create" in shape
        or b"grant" in shape
        or b"change" in shape
        or b"clone" in shape
        or b"mysql" in shape
        or b"@" in shape
    )


def is_secret(word: str) -> bool:
    """Whether what has this name (in upper case) is a secret."""
    return _SECRET.search(word) is not None and _HARMLESS.search(word) is None
