"""Brings the drivers into .cache/drivers: `python -m tests.drivers.install`. Quick when they are there."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.drivers import BESIDE, HOME, NODE_MODULES, PYTHON

# Into an environment of their own; the least versions that the comparison was made with.
PYTHON_PACKAGES: Final = (
    "PyMySQL[rsa]>=1.1.1",
    "asyncmy>=0.2.10",
    "mysql-connector-python>=9.1.0",
    # Two implementations of one interface: pure Python, and Connector/C in the wheel.
    "mariadb[binary]>=2.0.0rc2",
)
# The C extension of later releases wants OpenSSL 3.2 of the machine, which Debian 12 has not.
BESIDE_PACKAGES: Final = ("mysql-connector-python>=9.1.0,<=9.7.0",)
NODE_PACKAGES: Final = ("mysql2@^3.11.0", "mariadb@^3.4.0")

PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
SECONDS: Final = 600
_TABLE: Final = hashlib.sha256(repr((PYTHON_PACKAGES, BESIDE_PACKAGES, NODE_PACKAGES)).encode()).hexdigest()[:12]


class InstallError(RuntimeError):
    """What could not be installed, and why."""


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=HOME)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-4:])
        raise InstallError(f"`{' '.join(words[:6])} ...` failed:\n{tail}")


def _python() -> None:
    _run([sys.executable, "-m", "venv", "--clear", str(PYTHON.parents[1])])
    with ThreadPoolExecutor() as both:
        shutil.rmtree(BESIDE, ignore_errors=True)
        beside = both.submit(_run, [str(PYTHON), *PIP, "--no-deps", "--target", str(BESIDE), *BESIDE_PACKAGES])
        _run([str(PYTHON), *PIP, *PYTHON_PACKAGES])
        beside.result()


def _node() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise InstallError("npm is missing: install the package npm")
    (HOME / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    shutil.rmtree(NODE_MODULES, ignore_errors=True)
    _run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE_PACKAGES])


PARTS: Final = {"python": _python, "node": _node}


def _mark(part: str) -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{_TABLE} {version}" if part == "python" else _TABLE


def installed(part: str) -> bool:
    """Whether the drivers of `part` (python, node) are there, as the tables above want them."""
    try:
        return (HOME / f"{part}.ready").read_text(encoding="utf-8") == _mark(part)
    except OSError:
        return False


def install(part: str) -> None:
    """Install the drivers of `part`, unless they are there. Raises InstallError."""
    if part == "node" and shutil.which("node") is None:
        raise InstallError("node is missing: install the packages nodejs and npm")
    if installed(part):
        return
    HOME.mkdir(parents=True, exist_ok=True)
    PARTS[part]()
    # Written last: an interrupted installation is made anew.
    (HOME / f"{part}.ready").write_text(_mark(part), encoding="utf-8")


def main() -> int:
    """Install everything, both kinds at the same time."""
    started = time.monotonic()
    failed = 0
    with ThreadPoolExecutor() as pool:
        for part, work in {part: pool.submit(install, part) for part in PARTS}.items():
            try:
                work.result()
            except (InstallError, OSError, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"{part}: {problem}", file=sys.stderr)
    print(f"{len(PARTS) - failed} of {len(PARTS)} kinds of drivers are in {HOME} ({time.monotonic() - started:.1f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
