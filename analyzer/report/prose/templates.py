"""The templates of findings as a reader sees them."""

from __future__ import annotations

import re
from typing import Final

_FIELD: Final = re.compile(r"\{(\w+)(?:![rs])?\}")


def template(text: str) -> str:
    """A template as a reader sees it: its fields as <names>."""
    return _FIELD.sub(r"<\1>", text).replace("{{", "{").replace("}}", "}")
