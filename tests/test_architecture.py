"""DESIGN.md's rules that a program can check: who imports whom, one owner for each library, no hidden state."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analyzer", "live_client")

# room -> the rooms it may import from; its own is always among them.
ARROWS: dict[str, frozenset[str]] = {
    "analyzer": frozenset(),
    "analyzer.errors": frozenset(),
    "analyzer.build_hook": frozenset(),
    "analyzer.compiled": frozenset(),
    "analyzer.batches": frozenset(),
    "analyzer.capture": frozenset({"analyzer.batches", "analyzer.errors"}),
    "analyzer.net": frozenset({"analyzer.batches", "analyzer.errors"}),
    "analyzer.tls": frozenset({"analyzer.errors"}),
    "analyzer.protocol": frozenset({"analyzer.errors"}),
    "analyzer.analysis": frozenset(
        {"analyzer.net", "analyzer.tls", "analyzer.protocol", "analyzer.batches", "analyzer.errors"}
    ),
    "analyzer.report": frozenset({"analyzer.analysis", "analyzer.errors"}),
    "analyzer.cli": frozenset(
        {"analyzer", "analyzer.report", "analyzer.analysis", "analyzer.capture", "analyzer.errors", "analyzer.compiled"}
    ),
    "analyzer.__main__": frozenset({"analyzer.cli"}),
    "live_client": frozenset({"analyzer", "analyzer.protocol", "analyzer.capture", "analyzer.errors"}),
}
# outside library -> where it may be imported (a room, or a file without .py)
OWNERS: dict[str, tuple[str, ...]] = {
    "hatchling": ("analyzer.build_hook",),
    "Cython": ("analyzer.build_hook",),
    "setuptools": ("analyzer.build_hook",),
    "dpkt": ("analyzer.net",),
    "scapy": ("analyzer.capture.live",),
    "cryptography": ("analyzer.tls", "analyzer.protocol.auth"),
    "jinja2": ("analyzer.report.html.page",),
    "pygal": ("analyzer.report.html.charts",),
    "markupsafe": ("analyzer.report.html.page",),  # jinja2's own
    "numpy": ("analyzer.batches", "analyzer.capture", "analyzer.net"),
    "zstandard": ("analyzer.capture", "analyzer.protocol.wire.compression"),
    "lz4": ("analyzer.capture",),
    "lark": ("analyzer.analysis.dissection.filters.grammar",),
    "regex": ("analyzer.analysis.dissection.filters.check",),
    "sqlglot": ("analyzer.analysis.commands.digest",),
    "msgspec": ROOMS,  # what everything here is made of
    "rich": ("analyzer.cli", "analyzer.report"),
}
IMPURE = frozenset({"time", "socket", "subprocess", "pathlib", "tempfile", "logging"})
CHANGES = frozenset({"append", "add", "update", "pop", "clear", "extend", "setdefault", "insert"})
# Where output is written; all else gives back values.
PRINTERS = ("analyzer/cli/", "analyzer/__main__.py", "live_client/")


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] != "analyzer" else ".".join(parts[:2])


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> list[tuple[str, int]]:
    """(module, line) of every import of a file, also those inside functions; relative ones made absolute."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found.append((module, node.lineno))
            # `from analyzer import net` imports a room too.
            folder = ROOT / module.replace(".", "/")
            found += [(f"{module}.{a.name}", node.lineno) for a in node.names if (folder / a.name).is_dir()]
    return found


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(name_of(path))
    assert room in ARROWS, f"{room} is not in DESIGN.md's rooms"
    for module, line in imports(path):
        if module.split(".")[0] not in ROOMS:
            continue
        target = room_of(module)
        assert target == room or target in ARROWS[room], f"{path}:{line}: {room} -> {target}"


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_each_outside_library_has_one_owner(path: Path) -> None:
    mine = name_of(path)
    for module, line in imports(path):
        library = module.split(".")[0]
        if library in ROOMS or library in sys.stdlib_module_names:
            continue
        assert library in OWNERS, f"{path}:{line}: {library} is not among the project's libraries"
        allowed = any(mine == owner or mine.startswith(owner + ".") for owner in OWNERS[library])
        assert allowed, f"{path}:{line}: {library} belongs to {', '.join(OWNERS[library])}"


def test_the_arrows_have_no_circle() -> None:
    def reaches(start: str, target: str, seen: set[str]) -> bool:
        return any(
            step == target or (step not in seen and reaches(step, target, seen | {step})) for step in ARROWS[start]
        )

    assert not [room for room in ARROWS if reaches(room, room, {room})]


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).split(".")[-1] in {"list", "dict", "set", "bytearray", "deque", "defaultdict"}
    return False


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_no_mutable_state_in_modules(path: Path) -> None:
    """What a module holds is a literal table in UPPER_CASE that no function of it changes; and no `global`."""
    tree = tree_of(path)
    tables: set[str] = set()
    for node in tree.body:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        if value is None or not _is_mutable(value):
            continue
        for target in targets:
            assert isinstance(target, ast.Name), f"{path}:{node.lineno}"
            assert target.id.isupper() or target.id == "__all__", f"{path}:{node.lineno}: {target.id} can be changed"
            tables.add(target.id)
    for inner in ast.walk(tree):
        assert not isinstance(inner, ast.Global), f"{path}:{inner.lineno}: global"
        changed: ast.expr | None = None
        if isinstance(inner, ast.Assign | ast.AugAssign | ast.Delete):
            for item in inner.targets if not isinstance(inner, ast.AugAssign) else [inner.target]:
                if isinstance(item, ast.Subscript):
                    changed = item.value
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in CHANGES:
            changed = inner.func.value
        if isinstance(changed, ast.Name) and changed.id in tables:
            line = getattr(inner, "lineno", 0)
            raise AssertionError(f"{path}:{line}: changes the module's {changed.id}")


def test_no_unbounded_caches() -> None:
    """functools.cache on a function is module state too, and grows with the input."""
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                assert text not in ("cache", "functools.cache", "lru_cache(None)"), f"{path}:{node.lineno}: {text}"


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_only_the_command_line_prints(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith(PRINTERS):
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input"), f"{path}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr", "argv", "exit"), f"{path}:{node.lineno}: sys.{node.attr}"


@pytest.mark.parametrize("room", ["net", "tls", "protocol"])
def test_pure_rooms_have_no_files_and_no_clock(room: str) -> None:
    for path in sorted((ROOT / "analyzer" / room).rglob("*.py")):
        for module, line in imports(path):
            library = module.split(".")[0]
            assert library not in IMPURE, f"{path}:{line}"
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "open", f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert node.attr == "urandom", f"{path}:{node.lineno}: os.{node.attr}"
