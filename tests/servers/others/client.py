"""PyMySQL against a server: `python client.py PORT USER DATABASE STATEMENT...`; what it saw, as JSON.

Runs in the drivers' own environment, so it imports nothing of the project.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def asked(connection: Any, statement: str) -> dict[str, Any]:
    """Rows, or the error."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
            return {"statement": statement, "rows": len(cursor.fetchall()), "error": None}
        except Exception as error:  # noqa: BLE001 - whatever class the driver makes of it
            return {"statement": statement, "rows": None, "error": list(error.args)}


def main() -> None:
    """One session."""
    port, user, database, *statements = sys.argv[1:]
    chosen = {"database": database} if database else {}
    connect = importlib.import_module("pymysql").connect
    connection = connect(
        host="127.0.0.1", port=int(port), user=user, password="", ssl_disabled=True, read_timeout=20, **chosen
    )
    said = {"version": connection.get_server_info(), "connection_id": connection.thread_id()}
    print(json.dumps({**said, "statements": [asked(connection, statement) for statement in statements]}))
    connection.close()


if __name__ == "__main__":
    main()
