"""Conversations in which a secret stands where a decoder may fail to see that it is one, each with a secret of its own.

What is planted is known from what was sent, never from what is printed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import zstandard

from tests.secrets.statements import SECRET, SECRETS, WHOLE
from tests.wire.frames import Frame
from tests.wire.mysql import (
    CLIENT_FLAGS,
    COMPRESS,
    compressed,
    err,
    greeting,
    login,
    more,
    ok,
    packet,
    query,
    switch,
)
from tests.wire.script import ACCEPTED, GOODBYE, MS, START, Say, Step, conversation

# All secrets begin so: whoever looks for them looks for this.
MARK = "Pl4ntedS3c"
CLEAR = "mysql_clear_password"
LENENC, QUERY_ATTRIBUTES, MULTI_FACTOR, SESSION_TRACK = 0x20_0000, 0x800_0000, 0x1000_0000, 0x80_0000
VAR_STRING, LONG = 0xFD, 0x03
MB = 1 << 20

Script = list[Step]


class Planted(NamedTuple):
    """A script with a secret. `data`: it is a row or a file, which outputs that show data may show."""

    name: str
    script: Script
    handshake: bool = True
    only: str = "cs"
    split: int = 0


def lenenc(value: bytes) -> bytes:
    size = len(value)
    return (bytes([size]) if size < 251 else b"\xfc" + struct.pack("<H", size)) + value


def begun(flags: int = 0) -> Script:
    """A login that is accepted, with more capabilities."""
    return [("s", greeting()), ("c", login(flags=CLIENT_FLAGS | flags)), ("s", more(2, b"\x03") + ok(3))]


def asked(*statements: bytes) -> Script:
    """Statements, each answered with OK."""
    steps: Script = []
    for statement in statements:
        steps += [("c", query(statement)), ("s", ok(1))]
    return steps


def column(name: bytes, kind: int = VAR_STRING, org: bytes = b"") -> bytes:
    names = [b"def", b"shop", b"t", b"t", name, org or name]
    return b"".join(map(lenenc, names)) + b"\x0c" + struct.pack("<HIBHBH", 45, 1024, kind, 0, 0, 0)


def result(columns: list[bytes], rows: list[list[bytes]], first: int = 1) -> bytes:
    """A result set of the text protocol, with DEPRECATE_EOF."""
    parts = [bytes([len(columns)]), *columns, *(b"".join(map(lenenc, row)) for row in rows)]
    out = b"".join(packet(first + number, part) for number, part in enumerate(parts))
    return out + ok(first + len(parts), header=0xFE)


def prepared(statement: bytes, params: int) -> Script:
    """COM_STMT_PREPARE and its answer: statement 1."""
    answer = packet(1, b"\0" + struct.pack("<IHHBH", 1, 0, params, 0, 0))
    answer += b"".join(packet(2 + number, column(b"?")) for number in range(params))
    return [("c", packet(0, b"\x16" + statement)), ("s", answer)]


def execute(values: list[bytes], types: bool = True) -> bytes:
    head = b"\x17" + struct.pack("<IBI", 1, 0, 1) + bytes((len(values) + 7) // 8) + bytes([types])
    head += b"".join(bytes([VAR_STRING, 0]) for _ in values) if types else b""
    return packet(0, head + b"".join(map(lenenc, values)))


def logins(secret: bytes) -> Iterator[Planted]:
    """The connection phase."""
    word = secret + b"\0"
    clear = login(response=word, plugin=CLEAR)
    body = clear[4:]
    yield Planted("login", [("s", greeting(plugin=CLEAR)), ("c", clear), ("s", ok(2))])
    for cut in (1, 5, 9, 14, 20, 21, 22, 26):
        short = packet(1, body[:-cut])
        yield Planted(
            f"login without its last {cut} bytes", [("s", greeting(plugin=CLEAR)), ("c", short), ("s", ok(2))]
        )
    for change in (-6, -2, 2, 9):
        at = body.index(word) - 1
        wrong = body[:at] + bytes([body[at] + change]) + body[at + 1 :]
        yield Planted(f"login, length {change}", [("s", greeting(plugin=CLEAR)), ("c", packet(1, wrong)), ("s", ok(2))])
    wide = login(response=word, plugin=CLEAR, flags=CLIENT_FLAGS | LENENC)
    yield Planted("login, lenenc", [("s", greeting(plugin=CLEAR)), ("c", wide), ("s", ok(2))])
    nul = login(flags=CLIENT_FLAGS & ~0x8000)[:4] + struct.pack("<IIB", CLIENT_FLAGS & ~0x20_8000, 1 << 24, 255)
    nul = packet(1, nul[4:] + bytes(23) + b"app\0" + word + b"shop\0" + CLEAR.encode() + b"\0")
    yield Planted("login, ends with NUL", [("s", greeting(plugin=CLEAR)), ("c", nul), ("s", ok(2))])
    yield Planted("login, bytes behind it", [("s", greeting()), ("c", packet(1, login()[4:] + secret)), ("s", ok(2))])
    attributes = login(response=word, plugin=CLEAR, attributes={"a": "b" * 60})[4:-9]
    yield Planted("login, cut attributes", [("s", greeting(plugin=CLEAR)), ("c", packet(1, attributes)), ("s", ok(2))])
    old = struct.pack("<HI", 0x0009, 1 << 24)[:5] + b"app\0" + word + b"shop\0"
    yield Planted("login, protocol 320", [("s", greeting()), ("c", packet(1, old)), ("s", ok(2))])
    yield Planted("login, wrong id", [("s", greeting(plugin=CLEAR)), ("c", packet(7, body)), ("s", ok(2))])
    yield Planted("login at once", [("c", packet(0, body)), ("s", greeting(plugin=CLEAR)), ("s", ok(2))])
    yield Planted(
        "login, client only", [("s", greeting(plugin=CLEAR)), ("c", clear), ("c", query()), *GOODBYE], only="c"
    )
    yield Planted("login, in pieces", [("s", greeting(plugin=CLEAR)), ("c", clear), ("s", ok(2))], split=7)
    yield Planted("login, snapped", [("s", greeting(plugin=CLEAR)), Say("c", clear, cut=60), ("s", ok(2))])
    yield Planted("login refused", [("s", greeting(plugin=CLEAR)), ("c", clear), ("s", err(2))])

    for name, value in (
        ("password", secret),
        ("program_name", b"mysqldump -p" + secret),
        ("url", b"x://u:" + secret + b"@h"),
    ):
        said = login(attributes={"_client_name": "x", name: value.decode()})
        yield Planted(f"attribute {name}", [("s", greeting()), ("c", said), ("s", more(2, b"\x03") + ok(3))])


def exchanges(secret: bytes) -> Iterator[Planted]:
    """What follows a login, up to OK or ERR, and what comes behind them."""
    word = secret + b"\0"
    start: Script = [("s", greeting()), ("c", login())]
    for name in (
        *(CLEAR, "dialog", "my_corp_plugin", "sha256_password", "caching_sha2_password", "mysql_native_password"),
        *("client_ed25519", "parsec", "auth_gssapi_client", "authentication_ldap_sasl_client", "mysql_old_password"),
        *("authentication_kerberos_client", "authentication_webauthn_client", "authentication_openid_connect_client"),
        *("authentication_fido_client", "authentication_oci_client", ""),
    ):
        yield Planted(f"switch to {name}", [*start, ("s", switch(2, name)), ("c", packet(3, word)), ("s", ok(4))])
        twice = [
            *start,
            ("s", switch(2, name)),
            ("c", packet(3, b"x\0")),
            ("s", more(4, b"\x04again")),
            ("c", packet(5, word)),
        ]
        yield Planted(f"switch to {name}, second answer", [*twice, ("s", ok(6))])
    for name, prompt in (("code", b"Your code is "), ("password", b"Password: "), ("own", b"")):
        asks_it: Script = [*start, ("s", switch(2, "dialog", b"\x04" + prompt + secret)), ("c", packet(3, b"x\0"))]
        yield Planted(f"prompt: {name}", [*asks_it, ("s", ok(4))])
        again: Script = [("s", more(4, b"\x05" + prompt + secret)), ("c", packet(5, b"y\0")), ("s", ok(6))]
        yield Planted(f"second prompt: {name}", [*start, ("s", switch(2, "dialog")), ("c", packet(3, b"x\0")), *again])
    yield Planted("full authentication", [*start, ("s", more(2, b"\x04")), ("c", packet(3, word)), ("s", ok(4))])
    factor = packet(2, b"\x02" + CLEAR.encode() + b"\0")
    for name in ("auth_gssapi_client", "authentication_kerberos_client", "authentication_ldap_sasl_client"):
        tokens: Script = [*start, ("s", switch(2, name)), ("c", packet(3, b"x")), ("s", more(4, secret))]
        yield Planted(f"the server's token of {name}", [*tokens, ("c", packet(5, b"y")), ("s", ok(6))])
    multi: Script = [("s", greeting()), ("c", login(flags=CLIENT_FLAGS | MULTI_FACTOR)), ("s", factor)]
    yield Planted("second factor", [*multi, ("c", packet(3, word)), ("s", ok(4))])
    asks: Script = [*start, ("s", switch(2, CLEAR))]
    yield Planted("after OK", [*asks, ("c", packet(3, b"x\0")), ("s", ok(4)), ("c", packet(5, word)), ("s", err(6))])
    yield Planted("after ERR", [*asks, ("c", packet(3, b"x\0")), ("s", err(4)), ("c", packet(5, word))])
    yield Planted(
        "after OK, as a query", [*asks, ("c", packet(3, b"x\0")), ("s", ok(4)), ("c", packet(5, b"\x03\x01" + word))]
    )
    yield Planted("before OK was due", [*asks, ("s", ok(3)), ("c", packet(3, word)), *asked(b"SELECT 1")])
    yield Planted("wrong id", [*asks, ("c", packet(9, word)), ("s", ok(4))])
    yield Planted("id 0", [*asks, ("c", packet(0, word)), ("s", ok(4))])
    yield Planted("two at once", [*asks, ("c", packet(3, word) + packet(4, word)), ("s", ok(5))])
    yield Planted(
        "login lost",
        [
            ("s", greeting()),
            Say("c", login(), lost=True),
            ("s", switch(2, CLEAR)),
            ("c", packet(3, word)),
            ("s", ok(4)),
        ],
    )
    yield Planted("switch lost", [*start, Say("s", switch(2, CLEAR), lost=True), ("c", packet(3, word)), ("s", ok(4))])
    begins: Script = [("c", packet(3, word)), ("s", ok(4)), *asked(b"SELECT 1", b"SELECT 2")]
    yield Planted("begins with the password", begins, handshake=False)
    yield Planted(
        "begins behind it", [("c", word[4:]), ("s", ok(4)), *asked(b"SELECT 1", b"SELECT 2")], handshake=False
    )
    yield Planted("client only", [*asks, ("c", packet(3, word)), ("c", query())], only="c")
    lost = [*asks, Say("c", packet(3, word)[:6], lost=True), ("c", packet(3, word)[6:]), ("s", ok(4))]
    yield Planted("first part lost", [*lost, *asked(b"SELECT 1")])
    yield Planted("snapped", [*asks, Say("c", packet(3, word + bytes(90)), cut=20), ("s", ok(4))])
    half = [*asks, ("c", packet(3, word)[:-4]), ("s", ok(4)), *asked(b"SELECT 1")]
    yield Planted("never ended", half)
    flags = CLIENT_FLAGS | COMPRESS
    yield Planted(
        "compressed login",
        [("s", greeting()), ("c", login(flags=flags)), ("s", switch(2, CLEAR)), ("c", packet(3, word)), ("s", ok(4))],
    )


def change_user(secret: bytes, tail: bytes | None = None, size: int | None = None) -> bytes:
    body = b"\x11bob\0" + bytes([len(secret) if size is None else size]) + secret
    return body + (b"shop\0\x2d\0" + CLEAR.encode() + b"\0" if tail is None else tail)


def changes(secret: bytes) -> Iterator[Planted]:
    """COM_CHANGE_USER."""
    word = secret + b"\0"
    whole = change_user(word)
    yield Planted("change user", [*ACCEPTED, ("c", packet(0, whole)), ("s", ok(1))])
    for cut in (1, 4, 21, 23, 24, 28):
        yield Planted(f"change user without its last {cut}", [*ACCEPTED, ("c", packet(0, whole[:-cut])), ("s", ok(1))])
    for size in (1, 3, len(word) + 3, 200):
        wrong = change_user(word, size=size)
        yield Planted(
            f"change user, length {size}", [*ACCEPTED, ("c", packet(0, wrong)), ("s", ok(1)), *asked(b"SELECT 1")]
        )
    behind = change_user(b"x" * 20, b"shop\0\x2d\0mysql_native_password\0" + secret)
    yield Planted("change user, bytes behind it", [*ACCEPTED, ("c", packet(0, behind)), ("s", ok(1))])
    answered: Script = [("s", switch(1, CLEAR)), ("c", packet(2, word)), ("s", ok(3))]
    yield Planted("change user, switch", [*ACCEPTED, ("c", packet(0, change_user(b"x" * 20))), *answered])
    lost = Say("c", packet(0, change_user(b"x" * 20)), lost=True)
    yield Planted("change user lost", [*ACCEPTED, lost, *answered, *asked(b"SELECT 1")])
    refused: Script = [("s", switch(1, CLEAR)), ("c", packet(2, b"x\0")), ("s", err(3)), ("c", packet(4, word))]
    yield Planted("change user, after ERR", [*ACCEPTED, ("c", packet(0, change_user(b"x" * 20))), *refused])
    long = change_user(word, b"shop\0\x2d\0" + CLEAR.encode() + b"\0" + lenenc(lenenc(b"a") + lenenc(b"b" * 5000)))
    yield Planted("change user, long", [*ACCEPTED, ("c", packet(0, long)), ("s", ok(1))])
    yield Planted("change user, snapped", [*ACCEPTED, Say("c", packet(0, whole), cut=25), ("s", ok(1))])


def commands(secret: bytes) -> Iterator[Planted]:
    """Commands beside COM_QUERY, and queries that can not be read."""
    replica = b"\x15" + struct.pack("<I", 7) + lenenc(b"host") + lenenc(b"repl") + lenenc(secret) + bytes(10)
    yield Planted("register replica", [*ACCEPTED, ("c", packet(0, replica)), ("s", ok(1))])
    yield Planted("register replica, cut", [*ACCEPTED, ("c", packet(0, replica[:-11])), ("s", ok(1))])
    told = b"SET PASSWORD = '" + secret + b"'"
    for name, body in (
        ("init db", b"\x02" + told),
        ("create db", b"\x05" + told),
        ("drop db", b"\x06" + told),
        ("field list", b"\x04" + told + b"\0%"),
        ("field list, wildcard", b"\x04t\0" + told),
        ("table dump", b"\x13" + lenenc(told) + lenenc(told)),
        ("binlog dump", b"\x12" + struct.pack("<IHI", 4, 0, 7) + told),
        ("binlog dump of GTIDs", b"\x1e" + struct.pack("<HII", 4, 7, len(told)) + told + struct.pack("<QI", 4, 0)),
        ("register replica, host", b"\x15" + struct.pack("<I", 7) + lenenc(told) + lenenc(told) + b"\0" + bytes(10)),
    ):
        refused = ok(1) if name.startswith("binlog") else err(1, 1049, b"Unknown database '" + told + b"'", "42000")
        yield Planted(f"statement in {name}", [*ACCEPTED, ("c", packet(0, body)), ("s", refused), *asked(b"SELECT 1")])
    infile = packet(1, b"\xfb" + told)
    asks_file: Script = [("c", query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")), ("s", infile)]
    yield Planted("statement for a file's name", [*ACCEPTED, *asks_file, ("c", packet(2, b"")), ("s", ok(3))])
    for text in (b"t (name, password)", b"users", b"mysql.user", b"t (@a) SET password = @a"):
        asks_file = [("c", query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE " + text)), ("s", packet(1, b"\xfbx"))]
        sent = packet(2, b"bob\t" + secret + b"\n") + packet(3, b"")
        yield Planted(f"file for {text.decode()}", [*ACCEPTED, *asks_file, ("c", sent), ("s", ok(4))])
    inner = b"\x03" + told
    multi = b"\xfe" + struct.pack("<I", len(inner))[:3] + inner
    yield Planted("multi", [*ACCEPTED, ("c", packet(0, multi)), ("s", ok(1))])
    yield Planted("multi, cut", [*ACCEPTED, ("c", packet(0, multi[:-2])), ("s", ok(1))])
    for code in (0x0E, 0x01, 0x1F, 0x50, 0x7F, 0x19, 0x0C, 0x1C, 0x1B):
        yield Planted(
            f"command {code:#x} and more",
            [*ACCEPTED, ("c", packet(0, bytes([code]) + b"\0" * 8 + secret)), ("s", ok(1))],
        )
    attributes = begun(QUERY_ATTRIBUTES)
    for name, head in (
        ("count", b"\xfb"),
        ("name", b"\x05\x01"),
        ("none", b""),
        ("types", b"\x01\x01\0\x01\x55\0\x01a"),
    ):
        bad = packet(0, b"\x03" + head + b"SET PASSWORD = '" + secret + b"'")
        yield Planted(f"query attributes, bad {name}", [*attributes, ("c", bad), ("s", ok(1))])
    one = b"\x03\x01\x01\0\x01\xfd\0\x01a" + lenenc(secret) + b"SELECT 1"
    yield Planted("query attribute", [*attributes, ("c", packet(0, one)), ("s", ok(1))])
    for number, text in enumerate((b"SET PASSWORD = ?", b"UPDATE mysql.user SET authentication_string=PASSWORD(?)")):
        ready = [*ACCEPTED, *prepared(text, 1)]
        yield Planted(f"bound {number}", [*ready, ("c", execute([secret])), ("s", ok(1))])
        again = [*ready, ("c", execute([b"x"])), ("s", ok(1)), ("c", execute([secret], False)), ("s", ok(1))]
        yield Planted(f"bound again {number}", again)
        sent = packet(0, b"\x18" + struct.pack("<IH", 1, 0) + secret)
        long = packet(0, b"\x17" + struct.pack("<IBI", 1, 0, 1) + b"\0\x01\xfd\0")
        yield Planted(f"long data {number}", [*ready, ("c", sent), ("c", long), ("s", ok(1))])
        yield Planted(f"bound, cut {number}", [*ready, ("c", packet(0, execute([secret])[4:-1])), ("s", ok(1))])
        yield Planted(
            f"bound, refused {number}",
            [*ready, ("c", execute([secret])), ("s", err(1, 1062, b"Duplicate entry '" + secret + b"' for key 'k'"))],
        )
        yield Planted(
            f"bound at once {number}", [*ready, ("c", execute([b"x"]) + execute([secret])), ("s", ok(1) + ok(1))]
        )
    two = prepared(b"INSERT INTO users (name, password, n) VALUES (?, ?, ?)", 3)
    yield Planted("bound, second", [*ACCEPTED, *two, ("c", execute([b"bob", secret, b"x"])), ("s", ok(1))])
    bulk = (
        b"\xfa"
        + struct.pack("<IH", 1, 128)
        + b"\xfd\0" * 3
        + b"".join(b"\0" + lenenc(v) for v in (b"bob", secret, b"x"))
    )
    yield Planted("bulk", [*ACCEPTED, *two, ("c", packet(0, bulk)), ("s", ok(1))])
    yield Planted("bound, not prepared", [*ACCEPTED, ("c", execute([secret])), ("s", ok(1))])
    yield Planted("long data, not prepared", [*ACCEPTED, ("c", packet(0, b"\x18" + struct.pack("<IH", 9, 0) + secret))])
    text = b"ALTER USER a IDENTIFIED BY '" + secret + b"'"
    yield Planted("prepared", [*ACCEPTED, *prepared(text, 0)])
    yield Planted(
        "prepared, wide",
        [*ACCEPTED, *prepared(b"SET PASSWORD = '" + secret + b"', @a = ?", 1), ("c", execute([b"x"])), ("s", ok(1))],
    )


def names(secret: bytes) -> Iterator[Planted]:
    """Statements in the place of the names of users and schemas, and errors that quote them."""
    told = b"SET PASSWORD = '" + secret + b"'"
    start: Script = [("s", greeting())]
    unknown = b"Unknown database '" + told + b"'"
    denied = b"Access denied for user '" + told + b"'@'h' (using password: YES)"
    verdicts: tuple[tuple[str, bytes], ...] = (
        ("taken", ok(2)),
        ("refused", err(2, 1049, unknown, "42000")),
        ("denied", err(2, 1045, denied, "28000")),
        ("refused at last", switch(2, "mysql_native_password")),
    )
    text = told.decode()
    for place, sent in (
        ("user", login(text)),
        ("schema", login(database=text)),
        (
            "user before 4.1",
            packet(1, struct.pack("<HI", 0x0009, 1 << 24)[:5] + told + b"\0" + b"x" * 8 + b"\0" + b"d\0"),
        ),
    ):
        for verdict, answer in verdicts:
            script: Script = [*start, ("c", sent), ("s", answer)]
            if verdict == "refused at last":
                script += [("c", packet(3, b"x" * 20)), ("s", err(4, 1045, denied, "28000"))]
            yield Planted(f"login, {place}, {verdict}", [*script, *(asked(b"SELECT 1") if verdict == "taken" else [])])
    body = packet(0, b"\x02" + told)
    refused = ("s", err(1, 1049, unknown, "42000"))
    lost: Script = [("s", greeting()), ("c", login()), Say("s", more(2, b"\x03") + ok(3), lost=True)]
    yield Planted("schema, verdict lost", [*lost, ("c", body), refused])
    yield Planted("schema, verdict and schema lost", [*lost, Say("c", body, lost=True), refused])
    yield Planted("schema, server only", [*ACCEPTED, ("c", body), refused], only="s")
    yield Planted("schema, unasked", [*ACCEPTED, ("s", err(0, 1049, unknown, "42000"))])
    yield Planted("error for a greeting", [("s", err(0, 1049, unknown, "42000"))])
    yield Planted("schema from then on", [*ACCEPTED, ("c", body), ("s", ok(1)), *asked(b"SELECT 1", b"SELECT 2")])
    used = b"USE `" + told + b"`"
    yield Planted("used from then on", [*ACCEPTED, *asked(used, b"SELECT 1", b"SELECT 2")])
    state = lenenc(b"\x01" + lenenc(lenenc(told)))
    answer = packet(1, b"\0\0\0" + struct.pack("<HH", 0x4002, 0) + b"\0" + state)
    tracked: Script = [*begun(SESSION_TRACK), ("c", query(b"CALL p()")), ("s", answer)]
    yield Planted("tracked schema", [*tracked, *asked(b"SELECT 1")])
    for place, changed in (
        ("user", b"\x11" + told + b"\0\x14" + b"x" * 20 + b"shop\0\x2d\0mysql_native_password\0"),
        ("schema", b"\x11bob\0\x14" + b"x" * 20 + told + b"\0\x2d\0mysql_native_password\0"),
    ):
        for verdict, message in (("taken", b""), ("refused", unknown), ("denied", denied)):
            said = err(1, 1045, message, "28000") if message else ok(1)
            yield Planted(
                f"change user, {place}, {verdict}",
                [*ACCEPTED, ("c", packet(0, changed)), ("s", said), *asked(b"SELECT 1")],
            )


def errors(secret: bytes) -> Iterator[Planted]:
    """Errors that quote a statement where none is known: of logins, replicas, changes of the user; a login's OK."""
    told = b"SET PASSWORD = '" + secret + b"'"
    changed = b"\x11bob\0\x14" + b"x" * 20 + b"shop\0\x2d\0mysql_native_password\0"
    asks = {"dump": b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"b", "change": changed, "any": b"\x0e"}
    for code, message in (
        (1236, b"Could not find first log file name " + told),
        (1236, b"log '" + told + b"' is not there"),
        (1461, b"Can't create more than 1: " + told),
        (1153, told),
        (1184, b"Aborted: " + told),
        (1820, b"You must reset: " + told),
        (1243, b"Unknown prepared statement handler (" + told + b") given to execute"),
        (1267, b"Illegal mix of collations: " + told),
        (9001, b"Max connect timeout: " + told),
        (1105, told),
    ):
        for name, body in asks.items():
            yield Planted(f"error {code} for {name}", [*ACCEPTED, ("c", packet(0, body)), ("s", err(1, code, message))])
        begin: Script = [("s", greeting()), ("c", login()), ("s", err(2, code, message))]
        yield Planted(f"error {code} for a login", begin)
    variable = lenenc(b"\0" + lenenc(lenenc(b"wsrep_sst_auth") + lenenc(secret)))
    answer = packet(2, b"\0\0\0" + struct.pack("<HH", 0x4002, 0) + b"\0" + variable)
    begin = [("s", greeting()), ("c", login(flags=CLIENT_FLAGS | SESSION_TRACK)), ("s", answer)]
    yield Planted("tracked with the login", begin)


def statements(secret: bytes) -> Iterator[Planted]:
    """COM_QUERY: places, lengths, cuts."""
    told = b"ALTER USER a IDENTIFIED BY '" + secret + b"'"
    for size in (100, 395, 500, 1010, 4090, 8180, 9000):
        yield Planted(f"behind {size} bytes", [*ACCEPTED, *asked(b"/*" + b"x" * size + b"*/ " + told)])
        yield Planted(f"before {size} bytes", [*ACCEPTED, *asked(told + b" /*" + b"x" * size + b"*/")])
        yield Planted(
            f"cut at {size}", [*ACCEPTED, ("c", query(b"SELECT 1 /*" + b"x" * size + b"*/; " + told)[: 40 + size])]
        )
    huge = b"INSERT INTO t VALUES " + b",".join([b"(1,'aaaaaaaa',0x41)"] * 3000) + b"; " + told
    yield Planted("a large statement", [*ACCEPTED, *asked(huge)], split=1400)
    yield Planted(
        "pipelined", [*ACCEPTED, ("c", query(b"SELECT 1") + query(told) + query(b"SELECT 2")), ("s", ok(1) * 3)]
    )
    yield Planted("in pieces", [*ACCEPTED, *asked(told)], split=5)
    yield Planted("snapped", [*ACCEPTED, Say("c", query(told + b" " * 200), cut=45), ("s", ok(1))])
    lost = [
        *ACCEPTED,
        ("c", query(told)[:45]),
        Say("c", query(told)[45:], lost=True),
        ("s", ok(1)),
        *asked(b"SELECT 1"),
    ]
    yield Planted("end lost", lost)
    lost = [
        *ACCEPTED,
        Say("c", query(told)[:20], lost=True),
        ("c", query(told)[20:]),
        ("s", ok(1)),
        *asked(b"SELECT 1"),
    ]
    yield Planted("beginning lost", lost)
    yield Planted("not answered", [*ACCEPTED, ("c", query(told))])
    yield Planted("begins with it", [*asked(told, b"SELECT 1")], handshake=False)
    yield Planted("client only", [*ACCEPTED, *asked(told)], only="c")
    yield Planted("wrong id", [*ACCEPTED, ("c", packet(4, query(told)[4:])), ("s", ok(5))])
    yield Planted("latin-1", [*ACCEPTED, *asked("ALTER USER é IDENTIFIED BY 'é".encode("latin-1") + secret + b"'")])
    yield Planted("gbk", [*ACCEPTED, *asked(b"SET PASSWORD = '\xbf\x5c', @a = '" + secret + b"'")])
    yield Planted(
        "no backslash escapes", [*ACCEPTED, *asked(b"SET PASSWORD = '\\', @a = '" + secret + b"', @b = '\\'")]
    )
    flags = COMPRESS
    small = compressed(query(told), 0)
    both = query(b"SELECT 1") + query(told) + query(b"SELECT 2")
    raw = zlib.compress(both)
    begin: Script = [("s", greeting()), ("c", login(flags=CLIENT_FLAGS | flags)), ("s", more(2, b"\x03") + ok(3))]
    yield Planted("compressed, not packed", [*begin, ("c", small), ("s", compressed(ok(1), 0))])
    packed = compressed(raw, len(both)), compressed(ok(1) * 3, 0)
    yield Planted("compressed", [*begin, ("c", packed[0]), ("s", packed[1])])
    plain = compressed(both, 0)
    yield Planted("compressed, not packed, three", [*begin, ("c", plain), ("s", compressed(ok(1) * 3, 0))])


def answers(secret: bytes) -> Iterator[Planted]:
    """What a server says of a secret."""
    told = b"SET PASSWORD = '" + secret + b"'"
    near = b"You have an error in your SQL syntax; check the manual near "
    for number, message in enumerate(
        (
            near + b"''" + secret + b"' x' at line 1",
            near + b"'" + secret + b"' x' at line 1",
            near + b"'" + secret,
            b"Variable 'x' can't be set to the value of '" + secret + b"'",
            b"Incorrect string value: '" + secret[:12] + b"' for column 'password' at row 1",
        )
    ):
        code = 1064 if message.startswith(near) else 1231
        yield Planted(f"error {number}", [*ACCEPTED, ("c", query(told + b" x")), ("s", err(1, code, message, "42000"))])
    words = b'vttablet: tablet: 1 is not serving (CallerID: u): Sql: "update u set password = :v1", BindVars: {v1: "'
    ready = [*ACCEPTED, *prepared(b"UPDATE u SET password = ?", 1)]
    yield Planted("error of a proxy", [*ready, ("c", execute([secret])), ("s", err(1, 1105, words + secret + b'"}'))])
    parse = err(1, 1064, near + b"'" + secret + b"' x' at line 1", "42000")
    yield Planted("error of a prepare", [*ACCEPTED, ("c", packet(0, b"\x16" + told)), ("s", parse)])
    yield Planted(
        "error, statement lost", [*ACCEPTED, Say("c", query(told), lost=True), ("s", parse), *asked(b"SELECT 1")]
    )
    yield Planted("error, pipelined", [*ACCEPTED, ("c", query(b"SELECT 1") + query(told)), ("s", ok(1) + parse)])
    bad = packet(0, b"\x03\xfb" + told)
    yield Planted("error, not read", [*begun(QUERY_ATTRIBUTES), ("c", bad), ("s", parse)])
    tracked = begun(SESSION_TRACK)
    for name in (b"wsrep_sst_auth", b"s3_secret_key", b"init_connect"):
        change = lenenc(name) + lenenc(secret if name != b"init_connect" else told)
        state = lenenc(b"\0" + lenenc(change))
        answer = packet(1, b"\0\0\0" + struct.pack("<HH", 0x4002, 0) + b"\0" + state)
        yield Planted(f"tracked {name.decode()}", [*tracked, ("c", query(b"SET SESSION x = 1")), ("s", answer)])
    info = packet(1, b"\0\0\0" + struct.pack("<HH", 2, 0) + lenenc(b"done " + secret))
    yield Planted("info", [*ACCEPTED, ("c", query(told)), ("s", info)])
    # MariaDB from 11.4 on: with the OK of a login it proves its certificate by the password's hash.
    proof = packet(2, b"\0\0\0" + struct.pack("<HH", 2, 0) + lenenc(b"\x01" + secret.ljust(64, b"0")))
    yield Planted("proof of the certificate", [("s", greeting()), ("c", login()), ("s", proof)])
    changed = packet(0, change_user(b"x" * 20))
    yield Planted("proof after a change", [*ACCEPTED, ("c", changed), ("s", packet(1, proof[4:]))])
    expression = b"PASSWORD('" + secret + b"')"
    yield Planted(
        "column",
        [*ACCEPTED, ("c", query(b"SELECT " + expression)), ("s", result([column(expression, org=b"x")], [[b"*AB"]]))],
    )
    grants = b"GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '" + secret + b"'"
    yield Planted(
        "grants", [*ACCEPTED, ("c", query(b"SHOW GRANTS")), ("s", result([column(b"Grants for a@%")], [[grants]]))]
    )
    created = b"CREATE USER `a`@`%` IDENTIFIED WITH 'x' AS '$A$005$'" + secret + b"' REQUIRE NONE"
    yield Planted(
        "create user",
        [*ACCEPTED, ("c", query(b"SHOW CREATE USER a")), ("s", result([column(b"CREATE USER for a@%")], [[created]]))],
    )
    names = [column(b"user"), column(b"host"), column(b"generated password")]
    asks = query(b"CREATE USER x IDENTIFIED BY RANDOM PASSWORD")
    yield Planted("random password", [*ACCEPTED, ("c", asks), ("s", result(names, [[b"x", b"%", secret]]))])
    users = [column(b"User"), column(b"p", org=b"authentication_string")]
    yield Planted(
        "mysql.user", [*ACCEPTED, ("c", query(b"SELECT User, p FROM u")), ("s", result(users, [[b"x", secret]]))]
    )
    settings = [column(b"k"), column(b"v")]
    for what, row in (
        ("a setting", [b"smtp_password", secret]),
        ("a URL", [b"cache", b"redis://u:" + secret + b"@h/0"]),
        ("a private key", [b"tls", b"-----BEGIN PRIVATE KEY-----\n" + secret]),
    ):
        asks = query(b"SELECT k, v FROM settings")
        yield Planted(f"row: {what}", [*ACCEPTED, ("c", asks), ("s", result(settings, [row]))])
    yield from selected(secret)
    listed = result([column(b"Info")], [[told]])
    yield Planted("process list", [*ACCEPTED, ("c", query(b"SHOW FULL PROCESSLIST")), ("s", listed)])
    lost_head = [*ACCEPTED, ("c", query(b"SHOW GRANTS")), Say("s", result([column(b"g")], [])[:30], lost=True)]
    yield Planted(
        "rows without a head", [*lost_head, ("s", result([column(b"g")], [[grants]])[30:]), *asked(b"SELECT 1")]
    )


def selected(secret: bytes) -> Iterator[Planted]:
    """Rows whose columns do not say that they are secret: their statement does."""

    def of(asks: bytes, made: bytes) -> Script:
        return [*ACCEPTED, ("c", query(asks)), ("s", made)]

    for name in (b"@p", b"CONCAT(@p, 'x')", b"@`p q`"):
        asks = b"SELECT " + name
        yield Planted(f"variable {name.decode()}", of(asks, result([column(name)], [[secret]])))
    asks = b"SELECT User, CONCAT(authentication_string) a FROM mysql.user"
    made = [column(b"User"), column(b"a").replace(b"\x01a\x01a", b"\x01a\0")]
    yield Planted("expression", of(asks, result(made, [[b"x", secret]])))
    headless = result([column(b"User"), column(b"p")], [[b"x", secret]])
    head = len(headless) - len(result([], [[b"x", secret]])) + 5
    lost: Script = [*ACCEPTED, ("c", query(b"SELECT User, password FROM u")), Say("s", headless[:head], lost=True)]
    yield Planted("selected, without a head", [*lost, ("s", headless[head:]), *asked(b"SELECT 1")])


def event(kind: int, body: bytes, position: int = 500) -> bytes:
    return b"\0" + struct.pack("<IBIIIH", 1, kind, 1, 19 + len(body), position, 0) + body


def query_event(statement: bytes, kind: int = 2) -> bytes:
    return event(kind, struct.pack("<IIBHH", 1, 0, 4, 0, 0) + b"shop\0" + statement)


def binlogs(secret: bytes) -> Iterator[Planted]:
    """COM_BINLOG_DUMP."""
    told = b"ALTER USER a IDENTIFIED WITH 'x' AS '" + secret + b"'"
    dump: Script = [*ACCEPTED, ("c", packet(0, b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"binlog.1"))]
    packed = b"\x81" + bytes([len(told)]) + zlib.compress(told)
    inner = query_event(told)[1:]
    frame = zstandard.ZstdCompressor().compress(inner)
    payload = (
        b"\x02\x01\0\x03\x03\xfc"
        + struct.pack("<H", len(inner))
        + b"\x01\x03\xfc"
        + struct.pack("<H", len(frame))
        + b"\0"
        + frame
    )
    stored = b"\x02\x03\xfc\xff\0\x01\x03\xfc" + struct.pack("<H", len(inner)) + b"\0" + inner
    variable = struct.pack("<I", 1) + b"p\0\0" + struct.pack("<II", 45, len(secret)) + secret
    fields = struct.pack("<IH", 9, 0)[:4] + b"\0\0" + b"\1\0"
    table = fields + b"\5mysql\0\4user\0" + b"\1\x0f\2" + struct.pack("<H", 200) + b"\0"
    rows = fields + struct.pack("<H", 2) + b"\1\xff\0" + lenenc(secret)
    named = fields + b"\4shop\0\5users\0" + b"\1\x0f\2" + struct.pack("<H", 200) + b"\0"
    named += b"\x04" + lenenc(lenenc(b"password"))
    settings = fields + b"\4shop\0\1s\0" + b"\2\x0f\x0f\4" + struct.pack("<HH", 200, 200) + b"\0"
    setting = fields + struct.pack("<H", 2) + b"\2\xff\0" + lenenc(b"smtp_password") + lenenc(secret)
    for name, events in (
        ("rows of settings", [event(19, settings), event(30, setting)]),
        ("query", [query_event(told)]),
        ("query, cut", [query_event(told)[:-3]]),
        ("packed query", [query_event(packed, 165)]),
        ("rows query", [event(29, bytes([len(told) & 0xFF]) + told)]),
        ("annotate", [event(160, told)]),
        ("payload", [event(40, payload)]),
        ("stored payload", [event(40, stored)]),
        ("user variable", [event(14, variable)]),
        ("rows of mysql.user", [event(19, table), event(30, rows)]),
        ("rows of a column named password", [event(19, named), event(30, rows)]),
        ("unknown event", [event(99, told)]),
        ("file", [event(17, struct.pack("<I", 3) + b"bob\t" + secret + b"\n")]),
        ("more of a file", [event(9, struct.pack("<I", 3) + b"bob\t" + secret + b"\n")]),
        ("name of a file", [event(4, struct.pack("<Q", 4) + told)]),
    ):
        sent = b"".join(packet(1 + number, one) for number, one in enumerate(events))
        yield Planted(f"binlog: {name}", [*dump, ("s", sent)])


KINDS: tuple[Callable[[bytes], Iterator[Planted]], ...] = (
    *(logins, exchanges, changes, commands, names, errors, statements, answers, binlogs),
)


def sql(secret: Callable[[], str]) -> Iterator[tuple[str, str, Script]]:
    """Each statement of the list, answered with OK, and with an error that quotes all of it."""
    for text in (*SECRETS, *WHOLE):
        for number in range(2):
            word = secret()
            told = text.replace(SECRET, word)
            hexed = SECRET.encode().hex()
            told = told.replace(hexed, word.encode().hex())
            quoted = told[-80:].encode("utf-8", "replace")
            answer = ok(1) if not number else err(1, 1064, b"near '" + quoted + b"' at line 1", "42000")
            yield text, word, [("c", query(told.encode())), ("s", answer)]


def all_of_it() -> tuple[list[Frame], dict[str, str]]:
    """Frames of one capture with all conversations, and which secret stands in which of them."""
    frames: list[Frame] = []
    names: dict[str, str] = {}

    def secret() -> str:
        return f"{MARK}{len(names):04d}Zq"

    def add(planted: Planted) -> None:
        number = len(names)
        address = (f"10.1.{number >> 8}.{number & 255}", 20000 + number)
        script = planted.script
        frames.extend(
            conversation(
                script,
                client=address,
                start_ns=START + number * 200 * MS,
                handshake=planted.handshake,
                only=planted.only,
                split=planted.split,
            )
        )

    for kind in KINDS:
        for number in range(len(list(kind(secret().encode())))):
            word = secret()
            planted = next(islice(kind(word.encode()), number, None))
            add(planted)
            names[word] = f"{kind.__name__}: {planted.name}"
    known: list[str] = []

    def next_secret() -> str:
        known.append(f"{MARK}{len(names) + len(known):04d}Zq")
        return known[-1]

    for text, word, script in sql(next_secret):
        add(Planted(text, [*ACCEPTED, *script]))
        known.clear()
        names[word] = text
    return sorted(frames, key=lambda frame: frame.timestamp_ns), names
