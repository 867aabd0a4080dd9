"""Against real servers: every account and plugin, TLS and none, compression, refusals, faults.

Each session is recorded; the recording, analysed, has to say what the client knows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pytest

from analyzer.analysis.connection.truth import compare
from analyzer.errors import ServerError
from live_client import LeftOnPurpose, Session, TlsFailed
from live_client.faults import FAULTS
from tests.corpus import tool
from tests.live_client.analysed import analyse, plain
from tests.live_client.on_servers import options, run, server
from tests.servers.accounts import ACCOUNTS, EVERY, Account, account
from tests.servers.capturing import tcpdump
from tests.servers.own import own_account, proxy_headers_from

pytestmark = pytest.mark.server

TLS: Final = ("none", "TLSv1.2", "TLSv1.3")

# (account, plugin that has to be the last) of each plugin.
PLUGINS: Final[dict[str, str]] = {
    "sha2": "caching_sha2_password",
    "sha256": "sha256_password",
    "native": "mysql_native_password",
    "oldpw": "mysql_old_password",
    "ed": "client_ed25519",
    "multi": "client_ed25519",
    "second": "mysql_native_password",
    "pamu": "dialog",
    "parsec": "parsec",
}
# The error that keeps an account out, by flavor; with TLS the first two states let it in.
LOCKED: Final = {"mysql": 3118, "mariadb": 4151}


def agrees(path: Path, session: Session) -> dict[str, Any]:
    """The analyzer's view of the recording, which has to be the client's."""
    (connection,) = analyse(path)
    differences = compare(connection, plain(session.truth()))
    assert differences == []
    return connection


def expected_error(who: Account, flavor: str, tls: str) -> int | None:
    """The error that this account's state leads to."""
    if who.state == "locked":
        return LOCKED[flavor]
    if who.state == "expired":
        return 1862 if flavor == "mysql" else 1820
    if who.state == "require x509" or (who.state == "require ssl" and tls == "none"):
        return 1045
    return None


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize(
    ("where", "who"),
    [pytest.param(name, each, id=f"{name}-{each.name}") for each in ACCOUNTS for name in each.servers],
)
def test_every_account(where: str, who: Account, tls: str, tmp_path: Path) -> None:
    target = server(where)
    path = tmp_path / "session.pcapng"
    # Others hold that one connection, too.
    mine = own_account(target, who) if who.state == "one connection" else nullcontext(who)
    with mine as user:
        session, failed = run(path, options(target, user, tls=tls), lambda each: each.query("SELECT 1"))
    if who.name == "longpw" and target.flavor == "mysql" and tls == "none" and session.known.path == "full":
        # RSA can not hold it: the client has to give up.
        assert "holds passwords of up to" in str(failed)
    else:
        code = failed.code if isinstance(failed, ServerError) else failed
        assert code == expected_error(who, target.flavor, tls)
    if who.name in PLUGINS:
        assert session.known.plugin == PLUGINS[who.name]
    connection = agrees(path, session)
    assert connection["outcome"] in (session.known.outcome, "encrypted")


@pytest.mark.parametrize(("tls", "protection"), [("TLSv1.2", "tls"), ("none", "rsa")])
@pytest.mark.parametrize("who", ["app", "longpw", "nonascii"])
def test_caching_sha2_goes_every_way(who: str, tls: str, protection: str, tmp_path: Path) -> None:
    if who == "longpw" and tls == "none":
        pytest.skip("RSA can not hold the long password")
    target = server("mysql97")
    ways: list[tuple[str, str | None]] = []
    # A new account is in no cache; after its first login it is.
    with own_account(target, account(who)) as one:
        for number in (1, 2):
            file = tmp_path / f"{number}.pcapng"
            session, failed = run(file, options(target, one, tls=tls))
            assert failed is None
            ways.append((session.known.path, session.known.protection))
            agrees(file, session)
    assert ways == [("full", protection), ("fast", "scramble")]


@pytest.mark.parametrize("tls", TLS[:2])
@pytest.mark.parametrize(
    ("where", "algorithm"), [("mysql97", "zlib"), ("mysql97", "zstd"), ("mariadb118", "zlib"), ("mariadb1011", "zlib")]
)
def test_compression(where: str, algorithm: str, tls: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    work: Callable[[Session], object] = lambda each: each.query(f"SELECT '{'x' * 5000}'")  # noqa: E731
    session, failed = run(path, options(server(where), account("app"), tls=tls, compression=algorithm), work)
    assert failed is None
    assert session.known.compression == algorithm
    agrees(path, session)


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("where", EVERY)
@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({"passwords": (b"wrong",)}, 1045),
        ({"passwords": (b"",)}, 1045),
        ({"user": "nobody_here"}, 1045),
        ({"database": "no_such_db"}, 1044),
    ],
    ids=["wrong password", "no password", "no such user", "no right to the database"],
)
def test_refusals(where: str, choices: dict[str, Any], code: int, tls: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    session, failed = run(path, options(server(where), account("app"), tls=tls, **choices))
    assert isinstance(failed, ServerError)
    assert failed.code == code
    agrees(path, session)


@pytest.mark.parametrize("where", EVERY)
def test_unknown_database(where: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    session, failed = run(path, options(server(where), account("admin"), database="no_such_db"))
    assert isinstance(failed, ServerError)
    assert failed.code == 1049
    assert agrees(path, session)["error"]["code"] == 1049


@pytest.mark.parametrize("where", EVERY)
def test_statements(where: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"

    def work(session: Session) -> None:
        people, two = session.query("SELECT id, name, note FROM people ORDER BY id; SELECT 2")
        assert people.columns == ["id", "name", "note"]
        assert people.rows[0] == ("1", "Ada", None)
        assert people.rows[3] == ("4", "Barbara", "naïve – 日本語")
        assert two.rows == [("2",)]
        first, count, end = session.query("CALL two_sets()")
        assert (len(first.rows), count.rows, end.columns) == (4, [("4",)], [])
        text, binary = session.query("SELECT * FROM all_types")[0], session.prepare("SELECT * FROM all_types")[0]
        assert len(binary.rows) == 3
        different = {
            name
            for one, other in zip(text.rows, binary.rows, strict=True)
            for name, a, b in zip(text.columns, one, other, strict=True)
            if a != b
        }
        # The text protocol has its own way to write floating point numbers.
        assert different <= {"c_float", "c_double"}
        assert session.query("DO 1")[0].affected_rows == 0
        with pytest.raises(ServerError, match="1064"):
            session.query("SELEC 1")
        with pytest.raises(ServerError, match="1054"):
            session.prepare("SELECT missing FROM people")
        assert session.prepare("SELECT ?") == []
        session.use("labdb")
        session.reset()
        session.change_user("admin", account("admin").password.encode(), "labdb")
        assert session.query("SELECT CURRENT_USER()")[0].rows == [("admin@%",)]
        session.ping()

    session, failed = run(path, options(server(where), account("app")), work)
    assert failed is None
    agrees(path, session)


@pytest.mark.parametrize("where", EVERY)
@pytest.mark.parametrize(
    "capabilities",
    [
        (("DEPRECATE_EOF", False), ("SESSION_TRACK", False), ("QUERY_ATTRIBUTES", False)),
        (("LONG_PASSWORD", False), ("PROGRESS", True), ("EXTENDED_METADATA", True), ("CACHE_METADATA", True)),
        (("OPTIONAL_RESULTSET_METADATA", True), ("FOUND_ROWS", True)),
        (("PLUGIN_AUTH_LENENC_CLIENT_DATA", False), ("CONNECT_ATTRS", False)),
    ],
)
def test_capabilities_change_what_comes(where: str, capabilities: tuple[tuple[str, bool], ...], tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"

    def work(session: Session) -> None:
        for _ in range(2):
            assert session.query("SELECT id FROM people ORDER BY id LIMIT 2")[0].rows == [("1",), ("2",)]
            assert session.prepare("SELECT id FROM people ORDER BY id LIMIT 2")[0].rows == [("1",), ("2",)]

    session, failed = run(path, options(server(where), account("app"), capabilities=capabilities), work)
    assert failed is None
    agrees(path, session)


@pytest.mark.parametrize("where", EVERY)
def test_attributes_that_the_server_cuts(where: str, tmp_path: Path) -> None:
    seen = []
    for size in (0, 600):
        chosen = options(server(where), account("admin"), attributes=(("program_name", "shop"),), attributes_size=size)
        session, failed = run(
            tmp_path / "session.pcapng", chosen, lambda each: seen.append(each.stored_attributes().verdict)
        )
        assert failed is None
        agrees(tmp_path / "session.pcapng", session)
    assert "has stored all 6 attributes" in seen[0]
    assert "has cut the attributes (600 bytes sent; it keeps 512 bytes): lost or cut are filling" in seen[1]


@pytest.mark.parametrize("where", EVERY)
def test_certificates(where: str, tmp_path: Path) -> None:
    target = server(where)
    path = tmp_path / "session.pcapng"
    mine: dict[str, Any] = {"ssl_cert": target.client_certificate, "ssl_key": target.client_key, "ssl_ca": target.ca}
    session, failed = run(path, options(target, account("reqx509"), tls="TLSv1.2", **mine))
    assert failed is None
    agrees(path, session)
    session, failed = run(path, options(target, account("app"), tls="TLSv1.2", ssl_mode="verify-ca", ssl_ca=target.ca))
    assert failed is None
    session, failed = run(path, options(target, account("app"), tls="TLSv1.2", ssl_mode="verify-ca"))
    assert isinstance(failed, TlsFailed)
    agrees(path, session)


@pytest.mark.parametrize("where", EVERY)
def test_a_version_the_server_has_given_up(where: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    session, failed = run(path, options(server(where), account("app"), tls="TLSv1.1"))
    assert isinstance(failed, TlsFailed)
    assert "protocol version" in str(failed)
    assert session.known.outcome in ("aborted", "rejected")


@pytest.mark.parametrize("where", EVERY)
def test_default_auth_leads_to_a_switch(where: str, tmp_path: Path) -> None:
    target = server(where)
    other = "mysql_native_password" if target.flavor == "mysql" else "caching_sha2_password"
    path = tmp_path / "session.pcapng"
    session, failed = run(path, options(target, account("app"), default_auth=other))
    assert failed is None
    assert [before for before, _ in session.known.switches] == [other]
    agrees(path, session)


@pytest.mark.parametrize("where", ["mariadb118", "mariadb1011"])
def test_protocol_320(where: str, tmp_path: Path) -> None:
    path = tmp_path / "session.pcapng"
    chosen = options(server(where), account("oldpw"), protocol=320)

    def work(session: Session) -> None:
        assert session.query("SELECT id FROM people ORDER BY id LIMIT 1")[0].rows == [("1",)]

    session, failed = run(path, chosen, work)
    assert failed is None
    agrees(path, session)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_proxy_header(version: str, tmp_path: Path) -> None:
    target = server("mariadb118")
    path = tmp_path / "session.pcapng"
    with proxy_headers_from(target, "127.0.0.1"):
        session, failed = run(path, options(target, account("app"), proxy_header=version))
    assert failed is None
    assert agrees(path, session)["proxy"]["version"] == int(version[1])


@pytest.mark.parametrize("where", EVERY)
def test_ipv6_and_unix_sockets(where: str, tmp_path: Path) -> None:
    target = server(where)
    path = tmp_path / "session.pcapng"
    if target.has_ipv6:
        session, failed = run(path, options(target, account("app"), host="::1"))
        assert failed is None
        assert agrees(path, session)["client"]["address"] == "::1"
    session, failed = run(path, options(target, account("app"), socket=target.socket))
    assert failed is None
    agrees(path, session)


@pytest.mark.parametrize("where", ["mysql97", "mariadb118"])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_faults_are_seen_as_such(where: str, name: str, tmp_path: Path) -> None:
    target = server(where)
    who = account("app")
    if name == "drop-after-switch":
        who = account("sha256" if target.flavor == "mysql" else "ed")
    if name == "drop-after-full-auth-request" and target.flavor != "mysql":
        pytest.skip("only caching_sha2_password asks for the password itself")
    path = tmp_path / "session.pcapng"
    # It asks for the password itself where it has never seen the account.
    mine = own_account(target, who) if name == "drop-after-full-auth-request" else nullcontext(who)
    with mine as user:
        session, failed = run(path, options(target, user, fault=name, timeout=3))
    assert session.fault_struck, failed
    if FAULTS[name].leave is not None:
        assert isinstance(failed, LeftOnPurpose)
    agrees(path, session)


class CannotCapture(RuntimeError):
    """tcpdump may not, or has lost something."""


# What is the same in two captures of one connection: all but frame numbers, times and what only the network shows.
SAME: Final = ("client", "server", "outcome", "phase_reached", "compression", "commands", "driver", "fingerprint")


@pytest.mark.tool
@pytest.mark.parametrize("tls", TLS[:2])
@pytest.mark.parametrize("where", EVERY)
def test_the_recording_is_what_tcpdump_sees(where: str, tls: str, tmp_path: Path) -> None:
    target = server(where)
    mine, theirs = tmp_path / "mine.pcapng", tmp_path / "theirs.pcap"
    tool("tcpdump")
    # Where little other traffic is.
    chosen = options(target, account("app"), host=target.quiet_host, tls=tls, attributes_size=5000)
    try:
        with tcpdump(theirs, target.quiet_host, target.port, cannot=CannotCapture, lossy=CannotCapture):
            session, failed = run(mine, chosen)
    except CannotCapture as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    assert failed is None
    recorded = agrees(mine, session)
    # Others may use the server at the same time.
    (captured,) = [each for each in analyse(theirs) if each["client"] == recorded["client"]]
    if captured["outcome"] == recorded["outcome"] or tls == "none":
        assert compare(captured, plain(session.truth())) == []
        assert {key: captured[key] for key in SAME} == {key: recorded[key] for key in SAME}
    for key in ("bytes_from_client", "bytes_from_server"):
        assert captured["tcp"][key] == recorded["tcp"][key]
