"""phpMyAdmin of Debian's package in PHP's own server, and a browser's requests to it, written out."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Final

from tests.servers import Server
from tests.servers.accounts import Account
from tests.servers.boxes import free_ports

INSTALLED: Final = Path("/usr/share/phpmyadmin")
SECONDS: Final = 60
# Its own configuration, with a directory of its own for what it writes.
VENDOR: Final = """<?php
$given = require '{installed}/libraries/vendor_config.php';
return array_merge($given, ['configFile' => '{place}/config.inc.php', 'tempDir' => '{place}/tmp/']);
"""
CONFIG: Final = """<?php
$cfg['blowfish_secret'] = '0123456789abcdef0123456789abcdef';
$cfg['Servers'][1] = ['host' => '{server.quiet_host}', 'port' => '{server.port}', 'auth_type' => 'cookie'];
$cfg['SendErrorReports'] = 'never';
"""
# What is typed into its page for statements, and the number of rows that it shows; what the server refuses, and how.
TYPED: Final = "SELECT id, name, score FROM people ORDER BY id"
SHOWN: Final = 4
WRONG: Final = "SELECT nothing FROM people"
WRONG_CODE: Final = 1054
# Those that are asked for behind the login: each takes a connection at least.
PAGES: Final = 5


def missing() -> str | None:
    """Why it can not be run here; None where it can."""
    found = INSTALLED.is_dir() and shutil.which("php") is not None
    return None if found else "phpMyAdmin is missing: install phpmyadmin and php-cli"


def _front(place: Path, server: Server) -> None:
    """A directory that is phpMyAdmin's, with a configuration of its own."""
    (place / "libraries").mkdir(parents=True)
    (place / "tmp").mkdir()
    for folder, names in ((INSTALLED, place), (INSTALLED / "libraries", place / "libraries")):
        for each in folder.iterdir():
            if each.name not in ("libraries", "index.php", "vendor_config.php"):
                (names / each.name).symlink_to(each)
    texts = {"libraries/vendor_config.php": VENDOR, "config.inc.php": CONFIG}
    for name, text in texts.items():
        said = text.replace("{installed}", str(INSTALLED)).replace("{place}", str(place))
        said = said.replace("{server.quiet_host}", server.quiet_host).replace("{server.port}", str(server.port))
        (place / name).write_text(said, encoding="utf-8")
    index = f"<?php define('ROOT_PATH', '{place}/'); require '{INSTALLED}/index.php';\n"
    (place / "index.php").write_text(index, encoding="utf-8")


@dataclass
class Visitor:
    """Somebody who looks at its pages."""

    address: str
    cookies: CookieJar = field(default_factory=CookieJar)
    token: str = ""

    def asked(self, route: str, sent: dict[str, str] | None = None, **query: str) -> str:
        """A page; `sent` is a form's content."""
        words = urllib.parse.urlencode({"route": route, **query})
        given = None if sent is None else urllib.parse.urlencode({**sent, "token": self.token}).encode()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        with opener.open(f"{self.address}/index.php?{words}", given, timeout=SECONDS) as answer:
            page = str(answer.read().decode("utf-8", "replace"))
        if found := re.search(r'name="token" value="([0-9a-f]+)"', page):
            self.token = found[1]
        return page

    def log_in(self, who: Account, password: str) -> str:
        """The page behind the form of the login."""
        self.asked("/")
        return self.asked("/", {"pma_username": who.name, "pma_password": password, "server": "1"})


@contextmanager
def serving(place: Path, server: Server) -> Iterator[str]:
    """Its address while the body runs."""
    _front(place, server)
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    words = ["php", "-d", "display_errors=0", "-S", address, "-t", str(place)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                try:
                    urllib.request.urlopen(f"http://{address}/robots.txt", timeout=SECONDS).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://{address}"
        finally:
            process.terminate()


def visit(address: str, who: Account) -> None:
    """All that a visitor does. Raises AssertionError where a page is not what it is to be."""
    visitor = Visitor(address)
    assert "Access denied" in visitor.log_in(who, "wrong")
    assert "labdb" in visitor.log_in(who, who.password)
    assert "Showing rows" in visitor.asked("/sql", db="labdb", table="people", pos="0")
    form = {"db": "labdb", "is_js_confirmed": "0", "pos": "0", "show_query": "1"}
    assert f"({SHOWN} total, " in visitor.asked("/import", {**form, "sql_query": TYPED})
    assert f"#{WRONG_CODE}" in visitor.asked("/import", {**form, "sql_query": WRONG})
    assert "people" in visitor.asked("/database/structure", db="labdb")
    visitor.asked("/logout", {"server": "1"})
