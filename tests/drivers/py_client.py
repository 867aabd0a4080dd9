"""Python drivers, told what to do: `python py_client.py DRIVER`, cases as JSON on standard input, a line for each.

Runs in the drivers' own environment, so it imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import sys
import time
from typing import Any


class Client:
    """A driver with the DB-API; others override what they do differently."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.basics = {key: case[key] for key in ("host", "port", "user", "password", "database")}
        self.connection: Any = None

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


class PyMySQL(Client):
    """PyMySQL."""

    def connect(self) -> None:
        tls = {"ssl_verify_cert": False, "ssl_verify_identity": False, "ssl": {"verify_mode": "none"}}
        chosen: dict[str, Any] = tls if self.case["tls"] else {"ssl_disabled": True}
        name = self.case["attributes"]["program_name"]
        self.connection = importlib.import_module("pymysql").connect(**self.basics, program_name=name, **chosen)


class AsyncMy(Client):
    """asyncmy, one step at a time in a loop of its own."""

    def __init__(self, case: dict[str, Any]) -> None:
        super().__init__(case)
        self.loop = asyncio.new_event_loop()

    def connect(self) -> None:
        ssl = importlib.import_module("ssl")
        context = None
        if self.case["tls"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        asyncmy = importlib.import_module("asyncmy")
        name = self.case["attributes"]["program_name"]

        async def connect() -> Any:
            return await asyncmy.connect(**self.basics, program_name=name, ssl=context)

        self.connection = self.loop.run_until_complete(connect())

    def query(self, sql: str) -> list[Any]:
        async def run() -> list[Any]:
            async with self.connection.cursor() as cursor:
                await cursor.execute(sql)
                return list(await cursor.fetchall()) if cursor.description else []

        return self.loop.run_until_complete(run())

    def ping(self) -> None:
        self.loop.run_until_complete(self.connection.ping())

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.ensure_closed())


class Connector(Client):
    """mysql-connector-python."""

    pure = True

    def connect(self) -> None:
        self.connection = importlib.import_module("mysql.connector").connect(
            **self.basics,
            use_pure=self.pure,
            ssl_disabled=not self.case["tls"],
            compress=self.case["compress"],
            conn_attrs=dict(self.case["attributes"]),
        )

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
        tls: dict[str, Any] = {"ssl": True, "ssl_ca": self.case["ca"], "ssl_verify_cert": False}
        self.connection = importlib.import_module("mariadb").connect(
            **self.basics, **(tls if self.case["tls"] else {"ssl": False})
        )

    def prepared(self, sql: str, parameters: list[Any]) -> list[Any]:
        cursor = self.connection.cursor(binary=True)
        cursor.execute(sql, tuple(parameters))
        rows = list(cursor.fetchall())
        cursor.close()
        return rows


CLIENTS: dict[str, type[Client]] = {
    "PyMySQL": PyMySQL,
    "asyncmy": AsyncMy,
    "mysql-connector-python, pure": Connector,
    "mysql-connector-python, C extension": ConnectorC,
    "mariadb (Python), pure": MariaDB,
    "mariadb (Python), Connector/C": MariaDB,
}
PACKAGES = {"PyMySQL": "PyMySQL", "asyncmy": "asyncmy"}


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
            found = len(client.query(words[0]))
            if found != words[1]:
                result["problems"].append(f"{words[0]}: {found} rows")
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
        elif kind == "prepared":
            found = len(client.prepared(words[0], words[1]))
            if found != words[2]:
                result["problems"].append(f"{words[0]}: {found} rows")
        else:
            getattr(client, kind)(*words)


def run(name: str, case: dict[str, Any]) -> dict[str, Any]:
    """One connection."""
    result: dict[str, Any] = {"name": case["name"], "error": None, "problems": [], "start_ns": time.time_ns()}
    client = CLIENTS[name](case)
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
    result["end_ns"] = time.time_ns()
    return result


def main() -> None:
    """All cases of standard input."""
    name = sys.argv[1]
    if name.endswith("C extension"):
        # Behind Python's ssl the extension finds another OpenSSL than its own.
        importlib.import_module("_mysql_connector")
    for case in json.load(sys.stdin):
        print(json.dumps(run(name, case)), flush=True)


if __name__ == "__main__":
    main()
