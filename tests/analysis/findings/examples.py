"""`handshark explain` on ten samples, as a page: `python -m tests.analysis.findings.examples` writes it anew."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

from analyzer.cli import main
from tests.corpus import REPOSITORY

PAGE: Final = REPOSITORY / "analyzer" / "analysis" / "findings" / "EXAMPLES.md"
# What a reader may ask -> sample, and the password to check where one is given.
EXAMPLES: Final[tuple[tuple[str, str, str | None], ...]] = (
    (
        "It worked a minute ago, now the driver wants TLS",
        "fault-drop-after-full-auth-request",
        None,
    ),
    ("Access denied, and the password is right", "fault-wrong-scramble-order", "app-pw"),
    ("Bad handshake", "tls12-untrusted", None),
    ("The new server refuses an old client", "tls11-refused", None),
    ("Access denied", "wrong-password", None),
    ("No login without TLS", "secure-transport", None),
    ("Somebody fills the error log", "fault-close-after-greeting", None),
    ("Packets out of order", "fault-http-request", None),
    ("The login is sent and nothing happens", "fault-ssl-flag-without-tls", None),
    ("All is well, and slower than it need be", "switch-from-native", None),
)


def page() -> str:
    """The page, with the program's output as it is."""
    parts = [
        "# What `handshark explain` says\n",
        "Made by `python -m tests.analysis.findings.examples` from `samples/`; do not edit.\n",
    ]
    before = Path.cwd()
    os.chdir(REPOSITORY)
    try:
        for title, name, password in EXAMPLES:
            capture = f"samples/mysql97_raw_{name}.pcapng"
            option = " --password-file pw" if password else ""
            said = explained([capture], password)
            parts.append(f"## {title}\n\n```console\n$ handshark explain {capture}{option}\n{said}```\n")
    finally:
        os.chdir(before)
    return "\n".join(parts)


def explained(arguments: list[str], password: str | None = None) -> str:
    """What `handshark explain` writes; raises AssertionError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        more = []
        if password is not None:
            file = Path(folder, "pw")
            file.write_text(password, encoding="utf-8")
            more = ["--password-file", str(file)]
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with redirect_stdout(out):
            code = main(["explain", *arguments, *more])
        out.flush()
        assert code == 0
        buffer = out.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
