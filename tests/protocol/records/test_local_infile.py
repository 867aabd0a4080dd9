"""Which statements load a file of the client."""

from __future__ import annotations

import pytest

from analyzer.protocol.records.commands.local_infile import LONGEST, asks_for_file


@pytest.mark.parametrize(
    ("statement", "asks"),
    [
        (b"LOAD DATA LOCAL INFILE 'a' INTO TABLE t", True),
        (b"load\n/* why */ data low_priority local infile 'a' into table t", True),
        (b"select 1; load xml local infile 'a' into table t", True),
        (b"/*!50000 LOAD DATA LOCAL INFILE 'a' INTO TABLE t */", True),
        (b"/*M!100100 load data local infile 'a' into table t */", True),
        (b"SELECT 1", False),
        (b"", False),
        (b"SELECT 'load data local infile'", False),
        (b'SELECT "load data local infile", `load local infile`', False),
        (b"SELECT 1 -- load data local infile\n", False),
        (b"SELECT 1 # load data local infile", False),
        (b"/* load data local infile 'a' */ select 1", False),
        (b"LOAD DATA INFILE '/local/infile' INTO TABLE t", False),
        (b"select 'it''s \\' load data local infile", False),
        (b"EXECUTE stmt", None),
        (b" call p()", None),
        (b"select " + b"x" * LONGEST, None),
        (b"select 1 /* " + b"x" * LONGEST, None),
    ],
)
def test_statements(statement: bytes, asks: bool | None) -> None:
    assert asks_for_file(statement) is asks
