"""Make the captures of samples/ anew: `python -m tests.servers.make_samples [FILE...]`, as root (tcpdump captures).

Most are the raw client's (`sample_sessions.py`), a few are of other clients (`sample_cases.py`). Some of the first and
all of the second need tcpdump; recordings of the raw client can be made, by name, without any privilege.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import zstandard

from analyzer import __version__
from analyzer.errors import AnalyzerError
from tests.drivers.samples import driver_rows
from tests.matrix.other_samples import other_rows
from tests.servers import REPOSITORY, Server, running_servers, servers_dir
from tests.servers.accounts import ADMIN
from tests.servers.capturing import tcpdump
from tests.servers.engines import ENGINES, engine
from tests.servers.lifecycle import down, up
from tests.servers.packages import SetupError
from tests.servers.sample_cases import CASES, Case
from tests.servers.sample_recording import Unfit, known, shown_command, take
from tests.servers.sample_sessions import SESSIONS, SampleSession
from tests.servers.second import ecdsa_servers, share_packages

SAMPLES = REPOSITORY / "samples"
CLIENTS = Path(__file__).with_name("sample_clients.py")
# Package and the name under which its version is looked up.
CLIENT_PACKAGES = {"pymysql[rsa]": "PyMySQL", "mysql-connector-python": "mysql-connector-python"}
TOOLS = ("tcpdump", "tshark", "editcap")
ATTEMPTS = 3


def run(words: Sequence[str | Path], check: bool = True) -> str:
    """The standard output of a program."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    if check and done.returncode:
        raise Unfit(f"{words[0]} failed: {done.stderr.strip()[:300]}")
    return done.stdout


def python_clients(base: Path) -> Path:
    """The Python of an environment with the client libraries."""
    home = base / "clients"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        venv.create(home, clear=True, with_pip=True)
        run([python, "-m", "pip", "install", "--quiet", *CLIENT_PACKAGES])
        (home / "ready").touch()
    return python


def as_admin(server: Server, statements: str) -> None:
    """Statements of the administrator, through the socket."""
    words = [*server.client, f"--socket={server.socket}", f"--user={ADMIN.name}", f"--password={ADMIN.password}"]
    run([*words, f"--execute={statements}"])


def warm_cache(server: Server) -> None:
    """Log in over TLS, after which the server knows the passwords of app and sha2."""
    for user in ("app", "sha2"):
        words = [*server.client, f"--host={server.host}", f"--port={server.port}", f"--user={user}"]
        run([*words, f"--password={user}-pw", "--ssl-mode=REQUIRED", "--execute=DO 1"])


def capturing(target: Path, host: str, port: int) -> AbstractContextManager[None]:
    """tcpdump on the loopback interface while the body runs."""
    return tcpdump(target, host, port, cannot=SetupError, lossy=Unfit)


def session_keys(capture: Path, server: Server) -> str:
    """The lines of the server's key log that belong to the capture's TLS session, and no other's."""
    words = ["tshark", "-r", str(capture), "-d", f"tcp.port=={server.port},mysql", "-T", "fields"]
    found = run([*words, "-e", "tls.handshake.random", "-Y", "tls.handshake.type == 1"])
    randoms = {line.strip().replace(":", "") for line in found.splitlines()}
    lines = server.keylog.read_text(encoding="ascii").splitlines(keepends=True)
    return "".join(line for line in lines if line.split()[1] in randoms)


def tshark_matches(capture: Path, server: Server, keys: Path | None, display_filter: str) -> int:
    """How many frames match."""
    words = ["tshark", "-r", str(capture), "-d", f"tcp.port=={server.port},mysql"]
    words += ["-o", f"tls.keylog_file:{keys}"] if keys else []
    return len(run([*words, "-Y", display_filter]).splitlines())


@contextmanager
def resolving_server(work: Path) -> Iterator[Server]:
    """MySQL once more, on the next port, for as long as the body runs; this one looks up names."""
    place = share_packages(work / "resolving")
    running, problems = up(place, [replace(engine("mysql97"), port_offset=1, resolve_names=True)])
    try:
        if problems:
            raise Unfit(problems[0])
        yield running[0]
    finally:
        down(place)


class Maker:
    """Takes captures in a working directory and puts the good ones into samples/."""

    def __init__(self, servers: Sequence[Server], python: Path, work: Path) -> None:
        self.servers = {server.name: server for server in servers}
        self.python = python
        self.work = work

    def words(self, case: Case, host: str, port: int) -> list[str]:
        """What is run for a case."""
        if case.program == "client":
            return [str(self.python), str(CLIENTS), *case.options, host, str(port)]
        client = self.servers[case.server].client
        return [*client, f"--host={host}", f"--port={port}", *case.options]

    def take(self, case: Case) -> None:
        """One capture: taken, checked, and put in its place."""
        if case.resolving:
            with resolving_server(self.work) as server:
                self.take_from(case, server)
        else:
            self.take_from(case, self.servers[case.server])

    def take_from(self, case: Case, server: Server) -> None:
        """One capture of a connection to `server`."""
        host = case.host or server.quiet_host
        raw = self.work / "raw.pcap"
        if case.warm:
            warm_cache(server)
        if case.before:
            as_admin(server, case.before)
        try:
            with capturing(raw, host, server.port):
                words = self.words(case, host, server.port)
                client = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        finally:
            if case.after:
                as_admin(server, case.after)
        if client.returncode != case.exit_code:
            raise Unfit(f"the client ended with {client.returncode}: {client.stderr.strip()[-300:]}")
        keys: Path | None = None
        if case.keys != "none":
            keys = self.work / "session.keys"
            keys.write_text(session_keys(raw, server), encoding="ascii")
        self.check(case, server, raw, keys)
        self.keep(case, raw, keys)

    def check(self, case: Case, server: Server, raw: Path, keys: Path | None) -> None:
        """The capture must hold one whole connection and what the case says."""
        streams = set(run(["tshark", "-r", str(raw), "-T", "fields", "-e", "tcp.stream"]).split())
        if streams != {"0"}:
            raise Unfit(f"{len(streams)} connections in place of one")
        for display_filter in ("tcp.flags.syn == 1", "tcp.flags.fin == 1 || tcp.flags.reset == 1", *case.holds):
            if not tshark_matches(raw, server, keys, display_filter):
                raise Unfit(f"no frame matches {display_filter}")

    def keep(self, case: Case, raw: Path, keys: Path | None) -> None:
        """Convert the capture to the format of its name and put it into samples/."""
        target = SAMPLES / case.file
        stem = case.file.split(".")[0]
        if case.file.endswith(".pcapng"):
            secrets = ["--inject-secrets", f"tls,{keys}"] if keys else []
            run(["editcap", "-F", "pcapng", *secrets, str(raw), str(target)])
        elif case.file.endswith(".zst"):
            target.write_bytes(zstandard.ZstdCompressor(level=19).compress(raw.read_bytes()))
        else:
            shutil.copyfile(raw, target)
        if keys and case.keys == "beside":
            shutil.copyfile(keys, SAMPLES / f"{stem}.keys")


def shown_client(case: Case, server: Server) -> str:
    """The command line as a reader would type it."""
    host = case.host or server.quiet_host
    port = server.port + (1 if case.resolving else 0)
    if case.program == "client":
        return f"python tests/servers/sample_clients.py {' '.join(case.options)} {host} {port}"
    options = [f'"{word}"' if re.search(r"[ ;(]", word) else word for word in case.options]
    return f"{case.program} --host={host} --port={port} {' '.join(options)}"


def client_name(case: Case) -> str:
    """Which client, from the second word of the file's name."""
    words = case.file.split("_")
    return {
        "cli": f"`{case.program}` command line",
        "connector": "mysql-connector-python, pure Python",
        "socket": "Python's socket",
    }.get(words[1] if len(words) > 1 else "", "PyMySQL")


README_HEAD = """# Sample captures

Connections to real servers, one case each, made by `python -m tests.servers.make_samples` (`make samples`), which also
writes this page. `NAME.golden.json` beside a capture is the analysis as it is meant to be (`handshark corpus verify`).
The accounts are those of `tests/servers/accounts.py`: their passwords are test values and may be shown. The servers
listen on ports of their own, so a program that goes by port 3306 must be told.

`SERVER_raw_NAME` is the raw client's (`handshark-client`, `tests/servers/sample_sessions.py`): the conversation as the
client recorded it, frames built from the bytes that were sent and received, TLS keys inside in a decryption secrets
block. Those with `tcpdump` in their name were taken with tcpdump as below. `NAME.truth.json` is what the client knew:
`handshark verify NAME.pcapng NAME.truth.json` compares, and a test does so for all of them. Those with `resumed` in
their name are the second of two connections. Port 33099 is the same MySQL with an ECDSA certificate.

The others are of clients nobody here wrote, named after the client (`cli` is the `mysql` or `mariadb` command line;
`tests/servers/sample_cases.py`), taken on a loopback interface with

    tcpdump --immediate-mode -U -n -i lo -B 65536 -w FILE 'host HOST and tcp port PORT'

and, where the name ends in `.pcapng`, converted with `editcap -F pcapng`. Such a capture is kept only if it holds one
connection from SYN to FIN or RST, tcpdump dropped nothing, the client ended as it should, and TShark finds the frames
that the case names. The last column is what the accounts, the statements and the client's exit code say; only those
frames of it are checked by the program. TLS secrets come from the servers: in a `.keys` file of the same name (NSS key
log), or inside the pcapng. Those that say "fast" follow a login of the same account over TLS, those that say "full" a
`FLUSH PRIVILEGES`. mysql-connector-python's attribute `_source_host` was set to `client-host`; nothing else was
changed. By itself the `mysql` command line of 9.7 sends `select @@version_comment limit 1` and `select $$` first, and
the server answers the latter with 1064. The client of the bulk capture asks for a small receive buffer, so that frames
are not the loopback's 64 KB.

"""


def session_row(case: SampleSession, server: Server) -> str:
    """A line of the page for a capture of the raw client."""
    steps = [f"`{case.before}`"] if case.before else []
    steps += ["logged in over TLS before"] if case.warm and server.flavor == "mysql" else []
    steps += [f"with another connection of {case.hold}"] if case.hold else []
    how = ", ".join([*steps, f"`{shown_command(case, server)}`"])
    return f"| {case.file} | {case.what} | {how} | {known(case, SAMPLES)} |"


def server_of(session: SampleSession, servers: Sequence[Server], ecdsa: Sequence[Server]) -> Server:
    """The server that a session of the raw client goes to."""
    return next(each for each in (ecdsa if session.ecdsa else servers) if each.name == session.server)


def write_readme(servers: Sequence[Server], ecdsa: Sequence[Server], python: Path) -> None:
    """The page that says where every capture comes from."""
    running = {server.name: server for server in servers}
    versions = [f"- {server.name}: {server.flavor} {server.version}" for server in servers]
    for server in servers:
        name = "mysql" if server.flavor == "mysql" else "mariadb"
        found = run([word for word in server.client if not word.startswith(("--no-d", "--pl", "--ch"))] + ["--version"])
        versions.append(f"- command line client `{name}` against {server.name}: {found.split(' ', 1)[1].strip()}")
    for package in CLIENT_PACKAGES.values():
        script = f"import importlib.metadata as m; print(m.version({package!r}))"
        versions.append(f"- {package} {run([python, '-c', script]).strip()} (`sample_clients.py`)")
    versions.append(f"- handshark-client {__version__}, {ssl.OPENSSL_VERSION} (`SERVER_raw_...`)")
    raw = ["| file | what | how | known to be true |", "|---|---|---|---|"]
    raw += [session_row(session, server_of(session, servers, ecdsa)) for session in SESSIONS]
    rows = ["| file | what | server | client | how | known to be true |", "|---|---|---|---|---|---|"]
    for case in CASES:
        before = f"`{case.before}`, then " if case.before else ""
        command = f"{before}`{shown_client(case, running[case.server])}`"
        truth = case.truth + {"none": "", "beside": " (keys beside)", "inside": ""}[case.keys]
        rows.append(f"| {case.file} | {case.what} | {case.server} | {client_name(case)} | {command} | {truth} |")
    tables = [("Versions", versions), ("Captures of the raw client", raw), ("Captures of other clients", rows)]
    tables += [("Captures of drivers", driver_rows()), ("Captures of other servers and of proxies", other_rows())]
    text = README_HEAD + "\n".join(f"## {title}\n" + "\n".join(lines) + "\n" for title, lines in tables)
    (SAMPLES / "README.md").write_text(text, encoding="utf-8")


def attempt(name: str, once: Callable[[], None]) -> bool:
    """Takes a capture, several times if need be; whether it came about."""
    for number in range(1, ATTEMPTS + 1):
        try:
            once()
        except (Unfit, AnalyzerError) as problem:
            print(f"{name}: attempt {number}: {problem}", file=sys.stderr)
        else:
            print(f"{name}: {(SAMPLES / name).stat().st_size} bytes")
            return True
    return False


def main() -> int:
    """Take all captures, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.make_samples", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="names of captures; all without")
    wanted = parser.parse_args().files
    unknown = set(wanted) - {case.file for case in CASES} - {session.file for session in SESSIONS}
    if unknown:
        parser.error(f"no such capture: {', '.join(sorted(unknown))}")
    sessions = [each for each in SESSIONS if not wanted or each.file in wanted]
    cases = [each for each in CASES if not wanted or each.file in wanted]
    servers = running_servers()
    absent = {each.name for each in ENGINES} - {server.name for server in servers}
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        print(f"not running: {sorted(absent)}; start them with `python -m tests.servers up`", file=sys.stderr)
        return 1
    if (cases or any(each.tcpdump for each in sessions)) and (missing or os.geteuid() != 0):
        print(f"needs root and {', '.join(TOOLS)} (missing: {missing or 'none'})", file=sys.stderr)
        return 1
    ecdsa, problems = ecdsa_servers(sorted({each.server for each in SESSIONS if each.ecdsa}))
    if problems:
        print("; ".join(problems), file=sys.stderr)
        return 1
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        # The servers' unprivileged user must get in.
        work.chmod(0o755)
        python = python_clients(servers_dir())
        for session in sessions:
            once = partial(take, session, server_of(session, servers, ecdsa), SAMPLES, work, capturing, run)
            failed += not attempt(session.file, once)
        maker = Maker(servers, python, work)
        for case in cases:
            failed += not attempt(case.file, partial(maker.take, case))
        write_readme(servers, ecdsa, python)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
