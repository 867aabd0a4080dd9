"""What differs between the servers: packages, ports, configuration and how a data directory is made."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.accounts import PAM_SERVICE, account
from tests.servers.addresses import HOST, IPV6_HOST, QUIET_HOSTS
from tests.servers.certificates import RSA
from tests.servers.packages import Prefix, SetupError


@dataclass(frozen=True)
class Engine:
    """One release of one server."""

    name: str
    flavor: str
    suite: str
    packages: tuple[str, ...]
    extra_packages: tuple[str, ...]
    default_port: int
    program: str
    client_program: str
    # Below the prefix: messages, character sets and the SQL that makes a data directory.
    share: str
    plugins: tuple[str, ...] = ()
    # For a second server of the same release beside the usual one.
    port_offset: int = 0
    resolve_names: bool = False
    # What keys the certificates have: a server has one certificate at a time.
    certificate: str = RSA

    @property
    def port_variable(self) -> str:
        """The environment variable that overrides the port."""
        return f"HANDSHARK_PORT_{self.name.upper()}"

    def port(self, environment: Mapping[str, str] = os.environ) -> int:
        """The port of this server: its fixed one, or that of the environment."""
        text = environment.get(self.port_variable, str(self.default_port))
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise SetupError(f"{self.port_variable}={text} is not a port number")
        return int(text) + self.port_offset


MARIADB_PACKAGES = ("mariadb-server", "mariadb-server-core", "mariadb-client-core", "libmariadb3")
PAM_PACKAGES = ("libpam0g", "libpam-modules")

ENGINES: tuple[Engine, ...] = (
    Engine(
        "mysql97", "mysql", "sid", ("mysql-server-core", "mysql-client-core"), (), 33097,
        "usr/sbin/mysqld", "usr/bin/mysql", "usr/share/mysql",
    ),
    Engine(
        "mariadb118", "mariadb", "trixie", MARIADB_PACKAGES, PAM_PACKAGES, 31108,
        "usr/sbin/mariadbd", "usr/bin/mariadb", "usr/share/mariadb", ("auth_ed25519", "auth_pam_v1", "auth_parsec"),
    ),
    Engine(
        "mariadb1011", "mariadb", "bookworm", MARIADB_PACKAGES, PAM_PACKAGES, 31011,
        "usr/sbin/mariadbd", "usr/bin/mariadb", "usr/share/mysql", ("auth_ed25519", "auth_pam_v1"),
    ),
)  # fmt: skip


def engine(name: str) -> Engine:
    """The engine of that name."""
    for each in ENGINES:
        if each.name == name:
            return each
    raise SetupError(f"no server is called {name}: choose from {', '.join(each.name for each in ENGINES)}")


def has_ipv6() -> bool:
    """Whether ::1 can be bound: containers often have no IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((IPV6_HOST, 0))
    except OSError:
        return False
    return True


def certificates_dir(each: Engine, directory: Path) -> Path:
    """Where the certificates of a server in `directory` are: MySQL makes RSA ones in its data directory."""
    return directory / ("data" if each.certificate == RSA else "certificates")


def configuration(each: Engine, prefix: Prefix, directory: Path) -> str:
    """The text of my.cnf for a server whose files are in `directory`."""
    root = prefix.root
    addresses = [HOST, *QUIET_HOSTS, *([IPV6_HOST] if has_ipv6() else [])]
    lines = [
        "[mysqld]",
        f"basedir={root}/usr",
        f"plugin_dir={root}/usr/lib/mysql/plugin",
        f"lc_messages_dir={root}/{each.share}",
        f"character_sets_dir={root}/{each.share}/charsets",
        f"datadir={directory}/data",
        # Of its own: a MariaDB server that starts removes what others have in a directory they share.
        f"tmpdir={directory}/tmp",
        f"socket={directory}/server.sock",
        f"pid_file={directory}/server.pid",
        f"log_error={directory}/error.log",
        f"bind_address={','.join(addresses)}",
        f"port={each.port()}",
        # Once set it stays, whatever a later line says.
        *([] if each.resolve_names else ["skip_name_resolve=ON"]),
        "performance_schema=ON",
        "secure_file_priv=",
        "local_infile=ON",
        "connect_timeout=5",
        "max_connections=60",
        # Packets of more than 16 MiB must be possible.
        "max_allowed_packet=64M",
        "innodb_buffer_pool_size=32M",
        "log_bin=binlog",
        f"server_id={each.default_port}",
        "character_set_server=utf8mb4",
    ]
    place = certificates_dir(each, directory)
    certificates = [f"ssl_ca={place}/ca.pem", f"ssl_cert={place}/server-cert.pem", f"ssl_key={place}/server-key.pem"]
    if each.flavor == "mysql":
        lines += ["mysqlx=OFF", "innodb_redo_log_capacity=8M", *(certificates if each.certificate != RSA else [])]
        return "\n".join(lines) + "\n"
    lines += [
        "innodb_log_file_size=8M",
        # mysql_old_password accounts may log in.
        "secure_auth=OFF",
        *(f"plugin_load_add={plugin}" for plugin in each.plugins),
        *certificates,
    ]
    return "\n".join(lines) + "\n"


# What MariaDB's own installer feeds a server that makes its system tables, as parts of the names of its files.
BOOTSTRAP = ("system_tables", "performance_tables", "system_tables_data")


def bootstrap_sql(each: Engine, prefix: Prefix) -> str:
    """What MariaDB is fed to make its system tables: the files its own installer feeds it."""
    share = prefix.root / each.share
    stem = "mariadb" if (share / "mariadb_system_tables.sql").exists() else "mysql"
    parts = ["SET @auth_root_socket=NULL, @skip_auth_anonymous=1;", "CREATE DATABASE mysql;", "USE mysql;"]
    for name in BOOTSTRAP:
        parts.append((share / f"{stem}_{name}.sql").read_text(encoding="utf-8"))
    parts.append((share / "maria_add_gis_sp_bootstrap.sql").read_text(encoding="utf-8"))
    return "\n".join(parts)


def client_words(each: Engine, prefix: Prefix) -> list[str]:
    """The words that start the release's own command line client."""
    words = [*prefix.command(each.client_program), "--no-defaults"]
    if each.flavor == "mysql":
        plugins = prefix.root / "usr/lib/mysql/plugin"
    else:
        plugins = prefix.library_dir("libmariadb3/plugin")
    charsets = prefix.root / each.share / "charsets"
    return [*words, f"--plugin-dir={plugins}", f"--character-sets-dir={charsets}"]


def write_pam_service(prefix: Prefix, directory: Path) -> None:
    """A PAM service that knows the one test account, and asks nothing of the machine's users."""
    modules = prefix.library_dir("security")
    user = account("pamu")
    check = directory / "pam-check.sh"
    # pam_exec hands over the password with a NUL behind it.
    check.write_text(
        f"#!/bin/sh\n[ \"$PAM_USER:$(tr -d '\\000')\" = '{user.name}:{user.password}' ]\n", encoding="utf-8"
    )
    check.chmod(0o755)
    services = directory / "pam.d"
    services.mkdir(exist_ok=True)
    (services / PAM_SERVICE).write_text(
        f"auth required {modules}/pam_exec.so quiet expose_authtok {check}\naccount required {modules}/pam_permit.so\n",
        encoding="utf-8",
    )
