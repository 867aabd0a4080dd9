"""Makes text from the wire safe to show: the one owner of that for every report.

Text arrives decoded as UTF-8 with "surrogateescape": a byte that was not UTF-8 is a lone surrogate U+DC80..U+DCFF.
Backslashes are left as they are, for paths and patterns stay readable; the escapes are for the eye, not to be undone.
"""

from __future__ import annotations

import re

# Printable to Python, yet drawn as nothing: two names could look the same. (Cf, Cc, Cs, Zl, Zp and spaces other than
# U+0020 are not printable to Python, and so are escaped anyway.)
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
LONGEST = 2000  # characters of one text that a person is shown
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Full-width forms too: spreadsheets in CJK locales take them for the sign.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


# Bytes with which such a text may begin.
FORMULA_SIGNS = "".join(_FORMULA).encode()


def _escape(char: str) -> str:
    named = _NAMED.get(char)
    if named is not None:
        return named
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # the byte as it was on the wire
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def terminal(text: str, limit: int | None = LONGEST) -> str:
    """`text` with every character that could move, hide, reorder or colour other text shown as an escape.

    Controls and bytes that are not UTF-8 become \\xNN, newlines \\n, bidi, zero-width and other invisible characters
    \\uNNNN. The result is one line, and valid Unicode. Of longer text only `limit` characters are shown: a packet
    may hold 16 MiB of message.
    """
    if limit is not None and len(text) > limit:
        return terminal(text[:limit], None) + f"… ({len(text) - limit:,} more characters)"
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    return "".join(c if c.isprintable() and not _INVISIBLE.match(c) else _escape(c) for c in text)


def csv_cell(text: str) -> str:
    """`text` as a spreadsheet may open it: one line, and never a formula."""
    safe = terminal(text, None)
    return "'" + safe if text.startswith(_FORMULA) else safe


def json_safe(text: str) -> str:
    """`text` without lone surrogates, which no JSON encoder takes; nothing else needs help there."""
    return _SURROGATE.sub(lambda found: _escape(found.group()), text)
