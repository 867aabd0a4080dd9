"""Columns of every type, as the real servers have them."""

from __future__ import annotations

from typing import Final

SERVERS: Final = ("mysql97", "mariadb118", "mariadb1011")


# Every column type: its name -> largest, smallest, and a value in between, as SQL; None where the type has no such.
TYPES: Final[dict[str, tuple[str, str, str]]] = {
    "tinyint": ("127", "-128", "0"),
    "tinyint unsigned": ("255", "0", "128"),
    "smallint": ("32767", "-32768", "-1"),
    "smallint unsigned": ("65535", "0", "32768"),
    "mediumint": ("8388607", "-8388608", "-1"),
    "mediumint unsigned": ("16777215", "0", "8388608"),
    "int": ("2147483647", "-2147483648", "-1"),
    "int unsigned": ("4294967295", "0", "2147483648"),
    "int(10) unsigned zerofill": ("4294967295", "0", "42"),
    "bigint": ("9223372036854775807", "-9223372036854775808", "-1"),
    "bigint unsigned": ("18446744073709551615", "0", "9223372036854775808"),
    "float": ("3.4e38", "-1.5", "0.1"),
    "double": ("1.7976931348623157e308", "-2.25e-300", "0.1"),
    "decimal(65,30)": ("'99999999999999999999999999999999999.999999999999999999999999999999'", "'-0.5'", "0"),
    "decimal(10,0)": ("9999999999", "-9999999999", "0"),
    "date": ("'9999-12-31'", "'0000-00-00'", "'2024-02-29'"),
    "time": ("'838:59:59'", "'-838:59:59'", "'00:00:00'"),
    "time(6)": ("'838:59:58.999999'", "'-00:00:00.000001'", "'01:02:03.5'"),
    "time(3)": ("'34:59:59.999'", "'-34:59:59.5'", "'00:00:00.001'"),
    "datetime": ("'9999-12-31 23:59:59'", "'0000-00-00 00:00:00'", "'2024-02-29 12:00:00'"),
    "datetime(6)": ("'9999-12-31 23:59:59.999999'", "'0000-00-00 00:00:00'", "'2024-02-29 00:00:00.000001'"),
    "datetime(1)": ("'2024-02-29 23:59:59.9'", "'2024-00-00 00:00:00'", "'2024-02-29 00:00:00'"),
    "timestamp null": ("'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'", "'2000-01-01 00:00:00'"),
    "timestamp(4) null": ("'2038-01-19 03:14:07.9999'", "'0000-00-00 00:00:00'", "'2000-01-01 00:00:00.0001'"),
    "year": ("2155", "0", "1901"),
    "char(20)": ("'größe \U0001f600'", "''", "'x'"),
    "varchar(300)": ("repeat('ä', 300)", "''", "'x'"),
    "binary(4)": ("x'ffffffff'", "''", "'x'"),
    "varbinary(300)": ("repeat(x'fffe', 150)", "''", "'x'"),
    "tinytext": ("repeat('x', 255)", "''", "'x'"),
    "text": ("repeat('x', 65535)", "''", "'x'"),
    "mediumtext": ("repeat('y', 70000)", "''", "'x'"),
    "longtext": ("repeat('ß', 1000)", "''", "'x'"),
    "tinyblob": ("repeat(x'00', 255)", "''", "'x'"),
    "blob": ("repeat(x'80', 251)", "''", "'x'"),
    "mediumblob": ("repeat(x'ff', 250)", "''", "'x'"),
    "longblob": ("repeat(x'fe', 300)", "''", "'x'"),
    "enum('a','bü','c')": ("'c'", "'a'", "'bü'"),
    "set('a','b','c')": ("'a,b,c'", "''", "'b'"),
    "bit(1)": ("b'1'", "b'0'", "b'1'"),
    "bit(64)": ("b'" + "1" * 64 + "'", "b'0'", "b'1000000001'"),
    "json": ('\'{"a": [1, "ü", null]}\'', "'[]'", "'1.5'"),
    "geometry": ("st_geomfromtext('linestring(1 2, 3 4)')", "st_geomfromtext('point(0 0)')", "null"),
    "point": ("st_geomfromtext('point(1 2)')", "st_geomfromtext('point(-1 -2)')", "null"),
}


OWN: Final[dict[str, dict[str, tuple[str, str, str]]]] = {
    "mysql97": {"vector(3)": ("string_to_vector('[1, 2.5, -3]')", "null", "string_to_vector('[0,0,0]')")},
    "mariadb118": {
        "vector(3)": ("vec_fromtext('[1, 2.5, -3]')", "null", "vec_fromtext('[0,0,0]')"),
        "uuid": ("'ffffffff-ffff-ffff-ffff-fffffffffffe'", "null", "'123e4567-e89b-12d3-a456-426655440000'"),
        "inet6": ("'2001:db8::ff00:42:8329'", "'::'", "null"),
        "inet4": ("'255.255.255.255'", "'0.0.0.0'", "null"),
    },
    "mariadb1011": {
        "uuid": ("'ffffffff-ffff-ffff-ffff-fffffffffffe'", "null", "'123e4567-e89b-12d3-a456-426655440000'"),
        "inet6": ("'2001:db8::ff00:42:8329'", "'::'", "null"),
        "inet4": ("'255.255.255.255'", "'0.0.0.0'", "null"),
    },
}
