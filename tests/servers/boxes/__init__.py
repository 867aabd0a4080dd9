"""Programs in front of a server: HAProxy, nginx, stunnel and MySQL Router, from Debian's packages, on loopback.

Their packages are unpacked beside the servers' (`tests.servers.packages`); nothing is installed into the system,
and they run without privilege.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import Server, servers_dir
from tests.servers.addresses import QUIET_HOST
from tests.servers.packages import Prefix, unpack
from tests.servers.processes import preload_library, unprivileged

SUITE: Final = "bookworm"
SECONDS: Final = 20.0
# Where a box comes from that may send PROXY headers: no other test does.
SOURCE: Final = "127.0.0.3"


@dataclass(frozen=True)
class Package:
    """What a program is in, and libraries that are fetched by name."""

    program: str
    packages: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    suite: str = SUITE


SYSTEMD: Final = ("libsystemd0", "liblzma5", "libzstd1", "liblz4-1", "libcap2", "libgcrypt20", "libgpg-error0")
HAPROXY: Final = Package("usr/sbin/haproxy", ("haproxy",), SYSTEMD)
NGINX: Final = Package("usr/sbin/nginx", ("nginx", "libnginx-mod-stream"))
STUNNEL: Final = Package("usr/bin/stunnel4", ("stunnel4",), SYSTEMD)
# Of the suite that has MySQL.
ROUTER: Final = Package("usr/bin/mysqlrouter", ("mysql-router",), suite="sid")

HAPROXY_CONF: Final = """global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen mysql
  bind {host}:{port}
  {lines}
  server one {server.quiet_host}:{server.port} source {source} {options}
"""
NGINX_CONF: Final = """load_module {root}/usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {place}/pid;
error_log stderr;
events {{}}
stream {{
  server {{
    listen {host}:{port};
    proxy_bind {source};
    proxy_pass {server.quiet_host}:{server.port};
    proxy_protocol {options};
  }}
}}
"""
# The outer listens in plain text and speaks TLS to the inner, which speaks to the server in plain text.
STUNNEL_CONF: Final = """foreground = yes
pid =
[outer]
client = yes
accept = {host}:{port}
connect = {host}:{inner}
[inner]
accept = {host}:{inner}
connect = {server.quiet_host}:{server.port}
cert = {certificate}
key = {key}
"""
ROUTER_CONF: Final = """[DEFAULT]
logging_folder=
runtime_folder={place}
data_folder={place}
plugin_folder={root}/usr/lib/mysqlrouter/plugin
{lines}
[routing:one]
bind_address={host}
bind_port={port}
destinations={server.quiet_host}:{server.port}
routing_strategy=first-available
protocol=classic
client_ssl_cert={certificate}
client_ssl_key={key}
{options}
"""


@dataclass(frozen=True)
class Box:
    """A program with a configuration. `proxy`: the version of the PROXY header that it sends, None for none."""

    name: str
    package: Package
    template: str
    lines: str = ""
    options: str = ""
    proxy: int | None = None


BOXES: Final = (
    Box("HAProxy", HAPROXY, HAPROXY_CONF),
    Box("HAProxy, send-proxy", HAPROXY, HAPROXY_CONF, options="send-proxy", proxy=1),
    Box("HAProxy, send-proxy-v2", HAPROXY, HAPROXY_CONF, options="send-proxy-v2", proxy=2),
    Box("nginx", NGINX, NGINX_CONF, options="off"),
    Box("nginx, proxy_protocol", NGINX, NGINX_CONF, options="on", proxy=1),
)
# In milliseconds, between two checks.
EVERY: Final = 500
CHECKS: Final = (
    Box("HAProxy, tcp check", HAPROXY, HAPROXY_CONF, options=f"check inter {EVERY}"),
    Box(
        "HAProxy, mysql-check",
        HAPROXY,
        HAPROXY_CONF,
        lines="option mysql-check user {user}",
        options=f"check inter {EVERY}",
    ),
)
TLS: Final = Box("stunnel", STUNNEL, STUNNEL_CONF)
PASSED_ON: Final = Box(
    "MySQL Router, pass-through", ROUTER, ROUTER_CONF, options="client_ssl_mode=PASSTHROUGH\nserver_ssl_mode=AS_CLIENT"
)
# It ends the client's TLS, begins its own, and speaks MySQL on both sides.
RE_ENCRYPTED: Final = Box(
    "MySQL Router, its own TLS", ROUTER, ROUTER_CONF, options="client_ssl_mode=PREFERRED\nserver_ssl_mode=PREFERRED"
)
# Clients take turns on connections to the server, which it resets and changes the user of.
SHARED: Final = Box(
    "MySQL Router, shared connections",
    ROUTER,
    ROUTER_CONF,
    lines="[connection_pool]\nmax_idle_server_connections=4",
    options="client_ssl_mode=PREFERRED\nserver_ssl_mode=PREFERRED\nconnection_sharing=1\nconnection_sharing_delay=0",
)


@dataclass(frozen=True)
class Running:
    """A box that listens: on `port`, stunnel's inner end on `inner`; `keylog` has stunnel's TLS secrets."""

    host: str
    port: int
    inner: int
    keylog: Path


def prefix_of(box: Box) -> Prefix:
    """The unpacked program. Raises SetupError."""
    place = servers_dir() / "packages" / box.package.packages[0]
    place.mkdir(parents=True, exist_ok=True)
    return unpack(place, box.package.suite, box.package.packages, box.package.libraries)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((QUIET_HOST, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def words_of(box: Box, prefix: Prefix, settings: Path, preload: Sequence[Path]) -> list[str]:
    """The words that start the program."""
    words = prefix.command(box.package.program, preload)
    if box.package is HAPROXY:
        return [*words, "-db", "-f", str(settings)]
    if box.package is NGINX:
        return [*words, "-e", "stderr", "-p", str(settings.parent), "-c", str(settings)]
    if box.package is ROUTER:
        return [*words, "-c", str(settings)]
    return [*words, str(settings)]


@contextmanager
def running(box: Box, server: Server, user: str = "", inner: int | None = None) -> Iterator[Running]:
    """The box in front of a server while the body runs; `user` is for its checks. Raises SetupError.

    stunnel's inner end is on the port `inner`, or on a free one.
    """
    prefix = prefix_of(box)
    # Not the test's directory, which nobody but the test's user may enter.
    with (
        tempfile.TemporaryDirectory(prefix="box-", dir=servers_dir()) as directory,
        _started(box, server, prefix, Path(directory), user, inner) as made,
    ):
        yield made


@contextmanager
def _started(box: Box, server: Server, prefix: Prefix, place: Path, user: str, wanted: int | None) -> Iterator[Running]:
    owner = unprivileged()
    port, free = free_ports(2)
    inner = wanted or free
    made = Running(QUIET_HOST, port, inner, place / "keylog")
    made.keylog.write_bytes(b"")
    certificate, key = place / "certificate.pem", place / "key.pem"
    certificate.write_bytes(server.server_certificate.read_bytes())
    key.write_bytes(server.server_certificate.with_name("server-key.pem").read_bytes())
    settings = place / "box.conf"
    settings.write_text(
        box.template.format(
            host=QUIET_HOST,
            port=port,
            inner=inner,
            server=server,
            source=SOURCE,
            lines=box.lines.format(user=user),
            options=box.options,
            root=prefix.root,
            place=place,
            certificate=certificate,
            key=key,
        ),
        encoding="utf-8",
    )
    for path in (place, settings, made.keylog, certificate, key):
        owner.give(path)
    preload = [preload_library(servers_dir(), "keylog")] if box.package in (STUNNEL, ROUTER) else []
    log = place / "said"
    process = owner.start(words_of(box, prefix, settings, preload), {"HANDSHARK_KEYLOG": str(made.keylog)}, log)
    try:
        _wait(box, process, made, log)
        yield made
    finally:
        process.terminate()
        process.wait()
        assert process.stdin
        process.stdin.close()


def _wait(box: Box, process: subprocess.Popen[bytes], made: Running, log: Path) -> None:
    """Until it listens; without a connection of our own, which would be in the capture."""
    until = time.monotonic() + SECONDS
    wanted = f":{made.port:04X}"
    while time.monotonic() < until and process.poll() is None:
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[1].endswith(wanted) and words[3] == "0A":
                return
        time.sleep(0.02)
    raise RuntimeError(f"{box.name} does not listen: {log.read_text(errors='replace')[-600:]}")
