"""DESIGN.md's rules that a program can check: who imports whom, one owner for each library, no hidden state."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analyzer", "live_client")

# A room's name -> the rooms it may import from; its own is always among them. The longest name that a module begins
# with is its room.
PROTOCOL: dict[str, frozenset[str]] = {
    "tables": frozenset(),
    "wire": frozenset({"tables"}),
    "binlog_stream": frozenset({"tables"}),
    "columns": frozenset({"tables"}),
    "execute_plan": frozenset({"wire", "tables"}),
    "prepared": frozenset({"execute_plan", "columns", "wire", "tables"}),
    "context": frozenset({"prepared", "binlog_stream", "columns", "wire", "tables"}),
    "records": frozenset({"context", "prepared", "binlog_stream", "columns", "wire", "tables"}),
    "auth": frozenset({"wire", "tables"}),
    "machine": frozenset(
        {"records", "auth", "context", "prepared", "execute_plan", "binlog_stream", "columns", "wire", "tables"}
    ),
}
BELOW = frozenset({"analyzer.net", "analyzer.tls", "analyzer.protocol", "analyzer.batches", "analyzer.errors"})
ANALYSIS: dict[str, frozenset[str]] = {
    "model": frozenset(),
    "keylogs": frozenset(),
    "amount": frozenset(),
    "line_buffer": frozenset(),
    "conversation": frozenset({"model"}),
    "packets": frozenset({"conversation", "model"}),
    "commands": frozenset({"line_buffer", "packets", "conversation", "model"}),
    "findings": frozenset({"conversation", "model"}),
    "dissection": frozenset({"line_buffer", "options", "commands", "packets", "conversation", "model"}),
    "connection": frozenset({"findings", "commands", "packets", "conversation", "model"}),
    "memory": frozenset({"conversation"}),
    "options": frozenset({"memory", "conversation", "model"}),
    "pipeline": frozenset(
        {"options", "memory", "connection", "findings", "commands", "packets", "conversation", "model"}
    ),
    "live": frozenset({"pipeline", "options", "findings", "conversation", "keylogs", "model"}),
}
REPORT: dict[str, frozenset[str]] = {
    "escape": frozenset(),
    "prose": frozenset({"escape"}),
    "csv": frozenset({"escape"}),
    "jsonl": frozenset({"escape"}),
    "turn_values": frozenset({"jsonl"}),
    "turn_lines": frozenset({"turn_values", "jsonl"}),
    "turn_csv": frozenset({"turn_lines", "turn_values", "text", "csv", "escape"}),
    "connection_lines": frozenset({"jsonl", "escape"}),
    "connection_csv": frozenset({"connection_lines", "csv"}),
    "statements": frozenset({"prose", "escape"}),
    "live_views": frozenset({"html", "text", "jsonl", "prose"}),
    "text": frozenset({"turn_values", "prose", "csv", "escape"}),
    "markdown": frozenset({"prose", "escape"}),
    "html": frozenset({"prose", "text", "escape"}),
    "diff": frozenset({"html", "markdown", "prose"}),
}


def _inside(room: str, table: dict[str, frozenset[str]], outside: frozenset[str]) -> dict[str, frozenset[str]]:
    return {f"{room}.{name}": outside | {f"{room}.{one}" for one in allowed} for name, allowed in table.items()}


ARROWS: dict[str, frozenset[str]] = {
    # The public face: its tables and its JSON are those of the reports.
    "analyzer": frozenset(
        {"analyzer.engine", "analyzer.report", "analyzer.tables", "analyzer.analysis", "analyzer.errors"}
    ),
    "analyzer.errors": frozenset(),
    "analyzer.batches": frozenset(),
    "analyzer.capture": frozenset({"analyzer.batches", "analyzer.errors"}),
    "analyzer.net": frozenset({"analyzer.batches", "analyzer.errors"}),
    "analyzer.tls": frozenset({"analyzer.errors"}),
    "analyzer.protocol": frozenset({"analyzer.errors"}),
    **_inside("analyzer.protocol", PROTOCOL, frozenset({"analyzer.errors"})),
    # What the room shows to others: its own rooms do not import it.
    "analyzer.analysis": frozenset(
        {f"analyzer.analysis.{name}" for name in ("model", "options", "pipeline", "connection")}
    ),
    **_inside("analyzer.analysis", ANALYSIS, BELOW),
    "analyzer.engine": frozenset({"analyzer.analysis", "analyzer.capture", "analyzer.batches", "analyzer.errors"}),
    "analyzer.report": frozenset(),
    **_inside("analyzer.report", REPORT, frozenset({"analyzer.analysis", "analyzer.errors"})),
    # What an auth plugin is called and proves stands in the plugin's own row.
    "analyzer.report.prose": frozenset({"analyzer.report.escape", "analyzer.analysis", "analyzer.protocol.auth"}),
    # Captures to hand on: what is said in their comments is the reports' prose.
    "analyzer.sharing": frozenset(
        {
            *("analyzer.engine", "analyzer.report.prose", "analyzer.report.escape", "analyzer.analysis"),
            *("analyzer.capture", *BELOW),
        }
    ),
    # Rows are made in the processes that analyse, as commands end: an observer of commands is given their connection
    # and errors. Text of the wire is escaped by the reports' one owner of that.
    "analyzer.tables": frozenset(
        {
            *("analyzer.engine", "analyzer.analysis", "analyzer.capture", "analyzer.errors", "analyzer.net"),
            "analyzer.protocol.records",
            *("analyzer.report.escape", "analyzer.report.jsonl", "analyzer.report.prose"),
        }
    ),
    # Frames are dealt out by their addresses, and rows are those of the tables.
    "analyzer.cluster": frozenset(
        {
            *("analyzer.tables", "analyzer.engine", "analyzer.analysis", "analyzer.capture", "analyzer.net"),
            *("analyzer.batches", "analyzer.errors"),
        }
    ),
    "analyzer.cli": frozenset(
        {
            *("analyzer", "analyzer.engine", "analyzer.report", "analyzer.analysis", "analyzer.capture"),
            *("analyzer.assistant", "analyzer.metrics", "analyzer.sharing", "analyzer.tables", "analyzer.tui"),
            *("analyzer.cluster", "analyzer.serve", "analyzer.errors"),
        }
    ),
    # Numbers of a live capture: an output of it, and an observer of its commands.
    "analyzer.metrics": frozenset(
        {
            *("analyzer", "analyzer.engine", "analyzer.analysis", "analyzer.errors", "analyzer.net"),
            *("analyzer.protocol", "analyzer.report.escape", "analyzer.report.prose", "analyzer.report.text"),
        }
    ),
    # What an assistant is told are the reports' words.
    "analyzer.assistant": frozenset(
        {
            *("analyzer", "analyzer.engine", "analyzer.analysis", "analyzer.sharing", "analyzer.errors"),
            *("analyzer.report.escape", "analyzer.report.prose", "analyzer.report.text", "analyzer.tables"),
        }
    ),
    "analyzer.tui": frozenset({"analyzer.engine", "analyzer.report", "analyzer.analysis", "analyzer.errors"}),
    "analyzer.serve": frozenset({"analyzer.engine", "analyzer.report", "analyzer.analysis", "analyzer.errors"}),
    "analyzer.__main__": frozenset({"analyzer.cli", "analyzer"}),
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
    "markupsafe": ("analyzer.report.html",),  # jinja2's own
    "numpy": ("analyzer.batches", "analyzer.capture", "analyzer.net", "analyzer.sharing", "analyzer.cluster"),
    "zstandard": ("analyzer.capture", "analyzer.protocol.wire.compression"),
    "lz4": ("analyzer.capture",),
    "lark": ("analyzer.analysis.dissection.filters.grammar",),
    "regex": ("analyzer.analysis.dissection.filters.check", "analyzer.analysis.commands.query_id"),
    "sqlglot": ("analyzer.analysis.commands.digest",),
    "msgspec": ROOMS,  # what everything here is made of
    "pandas": ("analyzer", "analyzer.tables.records"),
    "polars": ("analyzer", "analyzer.tables.records"),
    "pyarrow": ("analyzer", "analyzer.tables"),
    "duckdb": ("analyzer.tables",),
    "prometheus_client": ("analyzer.metrics.prometheus",),
    "opentelemetry": ("analyzer.metrics.otlp",),
    "mcp": ("analyzer.assistant.server",),
    "dask": ("analyzer.cluster.tasks",),
    "distributed": ("analyzer.cluster.tasks",),
    "fsspec": ("analyzer.capture.places",),
    "rich": ("analyzer.cli", "analyzer.report", "analyzer.tui"),
    "textual": ("analyzer.tui",),
    "starlette": ("analyzer.serve",),
    "uvicorn": ("analyzer.serve",),
}
IMPURE = frozenset({"time", "socket", "subprocess", "pathlib", "tempfile", "logging"})
CHANGES = frozenset({"append", "add", "update", "pop", "clear", "extend", "setdefault", "insert"})
# What no rule speaks of is most of a tree.
UNTOLD = (ast.expr_context, ast.Constant, ast.operator, ast.cmpop, ast.boolop, ast.keyword, ast.arguments, ast.alias)
# Where output is written; all else gives back values.
PRINTERS = ("analyzer/cli/", "analyzer/__main__.py", "live_client/")


@cache
def sources() -> tuple[Path, ...]:
    return tuple(sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")))


@cache
def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The longest name of a room that the module begins with; the module itself where it is in none."""
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in ARROWS), module)


def allowed(room: str, target: str) -> bool:
    """Whether a room may import another: its own rooms, those of its row, and the rooms inside those."""
    if target == room:
        return True
    return any(target == one or target.startswith(one + ".") for one in ARROWS[room] if one != "analyzer") or (
        target == "analyzer" and "analyzer" in ARROWS[room]
    )


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file that a rule may speak of."""
    return tuple(node for node in ast.walk(tree_of(path)) if not isinstance(node, UNTOLD))


def imports(path: Path) -> list[tuple[str, int]]:
    """(module, line) of every import of a file, also those inside functions; relative ones made absolute."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found: list[tuple[str, int]] = []
    for node in nodes_of(path):
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


def names(paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def wrong_arrows(path: Path) -> list[str]:
    """Each import that no arrow allows, and where it stands."""
    room = room_of(name_of(path))
    assert room in ARROWS, f"{room} is not in DESIGN.md's rooms"
    return [
        f"{path}:{line}: {room} -> {room_of(imported)}"
        for imported, line in imports(path)
        if imported.split(".")[0] in ROOMS and not allowed(room, room_of(imported))
    ]


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_imports_point_one_way(path: Path) -> None:
    assert not wrong_arrows(path)


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
    for inner in nodes_of(path):
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
        for node in nodes_of(path):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                assert text not in ("cache", "functools.cache", "lru_cache(None)"), f"{path}:{node.lineno}: {text}"


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_only_the_command_line_prints(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith(PRINTERS):
        return
    for node in nodes_of(path):
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
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "open", f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert node.attr == "urandom", f"{path}:{node.lineno}: os.{node.attr}"


# -- sizes, circles, names ---------------------------------------------------------------------------------------------

LONGEST_FUNCTION = 60  # lines: what fits on a screen
LONGEST_LOOP = 120  # of a module that is compiled, with a .pxd beside it
WIDEST_CLASS = 20  # attributes
# Classes whose fields are a contract: what goes out, and what is on the wire.
CONTRACTS = ("analyzer.analysis.model", "analyzer.protocol.records")
# The methods of named tuples, which begin with _ so that no field can have their names.
TUPLE_METHODS = frozenset({"_replace", "_asdict", "_fields", "_make"})


def functions(path: Path) -> list[tuple[str, int]]:
    """(name, lines) of every function and method, also those inside others."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append((node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
    return found


def attributes(node: ast.ClassDef) -> set[str]:
    """The fields that a class declares, and what its methods set on `self`."""
    own = {
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for inner in ast.walk(method):
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and _is_self(inner.value):
                own.add(inner.attr)
    return own


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in TUPLE_METHODS and name != "_"


def own_names(path: Path) -> set[str]:
    """Names that a file itself gives: functions, classes, variables, arguments, fields, what is set on `self`."""
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            found.add(node.attr)
    return found


def foreign_names(path: Path) -> set[str]:
    """Private names of other files that a file uses, as an import or as an attribute; `os._exit` is Python's own."""
    own = own_names(path)
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (*ROOMS, "tests"):
            found |= {alias.name for alias in node.names if _is_private(alias.name)}
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and ast.unparse(node) != "os._exit":
            found |= {node.attr} - own
    return found


def import_graph() -> dict[str, set[str]]:
    """module -> the modules of the project that it imports, those for typing alone too."""
    modules = {name_of(path) for path in sources()}
    graph: dict[str, set[str]] = {}
    for path in sources():
        mine = name_of(path)
        graph[mine] = set()
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                graph[mine] |= {alias.name for alias in node.names} & modules
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}:{node.lineno}: imports are absolute"
                base = node.module or ""
                both = {
                    base if f"{base}.{alias.name}" not in modules else f"{base}.{alias.name}" for alias in node.names
                }
                graph[mine] |= both & modules
        graph[mine].discard(mine)
    return graph


def circles(graph: dict[str, set[str]]) -> set[str]:
    """All modules that can be reached from themselves."""
    found = set()
    for start, first in graph.items():
        seen: set[str] = set()
        todo = list(first)
        while todo:
            step = todo.pop()
            if step not in seen:
                seen.add(step)
                todo += graph[step]
        if start in seen:
            found.add(start)
    return found


def test_functions_fit_on_a_screen() -> None:
    found = set()
    for path in sources():
        most = LONGEST_LOOP if path.with_suffix(".pxd").exists() else LONGEST_FUNCTION
        found |= {f"{name_of(path)}.{name}" for name, lines in functions(path) if lines > most}
    assert sorted(found) == []


def test_classes_have_few_attributes() -> None:
    found = set()
    for path in sources():
        if name_of(path).startswith(CONTRACTS):
            continue
        nodes = [node for node in nodes_of(path) if isinstance(node, ast.ClassDef)]
        found |= {f"{name_of(path)}.{node.name}" for node in nodes if len(attributes(node)) > WIDEST_CLASS}
    assert sorted(found) == []


def test_no_import_circle() -> None:
    assert sorted(circles(import_graph())) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {"b", "c"}


def test_private_names_stay_in_their_file() -> None:
    assert sorted({name_of(path) for path in sources() if foreign_names(path)}) == []


def test_no_class_name_stands_twice() -> None:
    places: dict[str, list[str]] = {}
    for path in sources():
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name_of(path))
    assert sorted({name for name, where in places.items() if len(where) > 1}) == []


def test_arguments_stay_in_the_command_line() -> None:
    """Only the two command lines know argparse's Namespace; everything else takes what it needs."""
    for path in sources():
        if room_of(name_of(path)) not in ("analyzer.cli", "live_client"):
            uses = [node for node in nodes_of(path) if isinstance(node, ast.Name) and node.id == "Namespace"]
            assert not uses, f"{path}:{uses[0].lineno}"


# -- tests -------------------------------------------------------------------------------------------------------------


def files_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def test_tests_use_public_names() -> None:
    assert [f"{name_of(path)}: {foreign_names(path)}" for path in files_of_tests() if foreign_names(path)] == []


def test_no_test_imports_a_test() -> None:
    found = set()
    for path in files_of_tests():
        for module, _ in imports(path):
            if module.startswith("tests.") and module.rsplit(".", 1)[-1].startswith("test_"):
                found.add(f"{name_of(path)} {module}")
    assert found == set()
