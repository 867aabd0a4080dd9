"""`python -m tests.servers up [--only NAME,NAME] | down | status`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.servers import Server, read_state, servers_dir
from tests.servers.engines import ENGINES, engine
from tests.servers.lifecycle import down, up
from tests.servers.packages import SetupError
from tests.servers.second import ecdsa_dir, ecdsa_servers


def _describe(server: Server) -> str:
    return f"{server.name}: {server.version} on {server.host}:{server.port}, process {server.pid}"


def main() -> int:
    """Do what the command line says; 0 when all that was asked for runs (or is stopped)."""
    names = ",".join(each.name for each in ENGINES)
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description="Real servers for the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    starter = commands.add_parser("up", help="fetch, make and start the servers that do not run yet")
    starter.add_argument("--only", default=names, metavar="NAMES", help=f"some of {names}")
    starter.add_argument("--ecdsa", action="store_true", help="also those with ECDSA certificates, which tests start")
    commands.add_parser("down", help="stop the servers; packages and data are kept")
    commands.add_parser("status", help="list the running servers; 1 if not all run")
    arguments = parser.parse_args()
    base = servers_dir()
    started = time.monotonic()
    try:
        if arguments.command == "up":
            wanted = [engine(name) for name in dict.fromkeys(arguments.only.split(","))]
            running, problems = up(base, wanted)
            if arguments.ecdsa:
                further, more = ecdsa_servers(each.name for each in wanted)
                running, problems = [*running, *further], [*problems, *more]
            for server in running:
                print(_describe(server))
            print(f"{base}/state.json after {time.monotonic() - started:.1f} s")
            for problem in problems:
                print(f"error: {problem}", file=sys.stderr)
            return 1 if problems else 0
        if arguments.command == "down":
            for place, kind in ((base, ""), (ecdsa_dir(base), " with ECDSA certificate")):
                for name in down(place):
                    print(f"{name}{kind}: stopped")
            return 0
    except SetupError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    running = read_state(base)
    for server in (*running, *read_state(ecdsa_dir(base))):
        print(_describe(server))
    print(f"{len(running)} of {len(ENGINES)} run ({base})")
    return 0 if len(running) == len(ENGINES) else 1


if __name__ == "__main__":
    sys.exit(main())
