"""One capture, several processes: each reads the whole file and follows its share of the connections.

Reading and the column work are cheap next to following a conversation, and every process numbers the connections in the
same way; so nothing has to be agreed on, and the results only have to be put in order.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Source
from analyzer.analysis.memory import Memory
from analyzer.analysis.pipeline import CaptureTotals, source_of
from analyzer.capture import open_capture
from analyzer.engine.collectors import AT_ONCE, Collector, Joining, Key, Packing, Sending
from analyzer.engine.listener import RunListener
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError

T = TypeVar("T")

# Messages of one process that may wait for their turn, and bytes of them after which no more are taken.
AHEAD: Final = 16
AHEAD_BYTES: Final = 8 << 20
PIPE_BYTES: Final = 1 << 20
# Signals that the process with the user's terminal acts on; the others end with it.
HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEY: Final = itemgetter(0)
_ITEM: Final = itemgetter(1)


class Parallel(Generic[T]):
    """Analyses one file in `jobs` processes. After the results have been used up, `source` is there."""

    def __init__(
        self,
        name: str,
        options: AnalysisOptions,
        collect: Callable[[], Collector[T]],
        jobs: int,
        listener: RunListener,
    ) -> None:
        self.name = name
        self.source: Source | None = None
        self._ended: _Ended | None = None
        self._collector = collect()
        self._listener = listener
        self._workers: list[_Worker] = []
        # A signal between a process's start and its first line would find what this process does with it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        try:
            self._start(jobs, options, collect)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._mailbox = _Mailbox([worker.pipe for worker in self._workers])

    def _start(self, jobs: int, options: AnalysisOptions, collect: Callable[[], Collector[T]]) -> None:
        # Nobody writes to this pipe: its end says that this process is gone, however it went.
        watched, self._alive = os.pipe()
        for index in range(jobs):
            receive, send = os.pipe()
            _widen(send)
            share = replace(options, share=(index, jobs))
            others = [self._alive, receive, *(worker.pipe for worker in self._workers)]
            task = _Task(self.name, share, collect, send, watched, others)
            self._workers.append(_Worker(_forked(task), receive))
            os.close(send)
        os.close(watched)

    def results(self) -> Iterator[T]:
        """The items of all processes, in the order of their keys. Raises CaptureError."""
        try:
            streams = [self._stream(worker) for worker in self._workers]
            merged = in_order(streams)
            yield from self._collector.join(merged) if isinstance(self._collector, Joining) else merged
            if self._ended is not None:
                self.source = self._ended.source()
        finally:
            self._listener.over(self.name)
            os.close(self._alive)
            for worker in self._workers:
                os.close(worker.pipe)
                worker.terminate()
            for worker in self._workers:
                worker.join()

    def _stream(self, worker: _Worker) -> Iterator[list[tuple[Key, T]]]:
        """What one process sends."""
        while True:
            message = self._mailbox.next_from(worker.pipe)
            if message is None:
                raise CaptureError(
                    self.name, f"an analysing process ended early (exit code {worker.join()}); try --jobs 1"
                )
            kind, content = pickle.loads(message[0], buffers=message[1:])
            if kind == "results":
                yield self._collector.unpacked(content) if isinstance(self._collector, Packing) else content
            elif kind == "progress":
                self._listener.progress(self.name, *content)
            elif kind == "error":
                raise CaptureError(*content)
            else:
                if self._ended is None:
                    self._ended = content
                else:
                    self._ended.totals.add_share(content.totals)
                    self._ended.memory.add_share(content.memory)
                return


class _Worker:
    """A process that analyses, and the end of the pipe that it writes to."""

    def __init__(self, process: int, pipe: int) -> None:
        self.pipe = pipe
        self._process = process
        self._code: int | None = None

    def terminate(self) -> None:
        """Ends it where it goes on."""
        if self._code is None:
            with suppress(ProcessLookupError):  # where SIGCHLD is ignored nobody waits for the dead
                os.kill(self._process, signal.SIGTERM)

    def join(self) -> int:
        """Waits for its end; its exit code, or the negative number of the signal that ended it. 255: nobody knows."""
        if self._code is None:
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
            except ChildProcessError:
                self._code = 255
        return self._code


class _Mailbox:
    """Takes messages off pipes ahead of their turn: processes that wait for each other would work in turns.

    Nothing is read but where somebody waits for a message, and by whoever waits: no thread outlives its pipe.
    """

    def __init__(self, pipes: Sequence[int]) -> None:
        self._messages: dict[int, deque[Message]] = {pipe: deque() for pipe in pipes}
        self._bytes = dict.fromkeys(pipes, 0)  # that wait
        self._open = set(pipes)

    def next_from(self, pipe: int) -> Message | None:
        """The next message of a pipe; None where none will come."""
        messages = self._messages[pipe]
        while not messages and pipe in self._open:
            poll = select.poll()
            for one in self._open:
                if self._has_room(one):
                    poll.register(one, select.POLLIN)
            for ready, _ in poll.poll():
                try:
                    message = _received(ready)
                except (EOFError, OSError):
                    self._open.discard(ready)
                    continue
                self._messages[ready].append(message)
                self._bytes[ready] += _size(message)
        if not messages:
            return None
        message = messages.popleft()
        self._bytes[pipe] -= _size(message)
        return message

    def _has_room(self, pipe: int) -> bool:
        return len(self._messages[pipe]) < AHEAD and self._bytes[pipe] < AHEAD_BYTES


# A pickle, and the buffers that it names.
Message = list[bytearray]


class _Outbox:
    """Messages of a process on their way into its pipe. It works on while its reader is busy, and they wait."""

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._parts: deque[memoryview] = deque()
        self._bytes = 0  # that wait

    def send(self, kind: str, content: Any) -> None:
        """Takes a message: how many parts it has, their sizes, the parts. Large buffers are not copied into the
        pickle."""
        large: list[pickle.PickleBuffer] = []
        head = pickle.dumps((kind, content), pickle.HIGHEST_PROTOCOL, buffer_callback=large.append)
        parts = [memoryview(head), *(one.raw() for one in large)]
        sizes = array("q", [len(parts), *map(len, parts)])
        self._parts += memoryview(sizes).cast("B"), *parts
        self._bytes += len(sizes) * sizes.itemsize + sum(map(len, parts))
        self.write(AHEAD_BYTES)

    def write(self, most: int) -> None:
        """Writes what the pipe takes now, and waits until no more bytes wait than `most`."""
        while self._parts:
            part = self._parts[0]
            try:
                written = os.write(self._pipe, part)
            except BlockingIOError:
                if self._bytes <= most:
                    return
                poll = select.poll()
                poll.register(self._pipe, select.POLLOUT)
                poll.poll()
                continue
            self._bytes -= written
            if written == len(part):
                self._parts.popleft()
            else:
                self._parts[0] = part[written:]


def _received(file: int) -> Message:
    """Reads a message. Raises EOFError where the other end is gone."""
    (count,) = memoryview(_read(file, 8)).cast("q")
    return [_read(file, size) for size in memoryview(_read(file, 8 * count)).cast("q")]


def _read(file: int, size: int) -> bytearray:
    made = bytearray(size)
    rest = memoryview(made)
    while rest:
        taken = os.readv(file, [rest])
        if not taken:
            raise EOFError
        rest = rest[taken:]
    return made


def _size(message: Message) -> int:
    return sum(map(len, message))


def _widen(pipe: int) -> None:
    """Lets whole messages into a pipe where the system can: a process that waits for its reader does not work."""
    import fcntl  # what has no such module does not fork either

    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if size is not None:
        with suppress(OSError):  # over the user's share
            fcntl.fcntl(pipe, size, PIPE_BYTES)


def in_order(streams: Iterable[Iterator[list[tuple[Key, T]]]]) -> Iterator[T]:
    """The items of all streams in the order of their keys. Each stream gives lists, its keys rise through all of them.

    Taken together is what no list still to come can get before: one sort of sorted runs, instead of a choice for each.
    """
    held: list[tuple[list[tuple[Key, T]], Iterator[list[tuple[Key, T]]]]] = [([], stream) for stream in streams]
    while True:
        for index, (items, stream) in enumerate(held):
            if not items:
                held[index] = next((more for more in stream if more), []), stream
        held = [each for each in held if each[0]]
        if not held:
            return
        bound = min(items[-1][0] for items, _ in held)
        ready: list[tuple[Key, T]] = []
        for items, _ in held:
            stop = bisect_right(items, bound, key=_KEY)
            ready += items[:stop]
            del items[:stop]
        ready.sort(key=_KEY)
        yield from map(_ITEM, ready)


class _Ended(msgspec.Struct):
    """How one process saw the whole capture, or all of them together."""

    name: str
    format: str
    warnings: list[str]
    totals: CaptureTotals
    memory: Memory

    def source(self) -> Source:
        return source_of(self.name, self.format, self.totals, self.memory, self.warnings)


class _Task(NamedTuple):
    """What a process is to do, and where to it writes.

    `watched` ends when its parent does, `others` are the parent's ends of its pipes.
    """

    name: str
    options: AnalysisOptions
    collect: Callable[[], Collector[object]]
    pipe: int
    watched: int
    others: list[int]


def _forked(task: _Task) -> int:
    """Starts a process; its number. What starts processes in general is loaded longer than this takes."""
    process = os.fork()
    if not process:
        _live(task)
    return process


def _live(task: _Task) -> NoReturn:
    """The whole life of a process."""
    code = 1
    try:
        _work(task)
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())
        os._exit(code)  # which writes nothing that this process's parent has not written yet


def _settle(task: _Task) -> None:
    """What a process does first: it ends with its parent, and its parent decides what signals mean."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    for pipe in task.others:
        os.close(pipe)

    def watch() -> None:
        with suppress(OSError):
            os.read(task.watched, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Sent(RunListener):
    """What is heard of a worker's progress: that of one goes to the process that shows it; messages of all go on."""

    def __init__(self, outbox: _Outbox, shown: bool) -> None:
        self._outbox = outbox
        self._shown = shown

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if self._shown:
            self._outbox.send("progress", (done, total, frames))
        else:
            self._outbox.write(AHEAD_BYTES)


def _work(task: _Task) -> None:
    """A process: analyses, and sends what it finds."""
    _settle(task)
    outbox = _Outbox(task.pipe)
    try:
        _analyse(task, outbox)
        outbox.write(0)
    except BrokenPipeError:
        return  # nobody listens any more


def _analyse(task: _Task, outbox: _Outbox) -> None:
    name, options, send = task.name, task.options, outbox.send
    try:
        collector = task.collect()
        pack: Callable[[list[tuple[Key, object]]], object] = list
        if isinstance(collector, Sending):
            collector.sends = True
        if isinstance(collector, Packing):
            pack = collector.packed
        analysis = Analysis(name, collector.options(options))
        held: list[tuple[Key, object]] = []
        most: int = getattr(collector, "at_once", AT_ONCE)
        with open_capture(name) as capture:
            reading = Reading(analysis, capture, _Sent(outbox, options.share[0] == 0))
            for item in reading.collected(collector):
                held.append(item)
                if len(held) >= most:
                    send("results", pack(held))
                    held.clear()
            send("results", pack(held))
            warnings = [str(warning) for warning in capture.warnings]
            send("end", _Ended(name, capture.format, warnings, analysis.totals, analysis.memory))
    except CaptureError as error:
        send("error", (error.source, error.reason, error.offset))
    except BrokenPipeError:
        raise
    except OSError as error:
        send("error", (error.filename or name, (error.strerror or str(error)).lower(), None))
