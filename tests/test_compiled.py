"""The hot loops compiled and as they stand: one source, one answer. And what pip makes of the project, both ways."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tarfile
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer import build_hook
from analyzer.analysis.packets import sql_hints
from analyzer.compiled import HOT, is_compiled, stale
from analyzer.protocol.machine import fast_path
from tests.corpus import REPOSITORY, give_up, tool
from tests.hostile_captures import changed_frames
from tests.protocol.machine.responses import ROW, response
from tests.wire.files import frames_in, pcapng

# Larger ones take the time of many small ones.
LONGEST_SAMPLE = 1 << 14
# Of these one takes types of others.
COMPILED_ANEW = ("analyzer.net.clock_steps", "analyzer.net.tcp.twins")
WHAT_IS_BUILT = ("analyzer", "live_client", "pyproject.toml", "README.md", "LICENSE")


@cache
def as_it_stands(name: str) -> ModuleType:
    """A hot module from its .py, whatever is compiled."""
    path = str(Path(REPOSITORY, *name.split(".")).with_suffix(".py"))
    loader = SourceFileLoader(f"interpreted.{name}", path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_list_of_hot_modules_is_whole() -> None:
    typed = sorted((REPOSITORY / "analyzer").rglob("*.pxd"))
    assert [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in typed] == sorted(HOT)


def test_what_is_compiled_is_current() -> None:
    if not is_compiled():
        give_up("the hot modules are not compiled here: no C compiler, or no headers of Python")
    assert stale() == [], "changed after they were compiled: make demo"


def test_what_is_stale_is_told_of(tmp_path: Path) -> None:
    """Sources that ask a compiled module for what it had not when it was compiled, as after `git pull`."""
    if not is_compiled():
        pytest.skip("nothing is compiled here")
    shutil.copytree(REPOSITORY / "analyzer", tmp_path / "analyzer", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    assert stale(tmp_path) == []
    asks = tmp_path / "analyzer" / "cli" / "__init__.py"
    line = "import argparse\n"
    asks.write_text(asks.read_text().replace(line, f"{line}from analyzer.protocol.wire.rows import NEW\n", 1))
    run = [sys.executable, "-P", "-m", "analyzer", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    broken = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" in broken.stderr  # nothing is stale: it is wrong
    source = tmp_path / "analyzer" / "protocol" / "wire" / "rows.py"
    source.write_text(f"{source.read_text()}\nNEW = 1\n")
    told = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 3
    assert told.stderr == "handshark: what was compiled is older than its sources (rows): pip install -e .\n"


def test_only_what_changed_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[str]] = []

    def compile_in_place(_: Path, typed: list[Path]) -> None:
        made.append([path.stem for path in typed])
        for path in typed:
            path.with_name(path.stem + EXTENSION_SUFFIXES[0]).touch()

    monkeypatch.setattr(build_hook, "compile_in_place", compile_in_place)
    (tmp_path / "build").mkdir()
    for place in ("analyzer/here", "analyzer/there"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        for name in ("rows", "rows_of"):
            (folder / f"{name}.py").write_text("")
            (folder / f"{name}.pxd").write_text("")
    typed = sorted(tmp_path.glob("analyzer/**/*.pxd"))
    typed[3].write_text("from analyzer.there.rows cimport Row")
    typed[2].write_text("cimport cython\nfrom analyzer.here.rows cimport Row")
    built = build_hook.compiled(tmp_path, typed)
    assert len(built) == 4
    os.utime(built[0], (0, 0))  # older than its source, as after git wrote the same text anew
    assert build_hook.compiled(tmp_path, typed) == built
    assert built[0].stat().st_mtime > typed[0].with_suffix(".py").stat().st_mtime - 1
    typed[0].with_suffix(".py").write_text("1")
    build_hook.compiled(tmp_path, typed)
    typed[0].write_text("# types that others may use")
    build_hook.compiled(tmp_path, typed)
    monkeypatch.setenv("CFLAGS", "-fsanitize=address")
    build_hook.compiled(tmp_path, typed)
    built[3].unlink()
    build_hook.compiled(tmp_path, typed)
    every = ["rows", "rows_of"] * 2
    assert made == [every, ["rows"], ["rows", "rows", "rows_of"], every, ["rows_of"]]


@given(some.data(), some.booleans(), some.sampled_from([None, 0, 1]))
def test_scanning_is_the_same(data: some.DataObject, deprecate_eof: bool, follows: int | None) -> None:
    if not is_compiled():
        pytest.skip("nothing is compiled here")
    rows = data.draw(some.lists(ROW, max_size=40))
    changed = bytearray(response(data.draw(some.integers(0, 9)), rows, deprecate_eof, follows=follows))
    for place, byte in data.draw(some.lists(some.tuples(some.integers(0, 4000), some.integers(0, 255)), max_size=3)):
        changed[place % len(changed)] = byte
    cut = bytes(changed[: data.draw(some.integers(0, len(changed)))])
    sequence, before = data.draw(some.sampled_from([1, 255])), data.draw(some.integers(0, 3))
    told: list[tuple[Any, ...] | None] = []
    for module in (fast_path, as_it_stands(fast_path.__name__)):
        found = module.Scanned()
        where = bytes(before) + cut, before, before + len(cut)
        if module.scan(found, *where, sequence, not deprecate_eof, follows is not None):
            told.append((found.columns, found.rows, found.first_stop, found.begin, found.sequence))
        else:
            told.append(None)
    assert told[0] == told[1]


def built(what: str, source: Path, out: Path, **environment: str) -> None:
    """Makes a wheel or an sdist once: pip would make a wheel twice, at first for what it says of itself."""
    run = [sys.executable, "-m", "build", what, "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(run, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def bring_compiled(source: Path) -> None:
    """Puts what is compiled here into sources that are the same, but for a few modules: all of them take minutes."""
    (source / "build").mkdir()
    for stamp in REPOSITORY.glob("build/analyzer.*"):
        shutil.copy(stamp, source / "build")
    for name in HOT:
        if name not in COMPILED_ANEW:
            place = Path(*name.split("."))
            made = place.with_name(place.name + EXTENSION_SUFFIXES[0])
            shutil.copy(REPOSITORY / made, source / made)


def version_of(installed: Path, cwd: Path) -> str:
    """What `handshark --version` of an installation says, and that it analyses a capture."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run = [sys.executable, "-m", "analyzer"]
    capture = str(REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap")
    found = subprocess.run([*run, "analyze", capture], cwd=cwd, env=environment, capture_output=True, check=True)
    assert b"accepted" in found.stdout
    said = subprocess.run([*run, "--version"], cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return said.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an sdist is made of, without anything that was compiled in place."""
    place = tmp_path_factory.mktemp("project")
    for name in WHAT_IS_BUILT:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(source, place / name)
    return place


def test_an_editable_install_has_bytecode(tmp_path: Path) -> None:
    """Sources that change later are translated anew, as everywhere."""
    module = tmp_path / "analyzer" / "one.py"
    module.parent.mkdir()
    module.write_text("ONE = 1\n")
    build_hook.write_bytecode(tmp_path)
    assert [made.name for made in module.parent.glob("__pycache__/*")] == [Path(cache_from_source(str(module))).name]


@given(pieces=some.lists(some.sampled_from(["into", "insert", "user", "pw", "/*", "*/", "!", "#", "\n", "(", " "])))
def test_hints_are_the_same(pieces: list[str]) -> None:
    shape = "".join(pieces).encode()
    assert as_it_stands(sql_hints.__name__).has_hint(shape) == sql_hints.has_hint(shape)


def test_compiled_and_interpreted_say_the_same(project: Path, tmp_path: Path) -> None:
    """Of samples as they are, and of frames of them that are lost, repeated, swapped, cut, re-chunked or changed."""
    if not is_compiled():
        pytest.skip("nothing is compiled here")
    chance = random.Random(16)
    folder = tmp_path / "captures"
    folder.mkdir()
    for path in sorted((REPOSITORY / "samples").glob("*.pcap*")):
        if path.stat().st_size > LONGEST_SAMPLE or ".golden" in path.name or ".truth" in path.name:
            continue
        content = path.read_bytes()
        (folder / path.name).write_bytes(content)
        for index in range(1):
            made = pcapng(changed_frames(frames_in(content), chance))
            (folder / f"{path.name}.{index}").write_bytes(made)
    said = []
    for place in (REPOSITORY, project):
        environment = {**os.environ, "PYTHONPATH": f"{place}:{REPOSITORY}"}
        run = [sys.executable, "-m", "tests.both_ways", str(folder)]
        done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert ("interpreted" in done.stderr) == (place == project)
        said.append(done.stdout.splitlines())
    assert len(said[0]) > 200
    assert said[0] == said[1]


@pytest.mark.tool
@pytest.mark.parametrize("pure", [False, True], ids=["compiled", "pure"])
def test_a_wheel_from_the_sdist(project: Path, tmp_path: Path, pure: bool) -> None:
    if not pure:
        tool("gcc")
        if not is_compiled():
            give_up("the hot modules are not compiled here: no C compiler, or no headers of Python")
    built("--sdist", project, tmp_path)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    if not pure:
        bring_compiled(source)
    built("--wheel", source, tmp_path, **({"HANDSHARK_PURE": "1"} if pure else {}))
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-none-any.whl") == pure
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "installed"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    assert ("(compiled)" in version_of(tmp_path / "installed", tmp_path)) != pure
    assert not (tmp_path / "installed" / "analyzer" / "build_hook.py").exists()


@pytest.mark.tool
def test_without_a_compiler_it_is_pure(project: Path, tmp_path: Path) -> None:
    built("--wheel", project, tmp_path, CC="/bin/false")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-none-any.whl")
