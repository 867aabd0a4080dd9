"""One capture, several questions: what the public face opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

from analyzer.analysis import AnalysisOptions, Connection, Source
from analyzer.analysis.keylogs import load_rsa_key, read_secrets
from analyzer.analysis.memory import DEFAULT_MEMORY, LEAST_MEMORY
from analyzer.analysis.model.command import Command
from analyzer.analysis.options import DEFAULT_PORTS
from analyzer.capture import CaptureSource, open_capture, open_stream
from analyzer.engine.collectors import Collector, connection_alone, connections, jobs_allowed
from analyzer.engine.filters import filter_or_none
from analyzer.engine.listener import RunListener
from analyzer.engine.run import Run
from analyzer.errors import CaptureError

if TYPE_CHECKING:
    from analyzer.analysis.model.packet import Packet

T = TypeVar("T")
# A capture: a file's name, "-" for standard input, or a binary file object.
CaptureInput = str | os.PathLike[str] | BinaryIO
# TLS secrets in NSS key log format: a file's name, or the content itself.
KeyLogInput = str | os.PathLike[str] | bytes
# Called with (bytes read, bytes in all or None, frames read).
Progress = Callable[[int, int | None, int], None]

STDIN = "-"


class _Progressing(RunListener):
    def __init__(self, call: Progress) -> None:
        self._call = call

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        self._call(done, total, frames)


class CaptureHandle:
    """An open capture, made by `analyzer.open`. Each question reads the capture from its start.

    Standard input and file objects that can not seek answer one question only; a second raises CaptureError.
    Use it in a `with` statement, or call `close`; a file object that was given stays open.
    """

    def __init__(
        self, source: CaptureInput, options: AnalysisOptions, jobs: int | None, progress: Progress | None
    ) -> None:
        self._options = options
        self._jobs = jobs
        self._listener = RunListener() if progress is None else _Progressing(progress)
        self._read: Source | None = None
        self._asked = False
        self._closed = False
        self._opener: Callable[[], CaptureSource] | None = None
        if isinstance(source, str | os.PathLike):
            self._name = os.fspath(source)
            regular = self._name != STDIN and os.path.isfile(self._name)
            self._once = not regular and (self._name == STDIN or os.path.exists(self._name))
            if not self._once:
                open_capture(self._name).close()  # what is missing or no capture is said now
        else:
            self._name = str(getattr(source, "name", None) or "capture")
            self._once = not source.seekable()
            self._opener = _from_start(source, self._name, None if self._once else source.tell())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<handshark capture {self._name!r}>"

    def close(self) -> None:
        """No question is answered any more."""
        self._closed = True

    @property
    def name(self) -> str:
        """The capture's name, as given."""
        return self._name

    @property
    def totals(self) -> Source | None:
        """Frames, connections, first and last time of the capture. None until a question was answered to its end."""
        return self._read

    @property
    def notes(self) -> list[str]:
        """What was recognised and left alone, one sentence each; empty until a question was answered to its end."""
        return [] if self._read is None else list(self._read.notes)

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the capture, one sentence each; empty until a question was answered to its end."""
        return [] if self._read is None else list(self._read.warnings)

    def connections(self, display_filter: str | None = None) -> Iterator[Connection]:
        """Every MySQL connection, in the order of their first frames.

        display_filter  only those for which it holds, or of which it holds for a packet

        Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood.
        """
        keep = filter_or_none(display_filter)
        return self._items(connections(keep, connection_alone), jobs_allowed(keep, self._jobs))

    def commands(self, display_filter: str | None = None, slow_ns: int = 0) -> Iterator[Command]:
        """Every command with its whole response, in the order in which the responses end.

        display_filter  only commands of which it holds for a packet, of the request or of the response
        slow_ns         only those that took so many nanoseconds and more

        Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood.
        """
        from analyzer.engine.command_collectors import EachCommand

        keep = filter_or_none(display_filter)
        return self._items(partial(EachCommand, slow_ns, _same, keep), jobs_allowed(keep, self._jobs))

    def packets(self, display_filter: str | None = None, fields: Sequence[str] | None = None) -> Iterator[Packet]:
        """Every MySQL packet, dissected, in the order of the frames that complete them.

        display_filter  only packets for which it holds
        fields          display fields to work out, as `mysql.query`; None: all of each packet's own bytes

        Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood,
        ValueError for a field that does not exist.
        """
        from analyzer.analysis.dissection.dissector import RowRequest
        from analyzer.engine.packet_rows import check_fields, packet_maker
        from analyzer.engine.row_collector import RowCollector, RowRendering

        check_fields(fields or ())
        keep = filter_or_none(display_filter)
        wanted = RowRequest(
            keep, None if fields is None else frozenset(fields), False, show_secrets=self._options.show_secrets
        )
        return self._items(partial(RowCollector, wanted, RowRendering(packet_maker(self._name, fields))), self._jobs)

    def _items(self, collect: Callable[[], Collector[T]], jobs: int | None) -> Iterator[T]:
        """What a collector takes. Checks now, reads when the first item is asked for."""
        if self._closed:
            raise CaptureError(self._name, "the capture is closed")
        if self._asked and self._once:
            raise CaptureError(self._name, "it can be read only once: open it anew, or give a file's name")
        self._asked = True
        return self._reading(Run(self._options, collect, jobs, self._listener))

    def _reading(self, run: Run[T]) -> Iterator[T]:
        yield from run.items(self._name, self._opener)
        self._read = run.sources[-1]


def _from_start(file: BinaryIO, name: str, start: int | None) -> Callable[[], CaptureSource]:
    """What opens a file object, each time at the byte where it stood when it was given."""

    def opened() -> CaptureSource:
        if start is not None:
            file.seek(start)
        return open_stream(file, name)

    return opened


def _same(command: Command) -> Command:
    return command


def options_for(
    keylog: KeyLogInput | Sequence[KeyLogInput] | None,
    ports: Iterable[int],
    password: str | bytes | None,
    rsa_key: str | os.PathLike[str] | bytes | None,
    show_secrets: bool,
    memory: int | None,
) -> AnalysisOptions:
    """The analysis options of keyword arguments.

    Raises OSError where a file named in them can not be read, KeyFileError (an AnalyzerError) for an RSA key that is
    none, ValueError for a port that is none or too little memory.
    """
    logs = [] if keylog is None else [keylog] if isinstance(keylog, str | bytes | os.PathLike) else list(keylog)
    numbers = frozenset(ports)
    for number in numbers:
        if not 0 < number < 65536:
            raise ValueError(f"{number!r} is no port (1 to 65535)")
    if memory is not None and memory < LEAST_MEMORY:
        raise ValueError(f"{memory!r} bytes are too little: {LEAST_MEMORY} at least")
    return AnalysisOptions(
        ports=DEFAULT_PORTS | numbers,
        show_secrets=show_secrets,
        memory=DEFAULT_MEMORY if memory is None else memory,
        password=password.encode() if isinstance(password, str) else password,
        keylogs=tuple(_content(log) for log in logs),
        keylog_files=tuple(os.fspath(log) for log in logs if not isinstance(log, bytes)),
        rsa_key=None if rsa_key is None else load_rsa_key(_content(rsa_key)),
    )


def _content(given: str | os.PathLike[str] | bytes) -> bytes:
    return given if isinstance(given, bytes) else read_secrets(given)
