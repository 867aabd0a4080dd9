"""Firefox without Playwright, whose Firefox is its own: Debian's, over WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/).

A tab that is opened notes what is said on the console, what is asked of the network, and what goes wrong.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

SECONDS: Final = 60.0
_READY: Final = """async () => {
  while (!document.documentElement.hasAttribute("data-ready")) await new Promise((go) => setTimeout(go, 20));
}"""


class Firefox:
    """One browser with one tab. Leaving the context ends it, and throws its profile away."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="firefox-")
        arguments = ["--headless", "--no-remote", "--profile", self._profile.name, "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(
            [program, *arguments, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._stack = ExitStack()
        session = connect(self._address() + "/session", max_size=None, open_timeout=SECONDS)
        self._socket = self._stack.enter_context(session)
        self._call("session.new", capabilities={})
        self._call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.tab = self._call("browsingContext.getTree")["contexts"][0]["context"]

    def _address(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
            if found:
                return found[1]
        raise RuntimeError("Firefox ended before it listened")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with suppress(WebSocketException, OSError):
            self._call("browser.close")
        self._stack.close()
        self._process.terminate()
        self._process.wait(SECONDS)
        self._profile.cleanup()

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=SECONDS))
            if message.get("id") != self._number:
                self.events.append(message)
            elif message["type"] == "error":
                raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
            else:
                result: dict[str, Any] = message["result"]
                return result

    def size(self, width: int, height: int) -> None:
        """Sets what the page has of the window, in pixels."""
        self._call("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})

    def open(self, address: str) -> None:
        """Opens a report, and waits until its table is there."""
        self._call("browsingContext.navigate", context=self.tab, url="about:blank", wait="complete")
        self.events.clear()
        self._call("browsingContext.navigate", context=self.tab, url=address, wait="complete")
        self.run(_READY)

    def run(self, function: str) -> Any:
        """What a function of the page's gives: a string, a number or a list of them."""
        answer = self._call(
            "script.callFunction", functionDeclaration=function, target={"context": self.tab}, awaitPromise=True
        )
        if answer["type"] != "success":
            raise RuntimeError(f"{function}: {answer['exceptionDetails']['text']}")
        return _plain(answer["result"])

    def press(self, keys: str) -> None:
        """Presses keys, one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._call("input.performActions", context=self.tab, actions=[source])

    def picture(self, path: Path) -> None:
        """Writes what is to be seen as a PNG."""
        answer = self._call("browsingContext.captureScreenshot", context=self.tab)
        path.write_bytes(base64.b64decode(answer["data"]))

    @property
    def said(self) -> list[str]:
        """What came to the console since the page was opened."""
        return [one["params"]["text"] for one in self.events if one.get("method") == "log.entryAdded"]

    @property
    def asked(self) -> list[str]:
        """Addresses that were asked for since then."""
        asked = [one for one in self.events if one.get("method") == "network.beforeRequestSent"]
        return [one["params"]["request"]["url"] for one in asked]


def _plain(value: dict[str, Any]) -> Any:
    if value["type"] == "array":
        return [_plain(one) for one in value["value"]]
    return value.get("value")
