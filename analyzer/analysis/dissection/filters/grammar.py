"""The display filter's grammar (wireshark-filter(4)), read by lark into the tree of `tree`.

From weakest to strongest: or, xor, and, not. A literal is read as a word first; what it means depends on the field it
stands beside, and is decided by `check`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from analyzer.analysis.dissection.filters.errors import FilterError
from analyzer.analysis.dissection.filters.tree import (
    And,
    Call,
    Compare,
    Literal,
    Member,
    Node,
    Not,
    Operand,
    Or,
    Present,
    Range,
    Slice,
    Xor,
)
from analyzer.analysis.dissection.filters.words import slice_parts, text_of

LONGEST: Final = 20_000
DEEPEST: Final = 100
MOST_EXPECTED: Final = 4  # what could stand in a place is said where it is this few things

GRAMMAR: Final = r"""
    start: either
    either: exclusive (_OR exclusive)*
    exclusive: both (_XOR both)*
    both: unary (_AND unary)*
    ?unary: _NOT unary -> negation
        | "(" either ")"
        | test
    ?test: operand -> presence
        | chain
        | (ANY | ALL) operand OPERATOR operand -> quantified
        | operand _IN "{" element ("," element)* "}" -> member
        | operand _NOT _IN "{" element ("," element)* "}" -> not_member
    chain: operand (OPERATOR operand)+
    element: operand | operand ".." operand
    ?operand: masked
    ?masked: sliced
        | sliced _MASK sliced -> mask
    ?sliced: primary
        | sliced SLICE -> slice
    ?primary: WORD -> word
        | STRING -> string
        | CHAR -> char
        | WORD "(" operand ("," operand)* ")" -> call

    _OR.3: "||" | /or(?![\w.:\/-])/i
    _XOR.3: "^^" | /xor(?![\w.:\/-])/i
    _AND.3: "&&" | /and(?![\w.:\/-])/i
    _NOT.3: /!(?![=~])/ | /not(?![\w.:\/-])/i
    _IN.3: /in(?![\w.:\/-])/i
    _MASK.2: /&(?!&)/ | /bitand(?![\w.:\/-])/i | /bitwise_and(?![\w.:\/-])/i
    ANY.3: /any(?![\w.:\/(-])/i
    ALL.3: /all(?![\w.:\/(-])/i
    OPERATOR.3: /===|!==|==|!=|~=|>=|<=|>|<|~/
        | /(any_eq|all_eq|any_ne|all_ne|eq|ne|gt|ge|lt|le|contains|matches)(?![\w.:\/-])/i
    SLICE: /\[[^\]\n]*\]/
    STRING.4: /r?"(?:[^"\\]|\\.)*"/s
    CHAR: /'(?:[^'\\]|\\[^xX0-7]|\\x[0-9a-fA-F]{1,2}|\\[0-7]{1,3})'/
    WORD: /(?:[-+](?=[\d.]))?(?:[\w:\/]|\.(?!\.)|-(?=\w))+/
    %import common.WS
    %ignore WS
"""

# Spellings -> the operator they mean. != is all_ne since Wireshark 4.0.
_OPERATORS: Final[dict[str, str]] = {
    "==": "any_eq",
    "eq": "any_eq",
    "any_eq": "any_eq",
    "===": "all_eq",
    "all_eq": "all_eq",
    "!=": "all_ne",
    "ne": "all_ne",
    "all_ne": "all_ne",
    "!==": "any_ne",
    "~=": "any_ne",
    "any_ne": "any_ne",
    ">": "gt",
    "gt": "gt",
    ">=": "ge",
    "ge": "ge",
    "<": "lt",
    "lt": "lt",
    "<=": "le",
    "le": "le",
    "contains": "contains",
    "~": "matches",
    "matches": "matches",
}
_TERMINALS: Final[dict[str, str]] = {
    "WORD": "a field or a value",
    "STRING": "a text in quotes",
    "CHAR": "a character in quotes",
    "OPERATOR": "a comparison",
    "RPAR": '")"',
    "LPAR": '"("',
    "RBRACE": '"}"',
    "LBRACE": '"{"',
    "COMMA": '","',
    "SLICE": '"[..]"',
    "_AND": '"and"',
    "_OR": '"or"',
    "$END": "the end",
}


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes the tree while lark parses: nothing here recurses."""

    def start(self, node: Node) -> Node:
        return node

    def either(self, *nodes: Node) -> Node:
        return nodes[0] if len(nodes) == 1 else Or(nodes)

    def exclusive(self, *nodes: Node) -> Node:
        return nodes[0] if len(nodes) == 1 else Xor(nodes)

    def both(self, *nodes: Node) -> Node:
        return nodes[0] if len(nodes) == 1 else And(nodes)

    def negation(self, node: Node) -> Node:
        return Not(node)

    def presence(self, operand: Operand) -> Node:
        return Present(operand)

    def chain(self, *parts: Any) -> Node:
        tests = tuple(
            Compare(parts[i], _OPERATORS[str(parts[i + 1]).lower()], parts[i + 2], parts[i + 1].start_pos or 0)
            for i in range(0, len(parts) - 2, 2)
        )
        return tests[0] if len(tests) == 1 else And(tests)

    def quantified(self, quantifier: Token, left: Operand, operator: Token, right: Operand) -> Node:
        name = _OPERATORS[str(operator).lower()]
        plain = {"any_eq": "eq", "all_eq": "eq", "all_ne": "ne", "any_ne": "ne"}.get(name, name)
        return Compare(left, f"{str(quantifier).lower()}_{plain}", right, operator.start_pos or 0)

    def element(self, low: Operand, high: Operand | None = None) -> Range:
        return Range(low, high)

    def member(self, operand: Operand, *elements: Range) -> Node:
        return Member(operand, elements)

    def not_member(self, operand: Operand, *elements: Range) -> Node:
        return Not(Member(operand, elements))

    def mask(self, left: Operand, right: Operand) -> Operand:
        return Call("&", (left, right), left.start, right.end)

    def slice(self, operand: Operand, token: Token) -> Operand:
        return Slice(operand, slice_parts(str(token), token.start_pos or 0), operand.start, token.end_pos or 0)

    def word(self, token: Token) -> Operand:
        return Literal(str(token), False, token.start_pos or 0, token.end_pos or 0)

    def string(self, token: Token) -> Operand:
        start = token.start_pos or 0
        return Literal(text_of(str(token), start), True, start, token.end_pos or 0)

    def char(self, token: Token) -> Operand:
        start = token.start_pos or 0
        char = text_of(f'"{str(token)[1:-1]}"' if token != "'\"'" else '"\\""', start)
        return Literal(char, True, start, token.end_pos or 0, True)

    def call(self, name: Token, *arguments: Operand) -> Operand:
        end = (arguments[-1].end if arguments else name.end_pos or 0) + 1
        return Call(str(name), arguments, name.start_pos or 0, end)


def parse(text: str) -> Node:
    """The tree of a filter. Raises FilterError with the column where it can not be read."""
    if not text.strip():
        raise FilterError("the filter is empty", "", 0, 0)
    if len(text) > LONGEST:
        raise FilterError(f"the filter has {len(text):,} characters; {LONGEST:,} are the most", "", 0, 0)
    _check_depth(text)
    try:
        tree: Any = _parser().parse(text)
    except FilterError as error:
        raise FilterError(error.reason, text, error.start, error.end) from None
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from None
    node: Node = tree
    return node


@lru_cache(maxsize=1)
def _parser() -> Lark:
    """Made once: that takes longer than to read a filter."""
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


def _check_depth(text: str) -> None:
    """Parentheses and chained negations deeper than anybody writes: what comes after walks the tree recursively."""
    depth = 0
    run = 0
    for index, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        run = run + 1 if char == "!" else 0 if not char.isspace() else run
        if depth > DEEPEST or run > DEEPEST:
            raise FilterError(f"more than {DEEPEST} levels deep", text, index, index + 1)
    if text.lower().count("not") > DEEPEST * 4:
        raise FilterError(f"more than {DEEPEST * 4} negations", text, 0, 0)


def _syntax_error(error: UnexpectedInput, text: str) -> FilterError:
    if isinstance(error, UnexpectedCharacters):
        at: int = getattr(error, "pos_in_stream", 0)
        if text[at] in "\"'":
            return FilterError("a quote that is not closed", text, at, len(text))
        return FilterError(f"{text[at]!r} has no meaning here", text, at, at + 1)
    if isinstance(error, UnexpectedToken):
        expected = sorted({_TERMINALS[name] for name in error.expected if name in _TERMINALS})
        wanted = ""
        if 0 < len(expected) <= MOST_EXPECTED:
            wanted = f"; {', '.join(expected[:-1]) + ' or ' if expected[1:] else ''}{expected[-1]} can stand here"
        if error.token.type == "$END":
            return FilterError(f"the filter ends too early{wanted}", text, len(text), len(text))
        start = error.token.start_pos or 0
        return FilterError(f"{str(error.token)!r} is not expected{wanted}", text, start, start + len(error.token))
    return FilterError("the filter can not be read", text, 0, len(text))
