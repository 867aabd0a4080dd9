"""What the tests of the assistant share."""

from __future__ import annotations

import json
from typing import Any


def answer_of(result: Any) -> dict[str, Any]:
    """What a tool has answered, the same as text and as structure. Raises LookupError where it was refused."""
    if result.is_error:
        raise LookupError(result.content[0].text)
    found: dict[str, Any] = result.structured_content
    assert json.loads(result.content[0].text) == found
    return found
