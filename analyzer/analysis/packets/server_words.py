"""Names, and words of a server of which nobody knows what they quote, without what may be a secret.

Most hold none, which is cheap to say: what masks statements takes as long to load as a small capture to read.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = r"[\w.@%:-]{0,64}"
_TEXT: Final = r"[\w\s.,:;()@%!?-]*+"
# What servers tell of a session of their own accord: of any other name nobody knows what it holds.
_VARIABLES: Final = (
    *("autocommit", "character_set_client", "character_set_connection", "character_set_results", "redirect_url"),
    *("time_zone", "transaction_isolation", "tx_isolation"),
)
# What quotes a name, and no value: in any other place a message may quote a part of a statement.
_QUOTES: Final = "|".join(
    [
        *(rf"(?<=\b{word} )" for word in ("user", "User", "database", "schema", "Host", "host")),
        *(rf"(?<=\b{name} )= " for name in _VARIABLES),
        "(?<='@)",
    ]
)
_PLAIN: Final = re.compile(rf"{_TEXT}(?:(?:(?<=\bserver)'s\b|(?:{_QUOTES})'{_NAME}'){_TEXT})*+")
# Errors whose messages quote names alone: ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_BAD_DB_ERROR,
# ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED,
# ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_ACCOUNT_HAS_BEEN_LOCKED,
# ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK.
_OF_LOGINS: Final = frozenset({1044, 1045, 1049, 1129, 1130, 1203, 1226, 1698, 3118, 3955})
# Words of statements and of tokens behind or in which a secret may stand without quotes: a part of `sql_names.HINTS`.
_DOUBTFUL: Final = re.compile(
    "identif|secret|credential|token|eyj|ghp_|github_|glpat|_live_|_pat_|xox|sk-|npm_|shp(?:at|ss|ca)_|sg\\.|jwt|bearer|otp"
    "|key|code|hmac|digest|hook|create|grant|insert|replace|binlog|kdf|prepare|immediate",
    re.IGNORECASE,
)


def _is_plain(text: str) -> bool:
    """Whether a text holds no secret for sure."""
    return _PLAIN.fullmatch(text) is not None and _DOUBTFUL.search(text) is None


def shown_text(text: str) -> str:
    """The name of a user or a schema, or a line with some: a statement may stand in the place of one."""
    if _is_plain(text):
        return text
    from analyzer.analysis.packets.statement_mask import StatementMask

    return StatementMask().statement(text)


def shown_words(code: int, message: str) -> str:
    """A server's message: it may quote what a client sent in any place."""
    if _is_plain(message) and (code in _OF_LOGINS or "'" not in message):
        return message
    from analyzer.analysis.packets.statement_mask import StatementMask

    return StatementMask().message(message, code, None)
