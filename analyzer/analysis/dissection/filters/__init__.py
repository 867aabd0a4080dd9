"""Wireshark's display filters over packets and connections.

`compile_filter` makes a `Filter` of a text, or raises FilterError with the column. A filter asks a `Source` for values
of fields by name, and only for those it names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from analyzer.analysis.dissection.fields import find
from analyzer.analysis.dissection.fields.base import CONNECTION
from analyzer.analysis.dissection.filters.check import Checker, FilterSubject, Test
from analyzer.analysis.dissection.filters.errors import FilterError
from analyzer.analysis.dissection.filters.tree import And, Compare, Literal, Member, Node, Not, Or, Present

__all__ = ["Filter", "FilterError", "FilterSubject", "compile_filter"]

# Tests one filter may have: their outcomes for a packet are kept as bits.
MOST_TESTS: Final = 2000

# Tests of which nothing is known, up to which all their outcomes are tried.
MOST_OPEN: Final = 8
# Fields of the connection that every packet knows as well.
OF_BOTH: Final = frozenset({"tcp.port", "ip.addr", "ip.host", "ipv6.addr", "ipv6.host"})

_Truth = Callable[[int], bool]
_Tree = Callable[[_Truth], bool]


class Filter:
    """A compiled filter. It is rebuilt from its text where it is sent to another process.

    `fields` are those it names, `packet_fields` those that its tests ask of packets; `needs_packets` says whether one
    of them belongs to a packet, `needs_connection` whether one belongs to the connection as a whole, which is known
    when it is over. Of fields that are not `valued` it matters only whether they are there.
    """

    def __init__(self, text: str, known: Mapping[str, Collection[str]] | None = None) -> None:
        self.text = text
        self._checker = Checker(text, known or {})
        self._tests: list[Test] = []
        self._whole: list[bool] = []  # whether the test is of the connection
        self._asked: list[frozenset[str]] = []  # fields of each test
        self._names: set[str] = set()
        self._valued: set[str] = set()
        from analyzer.analysis.dissection.filters.grammar import (
            parse,  # the parser library only where there is a filter
        )

        self._tree = self._build(parse(text))
        self.fields = frozenset(self._names)
        self.valued = frozenset(self._valued)
        self.packet_fields = frozenset().union(*(n for n, w in zip(self._asked, self._whole, strict=True) if not w))
        self.needs_packets = not all(self._whole)
        self.needs_connection = any(self._whole)

    def __reduce__(self) -> tuple[Callable[[str], Filter], tuple[str]]:
        return compile_filter, (self.text,)

    def matches(self, source: FilterSubject) -> bool:
        """Whether it holds. Raises CaptureError where a pattern takes too long: nothing is left out in silence."""
        tests = self._tests
        return self._tree(lambda index: tests[index](source))

    def can_hold(self, has: Callable[[str], bool]) -> bool:
        """Whether it may hold for a packet that has no fields but those for which `has` is true.

        A test of fields that are not there fails; of the others nothing is known. True where that are too many.
        """
        open_ = [i for i, names in enumerate(self._asked) if self._whole[i] or any(map(has, names))]
        if len(open_) > MOST_OPEN:
            return True
        place = {index: bit for bit, index in enumerate(open_)}
        return any(
            self._tree(lambda index, truths=truths: index in place and bool(truths >> place[index] & 1))  # type: ignore[misc]
            for truths in range(1 << len(open_))
        )

    def packet_bits(self, source: FilterSubject) -> int:
        """The outcomes of all tests of packets, as bits; those of the connection are 0 in it."""
        bits = 0
        for index, test in enumerate(self._tests):
            if not self._whole[index] and test(source):
                bits |= 1 << index
        return bits

    def decide(self, bits: int, connection: FilterSubject) -> bool:
        """Whether it holds for a packet of those bits on that connection."""
        tests, whole = self._tests, self._whole
        return self._tree(lambda index: tests[index](connection) if whole[index] else bool(bits >> index & 1))

    def _build(self, node: Node) -> _Tree:
        if isinstance(node, Compare | Member | Present):
            return self._test(node)
        if isinstance(node, Not):
            inner = self._build(node.node)
            return lambda truth: not inner(truth)
        parts = [self._build(part) for part in node.nodes]
        if isinstance(node, And):
            return lambda truth: all(part(truth) for part in parts)
        if isinstance(node, Or):
            return lambda truth: any(part(truth) for part in parts)
        return lambda truth: sum(part(truth) for part in parts) % 2 == 1

    def _test(self, node: Compare | Member | Present) -> _Tree:
        test, names = self._checker.test(node)
        infos = [info for name in names if (info := find(name)) is not None]
        whole = [info.scope == CONNECTION for info in infos]
        operand = node.left if isinstance(node, Compare) else node.operand
        if not all(whole) and names <= OF_BOTH | {info.name for info in infos if info.scope != CONNECTION}:
            whole = [False]
        if any(whole) and not all(whole):
            raise self._checker.error("a field of a packet is compared with one of the whole connection", operand)
        index = len(self._tests)
        if index >= MOST_TESTS:
            raise self._checker.error(f"more than {MOST_TESTS} tests", operand)
        self._tests.append(test)
        self._asked.append(names)
        self._whole.append(all(whole))
        self._names |= names
        if not isinstance(node, Present) or not isinstance(node.operand, Literal):
            self._valued |= names
        return lambda truth: truth(index)


def compile_filter(text: str, known: Mapping[str, Collection[str]] | None = None) -> Filter:
    """A filter of its text. Raises FilterError, whose `marked()` points at the place.

    `known`: field -> the only texts that it can hold, where the caller knows more of it than its description says.
    """
    return Filter(text, known)
