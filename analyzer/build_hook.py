"""Build hook of hatch: compiles each module that has a `.pxd` beside it, where there is a C compiler.

A `.pxd` names C types for the module of its name (Cython, pure Python mode); where nothing is compiled, the same file
runs as it stands. Bounds checks stay on: the bytes are hostile. Run by pip when a wheel or an editable install is made;
it is no part of what is installed.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shlex
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DIRECTIVES: Final = {
    "language_level": 3,
    "boundscheck": True,
    "wraparound": True,  # as Python has it: one source, one answer
    "annotation_typing": False,  # only the .pxd says what is a C type
}
FLAGS: Final = ["-O2", "-g0", "-w"]
# The module whose types a `.pxd` takes.
_TAKES: Final = re.compile(rb"^(?:from|cimport) +([\w.]+)", re.MULTILINE)
PACKAGES: Final = ("analyzer", "live_client")
# Set to anything: the wheel is pure Python.
PURE: Final = "HANDSHARK_PURE"


class CompilingHook(BuildHookInterface):  # type: ignore[misc]
    """Adds compiled modules to a wheel; compiles in place for an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is `standard` or `editable`."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version == "editable":
            write_bytecode(root)
        if os.environ.get(PURE):
            return
        typed = sorted(root.glob("analyzer/**/*.pxd"))
        try:
            built = compiled(root, typed)
        except CompileError as error:
            self.app.display_warning(f"handshark is not compiled, and slower for it: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version != "editable":
            build_data["force_include"].update({str(path): str(path.relative_to(root)) for path in built})


def write_bytecode(root: Path) -> None:
    """As pip does of what it installs: where Python may not write any (PYTHONDONTWRITEBYTECODE, in many containers),
    each start would translate all sources again, which takes longer than the rest of it."""
    for package in PACKAGES:
        compileall.compile_dir(root / package, quiet=2)


class CompileError(Exception):
    """No compiler, no headers of Python, or code that it does not take."""


def compiled(root: Path, typed: list[Path]) -> list[Path]:
    """Compiles in place what changed of these modules; the extension modules of all. Raises CompileError."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    built = [path.with_name(path.stem + suffix) for path in typed]
    changed = []
    for path, made, digest in zip(typed, built, digests(root, typed, suffix), strict=True):
        stamp = root / "build" / f"{dotted(root, path)}.{digest}"
        if made.exists() and stamp.exists():
            os.utime(made)  # as new as its sources, of which git may have written the same text again
        else:
            changed.append((path, stamp))
    if changed:
        compile_in_place(root, [path for path, _ in changed])
    for path, stamp in changed:
        for old in stamp.parent.glob(f"{dotted(root, path)}.*"):
            old.unlink()
        stamp.touch()
    return built


def dotted(root: Path, path: Path) -> str:
    """The name of a module."""
    return ".".join(path.relative_to(root).with_suffix("").parts)


def digests(root: Path, typed: list[Path], suffix: str) -> list[str]:
    """Of what each module is made of: its text, its types and those it takes from others, how it is compiled, by what
    and for what.

    Times would not do: pip brings a new Cython each time, whose files are younger than what was made before.
    """
    import Cython

    asked = [os.environ.get(name) for name in ("CC", "CFLAGS", "LDFLAGS")]
    how = f"{Cython.__version__} {suffix} {DIRECTIVES} {FLAGS} {asked}".encode()
    types = {dotted(root, path): path.read_bytes() for path in typed}
    found = []
    for path in typed:
        one = hashlib.sha256(how)
        for name in sorted(taken(dotted(root, path), types)):
            one.update(types[name])
        one.update(path.with_suffix(".py").read_bytes())
        found.append(one.hexdigest())
    return found


def taken(name: str, types: dict[str, bytes]) -> set[str]:
    """The modules whose types one knows: its own, and those it says it takes, which may take others."""
    known: set[str] = set()
    due = [name]
    while due:
        one = due.pop()
        if one in types and one not in known:
            known.add(one)
            due += [found.decode() for found in _TAKES.findall(types[one])]
    return known


def compile_in_place(root: Path, typed: list[Path]) -> None:
    """Raises CompileError."""
    from Cython.Build import cythonize
    from Cython.Compiler.Errors import CompileError as CythonError
    from setuptools import Extension
    from setuptools.errors import BaseError, CCompilerError

    # Who builds has the last word.
    flags = [*FLAGS, *shlex.split(os.environ.get("CFLAGS", ""))]
    modules = [
        Extension(dotted(root, path), [str(path.with_suffix(".py"))], extra_compile_args=flags) for path in typed
    ]
    place = root / "build"
    place.mkdir(exist_ok=True)
    probe = place / "probe.c"
    # What any extension module has: who lacks a compiler waits for no translation.
    probe.write_text("#include <Python.h>\nPyMODINIT_FUNC PyInit_probe(void) { return NULL; }\n", encoding="ascii")
    try:
        _build([Extension("probe", [str(probe)])], place, place)
        extensions = cythonize(
            modules,
            compiler_directives=DIRECTIVES,
            build_dir=str(place),
            force=True,
            quiet=True,
            nthreads=min(len(typed), os.cpu_count() or 1),
        )
        _build(extensions, root, place)
    except (BaseError, CCompilerError, CythonError, OSError) as error:
        raise CompileError(str(error).partition("\n")[0]) from error


def _build(extensions: list[Any], target: Path, temporary: Path) -> None:
    """Compiles extension modules into a directory tree."""
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib = str(target)
    command.force = True
    command.parallel = True
    command.build_temp = str(temporary)
    command.ensure_finalized()
    command.run()
