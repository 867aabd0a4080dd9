"""tshark's other switches: those that are taken as tshark takes them, and for each that is not what does it here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, Final

from analyzer.cli.arguments import port

# What -t takes; tshark's forms with the day of the year are not among them.
TIMES: Final = ("a", "ad", "d", "dd", "e", "r", "u", "ud")
# Names of Wireshark's columns as fields, those of 4.0 and those since 4.4 -> the columns.
FIELD_NAMES: Final[dict[str, str]] = {
    **{f"_ws.col.{name}": name for name in ("No.", "Time", "Source", "Destination", "Protocol", "Length", "Info")},
    **{"_ws.col.number": "No.", "_ws.col.time": "Time", "_ws.col.protocol": "Protocol", "_ws.col.info": "Info"},
    **{"_ws.col.def_src": "Source", "_ws.col.def_dst": "Destination", "_ws.col.packet_length": "Length"},
}
# What -O may ask for: layers that there are.
LAYERS: Final = frozenset({"frame", "ip", "ipv6", "tcp", "tls", "mysql", "handshark"})
# tshark's switch -> what does it here.
REFUSED: Final[dict[str, str]] = {
    "-i": "`handshark live -i INTERFACE` captures",
    "-f": "`handshark live -f FILTER` captures with a filter; -Y chooses packets of a file",
    "-D": "`handshark interfaces` lists them",
    "-L": "`handshark interfaces` says what an interface's frames begin with",
    "-b": "`handshark live -w FILE -b X:N` writes a ring of files",
    "-a": "`handshark live -a X:N` stops a capture",
    "-s": "`handshark live -s BYTES` sets the snap length",
    "-p": "`handshark live -p` is for interfaces",
    "-B": "`handshark live -B MIB` sets the kernel's buffer",
    "-I": "set monitor mode with iw or airmon-ng; `handshark live` then reads what comes",
    "-y": "`handshark live` takes the interface's own link type",
    "-G": "`handshark fields` lists the fields",
    "-F": "files are written as pcapng: editcap -F changes that",
    "-K": "Kerberos tickets are not opened",
    "-X": "there are no scripts of Lua here: `import analyzer` in Python",
    "-C": "there are no profiles here",
    "-H": "names of hosts are not shown: addresses are",
    "-N": "names of hosts are not looked up: addresses are shown",
    "-W": "nothing is to be resolved here",
    "-j": "-e FIELD with -T json chooses what is shown",
    "-J": "-e FIELD with -T json chooses what is shown",
    "-P": "packets are always shown; -q leaves them out",
    "-S": "text has one line for each packet: --by frame puts those of a frame together",
    "-u": "seconds are written as seconds",
    "-v": "`handshark --version` says it",
    "-U": "tap names: -z says what there is",
    "-A": "-z follow,tcp,ascii,N, or `handshark follow --stream N`",
}
_DECODE_AS: Final = re.compile(r"tcp\.port==(\d+),(\w+)\Z")
_PREFERENCE: Final = re.compile(r"([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+):(.*)\Z", re.S)


class RefusedSwitch(argparse.Action):
    """A switch of tshark's that is not taken here."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        parser.error(f"tshark's {option_string} is not taken: {REFUSED.get(option_string or '', '')}")


def decode_as(text: str) -> int:
    """-d: the port on which MySQL is assumed."""
    found = _DECODE_AS.fullmatch(text.replace(" ", ""))
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: only tcp.port==N,mysql is taken; other protocols are tshark's")
    if found[2] != "mysql":
        raise argparse.ArgumentTypeError(f"{text!r}: {found[2]} is not decoded here, mysql is")
    return port(found[1])


def layers(text: str) -> str:
    """-O: names of protocols, with commas."""
    for name in text.split(","):
        if name not in LAYERS:
            raise argparse.ArgumentTypeError(f"{name!r} is not decoded here; {', '.join(sorted(LAYERS))} are")
    return text


def statistic(text: str) -> list[str]:
    """-z: the words of the command that shows it."""
    name, *rest = text.split(",")
    if name == "follow" and len(rest) >= 3 and rest[0] == "tcp" and rest[2].isdigit():
        return ["follow", "--stream", rest[2], *(["--hex"] if rest[1] in ("hex", "raw") else [])]
    if text in ("conv,tcp", "endpoints,tcp", "conv,ip", "endpoints,ip"):
        return ["analyze"]
    if text in ("expert", "expert,error", "expert,warn"):
        return ["explain"]
    if name in ("mysql", "rtd", "srt") or text.startswith("io,stat"):
        return ["stats"]
    raise argparse.ArgumentTypeError(
        f"{text!r} is no statistic here: follow,tcp,ascii|hex,N; conv,tcp; expert; mysql,srt are. "
        "`handshark analyze --summary`, `stats` and `explain` have others"
    )


def output(text: str) -> tuple[str | None, str]:
    """-o: (None, a file's name), or tshark's preference and its value."""
    found = _PREFERENCE.match(text)
    if found is None or "/" in text.partition(":")[0]:
        return None, text
    if found[1] in ("tls.keylog_file", "ssl.keylog_file"):
        return "keylog", found[2]
    if found[1] == "mysql.port":
        return "port", found[2]
    raise argparse.ArgumentTypeError(
        f"{found[1]} is a preference of Wireshark's: of these tls.keylog_file and mysql.port are taken (--keylog and "
        "--port are the same); -o FILE says where to write"
    )


def add_switches(parser: argparse.ArgumentParser) -> None:
    """Adds the switches."""
    parser.add_argument(
        "-r", "--read", action="append", default=[], metavar="FILE", help="a capture, as tshark names it (repeatable)"
    )
    parser.add_argument("-n", dest="numeric", action="store_true", help="as always: nothing is resolved")
    parser.add_argument(
        "-2", dest="twice", action="store_true", help="as always: nothing more is known the second time"
    )
    parser.add_argument("-l", dest="flushed", action="store_true", help="as always where a pipe is read")
    parser.add_argument("-t", dest="time", choices=TIMES, default="r", help="what the Time column shows (default: r)")
    parser.add_argument(
        "-d",
        dest="decode",
        type=decode_as,
        action="append",
        default=[],
        metavar="tcp.port==N,mysql",
        help="as --port N",
    )
    parser.add_argument("-O", dest="layers", type=layers, metavar="PROTOCOLS", help="as -V, for these alone")
    parser.add_argument("-q", dest="quiet", action="store_true", help="show no packets: with -z")
    parser.add_argument(
        "-z",
        dest="statistics",
        type=statistic,
        action="append",
        default=[],
        metavar="STATISTIC",
        help="follow,tcp,ascii|hex,N; conv,tcp; expert; mysql,srt: what follow, analyze, explain and stats show",
    )
    parser.add_argument(
        "-w", "--write", metavar="FILE", help="write the frames that match -Y there, as pcapng, and show nothing"
    )
    for switch in REFUSED:
        parser.add_argument(switch, action=RefusedSwitch, nargs="?", help=argparse.SUPPRESS)
