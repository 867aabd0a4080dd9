"""Which statements change the session's character sets, and to what."""

from __future__ import annotations

import pytest

from analyzer.protocol.records.commands.set_charset import UNCHANGED, CharsetChange, charset_change, may_set


@pytest.mark.parametrize(
    ("statement", "client", "results"),
    [
        (b"SET NAMES gbk", "gbk", "gbk"),
        (b"set names 'big5' collate 'big5_bin'", "big5", "big5"),
        (b"SET NAMES utf8mb4", None, None),
        (b"/* driver */ SET NAMES sjis", "shift_jis", "shift_jis"),
        (b"  SET  CHARACTER SET latin1", "cp1252", "cp1252"),
        (b"SET CHARSET 'koi8r'", "koi8_r", "koi8_r"),
        (b"SET character_set_results = NULL", UNCHANGED, None),
        (b"SET character_set_client=gbk, character_set_results = utf8", "gbk", None),
        (b"SET SESSION character_set_client = 'sjis'", "shift_jis", UNCHANGED),
        (b"SET @@character_set_results=cp932", UNCHANGED, "cp932"),
        (b"SET autocommit=0, @@session.character_set_client := gbk", "gbk", UNCHANGED),
    ],
)
def test_statements_that_change_it(statement: bytes, client: str | None, results: str | None) -> None:
    assert may_set(statement)
    assert charset_change(statement) == CharsetChange(client, results)


@pytest.mark.parametrize(
    "statement",
    [
        b"SET autocommit = 1",
        b"SET @x = 'NAMES gbk'",
        b"SELECT 'SET NAMES gbk'",
        b"UPDATE t SET names = 'gbk'",
        b"SET GLOBAL character_set_client = gbk",
        b"",
        b"SET",
    ],
)
def test_statements_that_do_not(statement: bytes) -> None:
    assert not may_set(statement) or charset_change(statement) is None
