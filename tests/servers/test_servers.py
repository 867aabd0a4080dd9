"""The real servers answer, have their accounts, and log the secrets of their TLS sessions."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.servers import Server, engines, processes, read_state, require_servers, running_servers
from tests.servers.accounts import account, accounts_on
from tests.servers.capturing import half_closed
from tests.servers.certificates import ECDSA, RSA, make_certificates
from tests.servers.packages import Prefix, SetupError, Source, debian_source
from tests.servers.second import ECDSA_OFFSET, ecdsa_engines, require_ecdsa_servers
from tests.wire.files import pcap
from tests.wire.frames import ACK, FIN, RST
from tests.wire.script import ACCEPTED, Say, Step, conversation, in_time_order

NAMES = [each.name for each in engines.ENGINES]


@pytest.fixture(params=NAMES)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the servers."""
    return require_servers(request.param)[0]


def run_client(server: Server, user: str, statement: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one statement with the release's own command line client."""
    words = [*server.client, f"--host={server.host}", f"--port={server.port}", f"--user={user}"]
    words += [f"--password={account(user).password}", "--default-character-set=utf8mb4", *options]
    words += ["--batch", "--skip-column-names", f"--execute={statement}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)


def over_tls(server: Server) -> str:
    """The option that makes the client insist on TLS."""
    return "--ssl-mode=REQUIRED" if server.flavor == "mysql" else f"--ssl-ca={server.ca}"


def without_tls(server: Server) -> list[str]:
    """The options for a plain-text connection."""
    return ["--ssl-mode=DISABLED", "--get-server-public-key"] if server.flavor == "mysql" else ["--skip-ssl"]


@pytest.mark.server
def test_greeting(server: Server) -> None:
    for host in (server.host, server.quiet_host, *(["::1"] if server.has_ipv6 else [])):
        with socket.create_connection((host, server.port), timeout=5) as connection:
            packet = connection.recv(4096)
        assert int.from_bytes(packet[:3], "little") == len(packet) - 4
        assert packet[3:5] == b"\x00\x0a"
        assert packet[5:].split(b"\0")[0].decode().removeprefix("5.5.5-") == server.version


@pytest.mark.server
def test_accounts_and_tables_exist(server: Server) -> None:
    statement = "SELECT user, plugin FROM mysql.user; SELECT COUNT(*) FROM labdb.people"
    done = run_client(server, "admin", statement, over_tls(server))
    assert done.returncode == 0, done.stderr
    *rows, people = done.stdout.splitlines()
    plugins = dict(row.split("\t") for row in rows)
    assert people == "4"
    for each in accounts_on(server.name):
        assert each.name in plugins
        # mysql.user of MariaDB shows the first of several plugins.
        assert not each.plugins or plugins[each.name] == each.plugins[-1]


@pytest.mark.server
@pytest.mark.parametrize("user", sorted({each.name for name in NAMES for each in accounts_on(name)}))
def test_login(server: Server, user: str) -> None:
    each = account(user)
    if each not in accounts_on(server.name):
        pytest.skip(f"{server.name} has no account {user}")
    if user == "oldpw" and server.name == "mariadb118":
        pytest.skip("the 11.8 client refuses mysql_old_password")
    options = [over_tls(server)]
    if each.state == "require x509":
        options += [f"--ssl-cert={server.client_certificate}", f"--ssl-key={server.client_key}"]
    done = run_client(server, user, "SELECT 1", *options)
    if each.state in ("expired", "locked"):
        assert done.returncode != 0
    else:
        assert done.stdout == "1\n", done.stderr


@pytest.mark.server
@pytest.mark.parametrize("user", ["reqssl", "reqx509"])
def test_plain_login_refused(server: Server, user: str) -> None:
    done = run_client(server, user, "SELECT 1", *without_tls(server))
    assert "1045" in done.stderr


@pytest.mark.server
def test_tls_secrets_are_logged(server: Server) -> None:
    before = server.keylog.stat().st_size
    assert run_client(server, "app", "SELECT 1", over_tls(server)).returncode == 0
    with server.keylog.open("rb") as log:
        log.seek(before)
        labels = {line.split()[0] for line in log}
    assert b"SERVER_TRAFFIC_SECRET_0" in labels


@pytest.mark.server
def test_general_log_is_a_table(server: Server) -> None:
    mark = f"SELECT 'mark-{os.getpid()}'"
    assert run_client(server, "app", mark, over_tls(server)).returncode == 0
    statement = f'SELECT COUNT(*) FROM mysql.general_log WHERE argument = "{mark}"'
    assert run_client(server, "admin", statement, over_tls(server)).stdout.strip() != "0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "sources.list.d/debian.sources",
            "# made by hand\nTypes: deb deb-src\nURIs: http://host.example/debian\nSuites: stable\n"
            "Components: main\nSigned-By: /keys/debian.gpg\n\nTypes: deb\nURIs: http://host.example/debian-security\n"
            "Suites: stable-security\nComponents: main\n",
        ),
        (
            "sources.list",
            "# deb http://other.example/debian stable main\n"
            "deb http://host.example/debian-security stable-security main\n"
            "deb [arch=amd64 signed-by=/keys/debian.gpg] http://host.example/debian stable main contrib\n",
        ),
    ],
)
def test_debian_source(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert debian_source(tmp_path) == Source("http://host.example/debian", "/keys/debian.gpg")


def test_no_debian_source(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no Debian package source"):
        debian_source(tmp_path)


@pytest.mark.parametrize(("kind", "key"), [(RSA, rsa.RSAPublicKey), (ECDSA, ec.EllipticCurvePublicKey)])
def test_certificates(kind: str, key: type, tmp_path: Path) -> None:
    make_certificates(tmp_path, kind)
    ca, server, client = (
        x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes())
        for name in ("ca", "server-cert", "client-cert")
    )
    for each in (ca, server, client):
        assert isinstance(each.public_key(), key)
        each.verify_directly_issued_by(ca)


def test_a_server_with_ecdsa_certificate_is_apart(tmp_path: Path) -> None:
    """Its own port, directory and certificates; everything else as usual."""
    for usual, other in zip(engines.ENGINES, ecdsa_engines(NAMES), strict=True):
        assert (other.name, other.port({}) - usual.port({})) == (usual.name, ECDSA_OFFSET)
        prefix = Prefix(tmp_path)
        one, two = (set(engines.configuration(each, prefix, tmp_path).splitlines()) for each in (usual, other))
        assert {line.partition("=")[0] for line in one ^ two} == {"port", "ssl_ca", "ssl_cert", "ssl_key"}
        assert f"ssl_cert={tmp_path}/certificates/server-cert.pem" in two


@pytest.mark.server
def test_ecdsa_servers_are_started_on_demand() -> None:
    for each in require_ecdsa_servers(*NAMES):
        assert each.is_alive()
        certificate = x509.load_pem_x509_certificate(each.server_certificate.read_bytes())
        assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
        assert run_client(each, "app", "SELECT 1", over_tls(each)).stdout == "1\n"


def test_port_from_environment() -> None:
    each = engines.engine("mysql97")
    assert each.port({}) == 33097
    assert each.port({"HANDSHARK_PORT_MYSQL97": "4000"}) == 4000
    with pytest.raises(SetupError, match="HANDSHARK_PORT_MYSQL97=x"):
        each.port({"HANDSHARK_PORT_MYSQL97": "x"})


def test_nothing_runs_in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDSHARK_SERVERS_DIR", str(tmp_path))
    assert running_servers() == []
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not running: any server"):
        require_servers()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not running: any server"):
        require_servers()


def test_damaged_state_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[{", encoding="utf-8")
    assert read_state(tmp_path) == []


@pytest.mark.parametrize(
    ("ending", "over"),
    [
        ([], True),
        ([Say("c", flags=FIN)], False),
        ([Say("s", flags=FIN)], True),
        ([Say("c", flags=FIN), Say("s", flags=ACK)], False),
        ([Say("c", flags=FIN), Say("s", flags=FIN), Say("c", flags=ACK)], True),
        ([Say("c", flags=FIN), Say("s", flags=RST)], True),
        ([Say("c", flags=RST)], True),
    ],
)
@pytest.mark.parametrize(("client", "server"), [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")])
def test_who_has_not_ended_yet(ending: list[Step], over: bool, client: str, server: str) -> None:
    """A capture is over when the servers have ended what their clients have ended."""
    other = conversation(
        [*ACCEPTED, Say("c", flags=FIN), Say("s", flags=FIN)], client=(client, 1), server=(server, 3306)
    )
    mine = conversation([*ACCEPTED, *ending], client=(client, 2), server=(server, 3306))
    capture = pcap(in_time_order(other, mine))
    assert {pair[0][1] for pair in half_closed(capture, (3306,))} == (set() if over else {2})
    # Cut anywhere, as it is while it is written: no error.
    for length in range(24, len(capture), 97):
        half_closed(capture[:length], (3306,))


def test_a_process_that_has_ended_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    answers = iter([[process.pid], [process.pid], []])
    monkeypatch.setattr(processes, "started_with", lambda config: next(answers))
    assert processes.stop_processes(tmp_path / "my.cnf")
