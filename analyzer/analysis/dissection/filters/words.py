"""The filter's literals: quoted texts, slices, numbers, byte arrays, addresses, times. All raise FilterError.

Source: wireshark-filter(4), "Fields and values", "The slice operator".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError
from typing import Final

from analyzer.analysis.dissection.filters.errors import FilterError
from analyzer.analysis.dissection.filters.tree import Parts

_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_NAMED: Final[dict[str, str]] = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_SEPARATED: Final = re.compile(r":?[0-9a-fA-F]{1,2}(?:[:.-][0-9a-fA-F]{2})*:?")
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)")
_DIGITS: Final = re.compile(r"-?\d{1,9}")
TRUTHS: Final[dict[str, bool]] = {"true": True, "false": False, "1": True, "0": False}


def text_of(token: str, start: int) -> str:
    """The text of a quoted token; r"..." takes backslashes as they are. Bytes over 0x7f by \\x stay bytes."""
    if token.startswith("r"):
        return token[2:-1].replace('\\"', '"')

    def replaced(found: re.Match[str]) -> str:
        body = found[1]
        if body[0] in "xuU" and len(body) > 1:
            return _char(int(body[1:], 16), body[0] == "x", start + found.start(), start + found.end())
        if body[0].isdigit() and body[0] in "01234567":
            return _char(int(body, 8), True, start + found.start(), start + found.end())
        named = _NAMED.get(body)
        if named is None:
            raise FilterError(f"\\{body} is no escape", "", start + found.start() + 1, start + found.end() + 1)
        return named

    return _ESCAPE.sub(replaced, token[1:-1])


def _char(code: int, byte: bool, start: int, end: int) -> str:
    if code > (0xFF if byte else 0x10FFFF) or 0xD800 <= code < 0xE000:
        raise FilterError("no such character", "", start, end)
    # As the decoder keeps bytes that are not UTF-8.
    return chr(0xDC00 + code) if byte and code >= 0x80 else chr(code)


def slice_parts(token: str, start: int) -> Parts:
    """[i:j] (offset and length), [i-j] (both ends), [i], [:j], [i:], and several with commas."""
    parts: list[tuple[int, int | None, int | None]] = []
    at = start + 1
    for raw in token[1:-1].split(","):
        part = raw.strip()
        end = at + len(raw)
        first, separator, second = _split(part)
        if not part or (first and not _DIGITS.fullmatch(first)) or (second and not _DIGITS.fullmatch(second)):
            raise FilterError(f"[{part}] is no slice; [1:3], [1-3], [1], [:3] and [1:] are", "", at, max(end, at + 1))
        if separator == "-" and not (first and second):
            raise FilterError(f"[{part}] lacks an end", "", at, end)
        begin = int(first) if first else 0
        if separator == ":":
            if second and int(second) <= 0:
                raise FilterError(f"a slice of {second} bytes", "", at, end)
            parts.append((begin, int(second) if second else None, None))
        elif separator == "-":
            if (begin < 0) == (int(second) < 0) and int(second) < begin:
                raise FilterError(f"[{part}] ends before it begins", "", at, end)
            parts.append((begin, None, int(second)))
        else:
            parts.append((begin, 1, None))
        at = end + 1
    return tuple(parts)


def _split(part: str) -> tuple[str, str, str]:
    first, colon, second = part.partition(":")
    if colon:
        return first.strip(), ":", second.strip()
    dash = part.find("-", 1)
    if dash > 0:
        return part[:dash].strip(), "-", part[dash + 1 :].strip()
    return part, "", ""


def integer(text: str) -> int | None:
    """Decimal, 0x.., 0b.., octal with a leading 0; None where it is no integer."""
    if not _INTEGER.fullmatch(text):
        return None
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").lower()
    if digits.startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    return sign * (int(digits, 8) if digits.startswith("0") and len(digits) > 1 else int(digits))


def real(text: str) -> float | None:
    """A decimal fraction; None where it is none."""
    try:
        return float(text) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) else None
    except ValueError:
        return None


def seconds(text: str) -> int | None:
    """A duration or a time since 1970 in seconds, as nanoseconds; exact, not through a float."""
    found = re.fullmatch(r"([-+]?)(\d{1,18})(?:\.(\d{0,18}))?", text)
    if found is None:
        return None
    value = int(found[2]) * 1_000_000_000 + int((found[3] or "").ljust(9, "0")[:9])
    return -value if found[1] == "-" else value


def octets(text: str) -> bytes | None:
    """aa:bb:cc, aa-bb-cc, aa.bb.cc, one byte as aa or 0xaa; None where it is no such thing."""
    if text.lower().startswith("0x"):
        number = integer(text)
        return bytes([number]) if number is not None and number < 256 else None
    if not _SEPARATED.fullmatch(text):
        return None
    parts = [part for part in re.split("[:.-]", text) if part]
    return bytes(int(part, 16) for part in parts)


def network(text: str, version: int) -> tuple[int, int] | None:
    """(address, mask) of an address or a CIDR network; None where it is none."""
    try:
        if version == 4:
            four = IPv4Network(text, strict=False)
            return int(four.network_address), int(four.netmask)
        six = IPv6Network(text, strict=False)
        return int(six.network_address), int(six.netmask)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def moment(text: str) -> int | None:
    """A time as text, UTC where it names no zone: "2026-11-22 10:34:03.5", or Wireshark's "Nov 22, 2026 10:34:03"."""
    found = re.fullmatch(r"(.*?\d)(?:\.(\d{1,9}))?\s*(Z|UTC|[+-]\d\d:?\d\d)?", text.strip())
    if found is None:
        return None
    zone = (found[3] or "+0000").replace("Z", "+0000").replace("UTC", "+0000").replace(":", "")
    for layout in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%b %d, %Y %H:%M:%S"):
        try:
            parsed = datetime.strptime(f"{found[1]} {zone}", f"{layout} %z")
        except ValueError:
            continue
        whole = parsed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (whole.days * 86400 + whole.seconds) * 1_000_000_000 + int((found[2] or "").ljust(9, "0"))
    return None
