"""Inside the protocol room: machine -> {records, auth} -> {context, prepared, columns, wire} -> tables, no circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parents[2] / "analyzer" / "protocol"
NAME = "analyzer.protocol."
# What each part may import beside itself; a file of the room itself stands between the records and `wire`.
ARROWS: dict[str, frozenset[str]] = {
    "machine": frozenset({"records", "auth", "", "wire", "tables"}),
    "records": frozenset({"", "wire", "tables"}),
    "auth": frozenset({"", "wire", "tables"}),
    "": frozenset({"wire", "tables"}),
    "wire": frozenset({"tables"}),
    "tables": frozenset(),
}
FILES = sorted(ROOM.rglob("*.py"))


def part_of(module: str) -> str:
    first = module.removeprefix(NAME).split(".")[0]
    return first if first in ARROWS else ""


def targets(path: Path) -> list[str]:
    """Modules of the room that a file imports, for its types too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(NAME):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                inner = (ROOM / module.removeprefix(NAME).replace(".", "/")).with_suffix(".py")
                found.append(module if inner.exists() else str(node.module))
    return found


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOM).with_suffix("").parts)
    return NAME + name.removesuffix("__init__").removesuffix(".")


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOM)) for path in FILES])
def test_arrows(path: Path) -> None:
    own = part_of(module_of(path))
    for target in targets(path):
        assert part_of(target) == own or part_of(target) in ARROWS[own], f"{path.name} -> {target}"


def test_no_circle_of_files() -> None:
    edges = {module_of(path): targets(path) for path in FILES}
    over: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in over:
            for target in edges.get(module, []):
                walk(target, (*way, module))
            over.add(module)

    for module in edges:
        walk(module, ())
