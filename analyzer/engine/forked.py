"""Processes that are forked to share work: how they live and end, and what they send to the one that forked them."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

from analyzer.engine.listener import RunListener

# Messages of one process that may wait for their turn, and bytes of them after which no more are taken.
AHEAD: Final = 16
AHEAD_BYTES: Final = 8 << 20
PIPE_BYTES: Final = 1 << 20
# Signals that the process with the user's terminal acts on; the others end with it.
HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A pickle, and the buffers that it names.
Message = list[bytearray]


class Workers:
    """`jobs` processes, each of which does `work` with its number and what takes its messages, and ends."""

    def __init__(self, jobs: int, work: Callable[[int, Outbox], None]) -> None:
        self._each: list[_Worker] = []
        # A signal between a process's start and its first line would find what this process does with it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        try:
            self._start(jobs, work)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._mailbox = _Mailbox([worker.pipe for worker in self._each])

    def _start(self, jobs: int, work: Callable[[int, Outbox], None]) -> None:
        # Nobody writes to this pipe: its end says that this process is gone, however it went.
        watched, self._alive = os.pipe()
        for index in range(jobs):
            receive, send = os.pipe()
            _widen(send)
            process = os.fork()  # what starts processes in general is loaded longer than this takes
            if not process:
                _live(index, work, send, watched, [self._alive, receive, *(worker.pipe for worker in self._each)])
            self._each.append(_Worker(process, receive))
            os.close(send)
        os.close(watched)

    def __len__(self) -> int:
        return len(self._each)

    def receive(self, index: int) -> tuple[str, Any] | None:
        """The next message of a process, as it was sent; None where none will come."""
        message = self._mailbox.next_from(self._each[index].pipe)
        if message is None:
            return None
        kind, content = pickle.loads(message[0], buffers=message[1:])
        return kind, content

    def hear(self) -> tuple[int, str, Any] | None:
        """The next message of any process, behind its number; None where none will come."""
        found = self._mailbox.next()
        if found is None:
            return None
        pipe, message = found
        kind, content = pickle.loads(message[0], buffers=message[1:])
        return [worker.pipe for worker in self._each].index(pipe), kind, content

    def join(self, index: int) -> int:
        """Waits for the end of a process; its exit code, or the negative number of the signal that ended it."""
        return self._each[index].join()

    def close(self) -> None:
        """Ends those that go on."""
        os.close(self._alive)
        for worker in self._each:
            os.close(worker.pipe)
            worker.terminate()
        for worker in self._each:
            worker.join()


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
            self._wait()
        return self._taken(pipe) if messages else None

    def next(self) -> tuple[int, Message] | None:
        """The next message of any pipe, behind it; None where none will come."""
        while True:
            for pipe, messages in self._messages.items():
                if messages:
                    return pipe, self._taken(pipe)
            if not self._open:
                return None
            self._wait()

    def _wait(self) -> None:
        """Until there is something to read, and reads it."""
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

    def _taken(self, pipe: int) -> Message:
        message = self._messages[pipe].popleft()
        self._bytes[pipe] -= _size(message)
        return message

    def _has_room(self, pipe: int) -> bool:
        return len(self._messages[pipe]) < AHEAD and self._bytes[pipe] < AHEAD_BYTES


class Outbox:
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


class SentProgress(RunListener):
    """What is heard of a process's progress: that of one goes to the process that shows it; messages of all go on."""

    def __init__(self, outbox: Outbox, shown: bool) -> None:
        self._outbox = outbox
        self._shown = shown

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if self._shown:
            self._outbox.send("progress", (done, total, frames))
        else:
            self._outbox.write(AHEAD_BYTES)


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


def _live(index: int, work: Callable[[int, Outbox], None], pipe: int, watched: int, others: list[int]) -> NoReturn:
    """The whole life of a process: `watched` ends when its parent does, `others` are the parent's ends of its pipes."""
    code = 1
    try:
        _settle(watched, others)
        outbox = Outbox(pipe)
        with suppress(BrokenPipeError):  # nobody listens any more
            work(index, outbox)
            outbox.write(0)
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())
        os._exit(code)  # which writes nothing that this process's parent has not written yet


def _settle(watched: int, others: list[int]) -> None:
    """What a process does first: it ends with its parent, and its parent decides what signals mean."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    for pipe in others:
        os.close(pipe)

    def watch() -> None:
        with suppress(OSError):
            os.read(watched, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
