"""`handshark serve`: captures in the browser."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analyzer.cli.arguments import Commands, analysis_arguments, command, options_of
from analyzer.cli.console import complain
from analyzer.cli.filter_argument import filter_argument

if TYPE_CHECKING:
    from analyzer.serve.server import WebServer

SERVE_AT: Final = "127.0.0.1:8422"
EXAMPLES = """examples:
  handshark serve capture.pcapng --open                # the report's page; what is looked at is read when it is
  handshark serve /var/captures                        # a list of captures: open them, compare two, send one
  handshark serve /var/captures --listen 127.0.0.1:0   # on any port that is free
  sudo handshark live -i eth0 --serve                  # the same page, of what is captured right now

From another machine: ssh -L 8422:127.0.0.1:8422 HOST, and then the address that is printed. Ctrl-C ends it.
"""
MISSING: Final = "the package {name} is missing: pip install 'handshark[serve]'"
OPEN_TO_ALL: Final = (
    "warning: everybody who can reach {address} and has the key can read these captures, and the key goes over the "
    "network as it is: rather listen on loopback, and use ssh -L"
)


def listening(text: str) -> tuple[str, int]:
    """ADDRESS:PORT as an argument."""
    address, _, number = text.rpartition(":")
    if not address or not number.isdecimal() or int(number) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT, as {SERVE_AT}")
    return address.strip("[]"), int(number)


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "serve",
        "captures in the browser",
        "Serves captures to a browser on this machine: each as the report's page, whose parts are read when they are "
        "looked at. A folder is a list, which takes captures that are sent to it and compares two. It only reads. The "
        "address that is printed holds a key; without it nothing is shown.",
        EXAMPLES,
    )
    parser.add_argument("captures", nargs="+", metavar="CAPTURE|DIR", help="captures, or folders that hold them")
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")
    parser.add_argument(
        "--listen", type=listening, default=SERVE_AT, metavar="ADDRESS:PORT", help=f"where (default: {SERVE_AT})"
    )
    public_argument(parser)
    parser.add_argument("--open", action="store_true", help="show the page in the browser")
    analysis_arguments(
        parser,
        "MySQL is assumed on this port where a connection's start was not captured (repeatable; 3306 always is)",
        "TLS secrets in NSS key log format (repeatable); those inside a pcapng are used without asking",
    )


def public_argument(parser: argparse.ArgumentParser) -> None:
    """What has to be given to listen on more than loopback."""
    parser.add_argument(
        "--public", action="store_true", help="let other machines in: without it only loopback is listened on"
    )


def refused(address: str, arguments: argparse.Namespace) -> str | None:
    """Why an address is not listened on. Raises ImportError where a package is missing."""
    from analyzer.serve.server import is_loopback

    if is_loopback(address):
        return None
    if arguments.show_secrets:
        return "--show-secrets is for loopback alone: secrets would go over the network"
    if not arguments.public:
        return f"{address} is not loopback: --public lets other machines in"
    complain(OPEN_TO_ALL.format(address=address))
    return None


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    for name in arguments.captures:
        if not os.path.exists(name):
            complain(f"{name}: there is no such file or folder")
            return 3
    address, port = arguments.listen
    try:
        wrong = refused(address, arguments)
    except ImportError as error:
        complain(f"serve: {MISSING.format(name=error.name)}")
        return 2
    if wrong is not None:
        complain(f"serve: {wrong}")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    from analyzer.engine.background import Background
    from analyzer.serve.app import CaptureServer
    from analyzer.serve.captures import Captures
    from analyzer.serve.server import WebServer, listening
    from analyzer.serve.work import CaptureWork

    # Before there are threads, and before there is a socket: processes are forked from one that has neither.
    background = Background(CaptureWork(options, arguments.filter).work)
    home = len(arguments.captures) > 1 or os.path.isdir(arguments.captures[0])
    captures = Captures(arguments.captures, background, arguments.show_secrets, home)
    try:
        served = CaptureServer(captures)
        _serve(WebServer(served.app(), served.streams, listening(address, port), address, served.entry), arguments.open)
    except OSError as error:
        complain(f"--listen {address}:{port}: {error.strerror}")
        return 3
    finally:
        captures.close()
    return 0


def _serve(server: WebServer, show: bool) -> None:
    """Until Ctrl-C."""
    import asyncio

    undo: list[Callable[[], object]] = []

    def ready() -> None:
        complain(f"open {server.url}")
        if show:
            undo.append(_opened(server.url))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: server.stop())
    try:
        asyncio.run(server.serve(ready))
    finally:
        for step in undo:
            step()


def _opened(url: str) -> Callable[[], object]:
    """Shows the page; what is to be done at the end."""
    import webbrowser

    from analyzer.serve.server import written_address

    name = Path(written_address(url))
    with suppress(webbrowser.Error):
        if webbrowser.open(name.as_uri()):
            return name.unlink
    complain("note: there is no browser that can be opened")
    return name.unlink
