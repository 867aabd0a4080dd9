"""Clients for the sample captures that are not a command line program: `python sample_clients.py ACTION HOST PORT`.

Runs in an environment that has PyMySQL and mysql-connector-python, so it imports nothing of the project.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
from collections.abc import Callable
from typing import Any

# Set-up traffic goes here, so that the capture of HOST has one connection only.
ELSEWHERE = "127.0.0.1"
BULK_ROWS = 16000
# All but c_year: the library misreads YEAR in binary rows.
TYPES = (
    "id, c_tiny, c_utiny, c_small, c_medium, c_big, c_ubig, c_float, c_double, c_decimal, c_bit, c_date, c_time, "
    "c_datetime, c_timestamp, c_char, c_varchar, c_binary, c_varbinary, c_text, c_blob, c_enum, c_set, c_json, c_point"
)
BULK = (
    "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {rows}) "
    "SELECT /*+ SET_VAR(cte_max_recursion_depth = {rows}) */ id, CONCAT('customer-', LPAD(id, 8, '0')) AS customer, "
    "DATE_ADD('2020-01-01', INTERVAL id MINUTE) AS created, id * 1.25 AS amount, "
    "REPEAT(CHAR(97 + id % 26), 40 + id % 100) AS note FROM n"
)


def pymysql_connect(user: str, host: str, port: int, **options: Any) -> Any:
    """Log in with PyMySQL, without TLS."""
    connect = importlib.import_module("pymysql").connect
    return connect(host=host, port=port, user=user, password=f"{user}-pw", ssl_disabled=True, **options)


def connector_connect(user: str, host: str, port: int) -> Any:
    """Log in with mysql-connector-python, without TLS."""
    # It sends the name of the machine as an attribute, which is nobody's business in a published capture.
    socket.gethostname = lambda: "client-host"
    connect = importlib.import_module("mysql.connector").connect
    return connect(
        host=host,
        port=port,
        user=user,
        password=f"{user}-pw",
        database="labdb",
        ssl_disabled=True,
        use_pure=True,
    )


def host_blocked(host: str, port: int) -> None:
    """Break off handshakes from 127.0.0.5 until the server blocks that address, then connect once more."""
    source = ("127.0.0.5", 0)
    for _ in range(5):
        with socket.create_connection((ELSEWHERE, port), source_address=source) as connection:
            connection.recv(4096)
    with socket.create_connection((host, port), source_address=source) as connection:
        while connection.recv(4096):
            pass


def too_many(host: str, port: int) -> None:
    """Hold connections, lower the limit below their number, and connect once more."""
    held = [pymysql_connect("app", ELSEWHERE, port) for _ in range(4)]
    admin = pymysql_connect("admin", ELSEWHERE, port)
    with admin.cursor() as cursor:
        cursor.execute("SELECT @@max_connections")
        (limit,) = cursor.fetchone()
        cursor.execute("SET GLOBAL max_connections = 2")
        try:
            with contextlib.suppress(Exception):
                pymysql_connect("app", host, port)
        finally:
            cursor.execute(f"SET GLOBAL max_connections = {limit}")
    for connection in (*held, admin):
        connection.close()


def expired(host: str, port: int) -> None:
    """Log in with an expired password; this client can not handle it."""
    with contextlib.suppress(Exception):
        pymysql_connect("expired", host, port)


def change_user(host: str, port: int) -> None:
    """COM_CHANGE_USER, a statement, COM_RESET_CONNECTION, a statement."""
    connection = connector_connect("app", host, port)
    cursor = connection.cursor(buffered=True)
    cursor.execute("SET @a = 1")
    connection.cmd_change_user("sha2", "sha2-pw", "labdb")
    cursor.execute("SELECT CURRENT_USER(), @a")
    connection.cmd_reset_connection()
    cursor.execute("SELECT id, name FROM people ORDER BY id")
    connection.close()


def prepared(host: str, port: int) -> None:
    """Server-side prepared statements: with parameters, over nearly every column type, and one that fails."""
    connection = connector_connect("app", host, port)
    cursor = connection.cursor(prepared=True)
    for parameters in ((1, "Ada"), (4, "Bärbel")):
        cursor.execute("SELECT id, name, born, score, note FROM people WHERE id >= ? OR name = ?", parameters)
        cursor.fetchall()
    cursor.close()
    cursor = connection.cursor(prepared=True)
    cursor.execute(f"SELECT {TYPES} FROM all_types WHERE id >= ?", (1,))
    cursor.fetchall()
    cursor.close()
    with contextlib.suppress(Exception):
        connection.cursor(prepared=True).execute("SELECT missing FROM people WHERE id = ?", (1,))
    connection.close()


def bulk(host: str, port: int) -> None:
    """One large result set."""
    connection = pymysql_connect("app", host, port, database="labdb", defer_connect=True)
    # A small window keeps the loopback's frames near the size of those of a real network.
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 6000)
    plain.connect((host, port))
    connection.connect(plain)
    with connection.cursor() as cursor:
        cursor.execute(BULK.format(rows=BULK_ROWS))
        assert len(cursor.fetchall()) == BULK_ROWS
    connection.close()


ACTIONS: dict[str, Callable[[str, int], None]] = {
    "host-blocked": host_blocked,
    "too-many": too_many,
    "expired": expired,
    "change-user": change_user,
    "prepared": prepared,
    "bulk": bulk,
}

if __name__ == "__main__":
    ACTIONS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
