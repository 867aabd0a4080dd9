"""`handshark live`: two processes, one that only copies frames, one without privileges that analyses them."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from analyzer.cli.arguments import Commands, analysis_arguments, command, positive
from analyzer.cli.console import complain
from analyzer.cli.filter_argument import filter_argument
from analyzer.cli.privileges import User, invoking_user, user_named
from analyzer.errors import CaptureError
from analyzer.report.escape import terminal

if TYPE_CHECKING:
    from analyzer.capture.live.capture import CapturedInterface, Ended, Signals
    from analyzer.capture.live.channel import Outlet
    from analyzer.capture.live.files import Target
    from analyzer.capture.live.interfaces import Port
    from analyzer.capture.live.programs import Program

MEGABYTE: Final = 1 << 20
# The process that copies frames needs little, but needs it now: about 2 us for a frame.
NICE: Final = -10
DEFAULT_BUFFER: Final = 16
# After so long a wait for the analysis it is said what is waited for.
PATIENCE: Final = 2.0

EXAMPLES = """examples:
  sudo handshark live -i eth0                             # a live table of logins
  sudo handshark live -i any --format jsonl | jq -c 'select(.final and .outcome == "rejected")'
  sudo handshark live -i eth0 -w storm.pcapng -a duration:60 --report storm.html
  sudo handshark live -i eth0 -w ring.pcapng -b filesize:100000 -b files:10
  sudo handshark live -i lo --port 33097 --keylog keys.txt
  sudo handshark live -i eth0 -f 'tcp port 3306 and host 192.0.2.7'

A connection is shown when its login is decided, and again at its end where there is more to say (with jsonl always:
"final": false, then "final": true). Ctrl-C ends it cleanly; a second one leaves out what is not analysed yet.
exit codes: 0 done; 2 wrong usage; 3 an interface can not be captured, or the capture or a report not be written.
"""
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
        help="libpcap's language (default: tcp port 3306, and those of --port; '' takes everything)",
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
        "-a",
        "--autostop",
        action="append",
        default=[],
        type=_condition("duration", "filesize", "packets", "files"),
        metavar="X:N",
        help="stop after duration:SECONDS, filesize:KB, packets:N, files:N",
    )
    parser.add_argument("-c", "--count", type=positive, metavar="N", help="stop after N frames")
    parser.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds")
    parser.add_argument("-s", "--snapshot-length", type=int, default=0, metavar="BYTES", help="bytes kept of a frame")
    parser.add_argument("-p", "--no-promiscuous-mode", action="store_true", help="only frames that are for this host")
    parser.add_argument(
        "-B",
        "--buffer-size",
        type=positive,
        default=DEFAULT_BUFFER,
        metavar="MIB",
        help=f"the kernel's buffer for each interface (default: {DEFAULT_BUFFER})",
    )
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")
    parser.add_argument("--report", metavar="FILE.html", help="write a page about what was analysed, at the end")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text", help="default: text")
    analysis_arguments(
        parser,
        "a port of MySQL's beside 3306 (repeatable)",
        "TLS secrets in NSS key log format, read on while the file grows (repeatable)",
    )
    parser.add_argument("--user", metavar="NAME", help="analyse as this user (default: the one who called sudo)")
    parser.add_argument(
        "--idle", type=_seconds, default=3600.0, metavar="S", help="forget connections silent so long (default: 3600)"
    )
    parser.add_argument(
        "--most-open", type=positive, default=20_000, metavar="N", help="connections followed at once (default: 20000)"
    )
    parser.add_argument(
        "--source",
        choices=("auto", "ring", "scapy"),
        default="auto",
        help="how frames are taken: Linux's packet ring, or scapy's socket (default: the ring where there is one)",
    )


class LiveRequest(msgspec.Struct):
    """What was asked for, checked."""

    ports: list[Port]
    programs: list[Program]
    filter: str
    snaplen: int
    target: Target | None
    frames: int | None
    seconds: float | None
    user: User | None


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.capture.live.errors import BadFilter, NoPermission
    from analyzer.capture.live.interfaces import permitted

    try:
        plan = _plan(arguments)
        if not permitted():
            raise NoPermission(plan.ports[0].name)
        return _Live(arguments, plan).run()
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
        complain(
            f"{error.source}: {NO_PERMISSION.format(python=os.path.realpath(sys.executable), interface=error.source)}"
        )
        return 3
    except CaptureError as error:
        complain(str(error))
        return 3


# -- what was asked for ------------------------------------------------------------------------------------------------


def _plan(arguments: argparse.Namespace) -> LiveRequest:
    """Raises _Wrong, BadFilter, UnknownInterface."""
    from analyzer.capture.live.interfaces import ANY, LINUX, names, port_of
    from analyzer.capture.live.programs import SNAPLEN, program_for

    wanted = list(dict.fromkeys(arguments.interface)) or ([ANY] if LINUX else names()[:1])
    if ANY in wanted and len(wanted) > 1:
        raise _Wrong("-i any is all interfaces already")
    snaplen = arguments.snapshot_length or SNAPLEN
    if not 0 < snaplen <= SNAPLEN:
        raise _Wrong(f"-s {snaplen}: a snap length is 1 to {SNAPLEN}, or 0 for the largest")
    ports = [port_of(name) for name in wanted]
    text = arguments.capture_filter
    if text is None:
        text = " or ".join(f"tcp port {number}" for number in sorted({3306, *arguments.port}))
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
    )


def _target(arguments: argparse.Namespace, stop: dict[str, float], user: User | None) -> Target | None:
    from analyzer.capture.live.files import KILOBYTE, Rotation, Target

    ring = dict(arguments.ring_buffer)
    size = stop.get("filesize")
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
            None if size is None else int(size), ring.get("duration"), None if files is None else int(files)
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


# -- the two processes -------------------------------------------------------------------------------------------------


class _Live:
    """One capture with its analysis."""

    def __init__(self, arguments: argparse.Namespace, plan: LiveRequest) -> None:
        self._arguments = arguments
        self._plan = plan
        self._title = ", ".join(one.name for one in plan.ports)
        self._notices: list[str] = []
        # A live table owns the terminal: what is to be said waits for its end.
        self._quiet = arguments.format == "text" and sys.stdout.isatty() and sys.stderr.isatty()

    def run(self) -> int:
        from analyzer.capture.live.capture import Signals
        from analyzer.capture.live.channel import READY, Arena, Outlet

        if os.geteuid() == 0 and self._plan.user is None:
            complain("note: the analysis runs as root, without its capabilities; --user NAME runs it as somebody else")
        arena = Arena()
        messages, answers = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        sys.stderr.flush()
        # From here on Ctrl-C is for this process to act on.
        signals = Signals()
        child = os.fork()
        if child == 0:
            self._analyse(arena, messages, answers)
        os.close(messages[0])
        os.close(answers[1])
        outlet = Outlet(arena, messages[1], answers[0])
        while not outlet.lost and READY not in outlet.answers and not signals.count:
            select.select([outlet.fileno(), signals.fileno()], [], [], 1.0)
            outlet.listen()
        status: int | None = None
        try:
            if outlet.lost or signals.count:
                outlet.close()
                status = _exit_code(os.waitpid(child, 0)[1])
                return status or 130
            ended, names = self._capture(outlet, signals)
            status = self._finish(child, outlet, signals, ended)
        finally:
            if status is None:
                # What went wrong is on its way to be said; the other process sees that nobody is there any more.
                outlet.close()
                os.waitpid(child, 0)
            signals.close()
        return self._summary(ended, names, outlet, status)

    def _analyse(self, arena: object, messages: tuple[int, int], answers: tuple[int, int]) -> NoReturn:
        """The process that analyses; never returns."""
        from analyzer.capture.live.channel import Arena, Inlet
        from analyzer.cli.following import follow

        code = 70  # EX_SOFTWARE, where something below fails that nobody has thought of
        try:
            signal.set_wakeup_fd(-1)
            os.close(messages[1])
            os.close(answers[0])
            assert isinstance(arena, Arena)
            inlet = Inlet(arena, messages[0], answers[1], [one.link_type for one in self._plan.ports])
            code = follow(self._arguments, self._title, inlet, self._plan.user)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _capture(self, outlet: Outlet, signals: Signals) -> tuple[Ended, list[str]]:
        """Raises CaptureError."""
        from analyzer.capture.live.capture import Capture, Limits
        from analyzer.capture.live.files import CaptureFiles

        plan = self._plan
        sources: list[CapturedInterface] = []
        try:
            for number in range(len(plan.ports)):
                sources.append(self._open(number))
            files = None
            if plan.target is not None:
                files = CaptureFiles(plan.target, plan.ports, [plan.filter] * len(plan.ports), plan.snaplen)
        except CaptureError:
            for source in sources:
                source.close()
            raise
        outlet.start()
        if not self._quiet:
            complain(f"capturing on {self._title}" + (f": {plan.filter}" if plan.filter else ""))
        with contextlib.suppress(OSError):
            os.nice(NICE)
        # Nothing of what follows makes cycles; a pause to look for them costs frames.
        gc.collect()
        gc.disable()
        capture = Capture(sources, files, outlet, signals, Limits(plan.frames, plan.seconds), self._notice)
        ended = capture.run()
        return ended, [] if files is None else list(files.names)

    def _open(self, number: int) -> CapturedInterface:
        from analyzer.capture.live.general import GeneralSource
        from analyzer.capture.live.interfaces import LINUX
        from analyzer.capture.live.programs import SNAPLEN, program_for
        from analyzer.capture.live.ring import RingSource

        arguments, plan = self._arguments, self._plan
        buffer = arguments.buffer_size * MEGABYTE
        promiscuous = not arguments.no_promiscuous_mode
        if arguments.source == "ring" or (arguments.source == "auto" and LINUX):
            return RingSource(
                plan.ports[number], plan.programs[number], number=number, buffer=buffer, promiscuous=promiscuous
            )
        return GeneralSource(
            plan.ports[number],
            program_for(plan.filter, plan.ports[number], SNAPLEN),
            plan.filter,
            number=number,
            buffer=buffer,
            snaplen=plan.snaplen,
            promiscuous=promiscuous,
        )

    def _notice(self, message: str) -> None:
        if self._quiet:
            self._notices.append(message)
        else:
            complain(message)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _finish(self, child: int, outlet: Outlet, signals: Signals, ended: Ended) -> int:
        """Waits until the analysis has taken what is left; a further signal ends it. Returns its exit code."""
        before, begun, told, said = signals.count, time.monotonic(), False, False
        while True:
            told = told or outlet.end(ended.captured, ended.dropped)
            outlet.listen()
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                outlet.listen()
                outlet.close()
                return _exit_code(status)
            if signals.count > before:
                before = signals.count
                os.kill(child, signal.SIGTERM)
            if not said and not self._quiet and time.monotonic() - begun > PATIENCE:
                said = True
                complain("analysing what is left; Ctrl-C leaves it out")
            wanted = [signals.fileno()] if outlet.lost else [outlet.fileno(), signals.fileno()]
            select.select(wanted, [], [], 0.05)
            signals.clear()

    def _summary(self, ended: Ended, names: list[str], outlet: Outlet, status: int) -> int:
        from analyzer.capture.live.channel import CONNECTIONS, DONE, FAILURES

        for message in self._notices:
            complain(message)
        for problem in ended.problems:
            complain(problem)
        parts = [
            f"{ended.captured:,} frames captured in {ended.seconds:.1f} s",
            f"{ended.dropped:,} dropped by the kernel",
            f"{ended.skipped:,} not analysed",
        ]
        if CONNECTIONS in outlet.answers:
            parts.append(f"{outlet.answers[CONNECTIONS]:,} MySQL connections")
            parts.append(f"{outlet.answers.get(FAILURES, 0):,} failed")
        complain(", ".join(parts))
        if names:
            complain(f"written: {', '.join(names)}")
        if status == 128 + signal.SIGPIPE:
            return status
        if DONE not in outlet.answers:
            complain("the analysis did not come to its end" + (f" (exit code {status})" if status else ""))
            return status if status in (2, 3) else 3
        return 3 if ended.failed else status


def _exit_code(status: int) -> int:
    """A process's, as a shell gives it: 128 and the signal where one ended it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
