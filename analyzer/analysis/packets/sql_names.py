"""Words of a statement that say a password, a key or a token stands near them.

Sources: MySQL Reference Manual, "Passwords and Logging", "Account Management Statements", "Encryption and Compression
Functions", "CHANGE REPLICATION SOURCE TO", "CREATE SERVER"; MariaDB documentation of the same and of CONNECT, SPIDER,
S3, wsrep_sst_auth.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_SECRET: Final = re.compile(
    r"PASSW|PASWO|PASSPHRASE|PASSCODE|PASSKEY|PASSHASH|PWD|PSWD|SECRET|CREDENTIAL|SST_AUTH|FILEKEY"
    r"|AUTH(?:ENTICATION)?_?(?:STRING|RESPONSE|DATA|CODE)"
    r"|(?:API|ACCESS|PRIVATE|ENCRYPTION|ENCRYPT|AUTH|SIGNING|SHARED|CIPHER|LICENSE|AES|HMAC|ACTIVATION|MASTER|CONSUMER)"
    r"_?KEY(?![A-Z])|(?:SESSION|RECOVERY|SSH)_?KEY(?![A-Z])|(?:RECOVERY|BACKUP|SECURITY|VERIFICATION)_?CODES?(?![A-Z])"
    r"|(?<![A-Z])PSW(?![A-Z])|LOSENORD|PASSORD|ADGANGSKODE|SALASANA|JELSZO|(?<![A-Z])(?:HESLO|HASLO|PAROLA|CLAVE)(?![A-Z])"
    r"|KENNWORT|CONTRASE|WACHTWOORD|MOTS?_?DE_?PASSE|(?<![A-Z])SENHA(?![A-Z])"
    r"|(?<![A-Z])AUTHORIZATION(?![A-Z])|TOKEN(?:S?(?![A-Z])|_?HASH)|(?<![A-Z])PASS(?![A-Z])|(?<![A-Z])PW(?![A-Z])"
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
    {"PASSWORD", "OLD_PASSWORD", "CRYPT", "ENCRYPT", "DES_ENCRYPT", "DES_DECRYPT", "AES_ENCRYPT", "AES_DECRYPT"}
    | {"ENCODE", "DECODE", "VALIDATE_PASSWORD_STRENGTH", "MD5", "SHA", "SHA1", "SHA2", "KDF", "ASYMMETRIC_ENCRYPT"}
    | {"ASYMMETRIC_DECRYPT", "ASYMMETRIC_SIGN", "CREATE_ASYMMETRIC_PRIV_KEY", "CREATE_ASYMMETRIC_PUB_KEY"}
    | {"KEYRING_KEY_STORE", "KEYRING_KEY_GENERATE", "HMAC", "CREATE_DIGEST", "ASYMMETRIC_DERIVE", "ASYMMETRIC_VERIFY"}
)
# Functions that compare their arguments, or put them together: what stands beside a secret's name is what it is.
COMPARING: Final = frozenset(
    {"STRCMP", "FIND_IN_SET", "INSTR", "LOCATE", "POSITION", "FIELD", "COALESCE", "IFNULL", "NULLIF", "CONCAT"}
    | {"CONCAT_WS", "LOWER", "UPPER", "LCASE", "UCASE", "TRIM", "BINARY", "CAST", "CONVERT", "HEX", "REGEXP_LIKE"}
    | {"MATCH", "LEAST", "GREATEST", "ELT", "REPLACE", "LPAD", "RPAD", "LEFT", "RIGHT", "MID", "SUBSTR", "SUBSTRING"}
    | {"SUBSTRING_INDEX", "REGEXP_REPLACE", "REGEXP_INSTR", "REGEXP_SUBSTR", "LTRIM", "RTRIM", "REVERSE", "QUOTE"}
    | {"UNHEX", "TO_BASE64", "FROM_BASE64", "SOUNDEX"}
)
# Procedures of hosted servers, and what applications call alike, that get a password among their arguments.
PROCEDURES: Final = re.compile(
    r"EXTERNAL_?(?:MASTER|SOURCE)|CHANGE_(?:MASTER|SOURCE|REPLICATION)|SSL_MATERIAL|AUTHENTICAT|(?<![A-Z])LOG_?IN(?![A-Z])"
    r"|(?:CREATE|ADD|REGISTER|NEW|VERIFY|CHECK|VALIDATE)_?(?:USER|ACCOUNT)(?![A-Z])"
    r"|(?<![A-Z])(?:SIGN_?(?:IN|UP)|AUTH)(?![A-Z])"
)
# System tables that hold them: all values that go there.
TABLES: Final = frozenset({"USER", "GLOBAL_PRIV", "SERVERS", "SLAVE_MASTER_INFO", "PASSWORD_HISTORY"})
# Tables of applications with an account in each row: all values of a row that names no columns.
ACCOUNT_TABLES: Final = re.compile(r"(?<![A-Z])(?:USER|ACCOUNT|MEMBER|ADMIN|OPERATOR)S?\Z")
# Those of ProxySQL, in any schema.
PROXY_TABLES: Final = frozenset({"MYSQL_USERS", "PGSQL_USERS"})
# User variables with which a replica says what it can do: their values are no secrets.
OPEN_VARIABLES: Final = frozenset(
    {"MASTER_BINLOG_CHECKSUM", "SOURCE_BINLOG_CHECKSUM", "MASTER_HEARTBEAT_PERIOD", "SOURCE_HEARTBEAT_PERIOD"}
    | {"SLAVE_UUID", "REPLICA_UUID", "RPL_SEMI_SYNC_SLAVE", "RPL_SEMI_SYNC_REPLICA", "MARIADB_SLAVE_CAPABILITY"}
    | {"SLAVE_CONNECT_STATE", "SLAVE_GTID_STRICT_MODE", "SLAVE_GTID_IGNORE_DUPLICATES", "SLAVE_UNTIL_GTID"}
)
# Columns that hold the values of a table of names and values: SHOW VARIABLES, settings of applications.
VALUES: Final = re.compile(r"VALUE\Z|(?:\A|_)V(?:AL)?\Z")
# What PASSWORD is followed by where it is an option of an account.
OPTIONS: Final = frozenset({"EXPIRE", "HISTORY", "REUSE", "REQUIRE", "LOCK_TIME"})
# What may stand where a password belongs and is none.
NO_VALUES: Final = frozenset(
    {"RANDOM", "PASSWORD", "OLD_PASSWORD", "NULL", "DEFAULT", "CONCAT", "BINARY", "N", "X", "B", "BY", "AS", "USING"}
)

_CALLED: Final = r"(?:create|add|register|new|verify|check|validate)_?(?:user|account)(?![a-z])[^(]{0,64}\("


class Behind(msgspec.Struct, frozen=True):
    """A name that may stand behind a word; no text and no parenthesis is in between, comments may be.

    `stems`: it holds one of them.
    """

    word: str
    stems: tuple[str, ...]
    name: str


def _behind(word: str, stems: str, name: str) -> Behind:
    return Behind(word, tuple(stems.split("|")), name.replace("STEMS", f"(?:{stems})"))


# A table of accounts, without names of columns behind it; one of the system that holds secrets.
_ROWS: Final = _behind(
    "insert|replace",
    "user|account|member|admin|operator",
    r"(?<![a-z])STEMSs?(?![a-z_])[`\"\s]*+(?!\((?!\s*\))|\.)",
)
_SYSTEM: Final = _behind(
    "into", "user|servers|global_priv|slave_master_info|password_history", r"(?<![a-z_])STEMS(?![a-z_])"
)
# What is looked for first: without one of these, nothing in a statement is masked. Digits are taken out of the text
# that is looked at, and letters are small. Where a pattern stands beside it, that decides (`sql_hints`).
HINTS: Final[tuple[tuple[str, str | Behind | None], ...]] = (
    ("pass", None),
    ("paswo", None),
    ("pwd", None),
    ("pswd", None),
    ("pw", r"(?<![a-z])pw(?![a-z])"),
    ("identif", r"identif(?!ier)"),
    ("secret", None),
    ("credential", None),
    ("token", None),
    ("auth", r"auth(?!or(?!iz))"),
    (
        "key",
        r"filekey|keyring|(?:api|access|encryption|encrypt|signing|shared|aes|hmac|activation|master|consumer)[_-]?key"
        r"|private[ _-]?key|(?:session|recovery|ssh|cipher|license|account)_?key",
    ),
    ("crypt", None),
    ("code", r"(?:en|de)code(?![a-z])|(?:recovery|backup|security|verification)_?code"),
    ("hmac", None),
    ("digest", r"create_digest"),
    ("-p", r"(?:mysql|mariadb)[^\n]{0,200}\s-p(?!\s)"),
    ("jwt", None),
    ("eyj", None),
    ("otp", r"(?<![a-z])t?otp(?![a-z])"),
    ("bearer", None),
    ("cv", r"(?<![a-z])cv[cv](?![a-z])"),
    ("pin", r"(?<![a-z])pin(?:_?code|_?hash)?(?![a-z])"),
    ("sig", r"[?&;](?:x-amz-)?sig(?:nature)?="),
    ("_live_", None),
    ("_pat_", None),
    ("ghp_", None),
    ("glpat-", None),
    ("xox", r"xox[abeprs]-"),
    ("external", r"external_?(?:master|source)"),
    ("ssl_material", None),
    ("log", r"(?<![a-z])log_?in(?![a-z])[^(]{0,64}\("),
    ("user", _CALLED),
    ("account", _CALLED),
    ("sign", r"(?<![a-z])sign_?(?:in|up)(?![a-z])[^(]{0,64}\("),
    # Rows of accounts without names of columns.
    ("insert", _ROWS),
    ("replace", _ROWS),
    ("binlog", r"(?<![a-z_])binlog(?![a-z_])"),
    *(
        (word, None)
        for word in ("losenord", "adgangskode", "salasana", "jelszo", "aiza", "hooks.slack", "/api/webhooks/")
    ),
    ("psw", r"(?<![a-z])psw(?![a-z])"),
    *((word, rf"(?<![a-z]){word}(?![a-z])") for word in ("heslo", "haslo", "parola", "clave")),
    *((word, rf"(?<![\w-]){word}") for word in ("sk-", "npm_", "shpat_", "shpss_", "shpca_")),
    ("sg.", r"(?<![\w-])sg\.[\w-]+\."),
    ("kennwort", None),
    ("contrase", None),
    ("wachtwoord", None),
    ("senha", r"(?<![a-z])senha(?![a-z])"),
    ("into", _SYSTEM),
    ("sql_users", "(?:my|pg)sql_users"),
    ("kdf", None),
    ("asymmetric", None),
    ("md", r"(?<![a-z_])md(?![a-z_])"),
    ("sha", r"(?<![a-z_])sha(?![a-z_])"),
    ("prepare", None),
    ("immediate", None),
    ("execute", r"execute(?![a-z_])"),
    ("://", None),
    ("'*", r"'\*[a-f]*['\"]"),
    ('"*', r"\"\*[a-f]*['\"]"),
    ("$", r"\$a?\$"),
    ("alter", r"alter(?![a-z_])"),
    ("create", r"create(?![a-z_])"),
    ("grant", None),
    ("change", r"change(?:(?![a-z_])|_(?:master|source|replication))"),
    ("clone", None),
    ("mysql", r"mysql[\s`\".]{1,8}(?:user|global_priv|servers|slave_master_info|password_history)"),
    ("@", r"(?<![a-z_.@+\-])@(?!@)"),
)
LOWER: Final = bytes(range(256)).lower()
DIGITS: Final = b"0123456789"


def shape_of(raw: bytes) -> bytes:
    """A statement without its digits, in small letters: many statements differ in nothing else."""
    return raw.translate(LOWER, DIGITS)


def is_secret(word: str) -> bool:
    """Whether what has this name (in upper case) is a secret."""
    return _SECRET.search(word) is not None and _HARMLESS.search(word) is None
