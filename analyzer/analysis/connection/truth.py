"""Holds what the analyzer says of a connection against what somebody knows to be true of it.

A truth is a JSON object in the keys of `handshark analyze --format jsonl`; `live_client.truth` writes one, anybody may.
A key that it lacks says nothing; null says that there is none. Besides those keys: `connection_id`, `user` and
`database` beside the rest, and in `tls` a `cipher_suite_id`, the registered number, since OpenSSL has names of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analyzer.tls.tables import CIPHER_SUITES

# What stands inside TLS: without keys the analyzer can not know it, and must not pretend to.
HIDDEN: Final = frozenset(
    {"user", "database", "outcome", "error", "login", "authentication", "compression", "commands"}
)
# Keys of a truth that are elsewhere in a connection.
ELSEWHERE: Final[dict[str, tuple[str, str]]] = {
    "connection_id": ("greeting", "connection_id"),
    "user": ("login", "user"),
    "database": ("login", "database"),
}
# About the truth itself, in words that are not the analyzer's, or told by `handshark commands`.
IGNORED: Final = frozenset({"fault", "tls.cipher", "exchanges"})


def compare(connection: Mapping[str, Any], truth: Mapping[str, Any]) -> list[str]:
    """The differences, a line each; none where all that the truth says is what the analyzer says.

    Both as plain JSON data. A connection whose `outcome` is "encrypted" is only compared in what can be seen of it.
    """
    differences: list[str] = []
    hidden = connection.get("outcome") == "encrypted"
    for key, expected in truth.items():
        if key in IGNORED or (hidden and key in HIDDEN):
            continue
        found: Any
        if key in ELSEWHERE:
            outer, inner = ELSEWHERE[key]
            found = (connection.get(outer) or {}).get(inner)
        else:
            found = connection.get(key)
        _value(key, expected, found, differences)
    return differences


def _value(path: str, expected: Any, found: Any, differences: list[str]) -> None:
    if path in IGNORED or path == "tls.cipher_suite_id":
        return
    if path in ("commands", "login.attributes"):
        # Whole: a command or an attribute too many is a difference too.
        if found != expected:
            differences.append(_difference(path, expected, found))
    elif isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            differences.append(_difference(path, expected, found))
            return
        for key, value in expected.items():
            _value(f"{path}.{key}", value, found.get(key), differences)
        if "cipher_suite_id" in expected:
            _suite(expected["cipher_suite_id"], found.get("cipher_suite"), differences)
    elif isinstance(expected, list) and isinstance(found, list) and any(isinstance(item, Mapping) for item in expected):
        if len(expected) != len(found):
            differences.append(_difference(path, expected, found))
            return
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            _value(f"{path}[{index}]", one, other, differences)
    elif found != expected:
        differences.append(_difference(path, expected, found))


def _suite(number: int | None, found: str | None, differences: list[str]) -> None:
    if number is not None and CIPHER_SUITES.get(number) != found:
        differences.append(_difference("tls.cipher_suite", CIPHER_SUITES.get(number, f"0x{number:04x}"), found))


def _difference(path: str, expected: Any, found: Any) -> str:
    return f"{path}: {expected!r} is true, {found!r} is what the analyzer says"
