"""mysql-replication (Python): `python reader.py HOST PORT USER PASSWORD SERVER_ID FLAVOR FILE POSITION END`.

A line for each event: where the next one begins, and the rows that it wrote, as JSON. Ends with the one at END.
"""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    """Reads up to END."""
    host, port, user, password, server_id, flavor, file, position, end = sys.argv[1:]
    package = importlib.import_module("pymysqlreplication")
    written = importlib.import_module("pymysqlreplication.row_event").WriteRowsEvent
    reader = package.BinLogStreamReader(
        {"host": host, "port": int(port), "user": user, "passwd": password},
        int(server_id),
        resume_stream=True,
        blocking=True,
        log_file=file,
        log_pos=int(position),
        # Bytes in columns of text it fails to read.
        only_schemas=["labdb"],
        only_tables=["heard"],
        is_mariadb=flavor == "mariadb",
    )
    for event in reader:
        rows = [list(row["values"].values()) for row in event.rows] if isinstance(event, written) else None
        print(json.dumps([event.packet.log_pos, rows]), flush=True)
        if event.packet.log_pos >= int(end):
            break
    reader.close()


if __name__ == "__main__":
    main()
