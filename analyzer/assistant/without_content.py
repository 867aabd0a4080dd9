"""Captures without their content: what an assistant looks at unless its user says otherwise."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from analyzer.analysis import AnalysisOptions
from analyzer.sharing.redact import HEADERS, RedactRequest, redact

_KEY_BYTES: Final = 32


def without_content(options: AnalysisOptions) -> Callable[[Path, ExitStack], Path]:
    """What makes a redacted copy of a capture, as `handshark redact` does, in a folder that only this user can read.

    The replacements are the same for all captures of one server, and for no other. Frames that are not MySQL's keep
    their headers, so that frames keep their numbers. The copy goes when the stack is left. Raises CaptureError.
    """
    request = RedactRequest(secrets.token_bytes(_KEY_BYTES), other=HEADERS)

    def copied(capture: Path, stack: ExitStack) -> Path:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handshark-")))
        copy = folder / capture.name
        with copy.open("wb") as out:
            redact([str(capture)], request, options, out)
        return copy

    return copied
