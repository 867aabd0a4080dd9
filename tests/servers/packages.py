"""Unpack Debian packages of another release into a private directory, without installing anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

APT_DIR = Path("/etc/apt")

# Not needed to run a server from a prefix, and some of them drag in half a system.
UNWANTED = re.compile(
    r"perl|^libapt|systemd|^libpam|debconf|cap-ng|audit|semanage|sepol|dpkg|selinux|^libconfig-inifiles|^libdbi|^libdbd"
)
# What "apt-get -s install" lists and a prefix needs besides the packages that were asked for.
WANTED = re.compile(r"^(lib|zlib1g$|gcc-.*-base$)")


class SetupError(RuntimeError):
    """Something that the user has to put right; the message says what."""


@dataclass(frozen=True)
class Source:
    """One entry of the machine's package sources: where it is, and which keys sign it."""

    uri: str
    signed_by: str


@dataclass(frozen=True)
class Prefix:
    """An unpacked set of packages, run through its own dynamic loader."""

    root: Path

    def _library_dirs(self) -> list[Path]:
        found = [path for usr in ("usr/lib", "lib") for path in sorted((self.root / usr).glob("*-linux-gnu"))]
        # MySQL's own libraries: the server's, and those of its Router.
        own = [*(path / "mysql" / "private" for path in found), self.root / "usr/lib/mysql-router"]
        return found + [path for path in own if path.is_dir()]

    def library_dir(self, relative: str) -> Path:
        """The directory `relative` below one of the library directories."""
        for path in self._library_dirs():
            if (path / relative).exists():
                return path / relative
        raise SetupError(f"{relative} is not in {self.root}: remove {self.root} and run again")

    def command(self, program: str, preload: Sequence[Path] = ()) -> list[str]:
        """The words that start `program` (a path below the prefix) with the prefix's C library."""
        loaders = [hit for path in self._library_dirs() for hit in sorted(path.glob("ld-linux*.so.*"))]
        if not loaders or not (self.root / program).exists():
            raise SetupError(f"{program} or its loader is not in {self.root}: remove {self.root} and run again")
        words = [str(loaders[0]), "--library-path", ":".join(map(str, self._library_dirs()))]
        if preload:
            words += ["--preload", ":".join(map(str, preload))]
        return [*words, str(self.root / program)]


def _deb822_stanzas(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0].isspace():
                # A continuation: an embedded key keeps its line structure.
                fields[key] = f"{fields.get(key, '')}\n{line}"
            else:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields:
            yield fields


def _entries(path: Path) -> Iterator[tuple[Source, str]]:
    """Each binary package entry of a sources file with the suites it names."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".sources":
        for fields in _deb822_stanzas(text):
            disabled = fields.get("enabled", "yes").lower() in ("no", "false")
            if "deb" in fields.get("types", "").split() and fields.get("uris", "").split() and not disabled:
                yield Source(fields["uris"].split()[0], fields.get("signed-by", "")), fields.get("suites", "")
        return
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)", line.strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match["options"] or "")
            yield Source(match["uri"], signed[1] if signed else ""), match["suite"]


def debian_source(apt_dir: Path = APT_DIR) -> Source:
    """The machine's own Debian archive, in either form of sources file."""
    parts = apt_dir / "sources.list.d"
    files = [parts / "debian.sources", apt_dir / "sources.list"]
    files += sorted([*parts.glob("*.sources"), *parts.glob("*.list")]) if parts.is_dir() else []
    for path in files:
        if not path.is_file():
            continue
        for source, suites in _entries(path):
            if "debian" in source.uri and "security" not in source.uri + suites:
                return source
    raise SetupError(
        f"no Debian package source found under {apt_dir} (looked for debian.sources, then sources.list): "
        "the servers come as Debian packages, so run this on Debian or in a Debian container"
    )


def _private_apt(work: Path, suite: str, source: Source) -> dict[str, str]:
    """Write an apt configuration that keeps all state below `work`; returns the environment that selects it."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc", "parts", "debs"):
        (work / name).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    stanza = f"Types: deb\nURIs: {source.uri}\nSuites: {suite}\nComponents: main\n"
    stanza += f"Signed-By: {source.signed_by}\n" if source.signed_by else ""
    (work / "etc" / "debian.sources").write_text(stanza, encoding="utf-8")
    # The machine's own settings (proxies, certificates) still count, its hooks after an update do not.
    parts = APT_DIR / "apt.conf.d"
    for setting in sorted(parts.iterdir()) if parts.is_dir() else ():
        link = work / "parts" / setting.name
        if not link.is_symlink():
            link.symlink_to(setting)
    lines = [
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        "#clear Acquire::IndexTargets::deb::DEP-11;",
        f'Dir::State "{work}/state";',
        f'Dir::State::status "{work}/status";',
        f'Dir::Cache "{work}/cache";',
        f'Dir::Etc::sourcelist "{work}/etc/debian.sources";',
        'Dir::Etc::sourceparts "-";',
        'Dir::Etc::preferences "-";',
        'Dir::Etc::preferencesparts "-";',
        'APT::Install-Recommends "false";',
        'Acquire::Languages "none";',
        'Acquire::Retries "3";',
        'APT::Sandbox::User "root";',
    ]
    (work / "parts" / "zz-handshark").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (work / "apt.conf").write_text(f'Dir::Etc::parts "{work}/parts";\n', encoding="utf-8")
    return {**os.environ, "APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}


def _run(words: Sequence[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(words, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise SetupError(f"`{' '.join(words[:3])} ...` failed:\n{tail}")
    return done.stdout


def unpack(work: Path, suite: str, packages: Sequence[str], extra: Sequence[str] = ()) -> Prefix:
    """Make sure that `packages` of `suite` (with the libraries they need) are unpacked below `work`.

    `extra` packages are fetched by name only, without what they depend on.
    """
    root = work / "root"
    if root.is_dir():
        return Prefix(root)
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise SetupError(f"{tool} is missing: the servers come as Debian packages, so run this on Debian")
    environment = _private_apt(work, suite, debian_source())
    _run(["apt-get", "update"], environment)
    plan = _run(["apt-get", "-s", "install", *packages], environment)
    listed = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    names = [name for name in listed if name in packages or (WANTED.match(name) and not UNWANTED.search(name))]
    _run(["apt-get", "download", *names, *extra], environment, work / "debs")
    fresh = work / "root.new"
    shutil.rmtree(fresh, ignore_errors=True)
    for archive in sorted((work / "debs").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(archive), str(fresh)])
    # The rename comes last, so that an interrupted run is never taken for a finished one.
    fresh.rename(root)
    shutil.rmtree(work / "debs")
    shutil.rmtree(work / "state")
    shutil.rmtree(work / "cache")
    return Prefix(root)
