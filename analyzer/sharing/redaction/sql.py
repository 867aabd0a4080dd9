"""Statements without their literals: each is replaced in its place, so that the statement parses and groups as before.

Positions are bytes: each is a character of its own. Where a literal ends, the session's sql_mode says: what is one with
backslash escapes or without them is replaced. Keywords, functions, signs and, if they are not to go, names of tables
and columns stay; names of schemas and accounts go. A statement that does not begin with a word that begins statements
is replaced as a whole.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from analyzer.analysis.packets.sql_secrets import secrets_of
from analyzer.analysis.packets.sql_tokens import (
    COMMENT,
    HEX,
    NAME,
    NUMBER,
    SIGN,
    STRING,
    WORD,
    Token,
    inside,
    tokens_of,
)
from analyzer.protocol.tables.collations import CODECS, COLLATIONS
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.skeletons import GOES, NO_TABLES, STAYS, TABLES, Skeletons
from analyzer.sharing.redaction.words import MESSAGE_WORDS, SQL_WORDS

# Schemas that every server has.
SYSTEM_SCHEMAS: Final = frozenset({"information_schema", "performance_schema", "mysql", "sys", "def", ""})
# Words that begin statements.
_BEGINNINGS: Final = frozenset(
    """
    ALTER ANALYZE BACKUP BEGIN BINLOG CACHE CALL CHANGE CHECK CHECKSUM CLONE COMMIT CREATE DEALLOCATE DECLARE DELETE
    DESC DESCRIBE DO DROP EXECUTE EXPLAIN FLUSH GET GRANT HANDLER HELP IF IMPORT INSERT INSTALL KILL LOAD LOCK
    OPTIMIZE PREPARE PURGE RELEASE RENAME REPAIR REPLACE RESET RESIGNAL RESTART REVOKE ROLLBACK SAVEPOINT SELECT SET
    SHOW SHUTDOWN SIGNAL START STOP TABLE TRUNCATE UNINSTALL UNLOCK UPDATE USE VALUES WITH XA
    """.split()  # noqa: SIM905
)
# Behind these a table may be named, with its schema in front.
_TABLES: Final = frozenset(
    """
    FROM JOIN INTO UPDATE TABLE TABLES DESCRIBE DESC REFERENCES VIEW PROCEDURE FUNCTION CALL TRIGGER EVENT EXISTS IGNORE
    STRAIGHT_JOIN COLUMNS FIELDS INDEX INDEXES KEYS OPEN LIKE TO SEQUENCE INSERT REPLACE PACKAGE HANDLER ONLY
    """.split()  # noqa: SIM905
)
_NO_TABLES: Final = frozenset(
    "WHERE SET SELECT VALUES GROUP ORDER HAVING LIMIT ON USING BY AS AND OR WHEN THEN ELSE CASE".split()  # noqa: SIM905
)
# Behind these a schema is named alone.
_SCHEMAS: Final = frozenset({"USE", "DATABASE", "SCHEMA", "DATABASES", "SCHEMAS"})
# What these words are to those around them.
_ROLES: Final = dict.fromkeys(_NO_TABLES, NO_TABLES) | dict.fromkeys(_TABLES, TABLES) | dict.fromkeys(_SCHEMAS, GOES)
_ACCOUNTS: Final = frozenset({"USER", "ROLE", "FOR", "TO", "DEFINER", "PROXY"})
# Values of variables that say how a session is set up.
_SETTINGS: Final = (
    frozenset(name.lower() for name in CODECS)
    | frozenset(name for name, _ in COLLATIONS.values())
    | frozenset(
        """
        on off default system utf8 utf8mb3 utf8mb4 latin1 binary read-committed read-uncommitted repeatable-read
        serializable all none yes no traditional ansi ansi_quotes strict strict_trans_tables strict_all_tables
        no_zero_in_date no_zero_date error_for_division_by_zero no_engine_substitution no_auto_create_user
        no_auto_value_on_zero no_backslash_escapes no_unsigned_subtraction only_full_group_by pipes_as_concat
        high_not_precedence ignore_space real_as_float pad_char_to_full_length time_truncate_fractional
        allow_invalid_dates no_dir_in_create no_table_options no_field_options no_key_options mysql40 mysql323 db2
        oracle mssql postgresql maxdb empty_string_is_null simultaneous_assignment time_round_fractional innodb crc32
        """.split()  # noqa: SIM905
    )
)
_LISTED: Final = re.compile(rb"((?:Tables|Triggers|Events)_in_)(.+?)( \(.*\))?", re.DOTALL)
# Names of system variables are made of these.
_VARIABLE_WORDS: Final = MESSAGE_WORDS | {word.lower() for word in SQL_WORDS} | {"attrs", "connect", "utf8mb4", "tx"}
_LIST: Final = re.compile(r"[\s,]+")
_ZONE: Final = re.compile(r"[+-]\d\d:\d\d")
_ESCAPES: Final = re.compile(rb"""\\[0'"bnrtZ\\%_]|''|""|['"`\\]""")
_SHORT: Final = SQL_WORDS | {"X", "B", "N"}
_HEX_PREFIXES: Final = frozenset({"X", "B"})


class SqlRedactor:
    """Replaces what is content in statements; knows the names of schemas and accounts that it has met."""

    def __init__(self, replacements: Replacements, keep: KeptKinds, skeletons: bool = True) -> None:
        """`skeletons`: statements that differ in their literals alone are looked at once."""
        self._replacements = replacements
        self._keep = keep
        self.skeletons = skeletons
        # In small letters: names of schemas and accounts of the capture.
        self._schemas: set[str] = set()
        self._accounts: set[str] = set()
        self.known_names = 0  # how many there are: while it stays, the same statement becomes the same
        self._named: set[bytes] = set()  # those of schemas that a plain literal may be
        # What words are to those around them in a plain statement that reads or writes rows, in small letters.
        self._roles = {word.lower().encode(): role for word, role in _ROLES.items()}
        other = STAYS
        if "identifiers" not in keep.kinds:
            other = GOES
            self._roles = {word.lower().encode(): STAYS for word in SQL_WORDS} | self._roles
        self.alike = Skeletons(replacements, self._open, self._literal, self._named, self._roles, other)

    def meet_schema(self, name: str) -> None:
        """A schema of this name was used."""
        if name.lower() not in SYSTEM_SCHEMAS and len(self._schemas) < _MOST_NAMES:
            small = name.lower()
            self._schemas.add(small)
            self._count()
            if small.isascii():
                self._named.add(small.encode())
                self._roles[small.encode()] = GOES

    def meet_account(self, name: str) -> None:
        """An account of this name logged in."""
        if name and len(self._accounts) < _MOST_NAMES:
            self._accounts.add(name.lower())
            self._roles[name.lower().encode("utf-8", ENCODING_ERRORS)] = GOES
            self._count()

    def _count(self) -> None:
        self.known_names = self.alike.version = len(self._schemas) + len(self._accounts)

    def statement(self, raw: bytes, escapes: bool | None = None) -> bytes:
        """A statement in its place. `escapes`: whether a backslash escapes, None where nobody knows."""
        if "sql" in self._keep.kinds:
            return raw
        plain = self.alike.statement(raw) if self.skeletons else None
        return self.whole(raw, escapes) if plain is None else plain

    def words(self, raw: bytes) -> bytes | frozenset[str]:
        """By what the columns of a statement are told from those of others: its skeleton, or its words."""
        name = self.alike.name(raw)
        return words_of(raw.decode("utf-8", ENCODING_ERRORS)) if name is None else name

    def _open(self, raw: bytes) -> bytes:
        """A statement that has no word of a secret but in its literals."""
        return self.whole(raw, secret=False)

    def whole(self, raw: bytes, escapes: bool | None = None, secret: bool = True) -> bytes:
        """Any statement, the long way."""
        kind = "sql"
        text = raw.decode("latin-1")
        out = bytearray(raw)
        tokens = tokens_of(text, escapes is not False)
        first = next((token.word for token in tokens if token.kind not in (SIGN, COMMENT)), "")
        if tokens and first not in _BEGINNINGS:
            return self._content(kind, raw)
        self._literals(text, raw, tokens, out, first, kind)
        self._names(text, raw, tokens, out, first)
        if escapes is None and "\\" in text:
            self._by_other_reading(text, raw, tokens, out, kind)
        for start, stop in secrets_of(text).ranges if secret else ():
            # What is masked in every output and is no literal: hashes and passwords without quotes.
            if out[start:stop] == raw[start:stop]:
                out[start:stop] = self._content(kind, raw[start:stop])
        return bytes(out)

    def fragment(self, raw: bytes, kind: str, words: frozenset[str] = frozenset()) -> bytes:
        """A piece of a statement, which may begin and end anywhere: of its words only SQL's own and `words` stay."""
        text = raw.decode("latin-1")
        out = bytearray(raw)
        tokens = tokens_of(text)
        self._literals(text, raw, tokens, out, "", kind)
        for token in tokens:
            if token.kind in (WORD, NAME) and token.word not in SQL_WORDS and token.word not in words:
                start, stop = inside(text, token)
                out[start:stop] = self._content(kind, raw[start:stop])
        return bytes(out)

    def column(self, raw: bytes, statement: str | None) -> bytes:
        """The name of a column that is an expression of the statement: what is no word of it is content."""
        words = words_of(statement) if statement is not None else frozenset()
        text = raw.decode("latin-1")
        tokens = tokens_of(text)
        if any(one.kind in (WORD, NAME) and one.word not in SQL_WORDS and one.word not in words for one in tokens):
            return self._replacements.text("sql", raw)
        out = bytearray(raw)
        self._literals(text, raw, tokens, out, "", "sql")
        self._names(text, raw, tokens, out, "")
        return bytes(out)

    def name(self, raw: bytes) -> bytes:
        """The name of a table or a column."""
        listed = _LISTED.fullmatch(raw)
        if listed is not None and "databases" not in self._keep.kinds and "identifiers" in self._keep.kinds:
            # Of SHOW TABLES: it has the schema's name in it.
            schema = listed[2]
            made = (
                schema
                if schema.decode("latin-1").lower() in SYSTEM_SCHEMAS
                else self._replacements.text("databases", schema)
            )
            return listed[1] + made + (self._content("sql", listed[3]) if listed[3] else b"")
        small = raw.decode("latin-1").lower()
        if "identifiers" in self._keep.kinds or small.upper() in SQL_WORDS or small in SYSTEM_SCHEMAS:
            return raw
        return self._replacements.text("identifiers", raw)

    # -- tokens --------------------------------------------------------------------------------------------------------

    def _names(self, text: str, raw: bytes, tokens: list[Token], out: bytearray, first: str) -> None:
        tables = False
        grants = first in ("GRANT", "REVOKE")
        broken = _broken_from(text, tokens)
        for index, token in enumerate(tokens):
            if token.kind not in (WORD, NAME):
                continue
            if index >= broken and token.word not in SQL_WORDS:
                # What was meant to be a literal is none: a quote inside of it was not escaped.
                start, stop = inside(text, token)
                out[start:stop] = self._replacements.text("sql", raw[start:stop])
                continue
            if token.kind == WORD and token.word in _NO_TABLES and not (grants and token.word == "ON"):
                tables = False
            elif token.kind == WORD and (token.word in _TABLES or (grants and token.word == "ON")):
                tables = True
            start, stop = inside(text, token)
            kind = self._name_kind(tokens, index, tables, first, raw[start:stop])
            if kind is not None:
                out[start:stop] = self._replacements.text(kind, raw[start:stop])

    def _by_other_reading(self, text: str, raw: bytes, tokens: list[Token], out: bytearray, kind: str) -> None:
        """Names and numbers that are inside of a literal if a backslash escapes nothing."""
        spans = [(one.start, one.stop) for one in tokens_of(text, escapes=False) if one.kind in (STRING, COMMENT)]
        place = 0
        for token in tokens:
            while place < len(spans) and spans[place][1] <= token.start:
                place += 1
            if place == len(spans):
                return
            if token.kind in (WORD, NAME) and token.start >= spans[place][0] and token.word not in _SHORT:
                start, stop = inside(text, token)
                out[start:stop] = self._replacements.text(kind, raw[start:stop])

    def _name_kind(self, tokens: list[Token], index: int, tables: bool, first: str, name: bytes) -> str | None:
        """What a name is, if it is to go."""
        token = tokens[index]
        keyword = token.kind == WORD and token.word in SQL_WORDS
        before = tokens[index - 1] if index else None
        small = name.decode("latin-1").lower()
        if before is not None and before.word == "@" and _is_system_variable(tokens, index):
            own = _VARIABLE_WORDS.issuperset(small.split("_")) or "identifiers" in self._keep.kinds
            return None if own else "identifiers"
        if small in self._accounts or (not keyword and self._is_account(tokens, index)):
            return None if "users" in self._keep.kinds else "users"
        if self._is_schema(tokens, index, tables, first, small, keyword):
            return None if "databases" in self._keep.kinds else "databases"
        if token.kind == WORD and (name[:1].isdigit() or len(name) > _LONGEST_NAME):
            return "sql"
        if keyword or "identifiers" in self._keep.kinds or token.word in SQL_WORDS:
            return None
        return "identifiers"

    def _is_schema(self, tokens: list[Token], index: int, tables: bool, first: str, small: str, keyword: bool) -> bool:
        if small in SYSTEM_SCHEMAS:
            return False
        if small in self._schemas:
            return True
        before = tokens[index - 1] if index else None
        lead = before.word if before is not None and before.kind == WORD else ""
        if not keyword and (
            lead in _SCHEMAS or (first == "SHOW" and lead in ("FROM", "IN") and _shown_of(tokens, index))
        ):
            self.meet_schema(small)
            return True
        if not _dot(tokens, index + 1) or (before is not None and before.word in (".", "@")):
            return False
        return tables or _dot(tokens, index + 3)

    def _is_account(self, tokens: list[Token], index: int) -> bool:
        """Whether a name is the account's, or the host's, of name@host; or stands where an account is named."""
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if after is not None and after.word == "@" and tokens[index].stop == after.start:
            return tokens[index].kind == NAME or tokens[index].word not in SQL_WORDS
        if before is not None and before.word == "@" and index > 1 and tokens[index - 2].stop == before.start:
            return tokens[index - 2].kind in (WORD, NAME, STRING)
        return (
            before is not None
            and before.kind == WORD
            and before.word in _ACCOUNTS
            and tokens[0].word in ("GRANT", "REVOKE", "CREATE", "DROP", "ALTER", "RENAME")
            and any(one.word in ("USER", "ROLE", "GRANT", "REVOKE") for one in tokens[:3])
        )

    def _literals(self, text: str, raw: bytes, tokens: list[Token], out: bytearray, first: str, kind: str) -> None:
        for index, token in enumerate(tokens):
            if token.kind == STRING:
                self._string(text, raw, tokens, index, out, first, kind)
            elif token.kind == NUMBER:
                out[token.start : token.stop] = self._replacements.text(kind, raw[token.start : token.stop])
            elif token.kind == HEX:
                binary = raw[token.start + 1 : token.start + 2] in (b"b", b"B")
                digits = raw[token.start + 2 : token.stop]
                out[token.start + 2 : token.stop] = self._bits(kind, digits) if binary else self._hex(kind, digits)
            elif token.kind == COMMENT:
                start, stop = inside(text, token)
                out[start:stop] = self._comment(raw[start:stop], kind)

    def _string(
        self, text: str, raw: bytes, tokens: list[Token], index: int, out: bytearray, first: str, kind: str
    ) -> None:
        token = tokens[index]
        start, stop = inside(text, token)
        content = raw[start:stop]
        before = tokens[index - 1] if index else None
        if before is not None and before.kind == WORD and before.stop == token.start and before.word in _HEX_PREFIXES:
            out[start:stop] = self._bits(kind, content) if before.word == "B" else self._hex(kind, content)
            return
        if first == "SET" and is_setting(content):
            return
        if content.decode("latin-1").lower() in self._schemas:
            kind = "databases"
            if kind in self._keep.kinds:
                return
        elif self._is_account(tokens, index):
            kind = "users"
            if kind in self._keep.kinds:
                return
        out[start:stop] = self._content(kind, content)

    def _content(self, kind: str, content: bytes) -> bytes:
        """What is between quotes: quotes and escapes stay where they are."""
        if b"\\" not in content and b"'" not in content and b'"' not in content and b"`" not in content:
            return self._replacements.text(kind, content)
        pieces: list[bytes] = []
        at = 0
        for found in _ESCAPES.finditer(content):
            pieces += [self._replacements.text(kind, content[at : found.start()]), found.group()]
            at = found.end()
        return b"".join([*pieces, self._replacements.text(kind, content[at:])])

    def _comment(self, content: bytes, kind: str) -> bytes:
        """Optimizer hints stay but for their names and texts; all other comments are content."""
        if content.startswith(b"+"):
            text = content.decode("latin-1")
            out = bytearray(content)
            for token in tokens_of(text):
                if (
                    token.kind in (STRING, HEX, COMMENT)
                    or (token.kind == NUMBER and token.stop - token.start > 9)
                    or (token.kind in (WORD, NAME) and token.word not in _HINTS and not token.word.startswith("QB_"))
                ):
                    out[token.start : token.stop] = self._content(kind, content[token.start : token.stop])
            return bytes(out)
        return self._content(kind, content)

    def _literal(self, content: bytes, string: bool) -> bytes:
        """A literal without quotes and escapes inside, where no account is named."""
        if string and content.decode("latin-1").lower() in self._schemas:
            return content if "databases" in self._keep.kinds else self._replacements.text("databases", content)
        return self._replacements.text("sql", content)

    def _hex(self, kind: str, digits: bytes) -> bytes:
        return self._replacements.digits(kind, digits)

    def _bits(self, kind: str, digits: bytes) -> bytes:
        self._replacements.count(kind)
        drawn = self._replacements.stream(b"bits", digits, len(digits))
        return bytes([0x30 + new % 2 if old in b"01" else old for old, new in zip(digits, drawn, strict=True)])


_MOST_NAMES: Final = 100_000
_LONGEST_NAME: Final = 4 * 64
_LONGEST_LOOKED_AT: Final = 1 << 16
# What SHOW lists of a schema; of a table it lists columns, and names the schema second.
_OF_TABLES: Final = frozenset({"COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"})
_HINTS: Final = frozenset(
    """
    BKA NO_BKA BNL NO_BNL DERIVED_CONDITION_PUSHDOWN NO_DERIVED_CONDITION_PUSHDOWN GROUP_INDEX NO_GROUP_INDEX HASH_JOIN
    NO_HASH_JOIN INDEX NO_INDEX INDEX_MERGE NO_INDEX_MERGE JOIN_FIXED_ORDER JOIN_INDEX NO_JOIN_INDEX JOIN_ORDER
    JOIN_PREFIX JOIN_SUFFIX MAX_EXECUTION_TIME MERGE NO_MERGE MRR NO_MRR NO_ICP NO_RANGE_OPTIMIZATION ORDER_INDEX
    NO_ORDER_INDEX QB_NAME RESOURCE_GROUP SEMIJOIN NO_SEMIJOIN SKIP_SCAN NO_SKIP_SCAN SET_VAR SUBQUERY MATERIALIZATION
    INTOEXISTS DUPSWEEDOUT FIRSTMATCH LOOSESCAN
    """.split()  # noqa: SIM905
)


def _broken_from(text: str, tokens: list[Token]) -> int:
    """The index of the token from which on quotes can not be trusted; behind the last where all can be."""
    for index, token in enumerate(tokens[:-1]):
        if token.kind == STRING and tokens[index + 1].start == token.stop and tokens[index + 1].kind in (WORD, NUMBER):
            return index
    if tokens and tokens[-1].kind == STRING and inside(text, tokens[-1])[1] == tokens[-1].stop:
        return next(index for index, token in enumerate(tokens) if token.kind == STRING)
    return len(tokens)


def _dot(tokens: list[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].word == "."


def _shown_of(tokens: list[Token], index: int) -> bool:
    """Whether SHOW names a schema there."""
    words = [token.word for token in tokens[:index]]
    return words.count("FROM") + words.count("IN") > (1 if _OF_TABLES.intersection(words) else 0)


@lru_cache(maxsize=1024)
def words_of(statement: str) -> frozenset[str]:
    """The words and names of a statement outside of its literals, in upper case."""
    raw = statement.encode("utf-8", "surrogateescape").decode("latin-1")
    return frozenset(token.word for token in tokens_of(raw[:_LONGEST_LOOKED_AT]) if token.kind in (WORD, NAME))


def _is_system_variable(tokens: list[Token], index: int) -> bool:
    """Whether a name stands behind two @."""
    return index > 1 and tokens[index - 2].word == "@" and tokens[index - 2].stop == tokens[index - 1].start


def is_setting(content: bytes) -> bool:
    """Whether a literal is what a variable of the session is set to, and says nothing of anybody."""
    text = content.decode("latin-1").lower()
    if _ZONE.fullmatch(text):
        return True
    return all(word in _SETTINGS for word in _LIST.split(text) if word)
