"""Make, start, find and stop the servers."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.servers import LONGEST_DIRECTORY, Server, reachable, read_state
from tests.servers.accounts import ADMIN, setup_sql
from tests.servers.addresses import HOST, QUIET_HOST
from tests.servers.certificates import RSA, make_certificates
from tests.servers.engines import (
    ENGINES,
    Engine,
    bootstrap_sql,
    certificates_dir,
    client_words,
    configuration,
    has_ipv6,
    write_pam_service,
)
from tests.servers.packages import Prefix, SetupError, unpack
from tests.servers.processes import Owner, greeting, preload_library, stop_processes, unprivileged, wait_until

START_SECONDS = 90.0


class Instance:
    """One server's files and process."""

    def __init__(self, engine: Engine, base: Path) -> None:
        self.engine = engine
        self.base = base
        self.directory = base / engine.name
        self.data = self.directory / "data"
        self.certificates = certificates_dir(engine, self.directory)
        self.config = self.directory / "my.cnf"
        self.keylog = self.directory / "keylog.txt"
        self.ready = self.directory / "ready"

    def up(self, preload: Sequence[Path]) -> Server:
        """The running server: unpacked, initialised and started as far as that is still to be done."""
        # Left by an `up` that was killed before it could write down what it had started.
        stop_processes(self.config)
        port = self.engine.port()
        if greeting(port) is not None:
            raise SetupError(f"port {port} is taken by another server: stop it, or set {self.engine.port_variable}")
        packages = self.base / "packages" / self.engine.name
        packages.mkdir(parents=True, exist_ok=True)
        prefix = unpack(packages, self.engine.suite, self.engine.packages, self.engine.extra_packages)
        owner = unprivileged()
        for path in (self.directory, self.directory / "tmp"):
            path.mkdir(exist_ok=True)
            owner.give(path)
        self.config.write_text(configuration(self.engine, prefix, self.directory), encoding="utf-8")
        if self.engine.flavor == "mariadb":
            write_pam_service(prefix, self.directory)
        # Other accounts, tables or options than the data directory was made with: it is made anew.
        setup = setup_sql(self.engine.name, self.engine.flavor)
        fingerprint = hashlib.sha256((setup + self.config.read_text(encoding="utf-8")).encode()).hexdigest()
        if self.ready.exists() and self.ready.read_text(encoding="utf-8") == fingerprint:
            try:
                return self._start(prefix, preload, owner)
            except SetupError as problem:
                print(f"{problem}\n{self.engine.name}: making the data directory anew")
        self._initialise(prefix, owner)
        server = self._start(prefix, preload, owner)
        words = [*server.client, f"--socket={server.socket}", "--user=root", "--default-character-set=utf8mb4"]
        done = subprocess.run(words, input=setup.encode(), capture_output=True, check=False)
        if done.returncode:
            stop_processes(self.config)
            raise SetupError(f"{self.engine.name}: making the accounts failed:\n{done.stderr.decode()}")
        self.ready.write_text(fingerprint, encoding="utf-8")
        # A server without accounts sends an error, and no version, in place of its greeting.
        return dataclasses.replace(server, version=greeting(port) or "")

    def _initialise(self, prefix: Prefix, owner: Owner) -> None:
        self.ready.unlink(missing_ok=True)
        (self.directory / "error.log").unlink(missing_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o750)
        owner.give(self.data)
        if self.engine.flavor == "mariadb" or self.engine.certificate != RSA:
            self.certificates.mkdir(mode=0o750, exist_ok=True)
            make_certificates(self.certificates, self.engine.certificate)
            for path in (self.certificates, *self.certificates.iterdir()):
                owner.give(path)
        words = [*prefix.command(self.engine.program), f"--defaults-file={self.config}"]
        given = b""
        if self.engine.flavor == "mysql":
            words.append("--initialize-insecure")
        else:
            words.append("--bootstrap")
            given = bootstrap_sql(self.engine, prefix).encode()
        process = owner.start(words, {}, self.directory / "output.log")
        process.communicate(given)
        if process.returncode:
            raise SetupError(f"{self.engine.name}: making the data directory failed:\n{self._log_tail()}")

    def _start(self, prefix: Prefix, preload: Sequence[Path], owner: Owner) -> Server:
        self.keylog.write_bytes(b"")
        owner.give(self.keylog)
        words = [*prefix.command(self.engine.program, preload), f"--defaults-file={self.config}"]
        # Not in my.cnf: the tables that are logged to do not exist while the data directory is made.
        words += ["--log-output=TABLE", "--general-log=ON"]
        extra = {"HANDSHARK_KEYLOG": str(self.keylog), "HANDSHARK_PAM_DIR": str(self.directory / "pam.d")}
        process = owner.start(words, extra, self.directory / "output.log")
        assert process.stdin
        process.stdin.close()
        port = self.engine.port()
        wait_until(lambda: process.poll() is not None or greeting(port) is not None, START_SECONDS)
        if process.poll() is not None or greeting(port) is None:
            process.kill()
            process.wait()
            raise SetupError(f"{self.engine.name} did not start (port {port}):\n{self._log_tail()}")
        return Server(
            name=self.engine.name,
            flavor=self.engine.flavor,
            version=greeting(port) or "",
            host=HOST,
            port=port,
            quiet_host=QUIET_HOST,
            has_ipv6=has_ipv6(),
            socket=self.directory / "server.sock",
            pid=process.pid,
            config=self.config,
            admin_user=ADMIN.name,
            admin_password=ADMIN.password,
            keylog=self.keylog,
            error_log=self.directory / "error.log",
            ca=self.certificates / "ca.pem",
            client_certificate=self.certificates / "client-cert.pem",
            client_key=self.certificates / "client-key.pem",
            client=client_words(self.engine, prefix),
        )

    def _log_tail(self) -> str:
        lines: list[str] = []
        for path in (self.directory / "output.log", self.directory / "error.log"):
            if path.exists():
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        return "\n".join(lines) or "(it wrote no log)"


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    """Only one `up` or `down` at a time: two would start the same server twice."""
    with (base / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write_state(base: Path, servers: Sequence[Server]) -> None:
    fresh = base / "state.json.new"
    text = msgspec.json.encode([dataclasses.asdict(server) for server in servers], enc_hook=str)
    fresh.write_bytes(msgspec.json.format(text) + b"\n")
    fresh.rename(base / "state.json")


def _prepare(base: Path) -> None:
    if len(str(base)) > LONGEST_DIRECTORY:
        raise SetupError(f"{base} is too long for a socket's path: set HANDSHARK_SERVERS_DIR to a shorter one")
    if os.geteuid() == 0 and not reachable(base):
        raise SetupError(
            f"{base} can not be entered by the unprivileged user that the servers run as: "
            "set HANDSHARK_SERVERS_DIR to a directory below /var/tmp, say"
        )
    base.mkdir(parents=True, exist_ok=True)
    if base.stat().st_uid != os.geteuid():
        raise SetupError(f"{base} belongs to another user: set HANDSHARK_SERVERS_DIR to a directory of your own")


def up(base: Path, engines: Sequence[Engine]) -> tuple[list[Server], list[str]]:
    """Bring up `engines`, all at once; returns every running server, and what went wrong."""
    _prepare(base)
    problems: list[str] = []
    with _locked(base), ThreadPoolExecutor(max_workers=len(engines)) as pool:
        running = read_state(base)
        names = {server.name for server in running}
        preload = [preload_library(base, name) for name in ("keylog", "pamdir")]
        started = [pool.submit(Instance(each, base).up, preload) for each in engines if each.name not in names]
        for future in started:
            try:
                running.append(future.result())
            except (SetupError, OSError) as problem:
                problems.append(str(problem))
        _write_state(base, sorted(running, key=lambda server: server.name))
    return running, problems


def down(base: Path) -> list[str]:
    """Stop all servers of `base`; returns the names of those that ran. Packages and data stay."""
    if not base.is_dir():
        return []
    with _locked(base), ThreadPoolExecutor(max_workers=len(ENGINES)) as pool:
        stopped = pool.map(lambda each: stop_processes(Instance(each, base).config), ENGINES)
        names = [each.name for each, ran in zip(ENGINES, stopped, strict=True) if ran]
        _write_state(base, [])
    return names
