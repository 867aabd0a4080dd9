"""Certificates without names, keys and signatures: DER of the same form and length (ITU-T X.690, RFC 5280)."""

from __future__ import annotations

import re
from typing import Final

from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.replacements import Replacements

_INTEGER, _BITS, _OCTETS = 2, 3, 4
# What says nothing of anybody, as long as any is: BOOLEAN, NULL, OBJECT IDENTIFIER, ENUMERATED.
_LONGEST: Final = {1: 1, 5: 0, 6: 11, 10: 2}
_TIMES: Final = frozenset({23, 24})
_TIME: Final = re.compile(rb"\d{10,14}(?:\.\d{1,6})?(?:Z|[+-]\d{4})?")
_STRINGS: Final = frozenset({12, 18, 19, 20, 22, 26, 27, 28, 30})
_CONSTRUCTED: Final = 0x20
_CONTEXT: Final = 0x80
# Of general names: mail address, host name, URI; and an IP address.
_NAMES: Final = frozenset({0x81, 0x82, 0x86})
_ADDRESS: Final = 0x87
_DEEPEST: Final = 16


class CertificateRedactor:
    """Replaces what is content in a certificate."""

    def __init__(self, replacements: Replacements, keep: KeptKinds) -> None:
        self._replacements = replacements
        self._keep = keep

    def redact(self, der: bytes) -> bytes:
        """A certificate as long as it was; nothing but zeros of what is none."""
        if "names" in self._keep.kinds:
            return der
        found = self._elements(der, 0)
        return found if found is not None else bytes(len(der))

    def _elements(self, data: bytes, depth: int) -> bytes | None:
        """Elements one after the other; None where the bytes are not exactly that."""
        out = bytearray()
        at = 0
        while at < len(data):
            head = _head(data, at)
            if head is None or depth > _DEEPEST:
                return None
            tag, start, stop = head
            content = data[start:stop]
            if tag & _CONSTRUCTED:
                inside = self._elements(content, depth + 1)
                if inside is None:
                    return None
            else:
                inside = self._primitive(tag, content, depth)
            out += data[at:start] + inside
            at = stop
        return bytes(out)

    def _primitive(self, tag: int, content: bytes, depth: int) -> bytes:
        if len(content) <= _LONGEST.get(tag, -1) or (tag in _TIMES and _TIME.fullmatch(content)):
            return content
        if tag == _INTEGER:
            return self._integer(content)
        if tag in _STRINGS:
            return self._replacements.text("names", content)
        if tag == _BITS:
            return self._bits(content, depth)
        if tag == _OCTETS:
            inside = self._elements(content, depth + 1) if content else None
            return inside if inside is not None else self._replacements.noise("nonces", content)
        if tag in _NAMES:
            return self._replacements.text("names", content)
        if tag == _ADDRESS and len(content) in (4, 16):
            return self._replacements.addresses.packed(content)
        return self._replacements.noise("nonces", content)

    def _integer(self, content: bytes) -> bytes:
        """Small ones are versions and exponents; of long ones the size stays, and that they are odd or even."""
        if len(content) <= 3:
            return content
        drawn = bytearray(self._replacements.noise("nonces", content))
        drawn[0] = content[0] & 0x80 or (content[0] and drawn[0] & 0x7F | 1)
        if not content[0]:
            drawn[1] |= 0x80
        drawn[-1] = drawn[-1] & 0xFE | content[-1] & 1
        return bytes(drawn)

    def _bits(self, content: bytes, depth: int) -> bytes:
        """A key, a signature or flags. The first byte says how many bits of the last are unused."""
        if len(content) <= 3:
            return content  # key usage
        inside = self._elements(content[1:], depth + 1) if content[1] == 0x30 else None
        if inside is not None:
            return content[:1] + inside
        head = 2 if content[1] in (2, 3, 4) else 1  # of a point on a curve the first byte says its form
        return content[:head] + self._replacements.noise("nonces", content[head:])


def _head(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(tag, start, stop) of the element at a place; None where there is none that fits."""
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        return None
    size, start = data[at + 1], at + 2
    if size & 0x80:
        width = size & 0x7F
        if not 1 <= width <= 4 or start + width > len(data):
            return None
        size = int.from_bytes(data[start : start + width], "big")
        start += width
    return (data[at], start, start + size) if start + size <= len(data) else None
