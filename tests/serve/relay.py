"""A network that drops: what goes to one address of loopback is passed on to another, until it is cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Listens at 127.0.0.2 on the same port. Cut, it ends all connections and refuses new ones, until it is mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self.passed = 0
        self.mend()

    @property
    def address(self) -> str:
        return f"http://127.0.0.2:{self._port}"

    def mend(self) -> None:
        """Connections get through from now on."""
        self._listening = socket.create_server(("127.0.0.2", self._port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """None gets through."""
        assert self._listening is not None
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here = listening.accept()[0]
                there = socket.create_connection(("127.0.0.1", self._port))
                self._open += [here, there]
                self.passed += 1
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(begin: socket.socket, end: socket.socket) -> None:
    with suppress(OSError):
        while data := begin.recv(65536):
            end.sendall(data)
    for one in (begin, end):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
