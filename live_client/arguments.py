"""The command line of `handshark-client`: what may be said, and what `--help` says about it."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzer import __version__
from live_client.actions import DEEDS, check, row_of, value_of
from live_client.capabilities import capability_number
from live_client.faults import FAULTS, fault_list
from live_client.options import COMPRESSIONS, DISABLED, PREFERRED, SSL_MODES, TLS_VERSIONS

EXAMPLES = """examples:
  handshark-client --user app --password-file pw -e "SELECT 1"
  handshark-client --user app --password-file pw --ssl-mode verify-ca --ssl-ca ca.pem --show-attributes
  handshark-client --user app --password-file pw --record session.pcapng --truth truth.json -e "SELECT 1"
  handshark-client --user app --password-file pw --ssl-mode required --tls-resume --record resumed.pcapng
  handshark-client --user app --password-file pw --prepare "SELECT ?, ?" --row int:5,five --row null,"a, b"
  handshark-client --user app --fault silence-after-greeting --record silent.pcapng
  handshark-client --fault list

exit codes: 0 done, or the fault that was asked for has struck; 1 no connection, the login was refused, a statement
failed, or the server broke the protocol; 2 wrong usage.
"""


class _Deed(argparse.Action):
    """Collects what is to be done after the login, in the order in which it was said."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        try:
            check(self.const, values or "")
        except ValueError as error:
            parser.error(f"{option_string}: {error}")
        namespace.deeds = [*(namespace.deeds or []), (self.const, values or "")]


class _Row(argparse.Action):
    """Values of the deed before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        deeds = namespace.deeds or []
        if not deeds or deeds[-1][0] not in ("prepare", "bulk"):
            parser.error("--row goes behind --prepare or --bulk")
        try:
            row = row_of(values)
        except (ValueError, csv.Error) as error:
            parser.error(f"--row: {error}")
        namespace.rows = {**namespace.rows, len(deeds) - 1: [*namespace.rows.get(len(deeds) - 1, []), row]}


class _FaultList(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if values == "list":
            print(fault_list(), end="")
            parser.exit()
        if values not in FAULTS:
            parser.error(f"there is no fault {values!r}; `--fault list` shows them all")
        namespace.fault = values


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return port


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _number(longest: int) -> Any:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) > longest:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {longest}")
        return int(text)

    return number


def _attribute(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _capability(text: str) -> tuple[str, bool]:
    if text[:1] not in ("+", "-") or capability_number(text[1:]) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not + or - and the name of a capability, as in +FOUND_ROWS")
    return text[1:], text[0] == "+"


def _versions(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(TLS_VERSIONS):
        raise argparse.ArgumentTypeError(f"{text!r} is not of {', '.join(TLS_VERSIONS)}")
    return names


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="handshark-client",
        description="Logs in to a MySQL or MariaDB server and says every step in plain words.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.set_defaults(deeds=None, rows={})
    top.add_argument("--version", action="version", version=f"handshark-client {__version__}")
    top.add_argument("-v", "--verbose", action="count", default=0, help="records; -vv their bytes too")
    top.add_argument("-q", "--quiet", action="store_true", help="no steps, only results and errors")
    _where(top.add_argument_group("where to"))
    _who(top.add_argument_group("who"))
    _tls(top.add_argument_group("TLS"))
    _how(top.add_argument_group("what the login says"))
    _deeds(top.add_argument_group("what to do then (in the order given, each may be repeated)"))
    _kept(top.add_argument_group("what to keep"))
    return top


_Group = Any  # argparse gives its groups no public type


def _where(group: _Group) -> None:
    group.add_argument("--host", default="127.0.0.1", help="name or address; every address of a name is tried")
    group.add_argument("--port", "-P", type=_port, default=3306, metavar="N", help="default: 3306")
    group.add_argument("--socket", "-S", type=Path, metavar="FILE", help="a Unix socket in place of host and port")
    group.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="S", help="seconds for each step (default: 10)"
    )
    group.add_argument("--deadline", type=_seconds, metavar="S", help="seconds for the whole connection")
    group.add_argument("--proxy-header", choices=("v1", "v2"), help="send a PROXY protocol header first")


def _who(group: _Group) -> None:
    group.add_argument("--user", "-u", default="", help="default: the empty name")
    group.add_argument(
        "--password-file", type=Path, action="append", default=[], metavar="FILE",
        help="first line is the password; - is stdin; repeat for more factors",
    )  # fmt: skip
    group.add_argument(
        "--password", action="append", default=[], metavar="TEXT",
        help="seen by all users of this machine; else HANDSHARK_PASSWORD (and ...2, ...3) of the environment",
    )  # fmt: skip
    group.add_argument("--ask-password", "-p", action="store_true", help="ask for the password")
    group.add_argument("--database", "-D", metavar="NAME")
    group.add_argument("--default-auth", metavar="PLUGIN", help="begin with this plugin and let the server switch")
    group.add_argument(
        "--enable-cleartext-plugin", action="store_true",
        help="the password may be sent in clear text: without TLS, or to a server whose certificate was not verified",
    )  # fmt: skip
    group.add_argument(
        "--enable-old-password", action="store_true", help="mysql_old_password may be done where the server asks for it"
    )
    group.add_argument("--server-public-key", type=Path, metavar="FILE", help="PEM of the server's RSA key")
    group.add_argument(
        "--get-server-public-key", action="store_true", help="ask the server for its RSA key, unverified"
    )


def _tls(group: _Group) -> None:
    group.add_argument("--ssl-mode", choices=SSL_MODES, default=PREFERRED, type=str.lower, help="default: preferred")
    group.add_argument("--ssl-ca", type=Path, metavar="FILE", help="certificates of the authorities to trust")
    group.add_argument("--ssl-cert", type=Path, metavar="FILE", help="the client's certificate")
    group.add_argument("--ssl-key", type=Path, metavar="FILE", help="its key")
    group.add_argument("--tls-version", type=_versions, default=(), metavar="V[,V]", help=", ".join(TLS_VERSIONS))
    group.add_argument(
        "--tls-resume", action="store_true",
        help="log in twice, the second time with the TLS session of the first; only the second is recorded",
    )  # fmt: skip


def _how(group: _Group) -> None:
    group.add_argument("--compression", choices=COMPRESSIONS)
    group.add_argument("--zstd-level", type=_number(22), default=3, metavar="N", help="default: 3")
    group.add_argument("--attribute", type=_attribute, action="append", default=[], metavar="NAME=VALUE")
    group.add_argument(
        "--attributes-size", type=_number(1 << 24), default=0, metavar="N", help="fill them up to N bytes"
    )
    group.add_argument("--no-attributes", action="store_true", help="send none at all")
    group.add_argument("--collation", type=_number(0xFFFF), metavar="N", help="its number (default: utf8mb4's)")
    group.add_argument("--capability", type=_capability, action="append", default=[], metavar="+NAME|-NAME")
    group.add_argument("--protocol", type=int, choices=(41, 320), default=41, help="320: the login of before 4.1")
    group.add_argument("--max-packet-size", type=_number(0xFFFF_FFFF), default=1 << 24, metavar="N")
    group.add_argument("--fault", action=_FaultList, metavar="NAME", help="go wrong on purpose; `list` shows the names")


def _deeds(group: _Group) -> None:
    for name, (given, what, _) in DEEDS.items():
        short = ["-e"] if name == "execute" else []
        if given is None:
            group.add_argument(*short, f"--{name}", action=_Deed, const=name, nargs=0, help=what)
        else:
            group.add_argument(*short, f"--{name}", action=_Deed, const=name, metavar=given, help=what)
    group.add_argument(
        "--row", action=_Row, metavar="VALUES",
        help="values of the --prepare or --bulk before it, between commas: text, null, int:5, float:1.5, decimal:1.5, "
        "date:2024-02-29, datetime:2024-02-29 01:02:03, time:-838:59:59, hex:00ff",
    )  # fmt: skip
    group.add_argument(
        "--fetch", type=_number(0xFFFF_FFFF), default=0, metavar="N",
        help="prepared statements open a cursor, and N rows at a time are fetched",
    )  # fmt: skip
    group.add_argument(
        "--query-attribute", type=_attribute, action="append", default=[], metavar="NAME=VALUE",
        help="goes with each statement (MySQL); VALUE as in --row",
    )  # fmt: skip
    group.add_argument(
        "--local-infile", type=Path, action="append", default=[], metavar="FILE",
        help="LOAD DATA LOCAL may have this file, by just this name, and no other",
    )  # fmt: skip
    group.add_argument(
        "--change-user-password-file", type=Path, metavar="FILE", help="its password (default: the first user's)"
    )
    end = group.add_mutually_exclusive_group()
    end.add_argument("--quit", action="store_true", help="end with COM_QUIT (the default)")
    end.add_argument("--drop", action="store_true", help="end without COM_QUIT")


def _kept(group: _Group) -> None:
    group.add_argument(
        "--record", type=Path, metavar="FILE.pcapng", help="the conversation as a capture, TLS keys inside"
    )
    group.add_argument("--keylog", type=Path, metavar="FILE", help="add the TLS keys to this file")
    group.add_argument("--truth", type=Path, metavar="FILE.json", help="what the client knows, for `handshark verify`")


def _joined(argv: Sequence[str]) -> list[str]:
    """`--capability -NAME` as one word: argparse takes the second for an option."""
    words = list(argv)
    for index in range(len(words) - 1, 0, -1):
        if words[index - 1] == "--capability" and words[index].startswith("-"):
            words[index - 1 : index + 1] = [f"--capability={words[index]}"]
    return words


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parses and checks what argparse alone can not."""
    top = parser()
    arguments = top.parse_args(_joined(sys.argv[1:] if argv is None else argv))
    if (arguments.ssl_cert is None) != (arguments.ssl_key is None):
        top.error("--ssl-cert and --ssl-key go together")
    if arguments.tls_resume and arguments.ssl_mode == DISABLED:
        top.error("--tls-resume needs TLS, and --ssl-mode is disabled")
    try:
        arguments.query_attribute = [(name, value_of(text)) for name, text in arguments.query_attribute]
    except ValueError as error:
        top.error(f"--query-attribute: {error}")
    if arguments.no_attributes and (arguments.attribute or arguments.attributes_size):
        top.error("--no-attributes leaves nothing for --attribute and --attributes-size")
    return arguments
