"""`handshark live`."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail, Source
from analyzer.analysis.memory import LIVE_MEMORY
from analyzer.analysis.model.counts import Counts
from analyzer.cli.arguments import Commands, analysis_arguments, clock_argument, command, options_of, positive
from analyzer.cli.console import complain, complain_lines
from analyzer.cli.filter_argument import filter_argument
from analyzer.cli.output import open_output, silence_stdout
from analyzer.cli.serve import MISSING, SERVE_AT, listening, public_argument, refused
from analyzer.cli.tui import switches, terminal_there
from analyzer.engine.live_following import LiveOutput, ViewClosed
from analyzer.engine.privileges import invoking_user, user_named
from analyzer.errors import CaptureError
from analyzer.report.escape import terminal
from analyzer.tui.command_line import CommandLine

if TYPE_CHECKING:
    from analyzer.capture.live.files import Target
    from analyzer.engine.live import LiveRequest
    from analyzer.engine.live_workload import LiveWorkload
    from analyzer.engine.privileges import User
    from analyzer.report.live_views import LivePage, LiveView
    from analyzer.report.prose.summary import SummaryTotals
    from analyzer.serve.live import LivePageProcess, LiveServer
    from analyzer.tui.live import ScreenProcess

MEGABYTE: Final = 1 << 20
DEFAULT_BUFFER: Final = 16
METRICS_AT: Final = "127.0.0.1:9422"
MOST_BUFFER: Final = 1024
PACKETS: Final = 200
WORKLOAD_MODULES: Final = ("analyzer.engine.live_workload", "analyzer.analysis.commands.digest")
# What the views need when the first connection comes.
_MODULES: Final = {
    "jsonl": ("analyzer.report.jsonl", "analyzer.report.live_views"),
    "text": ("analyzer.report.text.connections", "analyzer.report.text.live_table", "analyzer.report.live_views"),
    "report": (
        "analyzer.report.jsonl",
        "analyzer.report.text.connections",
        "analyzer.report.text.live_table",
        "analyzer.report.html.page",
        "analyzer.report.live_views",
        *WORKLOAD_MODULES,
    ),
    "tui": ("analyzer.tui.app", "analyzer.tui.live", "textual.drivers.linux_driver"),
    "serve": (
        *WORKLOAD_MODULES,
        *("analyzer.serve.live", "analyzer.serve.ring", "anyio._backends._asyncio", "asyncio.selector_events"),
        *("concurrent.futures.thread", "encodings.idna", "uvicorn.lifespan.off", "uvicorn.loops.auto"),
        *("uvicorn.loops.asyncio", "analyzer.analysis.commands.excerpt"),
    ),
}

EXAMPLES = """examples:
  sudo handshark live -i eth0                             # a live table of logins
  sudo handshark live -i eth0 --tui                       # filters, packets, commands; ? shows the keys
  sudo handshark live -i eth0 --serve                     # the report's page in the browser, as it happens
  sudo handshark live -i any --format jsonl | jq -c 'select(.final and .outcome == "rejected")'
  sudo handshark live -i eth0 -w storm.pcapng -a duration:60 --report storm.html
  sudo handshark live -i eth0 -w ring.pcapng -b filesize:100000 -b files:10
  sudo handshark live -i lo --port 33097 --keylog keys.txt
  sudo handshark live -i eth0 --format jsonl --metrics > /dev/null        # http://127.0.0.1:9422/metrics
  sudo handshark live -i eth0 -f 'tcp port 3306 and host 192.0.2.7'

A connection is shown when its login is decided, and again at its end where there is more to say (with jsonl always:
"final": false, then "final": true). Ctrl-C ends it cleanly; a second one leaves out what is not analysed yet.
exit codes: 0 done; 2 wrong usage; 3 an interface can not be captured, or the capture or a report not be written.
"""
# Frames that begin as a greeting does, on any port: the packet's length is below 64 KiB, its number 0, the protocol
# version 10.
_GREETING = "{at}[{begin} + (({at}[{words}] & 0xf0) >> 2) + 2 : 4] & 0xffffff00 = 0x00000a00"
GREETINGS = (
    f"({_GREETING.format(at='tcp', begin=0, words=12)})"
    f" or (ip6[6] = 6 and {_GREETING.format(at='ip6', begin=40, words=52)})"
)
NO_PERMISSION = """capturing needs privileges. One of these gives them:
  sudo handshark live ...                                  (the analysis runs as you all the same)
  sudo setcap cap_net_raw,cap_net_admin+eip {python}       (for every program of this Python)
  sudo tcpdump -i {interface} -U -w - 'tcp port 3306' | handshark analyze -"""


class _Wrong(Exception):
    """Wrong usage: the message says what."""


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def _mebibytes(text: str) -> int:
    """The size of the kernel's buffer: what is more than it can have is not tried."""
    number = positive(text)
    if number > MOST_BUFFER:
        raise argparse.ArgumentTypeError(f"{text!r} is too much: at most {MOST_BUFFER} MiB for each interface")
    return number


def _or_ever(text: str) -> float | None:
    """The type of --duration."""
    return None if text == "0" else _seconds(text)


def _condition(*names: str) -> Callable[[str], tuple[str, float]]:
    """The type of -a and -b: NAME:NUMBER."""

    def condition(text: str) -> tuple[str, float]:
        name, _, value = text.partition(":")
        if name not in names:
            raise argparse.ArgumentTypeError(f"{text!r}: one of {', '.join(f'{one}:N' for one in names)} is wanted")
        return name, _seconds(value) if name == "duration" else float(positive(value))

    return condition


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "live",
        "connections as they come, from an interface",
        "Captures interfaces, and shows every MySQL connection when its login is decided. Switches are dumpcap's.",
        EXAMPLES,
    )
    _capture_arguments(parser)
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")
    parser.add_argument("--report", metavar="FILE.html", help="write a page about what was analysed, at the end")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text", help="default: text")
    parser.add_argument("--tui", action="store_true", help="look around in it, as with `handshark tui`")
    parser.add_argument(
        "--serve",
        nargs="?",
        const=SERVE_AT,
        type=listening,
        metavar="ADDRESS:PORT",
        help=f"the report's page in the browser, as it happens (default: {SERVE_AT}); when --duration, "
        "-c or -a has ended the capture it stays until Ctrl-C",
    )
    public_argument(parser)
    parser.add_argument(
        "--metrics",
        nargs="?",
        const=METRICS_AT,
        type=listening,
        metavar="ADDRESS:PORT",
        help=f"numbers for Prometheus, at http://ADDRESS:PORT/metrics (default: {METRICS_AT})",
    )
    parser.add_argument(
        "--otlp", metavar="URL", help="numbers, findings and failed logins for OpenTelemetry, sent to this collector"
    )
    analysis_arguments(
        parser,
        "a port of MySQL's beside 3306 (repeatable)",
        "TLS secrets in NSS key log format, read on while the file grows (repeatable)",
        LIVE_MEMORY,
    )
    clock_argument(parser)
    parser.add_argument("--user", metavar="NAME", help="analyse as this user (default: the one who called sudo)")
    parser.add_argument(
        "--idle", type=_seconds, default=3600.0, metavar="S", help="forget connections silent so long (default: 3600)"
    )
    parser.add_argument(
        "--most-open", type=positive, default=20_000, metavar="N", help="connections followed at once (default: 20000)"
    )


def _capture_arguments(parser: argparse.ArgumentParser) -> None:
    """What is captured, how, and how long."""
    parser.add_argument(
        "-i",
        "--interface",
        action="append",
        default=[],
        metavar="NAME",
        help="repeatable; `any` (the default) is all of them; see `handshark interfaces`",
    )
    parser.add_argument(
        "-f",
        "--capture-filter",
        metavar="FILTER",
        help="libpcap's language (default: port 3306 and those of --port, and the greetings of servers on other ports, "
        "which are told of; on loopback alone and without --port all of TCP; '' takes everything)",
    )
    parser.add_argument("-w", "--write", metavar="FILE", help="write the frames there, as pcapng")
    parser.add_argument(
        "-b",
        "--ring-buffer",
        action="append",
        default=[],
        type=_condition("filesize", "duration", "files"),
        metavar="X:N",
        help="a ring of files: next file after filesize:KB (1000 bytes) or duration:SECONDS, keep files:N",
    )
    parser.add_argument(
        "--resume-ring",
        action="store_true",
        help="files of an earlier run belong to the ring too: the oldest of all goes when there are more than files:N",
    )
    parser.add_argument(
        "-a",
        "--autostop",
        action="append",
        default=[],
        type=_condition("duration", "filesize", "packets", "files"),
        metavar="X:N",
        help="stop after duration:SECONDS, filesize:KB, packets:N, files:N",
    )
    parser.add_argument("-c", "--count", type=positive, metavar="N", help="stop after N frames")
    parser.add_argument("--duration", type=_or_ever, metavar="S", help="stop after S seconds; 0: never (the default)")
    parser.add_argument("-s", "--snapshot-length", type=int, default=0, metavar="BYTES", help="bytes kept of a frame")
    parser.add_argument("-p", "--no-promiscuous-mode", action="store_true", help="only frames that are for this host")
    parser.add_argument(
        "-B",
        "--buffer-size",
        type=_mebibytes,
        default=DEFAULT_BUFFER,
        metavar="MIB",
        help=f"the kernel's buffer for each interface (default: {DEFAULT_BUFFER})",
    )
    parser.add_argument(
        "--source",
        choices=("auto", "ring", "scapy"),
        default="auto",
        help="how frames are taken: Linux's packet ring, or scapy's socket (default: the ring where there is one)",
    )


class _Output(LiveOutput):
    """Standard output, a page at the end, and one sentence of all."""

    def __init__(self, arguments: argparse.Namespace, title: str) -> None:
        self._arguments = arguments
        self._title = title
        self._stack = ExitStack()
        self._view: LiveView | None = None
        self._screen: ScreenProcess | None = None
        self._line = _line(arguments)
        self._listen: tuple[str, int] | None = arguments.serve
        self._web: LivePageProcess | None = None
        self._stays = False  # the page, when the capture is over
        self._ring = (arguments.write, bool(arguments.ring_buffer), partial(options_of, arguments, 0))
        self._served: LiveServer | None = None
        self._later: list[str] = []  # what is to be said when the terminal is free
        self._on_page: set[int] = set()  # connections whose packets the page has
        self._page: LivePage | None = None
        self._totals: SummaryTotals | None = None
        self._workload: LiveWorkload | None = None
        self._all_packets = arguments.tui or self._listen is not None
        self.packets = PACKETS if arguments.report is not None or self._all_packets else 0

    def load(self) -> None:
        importlib.import_module("analyzer.report.prose.summary")
        shown = ["report" if self._arguments.report else self._arguments.format]
        shown += ["tui"] * self._arguments.tui + ["serve"] * (self._listen is not None)
        for which in shown:
            for name in _MODULES.get(which, ()):
                importlib.import_module(name)
        if self._listen is not None:
            from analyzer.serve.live import LiveServer

            self._served = LiveServer(self._title, self._arguments.show_secrets)
            self._served.load()

    def open(self) -> None:
        from analyzer.report.live_views import LivePage
        from analyzer.report.prose.summary import SummaryTotals

        self._totals = SummaryTotals()
        if self._listen is not None and self._served is not None:
            from analyzer.serve.live import LivePageProcess
            from analyzer.serve.ring import RingWork

            address, port = self._listen
            ring = None if self._ring[0] is None else RingWork(*self._ring)
            try:
                self._web = LivePageProcess(address, port, self._served, ring)
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"--serve {address}:{port}") from error
            self.tell(f"open {self._web.url}")
        if self._arguments.report is not None:
            out = self._stack.enter_context(open_output(self._arguments.report, private=self._arguments.show_secrets))
            self._page = LivePage(self._stack, out, f"Live capture: {self._title}", self._arguments.show_secrets)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        if self._page is None and self._web is None:
            return options
        from analyzer.engine.live_workload import LiveWorkload

        self._workload = LiveWorkload(self._title, self._arguments.show_secrets)
        return self._workload.options(options)

    def begin(self) -> None:
        from analyzer.report.live_views import LiveJson, LiveLines, LiveScreen

        if self._web is not None:
            self._web.start()
        if self._arguments.tui:
            from analyzer.tui.live import ScreenProcess

            self._screen = ScreenProcess(self._title, self._line)
            self._screen.start()
            return
        terminal = sys.stdout.isatty()
        if self._arguments.format == "jsonl":
            self._view = LiveJson(sys.stdout.buffer)
        elif terminal and os.environ.get("TERM") != "dumb":
            self._view = LiveScreen(self._title, self._arguments.tz)
        else:
            width = shutil.get_terminal_size().columns if terminal else 80
            color = terminal and "NO_COLOR" not in os.environ
            self._view = LiveLines(self._title, sys.stdout.write, sys.stdout.flush, width, color, self._arguments.tz)

    def wants(self, connection: Connection) -> bool:
        if self._page is not None and self._page.wants(connection):
            self._on_page.add(connection.stream)
            return True
        return self._all_packets

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        if self._workload is not None:
            self._workload.news(connection, final)
        if final:
            if self._totals is not None:
                self._totals.add(connection)
            if self._page is not None:
                self._page.connection(connection, detail if connection.stream in self._on_page else None)
                self._on_page.discard(connection.stream)
        if self._web is not None:
            self._look_on(lambda web: web.news(connection, detail, final))
        if self._screen is not None:
            self._screen.news(connection, detail, final)
        if self._view is not None:
            self._view.news(connection, final)

    def _look_on(self, say: Callable[[LivePageProcess], object]) -> None:
        """Tells the page's process something; the capture goes on without it."""
        if self._web is None:
            return
        try:
            say(self._web)
        except ViewClosed:
            self._web.close(False)
            self._web = None
            self.tell("the page is not served any more: its process has ended")

    def _tell_workload(self, last: bool = False) -> None:
        part = None if self._workload is None else self._workload.part(last)
        if part is not None:
            self._look_on(lambda web: web.workload(part))
            if self._page is not None:
                self._page.workload(part)

    def tick(self, counts: Counts) -> None:
        self._tell_workload()
        self._look_on(lambda web: web.tick(counts))
        if self._screen is not None:
            self._screen.tick(counts)
        if self._view is not None:
            self._view.tick(counts)

    def hung_up(self) -> None:
        self._view = None
        if self._screen is None:
            silence_stdout()

    def tell(self, message: str) -> None:
        """A line to the user; while a screen owns the terminal it waits."""
        if self._screen is None:
            complain(message)
        else:
            self._later.append(message)

    def end(self, source: Source, by_itself: bool = False) -> None:
        self._tell_workload(last=True)
        self._look_on(lambda web: web.end(source, by_itself))
        self._stays = by_itself
        if self._screen is not None:
            with suppress(ViewClosed):
                self._screen.end(source)
        self._close_view()
        if self._page is not None:
            self._page.close(source)
        for note in source.notes:
            complain(f"note: {note}")
        if self._totals is not None:
            complain(self._totals.verdict())

    def close(self, whole: bool) -> None:
        self._close_view(whole)
        if whole:
            self._stack.close()
        else:
            # The page is not whole: it leaves no file.
            self._stack.__exit__(CaptureError, CaptureError("live", "given up"), None)

    def stays(self) -> bool:
        return self._stays and self._web is not None and self._web.there()

    def leave(self, whole: bool = True) -> None:
        web, self._web = self._web, None
        if web is not None:
            web.close(whole)

    def _close_view(self, whole: bool = True) -> None:
        view, self._view = self._view, None
        if view is not None:
            view.close()
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.close(whole)
            self._stays = False  # who looked around has ended it
        if not self._stays or not whole:
            self.leave(whole)
        for message in self._later:
            complain(message)
        self._later.clear()


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.capture.live.errors import BadFilter, NoPermission
    from analyzer.capture.live.interfaces import permitted

    if arguments.tui and not terminal_there():
        return 2
    if arguments.serve is not None:
        try:
            wrong = refused(arguments.serve[0], arguments)
        except ImportError as error:
            wrong = MISSING.format(name=error.name)
        if wrong is not None:
            complain(f"live: {wrong}")
            return 2
    try:
        if arguments.tui and arguments.format != "text":
            raise _Wrong("--tui shows a screen: --format jsonl does not go with it")
        plan = _plan(arguments)
        if not permitted():
            raise NoPermission(plan.ports[0].name)
        return _captured(arguments, plan)
    except _Wrong as error:
        complain(str(error))
        return 2
    except BadFilter as error:
        complain(f"capture filter: {error.why}")
        if error.text.isprintable() and error.place is not None:
            sys.stderr.write(f"  {terminal(error.text)}\n  {' ' * error.place}^\n")
        sys.stderr.write("see `man pcap-filter`\n")
        return 2
    except NoPermission as error:
        words = NO_PERMISSION.format(python=os.path.realpath(sys.executable), interface=error.source)
        complain_lines(f"{error.source}: {words}".splitlines())
        return 3
    except CaptureError as error:
        complain(str(error))
        return 3


def _line(arguments: argparse.Namespace) -> CommandLine | None:
    """How the files of this capture are read, while they are written and later; None where it writes none."""
    if arguments.write is None:
        return None
    ring = bool(arguments.ring_buffer)
    base, suffix = os.path.splitext(arguments.write)
    keep = arguments.filter
    words = [*switches(arguments), *(["--merge"] if ring else [])]
    name = f"{base}_*{suffix}" if ring else arguments.write
    return CommandLine([name], words, None if keep is None else keep.text, ring)


def _captured(arguments: argparse.Namespace, plan: LiveRequest) -> int:
    from analyzer.engine.live import LiveCapture
    from analyzer.engine.live_following import FollowRequest

    title = ", ".join(one.name for one in plan.ports)
    output = _Output(arguments, title)
    following = FollowRequest(
        title,
        partial(options_of, arguments, 0, keylogs=False),
        [str(path) for path in arguments.keylog],
        arguments.filter,
        arguments.most_open,
        int(arguments.idle * 1e9),
        _measured(arguments, output),
        output.tell,
        frozenset({3306, *arguments.port}) if GREETINGS in plan.filter else None,
    )
    quiet = arguments.tui or (arguments.format == "text" and sys.stdout.isatty() and sys.stderr.isatty())
    return LiveCapture(plan, following, _flush, quiet=quiet).run()


def _measured(arguments: argparse.Namespace, output: _Output) -> LiveOutput:
    if arguments.metrics is None and arguments.otlp is None:
        return output
    from analyzer.metrics.output import MeasuredOutput

    return MeasuredOutput(output, arguments.metrics, arguments.otlp, output.tell)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


# -- what was asked for ------------------------------------------------------------------------------------------------


def _plan(arguments: argparse.Namespace) -> LiveRequest:
    """Raises _Wrong, BadFilter, UnknownInterface."""
    from analyzer.capture.live.interfaces import ANY, LINUX, names, port_of
    from analyzer.capture.live.programs import SNAPLEN, program_for
    from analyzer.engine.live import LiveRequest

    wanted = list(dict.fromkeys(arguments.interface)) or ([ANY] if LINUX else names()[:1])
    if ANY in wanted and len(wanted) > 1:
        raise _Wrong("-i any is all interfaces already")
    snaplen = arguments.snapshot_length or SNAPLEN
    if not 0 < snaplen <= SNAPLEN:
        raise _Wrong(f"-s {snaplen}: a snap length is 1 to {SNAPLEN}, or 0 for the largest")
    ports = [port_of(name) for name in wanted]
    text = _filter(arguments, all(port.loopback for port in ports))
    user = invoking_user()
    if arguments.user is not None:
        try:
            user = user_named(arguments.user)
        except KeyError:
            raise _Wrong(f"--user {arguments.user}: there is no such user") from None
        if os.geteuid() != 0 and user.uid != os.geteuid():
            raise _Wrong("--user: only root may become somebody else")
    stop = dict(arguments.autostop)
    frames = [int(one) for one in (arguments.count, stop.get("packets")) if one is not None]
    seconds = [one for one in (arguments.duration, stop.get("duration")) if one is not None]
    return LiveRequest(
        ports,
        [program_for(text, one, snaplen) for one in ports],
        text,
        snaplen,
        _target(arguments, stop, user),
        min(frames, default=None),
        min(seconds, default=None),
        user,
        arguments.source == "ring" or (arguments.source == "auto" and LINUX),
        arguments.buffer_size * MEGABYTE,
        not arguments.no_promiscuous_mode,
        text.replace(f" or {GREETINGS}", ", and greetings of servers on other ports"),
    )


def _filter(arguments: argparse.Namespace, loopback: bool) -> str:
    """The capture filter: the ports asked for and greetings on any other; on loopback all of TCP where none is."""
    text: str | None = arguments.capture_filter
    if text is not None:
        return text
    if loopback and not arguments.port:
        return "tcp"
    ports = " or ".join(f"tcp port {number}" for number in sorted({3306, *arguments.port}))
    return f"{ports} or {GREETINGS}"


def _target(arguments: argparse.Namespace, stop: dict[str, float], user: User | None) -> Target | None:
    from analyzer.capture.live.files import KILOBYTE, Rotation, Target

    ring = dict(arguments.ring_buffer)
    size = stop.get("filesize")
    if arguments.resume_ring and "files" not in ring:
        raise _Wrong("--resume-ring is about a ring that has a bound: give -w FILE and -b files:N too")
    if arguments.write is None:
        if ring or size is not None or "files" in stop:
            raise _Wrong("-b, -a filesize and -a files are about the file that -w writes")
        return None
    if arguments.write == "-":
        raise _Wrong("-w -: standard output is for the connections; `dumpcap -w -` writes frames there")
    rotation = None
    if ring:
        size = ring.get("filesize", size)
        if size is None and "duration" not in ring:
            raise _Wrong("-b needs filesize:KB or duration:SECONDS, to know when the next file begins")
        files = ring.get("files")
        rotation = Rotation(
            None if size is None else int(size),
            ring.get("duration"),
            None if files is None else int(files),
            arguments.resume_ring,
        )
    elif "files" in stop:
        raise _Wrong("-a files:N goes with -b")
    owner = (user.uid, user.gid) if user is not None and os.geteuid() == 0 else None
    return Target(
        arguments.write,
        rotation,
        None if size is None or rotation is not None else int(size) * KILOBYTE,
        int(stop["files"]) if "files" in stop else None,
        owner,
    )
