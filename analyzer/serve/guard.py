"""Who may ask, and what every answer says about itself.

A browser runs the pages of strangers too. One that names this server (DNS rebinding), sends its own forms here, or
frames a page of it gets nothing: the Host header must be this server's, a cookie must come along that no other site can
make the browser send, and what changes anything must come from a page of this very server.
"""

from __future__ import annotations

import hmac
import secrets
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A page's HTML and its policy.
Page = tuple[str, str]

TOKEN: Final = "token"
NO_KEY: Final = "The key is missing or wrong: open the address that the program has printed. It holds the key."
# On every answer.
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"
NEVER_FRAMED: Final = "; frame-ancestors 'none'"


class Guard:
    """Lets those through who have the key, to an application that need not ask again."""

    def __init__(
        self, app: ASGIApp, port: int, everywhere: bool, names: frozenset[str], token: str, entry: Page
    ) -> None:
        """`everywhere`: any address of this machine, not loopback alone; `names` are further names of it; `token` is
        what the first address holds, and `entry` the page that brings the cookie."""
        self._app = app
        self._port = port
        self._everywhere = everywhere
        self._names = names | {"localhost"}
        self._token = token
        self._entry = entry
        self._cookie = secrets.token_urlsafe(32)
        # Cookies know no ports: two servers on one machine would take each other's.
        self._cookie_name = f"handshark-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = self._refused(scope) or self._entered(scope)
        app = self._app if answer is None else answer
        await app(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        """Why a request is not even looked at."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return PlainTextResponse("This is no name of this server.", 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("Only GET.", 405)
        if scope["method"] == "POST" and headers.getlist("origin") != [f"http://{hosts[0]}"]:
            return PlainTextResponse("It does not come from a page of this server.", 403)
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        if site not in ("none", "same-origin") and mode != "navigate":
            return PlainTextResponse("It comes from a page of somebody else.", 403)
        return None

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if not name:
            name, port = host, "80"
        if port != str(self._port):
            return False
        if name.lower() in self._names:
            return True
        try:
            address = ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return self._everywhere or address.is_loopback

    def _entered(self, scope: Scope) -> Response | None:
        """None where the cookie is there; with the token in the address a page that brings it; else a refusal."""
        headers = Headers(scope=scope)
        cookies = [cookie_parser(text).get(self._cookie_name, "") for text in headers.getlist("cookie")]
        given = QueryParams(scope["query_string"]).get(TOKEN)
        if given is None:
            if any(_same(one, self._cookie) for one in cookies):
                return None
            return PlainTextResponse(NO_KEY, 403)
        if scope["method"] != "GET" or not _same(given, self._token):
            return PlainTextResponse(NO_KEY, 403)
        # A page and no redirect: a browser that came from elsewhere would not send the cookie along with that.
        html, rules = self._entry
        answer = HTMLResponse(html, headers={"content-security-policy": rules})
        answer.set_cookie(self._cookie_name, self._cookie, path="/", httponly=True, samesite="strict")
        return answer


def _same(given: str, wanted: str) -> bool:
    """Takes as long whatever is given."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message.get("headers", []) if name != b"server"]
            policies = [value for name, value in headers if name == b"content-security-policy"]
            headers = [(name, value) for name, value in headers if name != b"content-security-policy"]
            policy = (policies[0] if policies else POLICY.encode()) + NEVER_FRAMED.encode()
            message["headers"] = [*headers, *HEADERS, (b"content-security-policy", policy)]
        await send(message)

    return sent
