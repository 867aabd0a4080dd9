"""mysql-mimic, which answers with an empty table: `python mimic_server.py PORT`, with the package on its path."""

from __future__ import annotations

import asyncio
import importlib
import sys

if __name__ == "__main__":
    server = importlib.import_module("mysql_mimic").MysqlServer()
    asyncio.run(server.serve_forever(host="127.0.0.1", port=int(sys.argv[1])))
