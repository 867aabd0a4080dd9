"""Python drivers, told what to do: `python py_client.py DRIVER`, cases as JSON on standard input, a line for each.

Runs in the drivers' own environment, so it imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import decimal
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

MULTI_STATEMENTS = 1 << 16
READ_ONLY = 1


class Client:
    """A driver with the DB-API; others override what they do differently."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.basics = {key: case[key] for key in ("host", "port", "user", "password", "database")}
        self.connection: Any = None
        # Commands that the driver sends by itself and the servers do not log.
        self.unlogged: dict[str, int] = {}

    def connect(self) -> None:
        """Log in."""
        raise NotImplementedError

    def query(self, sql: str) -> list[Any]:
        """The rows of a statement."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()

    def prepared(self, sql: str, parameters: list[Any]) -> list[Any]:
        """The rows of a statement that the server prepares."""
        cursor = self.connection.cursor(prepared=True)
        cursor.execute(sql, tuple(parameters))
        rows = list(cursor.fetchall())
        cursor.close()
        return rows

    def multi(self, sql: str) -> list[int]:
        """How many rows each of several statements has."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            return counts(cursor)
        finally:
            cursor.close()

    def call(self, given: int, total: int) -> list[str]:
        """What a procedure puts into its parameters."""
        cursor = self.connection.cursor()
        cursor.callproc("doubled", (given, total, None))
        cursor.close()
        return [text(value) for value in self.query("SELECT @_doubled_1, @_doubled_2")[0]]

    def cursor(self, sql: str, size: int) -> list[Any]:
        """The rows of a statement, so many at a time."""
        raise NotImplementedError

    def typed(self, sql: str, values: list[list[str]]) -> int:
        """Rows that a statement with values of every type has written."""
        cursor = self.connection.cursor(prepared=True)
        cursor.execute(sql, tuple(bound(*value) for value in values))
        found: int = cursor.rowcount
        cursor.close()
        return found

    def batch(self, sql: str, rows: list[list[Any]]) -> int:
        """Rows that one statement has written with several sets of parameters."""
        cursor = self.connection.cursor()
        cursor.executemany(sql.replace("?", "%s"), [tuple(row) for row in rows])
        found: int = cursor.rowcount
        cursor.close()
        return found

    def load(self, sql: str) -> int:
        """Rows of a local file."""
        cursor = self.connection.cursor()
        cursor.execute(sql)
        found: int = cursor.rowcount
        cursor.close()
        return found

    def idle(self, sql: str, milliseconds: int) -> str:
        """Whether the connection is lost after a while."""
        time.sleep(milliseconds / 1000)
        try:
            self.query(sql)
        except Exception:  # noqa: BLE001 - every driver has its own
            return "lost"
        return "still there"

    def ping(self) -> None:
        """Ask whether the server is there."""
        self.connection.ping()

    def change_user(self, user: str, password: str, database: str) -> None:
        """Go on as somebody else."""
        self.connection.change_user(user, password, database)

    def reset(self) -> None:
        """Put the session back to its start."""
        self.connection.reset()

    def close(self) -> None:
        """Leave."""
        self.connection.close()


def counts(cursor: Any) -> list[int]:
    """Rows of each result."""
    found = [len(cursor.fetchall()) if cursor.description else 0]
    while cursor.nextset():
        found.append(len(cursor.fetchall()) if cursor.description else 0)
    return found


def bound(kind: str, word: str) -> Any:
    """A value as Python has it."""
    if kind in ("int", "unsigned"):
        return int(word)
    if kind == "date":
        return datetime.date.fromisoformat(word)
    if kind == "datetime":
        return datetime.datetime.fromisoformat(word)
    if kind == "time":
        hours, minutes, seconds = word.removeprefix("-").split(":")
        span = datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
        return -span if word.startswith("-") else span
    makers: dict[str, Callable[[str], Any]] = {
        "decimal": decimal.Decimal,
        "double": float,
        "blob": bytes.fromhex,
        "bool": lambda word: word == "1",
    }
    return None if kind == "null" else makers.get(kind, str)(word)


class PyMySQL(Client):
    """PyMySQL."""

    def connect(self) -> None:
        pymysql = importlib.import_module("pymysql")
        tls = {"ssl_verify_cert": False, "ssl_verify_identity": False, "ssl": {"verify_mode": "none"}}
        if self.case["verify"]:
            tls = {"ssl_verify_cert": True, "ssl_verify_identity": False, "ssl_ca": self.case["ca"]}
        chosen: dict[str, Any] = tls if self.case["tls"] else {"ssl_disabled": True}
        if self.case["multi"]:
            chosen["client_flag"] = importlib.import_module("pymysql.constants.CLIENT").MULTI_STATEMENTS
        if self.case["infile"]:
            chosen["local_infile"] = True
        name = self.case["attributes"]["program_name"]
        self.connection = pymysql.connect(**self.basics, program_name=name, **chosen)

    def cursor(self, sql: str, size: int) -> list[Any]:
        # Of the client: the server sends all rows.
        cursor = self.connection.cursor(importlib.import_module("pymysql.cursors").SSCursor)
        cursor.execute(sql)
        rows: list[Any] = []
        while part := cursor.fetchmany(size):
            rows += part
        cursor.close()
        return rows

    def typed(self, sql: str, values: list[list[str]]) -> int:
        cursor = self.connection.cursor()
        written: int = cursor.execute(sql.replace("?", "%s"), tuple(bound(*value) for value in values))
        return written


class AsyncMy(Client):
    """asyncmy, one step at a time in a loop of its own."""

    package = "asyncmy"
    database = "database"

    def __init__(self, case: dict[str, Any]) -> None:
        super().__init__(case)
        self.loop = asyncio.new_event_loop()

    def connect(self) -> None:
        ssl = importlib.import_module("ssl")
        context = None
        if self.case["tls"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_REQUIRED if self.case["verify"] else ssl.CERT_NONE
            if self.case["verify"]:
                context.load_verify_locations(self.case["ca"])
        library = importlib.import_module(self.package)
        basics = {self.database if key == "database" else key: value for key, value in self.basics.items()}
        name = self.case["attributes"]["program_name"]

        async def connect() -> Any:
            return await library.connect(
                **basics,
                program_name=name,
                ssl=context,
                **({"local_infile": True} if self.case["infile"] else {}),
                **({"client_flag": MULTI_STATEMENTS} if self.case["multi"] else {}),
            )

        self.connection = self.loop.run_until_complete(connect())

    def query(self, sql: str) -> list[Any]:
        async def run() -> list[Any]:
            async with self.connection.cursor() as cursor:
                await cursor.execute(sql)
                return list(await cursor.fetchall()) if cursor.description else []

        return self.loop.run_until_complete(run())

    def run(self, deed: Callable[[Any], Any]) -> Any:
        async def go() -> Any:
            async with self.connection.cursor() as cursor:
                return await deed(cursor)

        return self.loop.run_until_complete(go())

    def multi(self, sql: str) -> list[int]:
        async def deed(cursor: Any) -> list[int]:
            await cursor.execute(sql)
            found = [len(await cursor.fetchall()) if cursor.description else 0]
            while await cursor.nextset():
                found.append(len(await cursor.fetchall()) if cursor.description else 0)
            return found

        rows: list[int] = self.run(deed)
        return rows

    def call(self, given: int, total: int) -> list[str]:
        self.run(lambda cursor: cursor.callproc("doubled", (given, total, None)))
        return [text(value) for value in self.query("SELECT @_doubled_1, @_doubled_2")[0]]

    def typed(self, sql: str, values: list[list[str]]) -> int:
        words = tuple(bound(*value) for value in values)
        written: int = self.run(lambda cursor: cursor.execute(sql.replace("?", "%s"), words))
        return written

    def batch(self, sql: str, rows: list[list[Any]]) -> int:
        words = [tuple(row) for row in rows]
        written: int = self.run(lambda cursor: cursor.executemany(sql.replace("?", "%s"), words))
        return written

    def load(self, sql: str) -> int:
        written: int = self.run(lambda cursor: cursor.execute(sql))
        return written

    def ping(self) -> None:
        self.loop.run_until_complete(self.connection.ping())

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.ensure_closed())


class AioMySQL(AsyncMy):
    """aiomysql, whose interface asyncmy took over."""

    package = "aiomysql"
    database = "db"


class MySQLClient(Client):
    """mysqlclient: MySQLdb, on Connector/C."""

    def connect(self) -> None:
        tls: dict[str, Any] = {"ssl": {"ca": self.case["ca"]}} if self.case["tls"] else {"ssl_mode": "DISABLED"}
        if self.case["tls"]:
            tls["ssl_mode"] = "VERIFY_CA" if self.case["verify"] else "REQUIRED"
        self.connection = importlib.import_module("MySQLdb").connect(
            **self.basics,
            **tls,
            # Whatever is said to it, it compresses.
            **({"compress": True} if self.case["compress"] else {}),
            **({"local_infile": 1} if self.case["infile"] else {}),
            autocommit=True,
        )

    def cursor(self, sql: str, size: int) -> list[Any]:
        # Of the client: the server sends all rows.
        cursor = self.connection.cursor(importlib.import_module("MySQLdb.cursors").SSCursor)
        cursor.execute(sql)
        rows: list[Any] = []
        while part := cursor.fetchmany(size):
            rows += part
        cursor.close()
        return rows

    def typed(self, sql: str, values: list[list[str]]) -> int:
        cursor = self.connection.cursor()
        written: int = cursor.execute(sql.replace("?", "%s"), tuple(bound(*value) for value in values))
        cursor.close()
        return written

    def change_user(self, user: str, password: str, database: str) -> None:
        self.connection.change_user(user, password, database)


class Connector(Client):
    """mysql-connector-python."""

    pure = True

    def connect(self) -> None:
        more: dict[str, Any] = {"ssl_ca": self.case["ca"], "ssl_verify_cert": True} if self.case["verify"] else {}
        more |= {"allow_local_infile": True} if self.case["infile"] else {}
        # With a name and a size it is taken from a pool.
        more |= {"pool_name": "deeds", "pool_size": 1} if self.case["pool"] else {}
        self.connection = importlib.import_module("mysql.connector").connect(
            **self.basics,
            **more,
            use_pure=self.pure,
            ssl_disabled=not self.case["tls"],
            compress=self.case["compress"],
            conn_attrs=dict(self.case["attributes"]),
        )
        # It asks whether the server is there before each cursor that it makes.
        self.unlogged["ping"] = 1 if self.case["pool"] else 0
        asked = self.connection.is_connected

        def counted() -> Any:
            self.unlogged["ping"] += 1
            return asked()

        self.inner().is_connected = counted

    def inner(self) -> Any:
        """The connection, also where one of a pool stands in front of it."""
        held = vars(self.connection).values() if self.case["pool"] else [self.connection]
        return next(each for each in held if hasattr(each, "is_connected"))

    def close(self) -> None:
        if not self.case["pool"]:
            super().close()
            return
        inner = self.inner()
        # Back into the pool, which resets it.
        self.connection.close()
        self.unlogged["reset_connection"] = 1
        inner.close()

    def call(self, given: int, total: int) -> list[str]:
        cursor = self.connection.cursor()
        found = cursor.callproc("doubled", (given, total, None))
        cursor.close()
        return [text(value) for value in found[1:]]

    def change_user(self, user: str, password: str, database: str) -> None:
        self.connection.cmd_change_user(user, password, database)

    def reset(self) -> None:
        self.connection.cmd_reset_connection()

    def ping(self) -> None:
        self.connection.ping(reconnect=False)


class ConnectorC(Connector):
    """mysql-connector-python's C extension."""

    pure = False


class MariaDB(Client):
    """The mariadb package; the environment says which of its implementations."""

    def connect(self) -> None:
        tls: dict[str, Any] = {"ssl": True, "ssl_ca": self.case["ca"], "ssl_verify_cert": self.case["verify"]}
        more = {"client_flag": MULTI_STATEMENTS} if self.case["multi"] else {}
        more |= {"local_infile": True} if self.case["infile"] else {}
        self.connection = importlib.import_module("mariadb").connect(
            **self.basics, **(tls if self.case["tls"] else {"ssl": False}), **more
        )

    def call(self, given: int, total: int) -> list[str]:
        cursor = self.connection.cursor()
        cursor.callproc("doubled", (given, total, None))
        # The server sends what it has put into the parameters as one more row.
        row = cursor.fetchone()
        cursor.close()
        return [text(value) for value in row]

    def cursor(self, sql: str, size: int) -> list[Any]:
        cursor = self.connection.cursor(binary=True, cursor_type=READ_ONLY, prefetch_size=size)
        cursor.execute(sql)
        rows = list(cursor.fetchall())
        cursor.close()
        return rows

    def typed(self, sql: str, values: list[list[str]]) -> int:
        cursor = self.connection.cursor(binary=True)
        cursor.execute(sql, tuple(bound(*value) for value in values))
        found: int = cursor.rowcount
        cursor.close()
        return found

    def batch(self, sql: str, rows: list[list[Any]]) -> int:
        cursor = self.connection.cursor(binary=True)
        cursor.executemany(sql, [tuple(row) for row in rows])
        found: int = cursor.rowcount
        cursor.close()
        return found

    def prepared(self, sql: str, parameters: list[Any]) -> list[Any]:
        cursor = self.connection.cursor(binary=True)
        cursor.execute(sql, tuple(parameters))
        rows = list(cursor.fetchall())
        cursor.close()
        return rows


CLIENTS: dict[str, type[Client]] = {
    "PyMySQL": PyMySQL,
    "asyncmy": AsyncMy,
    "aiomysql": AioMySQL,
    "mysqlclient": MySQLClient,
    "mysql-connector-python, pure": Connector,
    "mysql-connector-python, C extension": ConnectorC,
    "mariadb (Python), pure": MariaDB,
    "mariadb (Python), Connector/C": MariaDB,
}
# Steps whose last word is what has to come out.
COUNTED = frozenset({"prepared", "multi", "call", "cursor", "typed", "batch", "load", "idle"})


def code_of(error: BaseException) -> int | None:
    """The server's error code, wherever the driver keeps it."""
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return number
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None


def text(value: Any) -> str:
    """A value of a row; some drivers give bytes."""
    return value.decode() if isinstance(value, bytes | bytearray) else "" if value is None else str(value)


def work(client: Client, result: dict[str, Any]) -> None:
    """All steps of a case; what does not come out as it should is a problem of the case itself."""
    who, attributes, tls = (client.query(sql) for sql in client.case["identify"])
    result["connection_id"], result["version"] = int(who[0][0]), text(who[0][1])
    result["attributes"] = {text(row[0]): text(row[1]) for row in attributes}
    result["status"] = {text(row[0]): text(row[1]) for row in tls}
    for kind, *words in client.case["steps"]:
        if kind == "query":
            if (count := len(client.query(words[0]))) != words[1]:
                result["problems"].append(f"{words[0]}: {count} rows")
        elif kind == "fails":
            try:
                client.query(words[0])
            except Exception as error:  # noqa: BLE001 - every driver has its own
                if code_of(error) != words[1]:
                    result["problems"].append(f"{words[0]}: {error!r}")
            else:
                result["problems"].append(f"{words[0]}: no error")
        elif kind == "status":
            result["status"].update({text(row[0]): text(row[1]) for row in client.query(words[0])})
        elif kind in COUNTED:
            done = getattr(client, kind)(*words[:-1])
            # Rows themselves, or what is known of them.
            found = len(done) if kind in ("prepared", "cursor") else done
            if found != words[-1]:
                result["problems"].append(f"{kind} {words[0]}: {found}")
        else:
            getattr(client, kind)(*words)


def run(client: Client, case: dict[str, Any]) -> dict[str, Any]:
    """One connection."""
    result: dict[str, Any] = {"name": case["name"], "error": None, "problems": [], "start_ns": time.time_ns()}
    try:
        client.connect()
    except Exception as error:  # noqa: BLE001 - every driver has its own
        result["error"] = code_of(error)
        result["message"] = str(error)
    else:
        try:
            work(client, result)
        except Exception as error:  # noqa: BLE001 - every driver has its own
            result["problems"].append(repr(error))
        with contextlib.suppress(Exception):
            client.close()
        result["unlogged"] = client.unlogged
    result["end_ns"] = time.time_ns()
    return result


def main() -> None:
    """All cases of standard input."""
    name = sys.argv[1]
    if name.endswith("C extension"):
        # Behind Python's ssl the extension finds another OpenSSL than its own.
        importlib.import_module("_mysql_connector")
    for case in json.load(sys.stdin):
        print(json.dumps(run(CLIENTS[name](case), case)), flush=True)


if __name__ == "__main__":
    main()
