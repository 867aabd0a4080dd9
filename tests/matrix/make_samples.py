"""Makes the samples of other servers and boxes anew: `python -m tests.matrix.make_samples [FILE...]`, as root."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.truth import compare
from analyzer.analysis.findings.helpers import HANDED_OVER
from live_client import ServerError
from tests.drivers import DRIVERS, PYTHON, Driver
from tests.drivers.cases import SETUP
from tests.drivers.compare import as_logged
from tests.drivers.deeds import listed
from tests.drivers.install import InstallError, install
from tests.drivers.make_samples import SAMPLES, cut_out, write_truth
from tests.drivers.run import ServerRun, Unusable, capturing, check_tools, logged, run_driver
from tests.drivers.tools import phpmyadmin
from tests.drivers.truth import truth
from tests.matrix.boxes import Lossy, NoCapture, legs, pass_through
from tests.matrix.other_samples import OTHER_SAMPLES, STATEMENTS, OtherSample
from tests.reading import connections_of
from tests.servers import Server, running_servers
from tests.servers.accounts import account
from tests.servers.boxes import BOXES, CHECKS, RE_ENCRYPTED, SOURCE, TLS
from tests.servers.boxes import running as box_running
from tests.servers.capturing import tcpdump
from tests.servers.old import LOG, RELEASES, old_sql
from tests.servers.old import running as old_running
from tests.servers.others import HERE, OTHERS, prepare
from tests.servers.others import running as other_running
from tests.servers.own import admin_session, own_account, run_as_admin
from tests.servers.packages import SetupError
from tests.servers.replicas import pair

Json = dict[str, Any]
GROUP_REPLICATION: Final = "group-replication"


class Unfit(RuntimeError):
    """What came about is not what the sample is to show."""


def read(capture: Path, keylogs: Sequence[bytes] = (), ports: Sequence[int] = ()) -> list[Json]:
    """The connections of a capture."""
    options = AnalysisOptions(keylogs=tuple(keylogs), ports=frozenset({3306, *ports}))
    return [msgspec.to_builtins(each) for each in connections_of(capture, options)]


def driver(name: str, case: str) -> Driver:
    """A driver with one case."""
    found = next(each for each in DRIVERS if each.name == name)
    return replace(found, cases=(case,), only=("mysql", "mariadb"))


def keep(sample: OtherSample, capture: Path, stream: int, said: Json, *options: str) -> None:
    """Cuts the connection out, and writes what is known of it. Raises Unfit where that is not so."""
    target = SAMPLES / sample.file
    cut_out(target, capture, stream, *options)
    (found,) = read(target)
    if wrong := compare(as_logged(found), said):
        raise Unfit("; ".join(wrong))
    write_truth(target, said)


def from_other(sample: OtherSample, place: Path) -> None:
    """A session of PyMySQL with a server that is neither MySQL nor MariaDB."""
    other = next(each for each in OTHERS if each.name == sample.place)
    install("python")
    prepare(other)
    capture = place / "session.pcap"
    with (
        other_running(other, place) as port,
        tcpdump(capture, None, port, cannot=NoCapture, lossy=Lossy),
    ):
        words = [str(PYTHON), str(HERE / "client.py"), str(port), other.user, other.database or "", *STATEMENTS]
        told = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=30).stdout)
    (found,) = [each for each in read(capture) if each["login"] is not None]
    said = {
        "user": other.user,
        "database": other.database,
        "outcome": "accepted",
        "error": None,
        "tls": None,
        "connection_id": told["connection_id"],
        "greeting": {"server_version": told["version"]},
    }
    keep(sample, capture, found["stream"], said)


def from_old(sample: OtherSample, place: Path) -> None:
    """A case of a driver with a release of long ago."""
    release = next(each for each in RELEASES if each.name == sample.place)
    mine = driver(sample.driver, sample.case)
    install(mine.runner)
    with old_running(release, place) as server:
        run_as_admin(server, [old_sql(each, release).replace("IF NOT EXISTS ", "") for each in SETUP])
        run = ServerRun(server, place / "session.pcap", plugin="mysql_native_password")
        with capturing(run.capture, server):
            run.told += run_driver(mine, server, {}, account("app"), place / "rows")
        with admin_session(server) as admin:
            (rows,) = admin.query(LOG)
    (told,) = run.told
    log = logged([[str(cell) for cell in row] for row in rows.rows])[told.result["connection_id"]]
    (found,) = [each for each in read(run.capture) if each["greeting"]["connection_id"] == told.result["connection_id"]]
    keep(sample, run.capture, found["stream"], truth(told, log, run.plugin))


def from_box(sample: OtherSample, server: Server, place: Path) -> None:
    """What a box says to the server on a driver's behalf; of stunnel what its ends say to one another."""
    box = next(each for each in (*BOXES, TLS) if each.name == sample.place)
    install("python")
    done = pass_through(box, server, place, [driver(sample.driver, sample.case)], inner=3306 if box is TLS else None)
    (told,) = done.told
    found = read(done.capture, done.keylogs, [server.port])
    if "connection_id" not in told.result:
        (refused, *_) = [each for each in found if each["proxy"] is not None]
        said: Json = {"user": None, "outcome": refused["outcome"], "proxy": {"version": box.proxy}, "commands": {}}
        keep(sample, done.capture, refused["stream"], said)
        return
    port = done.made.inner if box is TLS else server.port
    (leg,) = [each for each in legs(found, told) if each["server"]["port"] == port]
    said = truth(told, done.log[told.result["connection_id"]], done.plugin)
    if box is TLS:
        keylog = place / "keys"
        keylog.write_bytes(done.keylogs[1])
        said["tls"] = {"decrypted": True}
        keep(sample, done.capture, leg["stream"], said, "--keylog", str(keylog))
        return
    keep(sample, done.capture, leg["stream"], {**said, "proxy": {"version": box.proxy}})


def from_router(sample: OtherSample, server: Server, place: Path) -> None:
    """What MySQL Router says to a client, before and after it has a server."""
    install("python")
    # Its server asks for the password once; then it is known.
    done = pass_through(RE_ENCRYPTED, server, place, [driver(sample.driver, sample.case)])
    (told,) = done.told
    found = read(done.capture, done.keylogs, [server.port, done.made.port])
    (leg,) = [each for each in found if each["server"]["port"] == done.made.port]
    log = done.log[told.result["connection_id"]]
    said = {**truth(told, log, done.plugin), "connection_id": 0, "greeting": {"flavor": "mysql"}, "tls": None}
    told_by_router = ("_client_ip", "_client_port")
    stored = said["login"]["attributes"]
    said["login"] = {"attributes": {key: value for key, value in stored.items() if key not in told_by_router}}
    keep(sample, done.capture, leg["stream"], said)


def from_group(sample: OtherSample, place: Path) -> None:
    """A member's connection to another, the first that is handed over."""
    capture = place / "group.pcap"
    with (
        pair(sample.place, semi_sync=False) as two,
        tcpdump(capture, None, two.source.port, two.replica.port, cannot=NoCapture, lossy=Lossy),
    ):
        two.group([])
        two.leave_group()
    handed = [each for each in read(capture) if HANDED_OVER in each["commands"]]
    lasting = [each for each in handed if GROUP_REPLICATION in {finding["code"] for finding in each["findings"]}]
    shortest = min(lasting, key=lambda each: int(each["end_time_ns"]) - int(each["start_time_ns"]))
    said = {"user": "repl", "outcome": "accepted", "error": None, "tls": None, "commands": {HANDED_OVER: 1}}
    keep(sample, capture, shortest["stream"], said)


def from_pages(sample: OtherSample, server: Server, place: Path) -> None:
    """The connection in which a statement that was typed is run."""
    capture = place / "pages.pcap"
    if reason := phpmyadmin.missing():
        raise InstallError(reason)
    with own_account(server, account("app")) as who:
        with (
            phpmyadmin.serving(place / "pages", server) as address,
            tcpdump(capture, server.quiet_host, server.port, cannot=NoCapture, lossy=Lossy),
        ):
            phpmyadmin.visit(address, who)
        typed = [
            stream
            for stream, rows in listed(capture, server.keylog).items()
            if any(phpmyadmin.TYPED in (row["statement"] or "") for row in rows)
        ]
        said = {"user": who.name, "database": None, "outcome": "accepted", "error": None, "tls": None}
        keep(sample, capture, typed[0], said)


def from_check(sample: OtherSample, server: Server, place: Path) -> None:
    """One health check."""
    box = next(each for each in CHECKS if each.name == sample.place)
    capture = place / "checks.pcap"
    with (
        own_account(server, replace(account("nopw"), name="haproxy")) as who,
        box_running(box, server, who.name) as made,
        tcpdump(capture, made.host, server.port, cannot=NoCapture, lossy=Lossy),
    ):
        time.sleep(2)
    found = [each for each in read(capture, ports=[server.port]) if each["client"]["address"] == SOURCE]
    said = {"user": who.name, "database": None, "outcome": "accepted", "error": None, "tls": None}
    keep(sample, capture, found[1]["stream"], said)


def from_clone(sample: OtherSample, place: Path) -> None:
    """A recipient asks for a copy, and goes as soon as it finds no place for it."""
    capture = place / "clone.pcap"
    with (
        pair(sample.place, semi_sync=False) as two,
        tcpdump(capture, two.source.quiet_host, two.source.port, cannot=NoCapture, lossy=Lossy),
        suppress(ServerError),
    ):
        # No server may write there.
        two.clone(Path("/nowhere/copy"))
    found = read(capture)
    commands = {"clone": 1, "reset_connection": 1, "quit": 1}
    said = {"user": "admin", "outcome": "accepted", "error": None, "tls": None, "commands": commands}
    keep(sample, capture, found[0]["stream"], said)


def main() -> int:
    """Those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix.make_samples", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="names of captures; all without")
    wanted = parser.parse_args().files
    servers = {server.name: server for server in running_servers()}
    failed = 0
    for sample in OTHER_SAMPLES:
        if wanted and sample.file not in wanted:
            continue
        try:
            check_tools()
            with tempfile.TemporaryDirectory() as work:
                if sample.kind == "other":
                    from_other(sample, Path(work))
                elif sample.kind in ("clone", "group"):
                    (from_clone if sample.kind == "clone" else from_group)(sample, Path(work))
                elif sample.kind == "old":
                    from_old(sample, Path(work))
                else:
                    of_server = {"box": from_box, "router": from_router, "pages": from_pages, "check": from_check}
                    of_server[sample.kind](sample, servers[sample.server], Path(work))
        except (Unfit, InstallError, SetupError, Unusable, NoCapture, Lossy) as problem:
            failed += 1
            print(f"{sample.file}: {problem}", file=sys.stderr)
        else:
            print(f"{sample.file}: {(SAMPLES / sample.file).stat().st_size}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
