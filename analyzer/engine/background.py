"""Work in other processes for a program that has to answer its user at any time: one question, one process.

They are forked from a process that does nothing else and has no threads, so a program that has some is safe. What a
process needs beside its question it has from the fork: options and keys are never sent.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, NoReturn

from analyzer.errors import CaptureError

# Bytes of a question at most: one packet of a socket.
LONGEST_QUESTION: Final = 1 << 16

Send = Callable[[object], None]
Work = Callable[[Any, Send], None]


class WorkFailed(Exception):
    """A process could not do what was asked; the message says why."""


class WorkAnswer:
    """What a process sends, in order. Raises WorkFailed where it fails. Closed, the process ends."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                kind, content = pickle.loads(self._pipe.recv_bytes())
            except (EOFError, OSError, TypeError):  # TypeError: closed by another thread while it is waited for
                raise WorkFailed("the process that worked on it ended early") from None
            if kind == "end":
                return
            if kind == "failed":
                raise WorkFailed(content)
            yield content

    def close(self) -> None:
        """Nobody listens any more: the process ends when it sends the next time."""
        with suppress(OSError):
            self._pipe.close()


class Background:
    """Starts a process for each question. To be made before the program has threads; `close` ends all of them."""

    def __init__(self, work: Work) -> None:
        """`work` is called in the process, with the question and with what sends an item of the answer."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _serve(theirs, work)
        theirs.close()
        self._socket = ours

    def ask(self, question: object) -> WorkAnswer:
        """Asks a question that can be pickled. Raises WorkFailed where it is too long, or all is over."""
        data = pickle.dumps(question)
        if len(data) > LONGEST_QUESTION:
            raise WorkFailed("it is too long")
        receive, send = os.pipe()
        try:
            socket.send_fds(self._socket, [data], [send])
        except OSError as error:
            os.close(receive)
            raise WorkFailed(f"no process can be started: {error.strerror}") from None
        finally:
            os.close(send)
        return WorkAnswer(Pipe(receive, writable=False))

    def close(self) -> None:
        """Ends it. Processes that work end when they send the next time."""
        self._socket.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _serve(questions: socket.socket, work: Work) -> NoReturn:
    """The process that starts the others; never returns."""
    code = 1
    try:
        # Whoever has the terminal decides what a key means; this one ends when that one does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that work
        while True:
            data, fds, _, _ = socket.recv_fds(questions, LONGEST_QUESTION, 1)
            if not data:
                break
            if os.fork() == 0:
                questions.close()
                _answer(data, fds[0], work)
            for fd in fds:
                os.close(fd)
        code = 0
    finally:
        os._exit(code)


def _answer(data: bytes, fd: int, work: Work) -> NoReturn:
    """A process that works; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pipe = Pipe(fd, readable=False)

        def send(kind: str, content: object) -> None:
            pipe.send_bytes(pickle.dumps((kind, content), pickle.HIGHEST_PROTOCOL))

        with suppress(BrokenPipeError):  # nobody listens any more
            try:
                work(pickle.loads(data), lambda item: send("item", item))
                send("end", None)
            except CaptureError as error:
                send("failed", str(error))
            except BrokenPipeError:
                raise
            except OSError as error:
                send("failed", f"{error.filename or 'input'}: {error.strerror or error}")
        code = 0
    finally:
        os._exit(code)
