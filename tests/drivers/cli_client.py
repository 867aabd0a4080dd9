"""The command lines of the servers' own releases, told what to do."""

from __future__ import annotations

import re
import subprocess
import time
from typing import Any

from tests.servers import Server

SECONDS = 30


def options(program: Server, case: dict[str, Any]) -> list[str]:
    """The options that make a case; the two families have different words."""
    words = [f"--{key}={case[key]}" for key in ("host", "port", "user", "password", "database")]
    words += ["--protocol=tcp", "--batch", "--skip-column-names", "--force"]
    if program.flavor == "mysql":
        words += ["--ssl-mode=REQUIRED" if case["tls"] else "--ssl-mode=DISABLED", "--get-server-public-key"]
        words += ["--compression-algorithms=zlib"] if case["compress"] else []
    else:
        words += ["--ssl", "--skip-ssl-verify-server-cert"] if case["tls"] else ["--skip-ssl"]
        words += ["--compress"] if case["compress"] else []
    return words


def script(case: dict[str, Any]) -> str:
    """The statements of a case, in the program's own language."""
    lines = [f"{sql};" for sql in case["identify"]]
    lines += [f"{words[0]};" for kind, *words in case["steps"] if kind in ("query", "fails")]
    return "\n".join(lines) + "\n"


def run_case(program: Server, case: dict[str, Any]) -> dict[str, Any]:
    """One connection."""
    result: dict[str, Any] = {"name": case["name"], "error": None, "problems": [], "start_ns": time.time_ns()}
    done = subprocess.run(
        [*program.client, *options(program, case)],
        input=script(case),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    result["end_ns"] = time.time_ns()
    codes = [int(code) for code in re.findall(r"^ERROR (\d+)", done.stderr, re.MULTILINE)]
    expected = [words[1] for kind, *words in case["steps"] if kind == "fails"]
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    if not lines:
        result["error"] = codes[0] if codes else None
        result["message"] = done.stderr.strip()
        return result
    result["connection_id"], result["version"] = int(lines[0][0]), lines[0][1]
    status = {"Ssl_cipher", "Ssl_version"}
    pairs = [line for line in lines[1:] if len(line) == 2]
    result["status"] = {name: value for name, value in pairs if name in status}
    result["attributes"] = {name: value for name, value in pairs if name not in status}
    if codes != expected:
        result["problems"].append(f"errors {codes}: {done.stderr.strip()}")
    return result
