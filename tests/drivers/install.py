"""Brings the drivers to where `HOME` is: `python -m tests.drivers.install`. Quick when they are there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.drivers import BESIDE, DRIVERS, HELD, HOME, MYSQLCLIENT, NODE_MODULES, PYTHON, Driver
from tests.servers.packages import Prefix, SetupError, unpack

HERE: Final = Path(__file__).parent
# Of Debian, which has MySQL.
SUITE: Final = "sid"
# Into an environment of their own; the least versions that the comparison was made with.
PYTHON_PACKAGES: Final = (
    "PyMySQL[rsa]>=1.1.1",
    "asyncmy>=0.2.10",
    "aiomysql>=0.2",
    "mysql-connector-python>=9.1.0",
    # Two implementations of one interface: pure Python, and Connector/C in the wheel.
    "mariadb[binary]>=2.0.0rc2",
)
HELD_PACKAGES: Final = ("PyMySQL==1.1.0", "aiomysql==0.2.0", "asyncmy==0.2.10")
# The C extension of later releases wants OpenSSL 3.2 of the machine, which Debian 12 has not.
BESIDE_PACKAGES: Final = ("mysql-connector-python>=9.1.0,<=9.7.0",)
MYSQLCLIENT_PACKAGE: Final = "mysqlclient>=2.2.4"
NODE_PACKAGES: Final = (
    *("mysql2@^3.11.0", "mariadb@^3.4.0", "mysql@^2.18.1"),
    *("mysql2-older@npm:mysql2@3.9.9", "mysql2-held@npm:mysql2@3.12.0", "mariadb-held@npm:mariadb@3.3.2"),
)

# What the programs are made with: JSON, and the pool with what it logs by.
JARS: Final = ("com.google.code.gson:gson:2.10.1", "com.zaxxer:HikariCP:5.1.0", "org.slf4j:slf4j-api:2.0.17")
# Neither made fast nor to be looked into: that takes three tenths less time.
GO_BUILD: Final = ("build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-o", "client")
JDBC: Final = "JdbcClient"
# What a Debian package brings, as a question to its interpreter that fails where it is missing; and the packages.
FROM_DEBIAN: Final[dict[str, tuple[list[str], str]]] = {
    "perl": (["perl", "-MDBD::mysql", "-MDBD::MariaDB", "-e", "1"], "libdbd-mysql-perl, libdbd-mariadb-perl"),
    "php": (["php", "-r", "exit(class_exists('mysqli') && class_exists('PDO') ? 0 : 1);"], "php-cli, php-mysql"),
    "ruby": (["ruby", "-rmysql2", "-e", ""], "ruby, ruby-mysql2"),
    "erlang": (
        ["erl", "-noshell", "-eval", "halt(length([1 || non_existing <- [code:which(p1_mysql)]]))."],
        "erlang-base, erlang-p1-mysql",
    ),
    "c": (["pkg-config", "--exists", "libmariadb"], "pkg-config, libmariadb-dev"),
}

PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
SECONDS: Final = 600
LONG_SECONDS: Final = 3600
# Compilers use all processors themselves.
WORKERS: Final = 3


class InstallError(RuntimeError):
    """What could not be installed, and why."""


def _run(words: list[str], place: Path = HOME, env: Mapping[str, str] | None = None, seconds: float = SECONDS) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds, cwd=place, env=env)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-4:])
        raise InstallError(f"`{' '.join(words[:6])} ...` failed:\n{tail}")


def _tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise InstallError(f"{name} is missing: install {package}")
    return found


def _python() -> None:
    _run([sys.executable, "-m", "venv", "--clear", str(PYTHON.parents[1])])
    with ThreadPoolExecutor() as both:
        shutil.rmtree(BESIDE, ignore_errors=True)
        beside = both.submit(_run, [str(PYTHON), *PIP, "--no-deps", "--target", str(BESIDE), *BESIDE_PACKAGES])
        _run([str(PYTHON), *PIP, *PYTHON_PACKAGES])
        shutil.rmtree(HELD, ignore_errors=True)
        _run([str(PYTHON), *PIP, "--no-deps", "--target", str(HELD), *HELD_PACKAGES])
        beside.result()


def _mysqlclient() -> None:
    # No wheel of it is for Linux: it is built with Connector/C.
    _tool("pkg-config", "the packages pkg-config and libmariadb-dev")
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(MYSQLCLIENT)]
    shutil.rmtree(MYSQLCLIENT, ignore_errors=True)
    _run([sys.executable, *words, MYSQLCLIENT_PACKAGE])


def _node() -> None:
    npm = _tool("npm", "the package npm")
    (HOME / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    shutil.rmtree(NODE_MODULES, ignore_errors=True)
    _run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE_PACKAGES])


def of(runner: str) -> list[Driver]:
    """The drivers that a runner starts."""
    return [driver for driver in DRIVERS if driver.runner == runner]


def go_client(driver: Driver) -> Path:
    """The program that was built for a release of a Go module."""
    return HOME / "go" / driver.package.replace("/", "_").replace("@", "-") / "client"


def build_go(place: Path, sources: Sequence[Path], requires: str) -> None:
    """Builds `client` in a directory from sources and one module ("path version"), unless it is there as they are."""
    go = _tool("go", "Go")
    module = f"module handshark/drivers\n\ngo 1.21\n\nrequire {requires}\n"
    mark = hashlib.sha256(b"".join([module.encode(), *(source.read_bytes() for source in sources)])).hexdigest()
    with once(place, mark) as empty:
        if empty:
            for source in sources:
                shutil.copy(source, place)
            (place / "go.mod").write_text(module, encoding="utf-8")
            _run([go, "mod", "tidy"], place)
            _run([go, *GO_BUILD, "."], place)


def build_module(place: Path, module: Path, program: str) -> None:
    """Builds `client` in a directory: a program that a Go module holds. Raises InstallError.

    It may be large: TiDB takes ten minutes of a processor, and more.
    """
    go = _tool("go", "Go")
    with once(place, f"{program}\n{module.read_text(encoding='utf-8')}") as empty:
        if empty:
            shutil.copy(module, place / "go.mod")
            # So that `tidy` keeps what the program needs.
            text = f'//go:build tools\n\npackage tools\n\nimport _ "{program}"\n'
            (place / "tools.go").write_text(text, encoding="utf-8")
            _run([go, "mod", "tidy"], place)
            _run([go, *GO_BUILD, program], place, seconds=LONG_SECONDS)


def _go() -> None:
    for driver in of("go"):
        sources = [HERE / "go" / name for name in ("cases.go", f"{driver.argument}.go")]
        build_go(go_client(driver).parent, sources, driver.package.replace("@", " "))


@contextmanager
def once(target: Path, mark: str) -> Iterator[bool]:
    """Whether a directory has to be filled, which is empty then; with the body's end it has what the mark says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        ready = target / "ready"
        there = ready.is_file() and ready.read_text(encoding="utf-8") == mark
        if not there:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
        yield not there
        ready.write_text(mark, encoding="utf-8")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """While it lasts no other process, of this checkout or another, fills the same."""
    with place.with_name(f"{place.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def pip_install(target: Path, packages: Sequence[str]) -> None:
    """Python packages into a directory of their own, unless they are there."""
    with once(target, repr((packages, sys.version_info[:2]))) as empty:
        if empty:
            _run([sys.executable, *PIP, "--target", str(target), *packages])


def install_node(target: Path, packages: Sequence[str]) -> None:
    """npm's packages into a directory of their own, unless they are there. Raises InstallError."""
    with once(target, repr(packages)) as empty:
        if empty:
            (target / "package.json").write_text('{"private": true}\n', encoding="utf-8")
            words = ["install", "--no-audit", "--no-fund", "--loglevel=error", *packages]
            _run([_tool("npm", "the package npm"), *words], target)


def install_jars(target: Path, artifacts: Sequence[str], source: Path) -> None:
    """Jars with what they need, and a program made with them in `classes`, unless they are there.

    Raises InstallError.
    """
    with once(target, repr((artifacts, source.read_text(encoding="utf-8")))) as empty:
        if empty:
            wanted = "".join(_dependency(artifact, alone=False) for artifact in artifacts)
            text = _project(target.name, f"<dependencies>{wanted}</dependencies>")
            (target / "pom.xml").write_text(text, encoding="utf-8")
            words = ["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=jars"]
            _run([_tool("mvn", "Maven"), *words], target)
            words = ["-nowarn", "-classpath", "jars/*", "-d", "classes", str(source)]
            _run([_tool("javac", "a JDK"), *words], target)


def java_place(driver: Driver) -> Path:
    """Where a release of a Java driver is, with what was made for it: a module of Maven's."""
    _, name, version = driver.package.split(":")
    return HOME / "java" / f"{name}-{version}"


def _dependency(artifact: str, *, alone: bool) -> str:
    group, name, version = artifact.split(":")
    none = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    words = f"<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
    return f"<dependency>{words}{none if alone else ''}</dependency>"


def _project(name: str, inside: str) -> str:
    words = f"<groupId>handshark</groupId><artifactId>{name}</artifactId><version>0</version>"
    return f"<project><modelVersion>4.0.0</modelVersion>{words}<packaging>pom</packaging>{inside}</project>\n"


def _java() -> None:
    maven, javac = _tool("mvn", "Maven"), _tool("javac", "a JDK")
    place = HOME / "java"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    drivers = of("java")
    for driver in drivers:
        # JDBC drivers bring what they do without.
        wanted = _dependency(driver.package, alone=driver.program == JDBC)
        wanted += "".join(_dependency(artifact, alone=True) for artifact in JARS)
        java_place(driver).mkdir()
        text = _project(java_place(driver).name, f"<dependencies>{wanted}</dependencies>")
        (java_place(driver) / "pom.xml").write_text(text, encoding="utf-8")
    modules = "".join(f"<module>{java_place(driver).name}</module>" for driver in drivers)
    (place / "pom.xml").write_text(_project("drivers", f"<modules>{modules}</modules>"), encoding="utf-8")
    _run([maven, "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=jars"], place)
    sources = HERE / "java"
    for made in {driver.program: driver for driver in drivers}.values():
        # It is compiled with one driver, and runs with all that have its interface.
        words = ["-classpath", str(java_place(made) / "jars" / "*"), "-sourcepath", str(sources)]
        _run([javac, "-nowarn", *words, "-d", str(place / made.program), str(sources / f"{made.program}.java")], place)


def fetch_jar(artifact: str, place: Path) -> Path:
    """One jar, without what it needs, put into a directory. Raises InstallError."""
    place.mkdir(parents=True, exist_ok=True)
    words = [f"-Dartifact={artifact}", f"-DoutputDirectory={place}"]
    _run([_tool("mvn", "Maven"), "--quiet", "--batch-mode", "dependency:copy", *words], place)
    _, name, version = artifact.split(":")
    return place / f"{name}-{version}.jar"


def fetch_npm(package: str, place: Path) -> None:
    """One of npm's packages, without what it needs and with nothing of it run, unpacked into a directory.

    Raises InstallError.
    """
    place.mkdir(parents=True, exist_ok=True)
    _run([_tool("npm", "the package npm"), "pack", "--silent", package], place)
    for archive in place.glob("*.tgz"):
        _run(["tar", "-xzf", archive.name], place)
        archive.unlink()


def rust_client(driver: Driver) -> Path:
    """The program that was built for a crate."""
    return HOME / "rust" / "debug" / driver.argument


def build_rust(source: Path, target: Path) -> None:
    """Builds a crate into a directory; cargo knows what is there already. Raises InstallError."""
    where = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    words = ["build", "--quiet", "--locked", "--workspace", "--manifest-path", str(source / "Cargo.toml")]
    _run([_tool("cargo", "cargo"), *words], env=where, seconds=LONG_SECONDS)


def _rust() -> None:
    _tool("pkg-config", "the packages pkg-config and libssl-dev")
    build_rust(HERE / "rust", HOME / "rust")


def _from_debian(part: str) -> None:
    words, packages = FROM_DEBIAN[part]
    _tool(words[0], f"the packages {packages}")
    try:
        _run(words)
    except InstallError as problem:
        raise InstallError(f"{problem}\ninstall the packages {packages}") from problem


def _erlang() -> None:
    _from_debian("erlang")
    (HOME / "erlang").mkdir(exist_ok=True)
    _run([_tool("erlc", "the package erlang-base"), "-o", str(HOME / "erlang"), str(HERE / "erlang" / "p1_client.erl")])


def _c() -> None:
    _from_debian("c")
    words = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmariadb"], capture_output=True, text=True, check=True
    )
    source = str(HERE / "c" / "client.c")
    _run([_tool("gcc", "gcc and libc6-dev"), "-O1", "-o", str(HOME / "libmariadb"), source, *words.stdout.split()])


def libmysqlclient() -> Prefix:
    """MySQL's own library, of the release that the server is of, with its headers. Raises SetupError."""
    place = HOME / "libmysqlclient"
    place.mkdir(parents=True, exist_ok=True)
    return unpack(place, SUITE, ("libmysqlclient-dev",))


def _libmysqlclient() -> None:
    try:
        prefix = libmysqlclient()
        library = prefix.library_dir("libmysqlclient.so")
    except SetupError as problem:
        raise InstallError(str(problem)) from problem
    include = prefix.root / "usr" / "include"
    # It is linked with a newer C library than the machine may have: it runs with that one's loader.
    words = [f"-I{include / 'mysql'}", "-idirafter", str(include), str(HERE / "c" / "client.c"), f"-L{library.parent}"]
    words += ["-lmysqlclient", "-Wl,--unresolved-symbols=ignore-in-shared-libs"]
    target = prefix.root / "usr" / "bin" / "client"
    target.parent.mkdir(exist_ok=True)
    _run([_tool("gcc", "gcc and libc6-dev"), "-O1", "-o", str(target), *words])


def cpp_client(driver: Driver) -> Path:
    """The program that was built with a release of Boost."""
    return HOME / "boost" / driver.package.partition("==")[2] / "client"


def _cpp() -> None:
    compiler = _tool("g++", "the packages g++ and libssl-dev")
    for driver in of("cpp"):
        client = cpp_client(driver)
        place = client.with_name("package")
        pip_install(place, (driver.package,))
        words = ["-std=c++17", "-O0", f"-isystem{place}/cmeel.prefix/include", "-o", str(client)]
        words += [str(HERE / "cpp" / "boost_mysql.cpp"), f"-L{place}/cmeel.prefix/lib", "-lboost_charconv"]
        _run([compiler, *words, "-lssl", "-lcrypto", "-lpthread", f"-Wl,-rpath,{place}/cmeel.prefix/lib"])


PARTS: Final[dict[str, Callable[[], None]]] = {
    "python": _python,
    "mysqlclient": _mysqlclient,
    "node": _node,
    "go": _go,
    "java": _java,
    "rust": _rust,
    "erlang": _erlang,
    "c": _c,
    "libmysqlclient": _libmysqlclient,
    "cpp": _cpp,
    **{part: partial(_from_debian, part) for part in ("perl", "php", "ruby")},
}


def _mark(part: str) -> str:
    """What is to be installed, as a mark that changes with it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    wanted: list[object] = [
        [driver.package for driver in of(part)],
        version if part in ("python", "mysqlclient") else "",
    ]
    wanted += (
        [PYTHON_PACKAGES, BESIDE_PACKAGES, HELD_PACKAGES]
        if part == "python"
        else [NODE_PACKAGES]
        if part == "node"
        else []
    )
    place = HERE / ("c" if part == "libmysqlclient" else part)
    sources = sorted(place.rglob("*")) if place.is_dir() else []
    wanted += [source.read_bytes() for source in sources if source.is_file()]
    return hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]


def installed(part: str) -> bool:
    """Whether the drivers of `part`, a runner, are there, as the tables want them."""
    try:
        return (HOME / f"{part}.ready").read_text(encoding="utf-8") == _mark(part)
    except OSError:
        return False


def install(part: str) -> None:
    """Install the drivers of `part`, unless they are there. Raises InstallError."""
    if part == "node" and shutil.which("node") is None:
        raise InstallError("node is missing: install the packages nodejs and npm")
    HOME.mkdir(parents=True, exist_ok=True)
    with _alone(HOME / part):
        if installed(part):
            return
        PARTS[part]()
        # Written last: an interrupted installation is made anew.
        (HOME / f"{part}.ready").write_text(_mark(part), encoding="utf-8")


def main() -> int:
    """Install everything."""
    started = time.monotonic()
    failed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
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
