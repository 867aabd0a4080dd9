"""Fingerprints of a ClientHello: JA3 (salesforce/ja3) and JA4 (FoxIO-LLC/ja4, technical details of JA4).

Values made up to keep servers tolerant (RFC 8701) count in neither.
"""

from __future__ import annotations

import hashlib
from typing import Final

from analyzer.tls.hello import EXT_ALPN, EXT_SERVER_NAME, GREASE, ClientHello

_NOTHING: Final = "000000000000"
_JA4_VERSIONS: Final = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
}


def ja3_text(hello: ClientHello) -> str:
    """Version, suites, extensions, groups and point formats, in decimal and in the order sent."""
    parts = (
        [hello.legacy_version],
        hello.cipher_suites,
        [kind for kind, _ in hello.extensions],
        hello.groups,
        hello.point_formats,
    )
    return ",".join("-".join(str(value) for value in part if value not in GREASE) for part in parts)


def ja3(hello: ClientHello) -> str:
    """The MD5 of `ja3_text`, in hexadecimal."""
    return hashlib.md5(ja3_text(hello).encode("ascii"), usedforsecurity=False).hexdigest()


def ja4(hello: ClientHello) -> str:
    """JA4 over TCP."""
    kinds = [kind for kind, _ in hello.extensions if kind not in GREASE]
    suites = [suite for suite in hello.cipher_suites if suite not in GREASE]
    versions = [version for version in hello.versions if version not in GREASE]
    version = _JA4_VERSIONS.get(max(versions, default=hello.legacy_version), "00")
    name = "d" if EXT_SERVER_NAME in kinds else "i"
    head = f"t{version}{name}{min(len(suites), 99):02d}{min(len(kinds), 99):02d}{_alpn(hello)}"
    rest = sorted(kind for kind in kinds if kind not in (EXT_SERVER_NAME, EXT_ALPN))
    extensions = _list(rest)
    algorithms = [scheme for scheme in hello.signature_algorithms if scheme not in GREASE]
    if algorithms:
        extensions += "_" + _list(algorithms)
    return f"{head}_{_short(_list(sorted(suites)))}_{_short(extensions) if rest else _NOTHING}"


def _alpn(hello: ClientHello) -> str:
    """First and last character of the first protocol; of its hexadecimal form, where one is no letter or digit."""
    first = hello.alpn[0] if hello.alpn else b""
    if not first:
        return "00"
    ends = bytes((first[0], first[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    return first.hex()[0] + first.hex()[-1]


def _list(values: list[int]) -> str:
    return ",".join(f"{value:04x}" for value in values)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12] if text else _NOTHING
