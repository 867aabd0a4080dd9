"""Who has no business here: strangers' pages, wrong keys, wrong paths, heads and bodies that never end, bombs."""

from __future__ import annotations

import gzip
import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.serve import app as app_module
from analyzer.serve import bounded, captures, stream, work
from analyzer.serve.bounded import BoundedProtocol
from analyzer.serve.captures import plain_name
from analyzer.serve.guard import HEADERS
from tests.corpus import REPOSITORY
from tests.serve.support import Visitor, numbers, serving, whole

SAMPLES = REPOSITORY / "samples"
WRONG = "mysql97_cli_wrong-password.pcap"
PATHS = ("/", "/captures/1", "/captures/1/events", "/captures/1/connections/0", "/compare?before=1&after=1", "/x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("captures")
    (made / "one.pcap").write_bytes((SAMPLES / WRONG).read_bytes())
    (made.parent / "secret.pcap").write_bytes(b"secret")
    (made / "link.pcap").symlink_to(made.parent / "secret.pcap")
    return made


@pytest.fixture
def visitor(folder: Path) -> Iterator[Visitor]:
    with serving([str(folder)]) as made:
        yield made


def test_without_the_key_nothing_is_shown(visitor: Visitor) -> None:
    cookie, visitor.cookie = visitor.cookie, ""
    token = visitor.url.rpartition("=")[2]
    name, _, value = cookie.partition("=")
    for path in PATHS:
        assert visitor.ask(path).status == 403
        for wrong in (f"{name}=", f"{name}={value[:-1]}", f"{name}={value}x", f"{name}={token}", f"other={value}"):
            assert visitor.ask(path, headers={"Cookie": wrong}).status == 403
        for wrong in ("", "x", token[:-1], token + "x", value, "%ff%00", "%C3%A4"):
            assert visitor.ask(f"{path.partition('?')[0]}?token={wrong}").status == 403
            # A key that is wrong is not made good by a cookie.
            assert visitor.ask(f"/?token={wrong}", headers={"Cookie": cookie}).status == 403
    assert visitor.send(b"x").status == 403


def test_the_key_is_given_for_a_cookie_that_no_script_and_no_other_site_has(visitor: Visitor) -> None:
    answer = visitor.enter()
    _, *attributes = [one.strip().lower() for one in answer.headers["set-cookie"].split(";")]
    assert {"httponly", "samesite=strict", "path=/"} <= set(attributes)
    assert visitor.url.rpartition("=")[2] not in answer.headers["set-cookie"]
    assert visitor.url.rpartition("=")[2] not in answer.text
    # It leads to this server, whatever the path was.
    other = visitor.ask("//evil.example/" + visitor.url.rpartition("/")[2])
    assert 'content="0;url=/"' in other.text


def test_every_answer_says_what_a_browser_may_do_with_it(visitor: Visitor) -> None:
    answers = [visitor.ask(path) for path in PATHS if "events" not in path]
    answers += [
        visitor.ask("/", headers={"Cookie": ""}),
        visitor.ask("/", "PUT"),
        visitor.ask("/", headers={"Host": "x"}),
    ]
    for answer in answers:
        for name, value in HEADERS:
            assert answer.headers[name.decode()] == value.decode()
        rules = answer.headers["content-security-policy"]
        assert "default-src 'none'" in rules
        assert "frame-ancestors 'none'" in rules
        assert "unsafe" not in rules
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "8.8.8.8:{port}",
        "",
        "127.0.0.1:{port}, evil.example",
        "127.0.0.1:{port}@evil.example",
        "[::1",
        "0.0.0.0:{port}",
        "127.0.0.1:{port}x",
    ],
)
def test_a_name_that_is_not_this_servers_gets_nothing(visitor: Visitor, host: str) -> None:
    """DNS rebinding: the browser of a stranger's page sends the stranger's name, and the cookie of that."""
    for path in PATHS:
        assert visitor.ask(path, headers={"Host": host.format(port=visitor.port)}).status in (400, 421)


def test_two_host_headers_are_one_too_many(visitor: Visitor) -> None:
    with visitor.raw() as sock:
        host = f"Host: 127.0.0.1:{visitor.port}\r\n"
        sock.sendall(f"GET / HTTP/1.1\r\n{host}Host: evil\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
        assert b" 400 " in sock.recv(4096).partition(b"\r\n")[0] + b" "


def test_names_of_loopback_are_this_servers(visitor: Visitor) -> None:
    for name in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]", "127.9.9.9"):
        assert visitor.ask("/", headers={"Host": f"{name}:{visitor.port}"}).status == 200


def test_pages_of_others_can_not_ask(visitor: Visitor) -> None:
    here = f"http://127.0.0.1:{visitor.port}"
    for origin in (
        "",
        "null",
        "http://evil.example",
        here + "0",
        "http://127.0.0.1",
        here.upper(),
        f"https://127.0.0.1:{visitor.port}",
    ):
        assert visitor.ask("/uploads?name=x", "POST", b"x", {"Origin": origin}).status == 403
    assert visitor.ask("/uploads?name=x", "POST", b"x").status == 403
    for site in ("cross-site", "same-site"):  # another port of this machine is the same site
        assert visitor.ask("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}).status == 403
        assert visitor.ask("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}).status == 200
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"):
        assert visitor.ask("/", method, headers={"Origin": here}).status in (400, 405)
    for path in PATHS:
        assert visitor.ask(path, "POST", b"", {"Origin": here}).status in (404, 405)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.pcap",
        "/captures/../../secret.pcap",
        "/captures/..%2f..%2fsecret.pcap",
        "/captures/%2e%2e/secret.pcap",
        "/captures/secret.pcap",
        "/captures/2",
        "/captures/-1",
        "/captures/0",
        "/captures/1e3",
        "/captures/99999999999999999999",
        "/captures/" + "9" * 6000,
        "/captures/1/connections/" + "9" * 6000,
        "/captures/1.0",
        "/captures/%F0%9D%9F%97%00",
        "/captures/1/connections/..",
        "/captures/1/connections/1000000",
        "/captures/one.pcap",
        "/assets/../page.py",
        "//etc/passwd",
    ],
)
def test_no_path_leads_anywhere_else(visitor: Visitor, path: str) -> None:
    answer = visitor.ask(path)
    assert answer.status == 404
    assert b"secret" not in answer.body


def test_a_link_that_leads_out_of_the_folder_is_not_listed(visitor: Visitor) -> None:
    assert list(numbers(visitor.ask("/").text)) == ["one.pcap"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("...", "capture"),
        ("", "capture"),
        ("a\0b\nc\u202e.pcap", "a_b_c_.pcap"),
        ("<b>.pcap", "_b_.pcap"),
        ("größe.pcap", "größe.pcap"),
        ("x" * 500, "x" * captures.LONGEST_NAME),
        ("\U0001d518" * 500 + ".pcap", "\U0001d518" * 23 + ".pcap"),  # four bytes each: names on disk are bytes
    ],
)
def test_names_that_are_sent_are_no_paths(given: str, kept: str) -> None:
    assert plain_name(given) == kept


def test_nothing_that_is_asked_becomes_a_header(visitor: Visitor) -> None:
    for path in (
        "/%0d%0aSet-Cookie:%20a=b",
        "/captures/1%0d%0aX-Evil:%20yes",
        "/compare?before=1%0d%0aX-Evil:yes&after=1",
    ):
        answer = visitor.ask(path)
        assert "x-evil" not in answer.headers
        assert "set-cookie" not in answer.headers
    named = visitor.send(b"x", "a%0d%0aX-Evil:%20yes.pcap")
    assert named.status == 201
    assert "x-evil" not in named.headers
    with visitor.raw() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\x00\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")


def ended(sock: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = b""
    try:
        while data := sock.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return found


def test_a_head_that_is_too_long_or_never_whole(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    with visitor.raw() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"a" * bounded.LONGEST_HEAD * 2)
        assert b"400" in ended(sock).partition(b"\r\n")[0]
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.3)
    for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"):
        with visitor.raw() as sock:
            sock.sendall(begun)
            assert ended(sock) == b""
    # The second request of a connection has to come in time as well.
    with visitor.raw() as sock:
        sock.sendall(
            f"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:{visitor.port}\r\nCookie: {visitor.cookie}\r\n\r\n".encode()
        )
        assert b"204" in sock.recv(4096)
        sock.sendall(b"GET / HTTP/1.1\r\nHos")
        assert ended(sock) == b""


def cut_off(sock: socket.socket, ask: bytes) -> bool:
    """Asks for many answers, and reads none; whether the server ended that."""
    try:
        for _ in range(100_000):
            sock.sendall(ask)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_who_takes_no_answer_is_cut_off(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "stuck_seconds", 0.3)
    with visitor.raw() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        ask = f"GET /captures/1 HTTP/1.1\r\nHost: 127.0.0.1:{visitor.port}\r\nCookie: {visitor.cookie}\r\n\r\n".encode()
        sock.settimeout(30)
        assert cut_off(sock, ask)


def test_too_many_connections(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_CONNECTIONS", 5)
    held = [visitor.raw() for _ in range(5)]
    try:
        with visitor.raw() as sock:
            sock.settimeout(30)
            assert ended(sock) == b""
    finally:
        for one in held:
            one.close()


def test_too_many_who_look_on(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "MOST_STREAMS", 0)
    assert visitor.ask("/captures/1/events").status == 503
    assert stream.MOST_STREAMS < bounded.MOST_CONNECTIONS


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_more_than_there_is_room_for(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "MOST_BYTES", 100_000)
    monkeypatch.setattr(captures, "MOST_IN_ALL", 150_000)
    monkeypatch.setattr(captures, "MOST_UPLOADS", 3)
    assert visitor.send(bytes(100_000)).status == 201
    for size in (60_000, 100_001, 10_000_000):
        # The answer may come while the rest is still sent, and the connection go.
        with suppress(BrokenPipeError, ConnectionResetError):
            assert visitor.send(bytes(size)).status == 413
    assert visitor.send(bytes(50_000)).status == 201
    assert visitor.send(b"").status == 201
    full = visitor.send(b"")
    assert full.status == 413
    assert "3 captures have been sent" in full.text


def test_what_does_not_come_to_its_end_leaves_nothing(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "QUIET_SECONDS", 0.3)
    head = (
        f"POST /uploads?name=x HTTP/1.1\r\nHost: 127.0.0.1:{visitor.port}\r\nCookie: {visitor.cookie}\r\n"
        f"Origin: http://127.0.0.1:{visitor.port}\r\nContent-Length: 1000000\r\n\r\n"
    ).encode()
    with visitor.raw() as sock:
        sock.sendall(head + bytes(1000))
        assert b"408" in ended(sock).partition(b"\r\n")[0]
    with visitor.raw() as sock:
        sock.sendall(head + bytes(1000))
    monkeypatch.setattr(captures, "MOST_UPLOADS", 1)
    while visitor.send(b"x").status == 413:  # until the server has noticed that nobody is there any more
        pass
    assert list(numbers(visitor.ask("/").text)) == ["one.pcap", "sent.pcap"]


def bomb() -> bytes:
    """A capture of 64 GiB of frames of zeros, which no processor reads within a second, in some 6 MB."""
    header = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000")
    frame = bytes.fromhex("00000000 00000000 e8ff0000 e8ff0000") + bytes(0xFFE8)
    packer = zstandard.ZstdCompressor(level=1)
    return packer.compress(header) + packer.compress(frame * 64) * 16_384


@pytest.mark.parametrize("packed", ["zstd", "gzip of zstd", "gzip of gzip"])
def test_bombs(visitor: Visitor, monkeypatch: pytest.MonkeyPatch, packed: str) -> None:
    """Small files that unpack to much: their reading is bounded, and the others are read all the same."""
    monkeypatch.setattr(work, "MOST_SECONDS", 1)
    with serving([str(SAMPLES / WRONG), str(SAMPLES)]) as other:  # whose processes know the bound
        data = bomb()
        if packed == "gzip of zstd":
            data = gzip.compress(data)
        elif packed == "gzip of gzip":
            data = gzip.compress(gzip.compress(bytes(50_000_000)))
        sent = other.send(data, "bomb.pcap.zst")
        assert sent.status == 201
        said = whole(other, f"{sent.text}/events")["state"]
        assert said["over"]
        assert "It can not be read to its end" in said["text"]
        assert whole(other, f"/captures/{numbers(other.ask('/').text)[WRONG]}/events")["rows"]


def test_what_only_root_may_read_is_told_of(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "no.pcap").write_bytes(b"x")
    (tmp_path / "no.pcap").chmod(0)
    with serving([str(tmp_path)]) as visitor:
        assert "ermission" in json.dumps(whole(visitor, "/captures/1/events")["state"])
