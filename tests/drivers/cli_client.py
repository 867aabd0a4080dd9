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
        chosen = "VERIFY_CA" if case["verify"] else "REQUIRED" if case["tls"] else "DISABLED"
        words += [f"--ssl-mode={chosen}", "--get-server-public-key"]
        words += [f"--ssl-ca={case['ca']}"] if case["verify"] else []
        words += ["--compression-algorithms=zlib"] if case["compress"] else []
        words += ["--compression-algorithms=zstd"] if case["zstd"] else []
    else:
        if case["verify"]:
            words += ["--ssl", "--ssl-verify-server-cert", f"--ssl-ca={case['ca']}"]
        else:
            words += ["--ssl", "--skip-ssl-verify-server-cert"] if case["tls"] else ["--skip-ssl"]
        words += ["--compress"] if case["compress"] else []
    # A hint is a comment to MariaDB's program: it leaves them out.
    words += ["--local-infile=1", "--comments"] if case["infile"] else []
    return words


def script(case: dict[str, Any]) -> str:
    """The statements of a case, in the program's own language."""
    lines = [f"{sql};" for sql in case["identify"]]
    for kind, *words in case["steps"]:
        if kind == "multi":
            # One command, whatever semicolons are in it.
            lines += ["DELIMITER //", f"{words[0]}//", "DELIMITER ;"]
        elif kind == "call":
            lines += [f"SET @total = {words[1]};", f"CALL doubled({words[0]}, @total, @said);", "SELECT @total, @said;"]
        elif kind in ("query", "fails", "load"):
            lines.append(f"{words[0]};")
    return "\n".join(lines) + "\n"


def run_case(program: Server, case: dict[str, Any]) -> dict[str, Any]:
    """One connection."""
    result: dict[str, Any] = {"name": case["name"], "error": None, "problems": [], "start_ns": time.time_ns()}
    words = [*program.client, *options(program, case)]
    try:
        done = subprocess.run(words, input=script(case), capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired as problem:
        said = (problem.stderr or b"").decode()[-300:]
        return {**result, "end_ns": time.time_ns(), "problems": [f"no end within {SECONDS} seconds: {said}"]}
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
    result["attributes"] = {name: value for name, value in pairs if name not in status and not name.isdigit()}
    for kind, *words in case["steps"]:
        if kind == "call" and words[2] not in lines:
            result["problems"].append(f"no row {words[2]}")
    if codes != expected:
        result["problems"].append(f"errors {codes}: {done.stderr.strip()}")
    return result
