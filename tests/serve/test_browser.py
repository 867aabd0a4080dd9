"""The pages in a real browser: they open, fill, move, are filtered, come back after a break."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from analyzer.analysis.model.counts import Counts
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from tests.browser import chromium, unavailable
from tests.corpus import REPOSITORY
from tests.report import examples
from tests.serve.live_script import live
from tests.serve.relay import Relay
from tests.serve.support import Visitor, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.tool

SAMPLES = REPOSITORY / "samples"
COUNTED = "wanted => document.querySelector('output').value === wanted"
WRONG = "mysql97_cli_wrong-password.pcap"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Seen:
    """A tab, and all that it complained of."""

    def __init__(self, browser: Browser, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        self.tab = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: set[str] = set()
        self.tab.on("console", lambda message: self.wrong.append(message.text))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        self.tab.on("request", lambda request: self.asked.add(request.url.partition("/")[2].split("/")[1]))


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Opens tabs; checks at the end that they asked nobody else, and had nothing to complain of."""
    tabs: list[Seen] = []

    def opened(visitor: Visitor, path: str = "/", width: int = 1280, scheme: str = "light") -> Tab:
        seen = Seen(browser, width, scheme)
        tabs.append(seen)
        seen.tab.goto(visitor.url)
        seen.tab.wait_for_url(lambda url: "token" not in url)
        if path != "/":
            seen.tab.goto(f"http://127.0.0.1:{visitor.port}{path}")
        return seen.tab

    yield opened
    for seen in tabs:
        assert seen.wrong == []
        assert len(seen.asked) == 1
        seen.context.close()


def settled(tab: Tab) -> None:
    tab.wait_for_selector("html[data-settled]", state="attached")


def streams(tab: Tab) -> list[str]:
    return tab.locator("tr.row td:first-child").all_inner_texts()


def rows(tab: Tab, number: int) -> None:
    tab.wait_for_function("wanted => document.querySelectorAll('tr.row').length === wanted", arg=number)


def test_a_folder_a_capture_a_connection_and_back(open_tab: Callable[..., Tab]) -> None:
    with serving([str(SAMPLES)]) as visitor:
        tab = open_tab(visitor)
        assert tab.evaluate("document.cookie") == ""
        tab.get_by_role("link", name=WRONG, exact=True).click()
        settled(tab)
        rows(tab, 1)
        assert "was refused" in tab.locator("[data-part=summary]").inner_text()
        tab.locator("tr.row .col-client").click()
        tab.locator("h2", has_text="Connection 0").wait_for()
        assert tab.locator(".rung").count() > 5
        assert "Access denied" in tab.locator(".story").inner_text()
        tab.get_by_role("link", name="All connections").click()
        tab.get_by_label("Filter connections").fill("outcome:accepted")
        tab.get_by_text("No connection fits the filter.").wait_for()
        tab.get_by_label("Filter connections").fill("findings:access-denied")
        rows(tab, 1)
        tab.get_by_role("link", name="All captures").click()
        tab.get_by_text("1 MySQL connection to 1 server: it was rejected.").first.wait_for()


def test_a_link_to_a_connection_is_followed(open_tab: Callable[..., Tab]) -> None:
    with serving([str(SAMPLES / WRONG)], home=False) as visitor:
        tab = open_tab(visitor, "/captures/1#c0-p3")
        tab.locator(".pane.list tr[aria-selected=true]", has_text="HandshakeV10").wait_for()


def test_two_are_compared_and_one_is_sent(open_tab: Callable[..., Tab], tmp_path: Path) -> None:
    (tmp_path / "before.pcap").write_bytes((SAMPLES / WRONG).read_bytes())
    (tmp_path / "after.pcap").write_bytes((SAMPLES / "mariadb1011_cli_native.pcap").read_bytes())
    with serving([str(tmp_path)]) as visitor:
        tab = open_tab(visitor)
        tab.get_by_label("before.pcap is the one before").check()
        tab.get_by_label("after.pcap is the one after").check()
        tab.get_by_role("button", name="Compare the two").click()
        tab.get_by_text("before.pcap and after.pcap").first.wait_for()
        assert tab.locator("table.differences").count() > 3
        tab.go_back()
        tab.get_by_label("Look at a capture").set_input_files(SAMPLES / WRONG)
        tab.get_by_role("button", name="Send").click()
        settled(tab)
        rows(tab, 1)
        tab.get_by_role("link", name="All captures").click()
        assert tab.get_by_role("link", name=WRONG).count() == 1


def test_rows_findings_and_charts_come_while_it_is_open(open_tab: Callable[..., Tab]) -> None:
    with live() as (visitor, script):
        tab = open_tab(visitor)
        settled(tab)
        script.say(Counts(3.0, 50, 5, 0, 0, 0, 2))
        tab.get_by_text("Live for 3.0s: 50 frames").wait_for()
        script.news(1, final=False)
        rows(tab, 1)
        assert tab.locator("tr.row .col-lasted").inner_text() == "open"
        script.news(1)
        script.news(2, rejected=True)
        rows(tab, 2)
        assert streams(tab) == ["2", "1"]  # the newest on top
        tab.locator("[data-part=findings]", has_text="access-denied").wait_for()
        tab.locator(".picture.logins summary").click()
        chart = "document.querySelector('.picture.logins svg').outerHTML"
        before = tab.evaluate(chart)
        for number in range(3, 30):
            script.news(number, rejected=number % 2 == 0)
        tab.wait_for_function(f"before => {chart} !== before", arg=before)
        assert tab.locator(".picture.logins details").get_attribute("open") is not None  # as it was left
        tab.get_by_label("Filter connections").fill("outcome:rejected")
        rows(tab, 14)
        script.news(30, rejected=True)
        script.news(31)
        rows(tab, 15)
        assert streams(tab)[0] == "30"


def test_a_display_filter_stands_beside_the_filter_of_the_page(open_tab: Callable[..., Tab]) -> None:
    with serving([str(SAMPLES / WRONG)], home=False) as visitor:
        tab = open_tab(visitor, "/captures/1")
        settled(tab)
        rows(tab, 1)
        field = tab.get_by_label("Display filter")
        field.fill('mysql.user == "nobody"')
        field.press("Enter")
        tab.get_by_text("No connection fits the filter.").wait_for()
        field.fill("mysql.error_code == 1045")
        field.press("Enter")
        rows(tab, 1)
        tab.get_by_label("Filter connections").fill("outcome:accepted")
        tab.get_by_text("No connection fits the filter.").wait_for()
        tab.get_by_label("Filter connections").fill("")
        rows(tab, 1)
        tab.goto(f"http://127.0.0.1:{visitor.port}/captures/1?again" + tab.evaluate("location.hash"))  # a link to it
        settled(tab)
        rows(tab, 1)
        assert tab.get_by_label("Display filter").input_value() == "mysql.error_code == 1045"
        assert tab.get_by_text("of 1 connection").count() == 0


def test_what_is_wrong_with_a_display_filter_is_said(browser: Browser) -> None:
    with live() as (visitor, script):
        seen = Seen(browser)
        seen.tab.goto(visitor.url)
        settled(seen.tab)
        script.news(1)
        rows(seen.tab, 1)
        field = seen.tab.get_by_label("Display filter")
        for text, said in (("mysql.nonesuch == 1", "mysql.nonesuch"), ("mysql.query", "the files that -w writes")):
            field.fill(text)
            field.press("Enter")
            seen.tab.locator("#matched", has_text=said).wait_for()
            assert field.get_attribute("aria-invalid") == "true"
            rows(seen.tab, 1)  # nothing is left out in silence
        seen.context.close()


def test_a_display_filter_is_asked_of_what_comes(open_tab: Callable[..., Tab]) -> None:
    with live() as (visitor, script):
        tab = open_tab(visitor)
        settled(tab)
        script.news(1, rejected=True)
        script.news(2, final=False)
        rows(tab, 2)
        field = tab.get_by_label("Display filter")
        field.fill('handshark.outcome == "rejected"')
        field.press("Enter")
        rows(tab, 1)
        script.news(3)
        script.news(4, rejected=True)
        rows(tab, 2)
        assert streams(tab) == ["4", "1"]
        script.news(2, rejected=True)
        rows(tab, 3)
        field.fill("")
        field.press("Enter")
        rows(tab, 4)


def test_the_list_holds_where_it_is_looked_at(open_tab: Callable[..., Tab]) -> None:
    with live() as (visitor, script):
        tab = open_tab(visitor)
        for number in range(200):
            script.news(number)
        tab.wait_for_function(COUNTED, arg="200 connections")
        tab.evaluate("document.getElementById('table').scrollTop = 34 * 100")
        tab.wait_for_function("() => +document.querySelector('tr.row')?.dataset.row < 150")
        place = """() => {
          const top = document.getElementById('table').getBoundingClientRect().top + 60;
          const rows = [...document.querySelectorAll('tr.row')];
          return rows.find((row) => row.getBoundingClientRect().bottom > top).cells[0].innerText;
        }"""
        before = tab.evaluate(place)
        for number in range(200, 260):
            script.news(number)
        tab.wait_for_function(COUNTED, arg="260 connections")
        assert tab.evaluate(place) == before


def test_an_open_connection_says_that_it_has_gone_on(open_tab: Callable[..., Tab]) -> None:
    with live() as (visitor, script):
        tab = open_tab(visitor)
        script.news(1, final=False)
        rows(tab, 1)
        tab.locator("tr.row a").click()
        tab.get_by_text("Its packets are kept when it is over.").wait_for()
        assert "so far" in tab.locator(".sheet header").inner_text()
        script.news(1, detail=examples.detail())
        tab.get_by_role("button", name="Show what is new").click()
        tab.locator(".rung").first.wait_for()


def test_it_comes_back_after_the_network_was_gone(browser: Browser) -> None:
    with live() as (visitor, script):
        relay = Relay(visitor.port)
        tab = Seen(browser).tab
        tab.goto(relay.address + "/" + visitor.url.rpartition("/")[2])
        settled(tab)
        script.news(1)
        rows(tab, 1)
        relay.cut()
        tab.get_by_text("can not be reached").wait_for()
        for number in range(2, 50):
            script.news(number, rejected=True)
        script.say(Counts(9.0))
        relay.mend()
        tab.wait_for_function(COUNTED, arg="49 connections")
        tab.get_by_text("Live for 9.0s").wait_for()
        assert tab.get_by_text("can not be reached").count() == 0
        tab.context.close()
        relay.cut()


def test_text_of_the_wire_is_text(open_tab: Callable[..., Tab]) -> None:
    with live() as (visitor, script):
        tab = open_tab(visitor)
        one = examples.hostile(3)
        script.say(LiveNews(Arrival(one, True), examples.detail(examples.HOSTILE)))
        rows(tab, 1)
        tab.locator("[data-part=findings] tbody tr").first.wait_for()
        tab.locator("tr.row a").click()
        tab.locator(".rung").first.wait_for()
        assert tab.locator("script:not([type])").count() == 1
        assert tab.locator("img, iframe, object, embed, form[action]").count() == 0


def test_the_policy_lets_no_other_script_run(browser: Browser) -> None:
    with live() as (visitor, _):
        seen = Seen(browser)
        seen.tab.goto(visitor.url)
        settled(seen.tab)
        seen.tab.evaluate(
            """() => { const made = document.createElement('script'); made.textContent = 'window.ran = 1';
            document.body.append(made);
            const image = document.createElement('img'); image.src = 'http://127.0.0.1:1/x.png';
            image.setAttribute('onerror', 'window.ran = 2'); document.body.append(image); }"""
        )
        assert seen.tab.evaluate("window.ran") is None
        assert any("Content Security Policy" in one for one in seen.wrong)
        seen.context.close()


ATTACK = """async (target) => {
  const text = (address, how) => fetch(target + address, { credentials: 'include', ...how }).then((one) => one.text());
  const tries = {
    read: () => text('/', {}),
    blind: () => text('/', { mode: 'no-cors' }),
    send: () => text('/uploads?name=evil', { method: 'POST', body: 'x' }),
    events: () => new Promise((done, fail) => {
      const source = new EventSource(target + '/captures/1/events', { withCredentials: true });
      source.onmessage = source.onopen = () => done('opened');
      source.onerror = fail;
    }),
    image: () => new Promise((done, fail) => {
      const one = new Image();
      one.onload = () => done('shown');
      one.onerror = fail;
      one.src = target + '/captures/1';
    }),
    frame: () => new Promise((done) => {
      const one = document.createElement('iframe');
      one.onload = () => {
        try { done(one.contentDocument.body.innerText); } catch { done(''); }
      };
      one.src = target + '/';
      document.body.append(one);
    }),
  };
  const got = {};
  for (const [name, attempt] of Object.entries(tries)) got[name] = await attempt().catch(() => '');
  return got;
}"""


class Stranger(http.server.BaseHTTPRequestHandler):
    """A page of somebody else, on another port of this machine: for cookies that is the same site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>stranger</title><body>stranger")

    def log_message(self, *_: object) -> None:
        """Nobody is told."""


def test_the_page_of_a_stranger_gets_nothing(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "secret.pcap").write_bytes((SAMPLES / WRONG).read_bytes())
    stranger = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    try:
        with serving([str(tmp_path)]) as visitor:
            tab = Seen(browser).tab
            tab.goto(visitor.url)
            tab.get_by_role("link", name="secret.pcap").wait_for()  # this browser has the cookie
            tab.goto(f"http://127.0.0.1:{stranger.server_port}/")
            got = tab.evaluate(ATTACK, f"http://127.0.0.1:{visitor.port}")
            assert not any(got.values()), got
            tab.goto(f"http://127.0.0.1:{visitor.port}/")
            assert tab.get_by_role("link", name="evil").count() == 0
            assert tab.get_by_role("link", name="secret.pcap").count() == 1
            tab.context.close()
    finally:
        stranger.shutdown()
        stranger.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_for_everybody(open_tab: Callable[..., Tab], tmp_path: Path, scheme: str) -> None:
    """Contrast, names, roles, at the width of a telephone and of a desk."""
    try:
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
    except ImportError:
        unavailable("axe-playwright-python is not installed")
    for name in (WRONG, "mysql97_connector_prepared.pcapng", "mariadb1011_cli_native.pcap"):
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    with serving([str(tmp_path)]) as visitor:
        for width in (400, 1280):
            for path in ("/", "/captures/1"):
                tab = open_tab(visitor, path, width, scheme)
                if path != "/":
                    settled(tab)
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                found = Axe().run(tab)
                assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []
