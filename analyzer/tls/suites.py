"""What the name of a cipher suite says: how records are protected, and how much longer that makes them.

Sources: RFC 8446, B.4; RFC 5246, A.5; RFC 5288 (AES-GCM), RFC 6655 (AES-CCM), RFC 7905 (ChaCha20-Poly1305).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from analyzer.tls.tables import CIPHER_SUITES

Body = bytes | memoryview

GCM: Final = "GCM"
CCM: Final = "CCM"
CHACHA: Final = "ChaCha20-Poly1305"
BLOCK: Final = "CBC"
NULL: Final = "NULL"

# What the middle of a suite's name stands for: mode, key bytes, bytes of tag or block.
_BULK: Final[dict[str, tuple[str, int, int]]] = {
    "AES_128_GCM": (GCM, 16, 16),
    "AES_256_GCM": (GCM, 32, 16),
    "AES_128_CCM": (CCM, 16, 16),
    "AES_256_CCM": (CCM, 32, 16),
    "AES_128_CCM_8": (CCM, 16, 8),
    "AES_256_CCM_8": (CCM, 32, 8),
    "CHACHA20_POLY1305": (CHACHA, 32, 16),
    "AES_128_CBC": (BLOCK, 16, 16),
    "AES_256_CBC": (BLOCK, 32, 16),
    "CAMELLIA_128_CBC": (BLOCK, 16, 16),
    "CAMELLIA_256_CBC": (BLOCK, 32, 16),
    "SEED_CBC": (BLOCK, 16, 16),
    "3DES_EDE_CBC": (BLOCK, 24, 8),
    "NULL": (NULL, 0, 0),
}
# Bytes of what a hash function gives, by its name.
DIGEST_SIZES: Final = {"MD5": 16, "SHA": 20, "SHA256": 32, "SHA384": 48}
_SHA256: Final = "SHA256"
_NAME: Final = re.compile(r"TLS_(?:(?P<exchange>\w+)_WITH_)?(?P<bulk>\w+?)(?:_(?P<hash>MD5|SHA|SHA256|SHA384))?")


class Suite(msgspec.Struct, frozen=True):
    """What a cipher suite's name says. `mode` is empty where the record protection is not known here."""

    name: str
    exchange: str = ""  # RSA, ECDHE_RSA ...; empty in TLS 1.3
    bulk: str = ""
    mode: str = ""
    key: int = 0
    tag: int = 0  # of the block, in block ciphers
    mac: str = ""
    prf: str = _SHA256

    @property
    def overhead(self) -> int | None:
        """Bytes by which TLS 1.2 makes a record longer; None where it depends on the contents."""
        if self.mode in (GCM, CCM):
            return 8 + self.tag
        if self.mode == CHACHA:
            return self.tag
        if self.mode == NULL:
            return DIGEST_SIZES[self.mac]
        return None


def suite_of(code: int) -> Suite:
    name = CIPHER_SUITES.get(code, f"0x{code:04x}")
    match = _NAME.fullmatch(name)
    if match is None or match["bulk"] not in _BULK:
        return Suite(name)
    mode, key, tag = _BULK[match["bulk"]]
    last = match["hash"] or _SHA256
    mac = last if mode in (BLOCK, NULL) else ""
    prf = last if last == "SHA384" else _SHA256
    return Suite(name, match["exchange"] or "", match["bulk"], mode, key, tag, mac, prf)
