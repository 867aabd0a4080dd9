"""`python -m tests.matrix [SERVER...]`: the tables as Markdown; differences go to standard error, exit code 1."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.matrix.running import CannotCapture, run_matrix
from tests.matrix.table import markdown, problems
from tests.matrix.tls import markdown as tls_markdown
from tests.matrix.tls import run_tls
from tests.servers import running_servers
from tests.servers.certificates import ECDSA, RSA
from tests.servers.second import ecdsa_servers


def main(names: list[str]) -> int:
    servers = [server for server in running_servers() if not names or server.name in names]
    if not servers:
        print("no server runs: start them with `python -m tests.servers up`", file=sys.stderr)
        return 2
    further, missing = ecdsa_servers(server.name for server in servers)
    for problem in missing:
        print(problem, file=sys.stderr)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            runs = run_matrix(servers, Path(folder))
            inside = run_tls(
                [*((server, RSA) for server in servers), *((server, ECDSA) for server in further)], Path(folder)
            )
        except CannotCapture as error:
            print(error, file=sys.stderr)
            return 2
    print(markdown(runs))
    print(tls_markdown(inside))
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr)
    differences = "\n".join(found for found in (problems(runs), problems(inside)) if found)
    if differences:
        print(differences, file=sys.stderr)
    return 1 if differences or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
