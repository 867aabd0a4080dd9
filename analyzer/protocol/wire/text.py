"""Text of a character set that is not UTF-8.

Records read text as UTF-8 and keep other bytes as they are (`Reader`, "surrogateescape"): they are written back as they
came. What such text says is worked out here, where it is shown, from the character set in force.
"""

from __future__ import annotations

from typing import Final

from analyzer.protocol.wire.reader import ENCODING_ERRORS

# Codecs whose characters take several bytes, the second of which may be any ASCII character: a backslash, a quote.
# Bytes of theirs may make UTF-8 by chance; those of the others, a byte each, hardly ever do.
MULTIBYTE: Final = frozenset({"big5", "cp932", "cp949", "euc_jp", "gb18030", "gb2312", "gbk", "shift_jis"})


def in_charset(value: str, codec: str | None) -> str:
    """What `value` says under `codec` (None: UTF-8); as it stands where its bytes are none of that codec."""
    if codec is None or value.isascii():
        return value
    raw = value.encode("utf-8", ENCODING_ERRORS)
    if codec not in MULTIBYTE and _is_utf8(raw):
        return value
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return value


def bytes_in_charset(raw: bytes, codec: str | None) -> str:
    """The same for bytes."""
    return in_charset(raw.decode("utf-8", ENCODING_ERRORS), codec)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
