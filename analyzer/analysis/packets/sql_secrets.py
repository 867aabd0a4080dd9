"""Which literals of a statement are secret: passwords, their hashes, keys, and what may be one of them.

Three rules, over the tokens of the statement:

- In statements about accounts and servers (CREATE USER, SET PASSWORD, CHANGE MASTER ...) every literal is secret but
  those whose place says that they are none: names of users, hosts, files.
- Elsewhere a literal is secret that stands behind a word which says so: `password = '...'`, AES_ENCRYPT(...), a column
  of an INSERT, a variable.
- A literal that itself holds such a statement, a URL with a password, or a hash, is secret as a whole.

What can not be understood and has such a word in it is secret. Ordinary literals in ordinary statements are not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import (
    ACCOUNT_TABLES,
    COMPARING,
    FUNCTIONS,
    NO_VALUES,
    OPEN_VARIABLES,
    OPTIONS,
    PROCEDURES,
    PROXY_TABLES,
    TABLES,
    VALUES,
    is_secret,
    shape_of,
)
from analyzer.analysis.packets.sql_tokens import (
    COMMENT,
    HEX,
    MOST_TOKENS,
    NAME,
    NUMBER,
    PLACEHOLDER,
    SIGN,
    STRING,
    WORD,
    Token,
    content_of,
    inside,
    tokens_of,
)
from analyzer.protocol.wire.reader import ENCODING_ERRORS

# Statements inside of literals inside of statements ...: deeper ones are secret as a whole.
DEEPEST: Final = 4
# Bytes of a literal in hexadecimal that may be a statement.
_SHORTEST_HEX: Final = 20
# Tokens that are looked at for a parenthesis.
_FURTHEST: Final = 256

_LITERALS: Final = frozenset({STRING, NUMBER, HEX, PLACEHOLDER})
_NAMED: Final = frozenset({WORD, NAME})
_COMPARES: Final = frozenset({"=", ":=", "<=>", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "REGEXP", "RLIKE", "IN"})
_VALUE_FOLLOWS: Final = frozenset({"=", ":=", "BY", "AS", "USING", "REPLACE", "PASSWORD", "OLD_PASSWORD"})
_AND: Final = frozenset({"AND", "OR", "XOR", "&&"})
_CLAUSES: Final = frozenset(
    {"WHERE", "FROM", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "SET", "VALUES", "VALUE", "SELECT", "ON", "JOIN"}
    | {"INTO", "INNER", "LEFT", "RIGHT", "CROSS", "FOR", "WINDOW", "RETURNING", "DO", "BEGIN", "DECLARE"}
)
# What stands before a user's name, or another word that is no secret, in statements about accounts and servers.
_BEFORE_NAMES: Final = frozenset(
    {"USER", "EXISTS", "@", "TO", "FROM", "FOR", "ROLE", "ON", "SUBJECT", "ISSUER", "CIPHER", "COMMENT", "CHANNEL"}
    | {"HOST", "DATABASE", "SOCKET", "OWNER", "PORT", "SERVER", "WRAPPER", "MASTER", "ATTRIBUTE"}
)
# Words that stand in an expression and name no column.
_NO_COLUMNS: Final = (
    _CLAUSES
    | _AND
    | _COMPARES
    | (NO_VALUES - {"N", "X", "B"})
    | {
        "NOT",
        "IS",
        "TRUE",
        "FALSE",
        "ON",
        "OFF",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "COLLATE",
        "CHARACTER",
        "CHARSET",
    }
    | {"BETWEEN", "EXISTS", "ANY", "ALL", "SOME", "DISTINCT", "INTERVAL", "ESCAPE", "STORED", "VIRTUAL", "PERSISTENT"}
    | {"ASC", "DESC", "UPDATE", "KEY", "DIV", "MOD"}
)
# Words between a comparison and what is compared, and functions whose value stands before the path of it.
_BEFORE_OPERANDS: Final = frozenset({"BINARY", "NOT", "ANY", "ALL", "SOME", "(", "+", "-", "!"})
_SEARCHING: Final = frozenset({"JSON_CONTAINS", "JSON_SEARCH"})
# Functions that put a statement together from a text with places in it.
_FILLING: Final = frozenset({"REPLACE", "CONCAT", "CONCAT_WS", "FORMAT_STRING", "SPRINTF", "INSERT", "REGEXP_REPLACE"})
# Functions around a secret's name that are looked at.
_DEEPEST_CALL: Final = 16
# Keywords that are looked for before a place.
_ASKED: Final = frozenset({"UPDATE", "INSERT", "REPLACE", "SET", "CREATE", "ALTER", "INFILE"})
_SETS: Final = frozenset({"UNION", "EXCEPT", "INTERSECT", "MINUS"})
# Names that get their value from a column that is secret, or give it: more are not followed.
_MOST_SOURCES: Final = 64
_REPLICATION: Final = re.compile(r"\A(?:MASTER|SOURCE|RELAY|NETWORK|REQUIRE|GTID|ASSIGN|PRIVILEGE|GET)_")
_PATH: Final = re.compile(r"\A[$%^/]{0,2}[\w.\[\]*/@\"-]{1,128}[%$:]?\Z")
_URL: Final = re.compile(
    r"://[^/\s:@]*:(?!\d{1,5}(?:[/?#]|\Z))[^/\s]+|://[^/\s]*:.*@|://[^\s]*:[^\s]*@"
    r"|\b(?:bearer|basic|digest|token)\s+[\w+/=.~-]{6,}|[?&;](?:x-amz-)?sig(?:nature)?="
    r"|://[^\s/]+/p/[\w-]{8,}/n/|(?:mysql|mariadb)[^\n]{0,200}\s-p(?!\d+(?:\s|\Z))[^\s'\"]{3}",
    re.DOTALL | re.IGNORECASE,
)
# Keys and tokens that say themselves what they are: PEM (RFC 7468), JWT (RFC 7519), those with a prefix of their maker.
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY|(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]"
    r"|(?<![\w-])(?:ghp_|github_pat_|glpat-|[sr]k_live_|xox[abeprs]-|npm_|shp(?:at|ss|ca)_)\w{6}"
    r"|(?<![\w-])(?:AIza[\w-]{6}|sk-[\w-]{20}|SG\.[\w-]{16,}\.)|hooks\.slack\.com/services/|/api/webhooks/\d"
)
_HASH: Final = re.compile(r"\A\*[0-9a-fA-F]{16,40}\Z|\$A\$\d{3}\$|\A\$[2-7][aby]?\$")
# A secret behind its name: as settings, JSON and YAML have it, as PHP writes a text, as an element of XML.
_PAIR: Final = re.compile(
    r"<([A-Za-z_][\w.-]{0,63})(?:\s[^<>]{0,64})?>\s{0,8}[^\s<]"
    r"|([A-Za-z_][\w.-]{0,63})[\"'`\\]{0,2}(?:\s{0,8}[=:]\s{0,8}|;s:\d+:)[^\s=>]"
)
# A literal that ends where a password has to follow: the statement is put together from pieces.
_OPEN: Final = re.compile(
    r"(?:\b(?:identified|by|as|using|password|passwd|pwd|secret)(?:\s+[\"'\\]{0,4}|[\"'\\]{1,4})"
    r"|\bidentified\s+(?:by|as|using)|[=(:@]\s*[\"'\\]{0,4})\s*\Z",
    re.IGNORECASE,
)


class StatementSecrets(msgspec.Struct, frozen=True):
    """Where the secrets of a statement stand.

    ranges      (start, stop) in the text, in order, not overlapping; empty ones are empty passwords
    parameters  numbers of the `?` that stand for one, from 0
    holes       how many `?` there are
    """

    ranges: tuple[tuple[int, int], ...]
    parameters: frozenset[int]
    holes: int

    def __bool__(self) -> bool:
        return bool(self.ranges or self.parameters)


NONE: Final = StatementSecrets((), frozenset(), 0)


def secrets_of(text: str) -> StatementSecrets:
    """The secrets of a statement, or of several. What a backslash means is not known: what either meaning hides."""
    return _secrets(text, 0)


def _secrets(text: str, depth: int) -> StatementSecrets:
    if not has_hint(shape_of(text.encode("utf-8", ENCODING_ERRORS))):
        return NONE
    found = _Search(text, tokens_of(text), depth).all()
    if "\\'" in text or '\\"' in text:
        other = _Search(text, tokens_of(text, escapes=False), depth).all()
        ranges = _merged([*found.ranges, *other.ranges])
        return StatementSecrets(ranges, found.parameters | other.parameters, max(found.holes, other.holes))
    return found


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1] and (start < merged[-1][1] or stop > start):
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


class _Search:
    """One look at one statement's tokens. `depth`: how many literals it is inside of."""

    def __init__(self, text: str, tokens: list[Token], depth: int) -> None:
        self._text = text
        self._all = tokens
        self._tokens = [token for token in tokens if token.kind != COMMENT]
        self._depth = depth
        self._hidden: set[int] = set()  # numbers of tokens
        self._ranges: list[tuple[int, int]] = []
        self._accounts = False  # it is about an account or a server
        self._loose = False  # a secret is put together from literals that may stand anywhere
        self._places: dict[str, list[int]] = {word: [] for word in _ASKED}
        for index, token in enumerate(self._tokens):
            if token.kind == WORD and token.word in _ASKED:
                self._places[token.word].append(index)
        self._listed: set[int] = set()  # where statements begin whose lists of columns are hidden
        self._united = any(token.word in _SETS for token in self._tokens)
        self._sources: set[str] = set()  # columns and variables whose values go into secret ones

    def all(self) -> StatementSecrets:
        tokens = self._tokens
        known = -1
        while known < len(self._sources) <= _MOST_SOURCES:
            known = len(self._sources)
            self._statements()
        self._loose |= len(self._sources) > _MOST_SOURCES
        for index, token in enumerate(tokens):
            if token.kind in (STRING, HEX, NAME) and index not in self._hidden and self._holds_secret(token):
                self._hidden.add(index)
                call = self._enclosing(index)
                if call > 0 and tokens[call - 1].word in _FILLING:
                    self._arguments(call, len(tokens), also_numbers=False)
        if self._loose:
            self._hidden.update(index for index, token in enumerate(tokens) if token.kind in (STRING, HEX, PLACEHOLDER))
        self._comments()
        if len(self._all) > MOST_TOKENS:
            self._hidden.add(len(tokens) - 1)
        return self._result()

    def _statements(self) -> None:
        begin = 0
        for index, token in enumerate(self._tokens):
            if token.word == ";" and token.kind == SIGN:
                self._statement(begin, index)
                begin = index + 1
        self._statement(begin, len(self._tokens))

    def _result(self) -> StatementSecrets:
        parameters: set[int] = set()
        count = 0
        for index, token in enumerate(self._tokens):
            if token.kind == PLACEHOLDER:
                if index in self._hidden:
                    parameters.add(count)
                count += 1
            elif index in self._hidden:
                self._ranges.append(inside(self._text, token))
        return StatementSecrets(_merged(self._ranges), frozenset(parameters), count)

    # -- one statement -------------------------------------------------------------------------------------------------

    def _statement(self, begin: int, end: int) -> None:
        tokens = self._tokens
        for index in range(begin, end):
            token = tokens[index]
            if token.kind == SIGN:
                if token.word == "@":
                    self._variable(index, end)
                continue
            if token.kind == STRING:
                name = content_of(self._text, token)
                if _PATH.match(name) and is_secret(name.upper().rpartition(".")[2].strip('%$^":')):
                    self._named_by_text(index, begin, end)
                continue
            if token.kind not in _NAMED:
                continue
            if token.kind == WORD:
                self._keyword(index, begin, end)
            if token.word in FUNCTIONS and self._word(index + 1, end) == "(":
                self._arguments(index + 1, end)
            elif self._word(index + 1, end) == "(" and PROCEDURES.search(token.word):
                self._arguments(index + 1, end, also_numbers=False)
            elif self._is_secret(token.word):
                self._secret_word(index, begin, end)

    def _keyword(self, index: int, begin: int, end: int) -> None:
        """What begins a statement, or a part of one, that has rules of its own."""
        word = self._tokens[index].word
        following = self._word(index + 1, end)
        if word == "IDENTIFIED":
            self._account(self._list_begins(index, begin), end)
        elif word in ("CREATE", "ALTER"):
            if following == "OR":
                following = self._word(index + 3, end)
            if following in ("USER", "SERVER"):
                self._account(index, end)
        elif (
            (word == "SET" and following == "PASSWORD" and not self._has(begin, index, ("UPDATE", "INSERT", "REPLACE")))
            or (word == "CHANGE" and following in ("MASTER", "REPLICATION"))
            or (word == "GRANT" and (index == begin or self._tokens[index - 1].word != "WITH"))
        ):
            self._account(index, end)
        elif word in ("INSERT", "REPLACE"):
            self._insert(index, end)
        elif word == "BINLOG" and index + 1 < end and self._tokens[index + 1].kind == STRING:
            self._hide_all(index, end)  # events in base64
        elif word in ("PREPARE", "IMMEDIATE"):
            self._prepare(index, end)
        elif word == "EXECUTE" and following != "IMMEDIATE" and self._word(index + 2, end) == "USING":
            self._hide_all(index + 3, end)
        elif word == "INTO" and following == "@":
            for at in range(index - 1, begin - 1, -1):
                if self._tokens[at].word in ("FROM", "SELECT"):
                    break
                self._hide_text(at)

    def _list_begins(self, index: int, begin: int) -> int:
        """Where the account that IDENTIFIED speaks of begins: what comes before it is judged by other rules."""
        while index > begin and self._tokens[index].word not in ("USER", "TO", "EXISTS", "FROM", ","):
            index -= 1
        return index

    # -- statements about accounts and servers -------------------------------------------------------------------------

    def _account(self, begin: int, end: int) -> None:
        """Hides every literal but those whose place says that they are none."""
        tokens = self._tokens
        proof_seen = False
        self._accounts = True
        for index in range(begin, end):
            token = tokens[index]
            before = tokens[index - 1].word if index > begin else ""
            value_due = before in _VALUE_FOLLOWS or (before == "(" and index > begin + 1 and self._is_call(index - 1))
            if token.kind in (STRING, HEX, PLACEHOLDER):
                if not self._is_name(index, begin, end, proof_seen):
                    self._hidden.add(index)
            elif token.kind == NUMBER:
                if value_due and not self._is_setting(index - 1):
                    self._hidden.add(index)
            elif token.kind in _NAMED and value_due and not self._depth:
                self._bare_value(index, end)
            elif token.word == "@" and value_due:
                self._loose = True
            if token.kind == WORD and token.word in ("BY", "AS", "USING", "=", "PASSWORD", "IDENTIFIED"):
                proof_seen = True

    def _bare_value(self, index: int, end: int) -> None:
        """A word where a password is due: a mistake, or a variable whose value stands elsewhere."""
        token, before = self._tokens[index], self._tokens[index - 1]
        if token.word in NO_VALUES or token.word.startswith("_") or token.word in FUNCTIONS:
            return
        if before.word in ("AS", "USING", "REPLACE", "PASSWORD") and self._word(index + 1, end) not in ("", ",", ";"):
            return
        if before.word == "PASSWORD" or (before.word == "=" and self._is_setting(index - 1)):
            return
        if self._word(index + 1, end) in ("(", "."):
            self._loose = True
            return
        self._hidden.add(index)
        self._loose = True

    def _is_call(self, index: int) -> bool:
        """Whether a parenthesis opens the arguments of PASSWORD() or another, or encloses a value."""
        before = self._tokens[index - 1]
        return before.word in FUNCTIONS or before.word in _VALUE_FOLLOWS

    def _is_setting(self, index: int) -> bool:
        """Whether an equals sign gives a value to something that is no secret: MASTER_PORT = 3306."""
        if self._tokens[index].word not in ("=", ":="):
            return False
        name = self._tokens[index - 1].word
        return bool(_REPLICATION.match(name)) and not is_secret(name)

    def _is_name(self, index: int, begin: int, end: int, proof_seen: bool) -> bool:
        """Whether a literal is the name of a user, a host, a plugin, a file."""
        tokens = self._tokens
        before = tokens[index - 1].word if index > begin else ""
        following = self._word(index + 1, end)
        if before in _VALUE_FOLLOWS:
            return self._is_file(index)
        if before in _BEFORE_NAMES:
            return before != "TO" or tokens[begin].word != "SET"
        if before in ("WITH", "VIA", "OR"):
            return following in ("BY", "AS", "USING", "OR", "AND", ",", "", "REQUIRE", "INITIAL")
        if before in (",", "", "("):
            if following in ("@", "IDENTIFIED"):
                return True
            return before == "," and not proof_seen
        return bool(_REPLICATION.match(before)) and not is_secret(before)

    def _is_file(self, index: int) -> bool:
        """Whether the value is that of a setting: SOURCE_HOST = 'h'."""
        if index < 2 or self._tokens[index - 1].word not in ("=", ":="):
            return False
        name = self._tokens[index - 2].word
        return (bool(_REPLICATION.match(name)) or name in ("USER", "DEFAULT_AUTH", "PLUGIN_DIR")) and not is_secret(
            name
        )

    # -- statements of other kinds -------------------------------------------------------------------------------------

    def _secret_word(self, index: int, begin: int, end: int) -> None:
        """Hides what a word that names a secret is compared with, set to, or followed by."""
        tokens = self._tokens
        word, following = tokens[index].word, self._word(index + 1, end)
        if word == "PASSWORD" and following in OPTIONS:
            return
        before = tokens[index - 1].word if index > begin else ""
        at = index - 1
        while at > begin and tokens[at].word == "." and tokens[at - 1].kind in _NAMED:
            at -= 2
            before = tokens[at].word if at >= begin else ""
        selected = before == "INTO" and not self._has(begin, at, ("INSERT", "REPLACE", "INFILE"))
        if at > begin and (before == "AS" or selected):
            self._expression_before(at - 1, begin)
        else:
            self._compared_before(at, begin)
        call = self._enclosing(index, begin)
        if call > begin:
            self._in_parenthesis(call, begin, end)
            self._in_calls(call, begin, end)
        if following in ("=", ":=") and tokens[begin].word == "SET":
            self._bare_setting(index + 2, end)
        elif self._united and self._is_selected(index, begin):
            self._select_lists(begin, end)
        elif self._has(begin, index, ("UPDATE",)) and not self._has(begin, index, ("SET",)):
            self._settings(begin, end)  # of a table that is named so
        self._region(index + (2 if following == "SET" and self._word(index + 2, end) == "DEFAULT" else 1), end)

    def _bare_setting(self, index: int, end: int) -> None:
        """SET GLOBAL wsrep_sst_auth = word: a word is a text there."""
        if index < end and self._tokens[index].kind in _NAMED and self._word(index + 1, end) not in ("(", "."):
            word = self._tokens[index].word
            if word not in _NO_COLUMNS and not word.startswith("_"):
                self._hidden.add(index)

    def _is_selected(self, index: int, begin: int) -> bool:
        """Whether a column is one of those that a SELECT lists."""
        for at in range(index - 1, begin - 1, -1):
            word = self._tokens[at].word
            if word in _CLAUSES:
                return word == "SELECT"
        return False

    def _select_lists(self, begin: int, end: int) -> None:
        """SELECT 'a', '...' UNION SELECT name, password FROM users: hides what is selected."""
        if begin in self._listed:
            return
        self._listed.add(begin)
        listed = False
        for at in range(begin, end):
            word = self._tokens[at].word
            if word in _CLAUSES or word in _SETS:
                listed = word in ("SELECT", "VALUES", "VALUE")
            elif listed:
                self._hide_text(at)

    def _in_calls(self, call: int, begin: int, end: int) -> None:
        """A secret's name inside of functions, compared with something: UPPER('...') = UPPER(password)."""
        tokens = self._tokens
        for _ in range(_DEEPEST_CALL):
            name = tokens[call - 1].word if call > begin else ""
            if name == "JSON_TABLE":
                self._arguments(call, end, also_numbers=False)
            elif name in COMPARING or name in FUNCTIONS:
                if tokens[call - 2].word in _COMPARES:
                    self._operand_before(call - (3 if tokens[call - 3].word == "NOT" else 2), begin)
                behind = self._closing(call, end)
                if self._word(behind, end) in _COMPARES:
                    self._region(behind, end)
            elif name not in ("COLUMNS", "("):
                return
            call = self._enclosing(call, begin)

    def _in_parenthesis(self, call: int, begin: int, end: int) -> None:
        """Hides what belongs to a secret's name that stands in the parenthesis which opens at `call`."""
        tokens = self._tokens
        before = tokens[call - 1].word
        behind = self._closing(call, end)
        following = self._word(behind, end)
        if following in _COMPARES:
            self._region(behind, end)  # (password, name) = ('...', '...')
        if before in COMPARING:
            self._arguments(call, end, also_numbers=False)
            self._region(behind + (following == "AGAINST"), end)
        elif before in _COMPARES:
            self._operand_before(call - (2 if tokens[call - 2].word == "NOT" else 1), begin)
        elif before == "ROW" and tokens[call - 2].word in _COMPARES:
            self._operand_before(call - 2, begin)
        elif following == "AS" and self._word(behind + 1, end) == "(":
            self._arguments(behind + 1, end, also_numbers=False)  # WITH c (name, password) AS (SELECT ...)
        elif self._has(begin, call, ("CREATE", "ALTER")):
            for at in range(behind, end):
                if tokens[at].word in ("SELECT", "VALUES"):  # ... VIEW v (name, password) AS SELECT ...
                    self._hide_all(at, end)
                    return
        elif tokens[call - 1].kind in _NAMED:
            # (SELECT ...) AS d (name, password)
            self._operand_before(call - (2 if tokens[call - 2].word == "AS" else 1), begin)

    def _operand_before(self, index: int, begin: int) -> None:
        """Hides the literal, or those of the parenthesis, that ends before `index`."""
        if self._tokens[index - 2].word == "COLLATE":
            index -= 2
        level = 0
        for at in range(index - 1, begin, -1):
            word = self._tokens[at].word
            level += (word == ")") - (word == "(")
            self._hide(at, also_numbers=True)
            if level <= 0:
                return

    def _compared_before(self, at: int, begin: int) -> None:
        """Hides the literal that a secret's name is compared with from the left, or that it is the alias of."""
        tokens = self._tokens
        if at > begin and tokens[at].kind == STRING:
            if tokens[at - 1].word in ("SELECT", "DISTINCT", "ALL", ","):
                self._hide_text(at)
            return
        while at > begin and tokens[at].word in _BEFORE_OPERANDS:
            at -= 1
        if at > begin and tokens[at].word in _COMPARES | {"BETWEEN", "WHEN"}:
            self._operand_before(at, begin)

    def _expression_before(self, at: int, begin: int) -> None:
        """Hides the literals of the expression that ends at `at`: `'...' + 1 AS password`."""
        level = 0
        for index in range(at, max(begin, at - _FURTHEST) - 1, -1):
            word = self._tokens[index].word
            level += (word == ")") - (word == "(")
            if level < 0 or (not level and (word == "," or word in _CLAUSES)):
                return
            self._hide_text(index)

    def _region(self, index: int, end: int) -> None:
        """Hides the literals from `index` to the end of the expression."""
        tokens = self._tokens
        level = lowest = 0
        between = given = False
        compared = self._word(index, end) in _COMPARES
        while index < end:
            token = tokens[index]
            word = token.word
            if word in ("=", ":=", "<=>") or (word == "AS" and self._word(index + 1, end) == "("):
                given = True
            elif given and token.kind in _NAMED:
                self._source(index, end)
            if token.kind == SIGN and word == "(":
                level += 1
            elif token.kind == SIGN and word == ")":
                level -= 1
                if level < lowest:
                    lowest = level
                    if self._word(index + 1, end) not in _COMPARES | {",", "NOT", "COLLATE", ")", "->", "->>"}:
                        return
                    if self._word(index + 1, end) == ",":
                        return
            elif level <= lowest and token.kind in (SIGN, WORD):
                if word == "BETWEEN":
                    between = True
                elif word in _AND and between:
                    between = False
                elif (
                    word == "," or word in _AND or (word in _CLAUSES and not (given and self._calls_values(index, end)))
                ):
                    return
            if token.kind in _LITERALS:
                before = tokens[index - 1].word
                if before != "COMMENT":
                    self._hide(index, also_numbers=compared or before in _COMPARES or before in ("BETWEEN", ",", "AND"))
            index += 1

    def _source(self, index: int, end: int) -> None:
        """Notes a column or a variable whose value goes into one that is secret."""
        token = self._tokens[index]
        if self._word(index + 1, end) in ("(", ".") or token.word in _NO_COLUMNS or token.word.startswith("_"):
            return
        if self._tokens[index - 1].word not in ("COLLATE", "@"):
            self._sources.add(token.word)

    def _calls_values(self, index: int, end: int) -> bool:
        """... ON DUPLICATE KEY UPDATE password = VALUES(name)"""
        return self._tokens[index].word in ("VALUES", "VALUE") and self._word(index + 1, end) == "("

    def _settings(self, begin: int, end: int) -> None:
        """UPDATE ... SET value = '...' WHERE name = 'password': hides what is set."""
        setting = False
        for index in range(begin, end):
            word = self._tokens[index].word
            if word == "UPDATE":
                setting = True
            elif word == "WHERE":
                return
            elif setting:
                self._hide_text(index)

    def _named_by_text(self, index: int, begin: int, end: int) -> None:
        """A literal that names a secret ('$.password', "password"): hides the value beside it."""
        tokens = self._tokens
        following, before = self._word(index + 1, end), tokens[index - 1].word if index > begin else ""
        call = self._enclosing(index, begin)
        caller = tokens[call - 1].word if call > begin else ""
        if following == ":" or (following == "," and call >= 0):
            self._element(index + 2, end)
        elif following in _COMPARES | {")", "THEN"}:
            self._region(index + 1, end)
            if call > begin and self._word(index + 2, end) == "," and self._enclosing(call, begin) >= 0:
                self._element(index + 3, end)  # JSON_SET(d, CONCAT('$.', 'password'), '...')
        if caller in _SEARCHING and index not in self._hidden:
            self._arguments(call, end, also_numbers=False)
        elif caller == "OF":
            self._operand_before(call - 2, begin)  # '...' MEMBER OF (d->'$.password')
        elif call > begin and self._word(self._closing(call, end), end) in _COMPARES:
            self._region(self._closing(call, end), end)  # JSON_VALUE(d, '$.password' RETURNING CHAR) = '...'
        if self._has(begin, index, ("INSERT", "REPLACE")) and (call < 0 or caller in ("VALUES", "VALUE", "ROW", ",")):
            for at in range(*((begin, end) if call < 0 else (call, self._closing(call, end)))):
                if at != index:
                    self._hide_text(at)
        if before in _COMPARES or caller == "IN" or following in _COMPARES:
            self._settings(begin, index)
            for at in range(begin + 1, end):
                if tokens[at].word in _COMPARES and VALUES.search(tokens[at - 1].word):
                    self._region(at, end)  # ... AND value = '...'

    def _enclosing(self, index: int, begin: int = 0) -> int:
        """Where the parenthesis opens that a token stands inside of; -1 where there is none."""
        level = 0
        for at in range(index - 1, max(index - _FURTHEST, begin - 1), -1):
            word = self._tokens[at].word
            level += (word == ")") - (word == "(")
            if level < 0:
                return at
        return -1

    def _closing(self, index: int, end: int) -> int:
        """The token behind the parenthesis that opens at `index`."""
        level = 0
        for at in range(index, end):
            word = self._tokens[at].word
            level += (word == "(") - (word == ")")
            if not level:
                return at + 1
        return end

    def _element(self, index: int, end: int) -> None:
        """Hides the literals of one argument or one value."""
        level = 0
        for at in range(index, end):
            word = self._tokens[at].word
            level += (word in ("(", "{", "[")) - (word in (")", "}", "]"))
            if level < 0 or (not level and word == ","):
                return
            self._hide(at, also_numbers=True)

    def _arguments(self, index: int, end: int, also_numbers: bool = True) -> None:
        """Hides all literals inside of the parenthesis that opens at `index`."""
        level = 0
        for at in range(index, end):
            word = self._tokens[at].word
            if word == "(":
                level += 1
            elif word == ")":
                level -= 1
                if not level:
                    return
            else:
                self._hide(at, also_numbers)

    def _variable(self, index: int, end: int) -> None:
        """A user variable that gets a value: nobody knows what it is for."""
        tokens = self._tokens
        at = index + 1
        if at >= end or tokens[at].word == "@" or tokens[at].word in OPEN_VARIABLES:
            return
        if tokens[at].kind in (WORD, NAME, STRING) and self._word(at + 1, end) in ("=", ":="):
            level = 0
            for value in range(at + 2, end):
                word = tokens[value].word
                level += (word == "(") - (word == ")")
                if level < 0 or (not level and (word == "," or word in _AND or word in _CLAUSES)):
                    return
                self._hide_text(value)

    def _insert(self, index: int, end: int) -> None:
        """INSERT and REPLACE: hides the values of columns that are secret, all of them for tables that are."""
        tokens = self._tokens
        at = index + 1
        while (
            at < end
            and tokens[at].kind == WORD
            and tokens[at].word in (*("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"),)
        ):
            at += 1
        if at >= end or tokens[at].kind not in (WORD, NAME, STRING):
            return
        schema = ""
        table = self._name(at)
        while self._word(at + 1, end) == "." and at + 2 < end:
            at += 2
            schema, table = table, self._name(at)
        at += 1
        if self._word(at, end) == "PARTITION":
            at = self._closing(at + 1, end)
        columns, at = self._columns(at, end)
        secret = {number for number, name in enumerate(columns) if self._is_secret(name)}
        if (not columns and _holds_accounts(table, schema)) or (is_secret(table) and not secret):
            self._hide_all(at, end)
        elif secret:
            self._rows(at, end, secret, len(columns))

    def _name(self, index: int) -> str:
        """The name that a token is; in double quotes it is one under ANSI_QUOTES."""
        token = self._tokens[index]
        return content_of(self._text, token).upper() if token.kind == STRING else token.word

    def _columns(self, index: int, end: int) -> tuple[list[str], int]:
        """The names in a parenthesis, and where it ends."""
        if self._word(index, end) != "(":
            return [], index
        names: list[str] = []
        for at in range(index + 1, end):
            token = self._tokens[at]
            if token.word == ")":
                return names, at + 1
            if token.kind in _NAMED and self._word(at + 1, end) != ".":
                names.append(token.word)
            elif token.kind == STRING:
                names.append(content_of(self._text, token).upper())
        return names, end

    def _rows(self, index: int, end: int, secret: set[int], count: int) -> None:
        """Hides the values of the columns `secret` in each row; all of a row that has another number of values."""
        if self._word(index, end) not in ("VALUES", "VALUE"):
            self._hide_all(index, end)
            return
        tokens = self._tokens
        level = number = begin = 0
        row: list[tuple[int, int]] = []
        for at in range(index + 1, end):
            word = tokens[at].word
            if word == "(":
                level += 1
                if level == 1:
                    row, number, begin = [], 0, at
            elif word == ")":
                level -= 1
                if not level:
                    self._row(row, number + 1 == count, secret, begin, at)
            elif word == "," and level == 1:
                number += 1
            elif level >= 1 and tokens[at].kind in _LITERALS:
                row.append((number, at))
            elif level >= 1 and number in secret and tokens[at].kind in _NAMED:
                self._source(at, end)
            elif not level and word == "ON":
                return
        if level:
            self._row(row, True, secret, begin, end)

    def _row(self, row: list[tuple[int, int]], whole: bool, secret: set[int], begin: int, end: int) -> None:
        for number, at in row:
            if not whole or number in secret:
                self._hidden.add(at)

    def _prepare(self, index: int, end: int) -> None:
        """PREPARE s FROM ..., EXECUTE IMMEDIATE ...: one literal is read as the statement it is, others are hidden."""
        tokens = self._tokens
        if tokens[index].word == "PREPARE":
            while index < end and tokens[index].word != "FROM":
                index += 1
        stop = next((at for at in range(index + 1, end) if tokens[at].word == "USING"), end)
        literals = [at for at in range(index + 1, stop) if tokens[at].kind in (STRING, HEX)]
        plain = all(tokens[at].kind == STRING for at in range(index + 1, stop))
        if not literals:
            if stop > index + 1 and not self._depth:
                self._loose_if_hinted()
            self._hide_all(stop, end)
            return
        whole = "".join(content_of(self._text, tokens[at]) for at in literals)
        inner = _secrets(whole, self._depth + 1) if self._depth < DEEPEST else None
        if plain and inner is not None and not inner:
            return
        for at in range(index + 1, end):
            self._hide_text(at)

    def _loose_if_hinted(self) -> None:
        """A statement made from a variable: the text around may hold it in pieces."""
        pieces = [content_of(self._text, token) for token in self._tokens if token.kind == STRING]
        if any(has_hint(shape_of(piece.encode("utf-8", ENCODING_ERRORS))) for piece in pieces):
            self._loose = True

    # -- literals ------------------------------------------------------------------------------------------------------

    def _holds_secret(self, token: Token) -> bool:
        """Whether a literal holds a statement with a secret, a URL with a password, a hash, or a named secret."""
        if token.kind == HEX or self._is_hex(token):
            content = self._from_hex(token)
        else:
            content = content_of(self._text, token)
        if len(content) < 4 or not has_hint(shape_of(content.encode("utf-8", ENCODING_ERRORS))):
            return False
        if _tells_itself(content):
            return True
        if self._depth >= DEEPEST:
            return True
        inner = _secrets(content, self._depth + 1)
        if _OPEN.search(content) and (inner or self._starts_account(content)):
            self._loose = True
        return bool(inner)

    def _starts_account(self, content: str) -> bool:
        words = [token.word for token in tokens_of(content)]
        return any(word == "IDENTIFIED" or is_secret(word) for word in words)

    def _is_hex(self, token: Token) -> bool:
        """x'414C...'."""
        start = token.start
        return token.kind == STRING and start > 0 and self._text[start - 1] in "xX" and self._text[start] == "'"

    def _from_hex(self, token: Token) -> str:
        start, stop = inside(self._text, token)
        raw = self._text[start:stop].removeprefix("0x").removeprefix("0X")
        if len(raw) < _SHORTEST_HEX:
            return ""
        try:
            return bytes.fromhex(raw[: len(raw) // 2 * 2]).decode("latin-1")
        except ValueError:
            return ""

    def _comments(self) -> None:
        """Statements that were commented out, and what stands between a word and its secret."""
        hidden = {self._tokens[index].start for index in self._hidden}
        pending: list[Token] = []
        for token in self._all:
            if token.kind == COMMENT:
                start, stop = inside(self._text, token)
                inner = _secrets(self._text[start:stop], self._depth + 1) if self._depth < DEEPEST else None
                if inner is None or holds_secret(self._text[start:stop]):
                    self._ranges.append((start, stop))
                else:
                    self._ranges += [(start + a, start + b) for a, b in inner.ranges]
                    pending.append(token)
                continue
            if token.start in hidden:
                self._ranges += [
                    self._quoted(each) for each in pending if "'" in self._of(each) or '"' in self._of(each)
                ]
            pending.clear()
        if self._accounts:
            # Cut: what follows the comment is missing.
            self._ranges += [self._quoted(each) for each in pending if "'" in self._of(each) or '"' in self._of(each)]

    def _of(self, token: Token) -> str:
        return self._text[token.start : token.stop]

    def _quoted(self, token: Token) -> tuple[int, int]:
        return inside(self._text, token)

    # -- small steps ---------------------------------------------------------------------------------------------------

    def _is_secret(self, word: str) -> bool:
        return word in self._sources or is_secret(word)

    def _word(self, index: int, end: int) -> str:
        return self._tokens[index].word if index < end else ""

    def _has(self, begin: int, end: int, words: Sequence[str]) -> bool:
        """Whether one of these keywords, all of _ASKED, stands in between."""
        for word in words:
            places = self._places[word]
            at = bisect_left(places, begin)
            if at < len(places) and places[at] < end:
                return True
        return False

    def _hide(self, index: int, also_numbers: bool) -> None:
        kind = self._tokens[index].kind
        if kind in (STRING, HEX, PLACEHOLDER) or (kind == NUMBER and also_numbers):
            self._hidden.add(index)

    def _hide_text(self, index: int) -> None:
        self._hide(index, also_numbers=False)

    def _hide_all(self, begin: int, end: int) -> None:
        for index in range(begin, end):
            self._hide_text(index)


def _tells_itself(content: str) -> bool:
    """Whether a text holds a URL with a password, a hash, a key, or a secret behind its name."""
    if _URL.search(content) or _HASH.search(content) or _KEY.search(content):
        return True
    names = ((found[1] or found[2]).upper() for found in _PAIR.finditer(content))
    return any(is_secret(name.replace("-", "_").rpartition(".")[2]) or name == "ACCOUNTKEY" for name in names)


def holds_secret(value: str) -> bool:
    """Whether a value (of a row) says itself that it is a secret, or that it holds one."""
    return len(value) > 3 and has_hint(shape_of(value.encode("utf-8", ENCODING_ERRORS))) and _tells_itself(value)


@lru_cache(maxsize=256)
def selects_secret(text: str) -> bool:
    """Whether a statement lists a column that is secret among those it selects."""
    clause = ""
    for token in tokens_of(text):
        if token.kind == WORD and token.word in _CLAUSES:
            clause = token.word
        elif clause == "SELECT" and token.kind in _NAMED and is_secret(token.word):
            return True
    return False


@lru_cache(maxsize=256)
def loads_secrets(text: str) -> bool:
    """Whether a LOAD DATA names a column that is secret, or a table of accounts and no columns."""
    tokens = [token for token in tokens_of(text) if token.kind != COMMENT]
    if any(token.kind in _NAMED and is_secret(token.word) for token in tokens):
        return True
    for index, token in enumerate(tokens[:-1]):
        if token.word == "TABLE":
            at = index + 1
            while at + 2 < len(tokens) and tokens[at + 1].word == ".":
                at += 2
            named = _holds_accounts(tokens[at].word, tokens[at - 2].word if at > index + 1 else "")
            return named and not any(each.word == "(" for each in tokens[at:])
    return False


def _holds_accounts(table: str, schema: str) -> bool:
    """Whether each row of a table is an account; a dump names no schema."""
    system = (schema in ("", "MYSQL") and table in TABLES) or table in PROXY_TABLES
    return system or ACCOUNT_TABLES.search(table) is not None


def without(text: str, ranges: Sequence[tuple[int, int]], mask: str = "***") -> str:
    """The text with `mask` in the place of each range."""
    return "".join(_pieces(text, ranges, mask))


def _pieces(text: str, ranges: Sequence[tuple[int, int]], mask: str) -> Iterator[str]:
    at = 0
    for start, stop in ranges:
        yield text[at:start]
        yield mask
        at = stop
    yield text[at:]
