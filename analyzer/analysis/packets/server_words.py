"""Names, and words of a server of which nobody knows what they quote, without what may be a secret.

Most hold none, which is cheap to say: what masks statements takes as long to load as a small capture to read.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = r"(?!eyJ|ghp_|github_|glpat-|[sr]k_live_|xox)[\w.@%:-]{0,64}"
_TEXT: Final = r"[\w\s.,:;()@%!?-]*+"
_PLAIN: Final = re.compile(rf"{_TEXT}(?:'{_NAME}'{_TEXT})*+")


def shown_text(text: str) -> str:
    """The name of a user or a schema, or a line with some: a statement may stand in the place of one."""
    if _PLAIN.fullmatch(text):
        return text
    from analyzer.analysis.packets.statement_mask import StatementMask

    return StatementMask().statement(text)


def shown_words(code: int, message: str) -> str:
    """A server's message: it may quote what a client sent in any place."""
    if _PLAIN.fullmatch(message):
        return message
    from analyzer.analysis.packets.statement_mask import StatementMask

    return StatementMask().message(message, code, None)
