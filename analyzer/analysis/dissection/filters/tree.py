"""A filter as a tree: tests joined by and, or, xor, not. Positions are offsets of characters in the filter."""

from __future__ import annotations

from dataclasses import dataclass

# Parts of a slice: (first, length) with length None for "to the end"; negative first counts from the end.
Parts = tuple[tuple[int, int | None, int | None], ...]


@dataclass(frozen=True)
class Literal:
    """A word or a quoted text: a field's name or a value, which `check` decides. `char` is a single 'x'."""

    text: str
    quoted: bool
    start: int
    end: int
    char: bool = False


@dataclass(frozen=True)
class Call:
    """A function of operands, or "&"."""

    name: str
    arguments: tuple[Operand, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Slice:
    """Bytes of an operand: (first, length, last) of each part; length or last is None, both for "to the end"."""

    operand: Operand
    parts: Parts
    start: int
    end: int


Operand = Literal | Call | Slice


@dataclass(frozen=True)
class Range:
    """A value of a set, or all between two."""

    low: Operand
    high: Operand | None


@dataclass(frozen=True)
class Compare:
    left: Operand
    operator: str
    right: Operand
    at: int


@dataclass(frozen=True)
class Member:
    operand: Operand
    elements: tuple[Range, ...]


@dataclass(frozen=True)
class Present:
    operand: Operand


@dataclass(frozen=True)
class Not:
    node: Node


@dataclass(frozen=True)
class And:
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Xor:
    nodes: tuple[Node, ...]


Node = Compare | Member | Present | Not | And | Or | Xor
