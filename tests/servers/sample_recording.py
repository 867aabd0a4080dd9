"""Takes the samples that the raw client makes: recorded by itself, or with tcpdump."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import zstandard

from live_client import Options, Session
from live_client.cli import main as client
from live_client.faults import FAULTS
from tests.servers import Server
from tests.servers.accounts import account
from tests.servers.sample_sessions import FLUSH, SampleSession

Capturing = Callable[[Path, str, int], AbstractContextManager[None]]
Run = Callable[[list[str | Path]], str]


Json = dict[str, Any]
LONGEST_ATTRIBUTES = 10_000


class Unfit(RuntimeError):
    """A capture that does not hold what it should: it is taken again."""


def open_session(server: Server, user: str, *, tls: bool) -> Session:
    who = account(user)
    mode = "required" if tls else "disabled"
    options = Options(
        server.host, server.port, user=user, passwords=(who.password.encode(),), ssl_mode=mode,
        get_server_public_key=True,
    )  # fmt: skip
    return Session(options).open()


def as_admin(server: Server, statement: str) -> None:
    with open_session(server, "admin", tls=True) as session:
        session.query(statement)


@contextlib.contextmanager
def prepared(case: SampleSession, server: Server) -> Iterator[None]:
    """The server as the case wants to have it."""
    if case.warm:
        for user in ("app", "sha2") if server.flavor == "mysql" else ("app",):
            open_session(server, user, tls=True).quit()
    with contextlib.ExitStack() as stack:
        if case.after:
            stack.callback(as_admin, server, case.after)
        if case.before:
            as_admin(server, case.before)
        if case.hold:
            stack.enter_context(open_session(server, case.hold, tls=False))
        yield


def words_of(case: SampleSession, server: Server) -> list[str]:
    """The command line, as `make_samples` runs it."""
    files = {"ca": server.ca, "certificate": server.client_certificate, "key": server.client_key}
    words = [word.format(**files) if word in ("{ca}", "{certificate}", "{key}") else word for word in case.words]
    return ["--host", case.host or server.host, "--port", str(server.port), *words]


def take(case: SampleSession, server: Server, samples: Path, work: Path, capturing: Capturing, run: Run) -> None:
    """One capture and its truth, put into `samples`."""
    raw, said_truth, keys = work / "raw.pcapng", work / "truth.json", work / "keys.txt"
    for each in (raw, said_truth, keys):
        each.unlink(missing_ok=True)
    words = [*words_of(case, server), "--truth", str(said_truth)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(prepared(case, server))
        if case.tcpdump:
            # Where no other connection is: the capture has this one only.
            words[1] = server.quiet_host
            stack.enter_context(capturing(raw, server.quiet_host, server.port))
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            kept = ["--keylog", str(keys)] if case.tcpdump else ["--record", str(raw)]
            code = client([*words, *kept])
    if code != case.exit_code:
        raise Unfit(f"the client ended with {code}: {said.getvalue().strip()[-300:]}")
    truth: Json = json.loads(said_truth.read_text(encoding="utf-8"))
    way = (truth.get("authentication") or {}).get("path")
    if case.before == FLUSH and way not in ("full", "direct"):
        raise Unfit("another login came in between: the server knows the password again")
    if case.tcpdump and case.suffix == ".pcapng":
        secrets: list[str | Path] = ["--inject-secrets", f"tls,{keys}"] if keys.exists() else []
        run(["editcap", "-F", "pcapng", *secrets, raw, samples / case.file])
    elif case.suffix.endswith(".zst"):
        (samples / case.file).write_bytes(zstandard.ZstdCompressor(level=19).compress(raw.read_bytes()))
    else:
        shutil.copyfile(raw, samples / case.file)
    login = truth.get("login") or {}
    if sum(map(len, (login.get("attributes") or {}).values())) > LONGEST_ATTRIBUTES:
        # One value, repeated: it is in the capture, and what a truth lacks it says nothing about.
        del login["attributes"]
    truth_of(case, samples).write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def truth_of(case: SampleSession, samples: Path) -> Path:
    return samples / (case.file.split(".")[0] + ".truth.json")


def shown_command(case: SampleSession, server: Server) -> str:
    """The command line as a reader would type it."""
    host = server.quiet_host if case.tcpdump else case.host or server.host
    words = [f'"{word}"' if not word or set(word) & set(" *(;") else word for word in case.words]
    shown = " ".join(words).format(ca="ca.pem", certificate="client-cert.pem", key="client-key.pem")
    return f"handshark-client --host {host} --port {server.port} {shown}"


def known(case: SampleSession, samples: Path) -> str:
    """What the truth file says, in a few words."""
    truth: Json = json.loads(truth_of(case, samples).read_text(encoding="utf-8"))
    error = truth["error"]
    parts = [truth.get("outcome", "no verdict")]
    if error is not None:
        parts[0] += f" with {error['code']} {error['sqlstate'] or ''}".rstrip()
    if truth["tls"]:
        resumed = ", resumed" if truth["tls"].get("resumed") else ""
        parts.append(f"{truth['tls']['version']} {truth['tls']['cipher']}{resumed}")
    elif truth["tls"] is not None:
        parts.append("no TLS came about")
    authentication = truth.get("authentication")
    if authentication:
        parts.append(f"{authentication['plugin']}, {authentication['path']}, {authentication['password_protection']}")
        parts += [f"switched from {each['from']} to {each['to']}" for each in authentication["switches"]]
    if truth["compression"] != "none":
        parts.append(truth["compression"])
    commands = truth.get("commands")
    if commands:
        parts.append(", ".join(name if count == 1 else f"{name} {count}x" for name, count in commands.items()))
    if truth["fault"] is not None:
        assert truth["fault"] in FAULTS
    return "; ".join(parts)
