"""The command `handshark-client`: steps and errors go to standard error, results to standard output."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from analyzer.capture.outputs import PRIVATE, clash, replaced
from analyzer.errors import AnalyzerError, ServerError
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.machine.machine import CLIENT, AnyRecord
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.wire.framing import RawPacket
from live_client.actions import DEEDS, Choices, files_of
from live_client.arguments import parse
from live_client.listener import Listener
from live_client.options import Options
from live_client.passwords import PasswordError, ask_user, find_passwords, read_file
from live_client.session import Session
from live_client.terminal import field_lines, hex_lines, masked, plain, secrets_of
from live_client.tls import SavedTls

USAGE: Final = 2
# Arguments that are files: those that are read, those that are written.
READ: Final = (
    "password_file",
    "server_public_key",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "local_infile",
    "change_user_password_file",
)
WRITTEN: Final = ("record", "keylog", "truth")


class Narrator(Listener):
    """Says what happens as it happens."""

    def __init__(self, verbose: int, quiet: bool, passwords: Sequence[bytes]) -> None:
        self._verbose = verbose
        self._quiet = quiet
        self._passwords = list(passwords)
        self._begun = time.monotonic()

    def hide(self, password: bytes) -> None:
        """One more password that is not to be shown."""
        self._passwords.append(password)

    def step(self, text: str) -> None:
        if not self._quiet:
            self._line(f"{(time.monotonic() - self._begun) * 1000:8.1f} ms  {plain(text)}")

    def packet(self, sender: int, packet: RawPacket, record: AnyRecord, detail: AuthRecord | None) -> None:
        if not self._verbose:
            return
        arrow = "->" if sender == CLIENT else "<-"
        summary = plain(record.summary())
        self._line(
            f"          {arrow} {packet.sequence_id:3} {type(record).__name__}, {packet.length} bytes: {summary}"
        )
        secrets = secrets_of(self._passwords, detail)
        if detail is not None:
            self._line(f"               {type(detail).__name__}: {plain(detail.summary())}")
        for line in field_lines(record, secrets):
            self._line(f"               {line}")
        if self._verbose > 1:
            for line in hex_lines(masked(packet.payload, secrets)):
                self._line(f"               {line}")

    @staticmethod
    def _line(text: str) -> None:
        sys.stderr.write(text + "\n")


def complain(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"handshark-client: {plain(message)}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    arguments = parse(argv)
    problem = _overwriting(arguments)
    if problem is not None:
        complain(problem)
        return USAGE
    try:
        options = _options(arguments)
        change_password = None
        if arguments.change_user_password_file is not None:
            change_password = read_file(arguments.change_user_password_file)
    except (PasswordError, OSError) as error:
        complain(str(error))
        return USAGE
    narrator = Narrator(arguments.verbose, arguments.quiet, options.passwords)
    if change_password is not None:
        narrator.hide(change_password)
    try:
        with _file(arguments.record) as record:
            resume = _first_login(options, narrator) if arguments.tls_resume else None
            session = Session(options, listener=narrator, record=record, keylog=arguments.keylog, resume=resume)
            try:
                return _run(session, arguments, change_password)
            finally:
                session.close()
                if arguments.truth is not None:
                    with replaced(str(arguments.truth)) as truth:
                        truth.write(msgspec.json.format(msgspec.json.encode(session.truth())) + b"\n")
    except OSError as error:
        complain(f"{error.filename or arguments.record or arguments.truth or 'output'}: {error.strerror}")
        return USAGE
    except KeyboardInterrupt:
        return 130


def _first_login(options: Options, narrator: Narrator) -> SavedTls | None:
    """The TLS session of a login that does nothing else. A server hands it out whether it lets the user in or not."""
    session = Session(replace(options, fault=None), listener=narrator)
    try:
        session.open()
    except AnalyzerError as error:
        narrator.step(f"the first login fails: {error}")
    finally:
        session.quit()
    saved = session.saved_tls
    if saved is None:
        narrator.step("the first login left no TLS session that could be taken up")
    return saved


def _run(session: Session, arguments: argparse.Namespace, change_password: bytes | None) -> int:
    """Opens, does what is to be done, ends. Returns the exit code."""
    failed: AnalyzerError | None = None
    try:
        session.open()
        choices = _choices(session, arguments, change_password)
        for index, (what, value) in enumerate(_deeds(session, arguments)):
            _, _, do = DEEDS[what]
            out = do(session, value, replace(choices, rows=arguments.rows.get(index, [])))
            for piece in [out] if isinstance(out, str) else out:
                sys.stdout.write(piece)
            sys.stdout.flush()
        if arguments.drop:
            session.drop()
        else:
            session.quit()
    except AnalyzerError as error:
        failed = error
        if isinstance(error, ServerError):
            session.quit()
    if session.known.fault is not None:
        if session.fault_struck:
            complain(f"the fault has struck{f'; then: {failed}' if failed else ''}")
            return 0
        complain(f"the fault {session.known.fault} never came to its turn{f': {failed}' if failed else ''}")
        return 1
    if failed is not None:
        complain(str(failed))
        return 1
    return 0


def _deeds(session: Session, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    deeds: list[tuple[str, str]] = arguments.deeds or []
    if not deeds and session.waits_for_command:
        return [("ping", "")]
    return deeds


def _choices(session: Session, arguments: argparse.Namespace, change_password: bytes | None) -> Choices:
    given = {name: value.value if isinstance(value, Parameter) else value for name, value in arguments.query_attribute}
    password = session.options.passwords[0] if change_password is None else change_password
    return Choices([], given, files_of(arguments.local_infile), arguments.fetch, password)


def _capabilities(arguments: argparse.Namespace) -> tuple[tuple[str, bool], ...]:
    """What is asked for; without CLIENT_LOCAL_FILES a server does not ask for a file."""
    files = [("LOCAL_FILES", True)] if arguments.local_infile else []
    return (*files, *arguments.capability)


def _options(arguments: argparse.Namespace) -> Options:
    key: Path | None = arguments.server_public_key
    return Options(
        host=arguments.host,
        port=arguments.port,
        socket=arguments.socket,
        user=arguments.user,
        passwords=find_passwords(arguments.password_file, arguments.password, arguments.ask_password, complain),
        database=arguments.database,
        ssl_mode=arguments.ssl_mode,
        ssl_ca=arguments.ssl_ca,
        ssl_cert=arguments.ssl_cert,
        ssl_key=arguments.ssl_key,
        tls_versions=arguments.tls_version,
        default_auth=arguments.default_auth,
        cleartext=arguments.enable_cleartext_plugin,
        old_password=arguments.enable_old_password,
        server_public_key=key.read_bytes() if key is not None else None,
        get_server_public_key=arguments.get_server_public_key,
        compression=arguments.compression,
        zstd_level=arguments.zstd_level,
        attributes=tuple(arguments.attribute),
        send_attributes=not arguments.no_attributes,
        attributes_size=arguments.attributes_size,
        collation=arguments.collation,
        protocol=arguments.protocol,
        proxy_header=arguments.proxy_header,
        capabilities=_capabilities(arguments),
        max_packet_size=arguments.max_packet_size,
        timeout=arguments.timeout,
        deadline=arguments.deadline,
        fault=arguments.fault,
        prompt=ask_user if sys.stdin.isatty() else None,
    )


@contextlib.contextmanager
def _file(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    # It holds what was sent, and the keys of the session: a new file is readable by its owner alone.
    with open(path, "wb", opener=_private) as file:
        yield file


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, PRIVATE)


def _overwriting(arguments: argparse.Namespace) -> str | None:
    """Why a file would be written that is read, or written twice; None where all is well."""
    read: list[str | int] = []
    for value in (getattr(arguments, name) for name in READ):
        read += [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    outputs: list[str | int] = [str(one) for name in WRITTEN if (one := getattr(arguments, name)) is not None]
    found = clash(outputs, read)
    if found is None:
        return None
    output, other = found
    return f"{output}: is read, and would be overwritten" if other in read else f"{output}: would be written twice"
