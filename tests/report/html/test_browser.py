"""The page in a real browser: from disk, with no network, with and without JavaScript, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import Field, Layer, PacketExcerpt
from analyzer.report.html.page import HtmlReport
from analyzer.report.html.prepare import Entry, Prepare
from tests.browser import chromium, unavailable
from tests.report import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.tool

KINDS = (examples.accepted, examples.rejected, examples.aborted, examples.encrypted, examples.hostile)
MANY = 20_000
Opener = Callable[..., "Tab"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def detail() -> ConnectionDetail:
    """Packets with masked bytes, with bytes in layers, and put together from several frames."""
    made = examples.detail(examples.HOSTILE)
    secret = PacketExcerpt(
        *(11, 3_000_000, "client", 3, "AuthResponse", "SHA-1 scramble of the password", 4, b"****"),
        [Field("scramble", "(masked)", 0, 4)],
    )
    wrapped = PacketExcerpt(
        *(14, 900_000_000, "server", 1, "TextRow", "a row", 6, b"\x05hello", [Field("value", "hello", 0, 6)]),
        layers=[Layer("tls", b"\x17\x03\x03\x00\x20", 37), Layer("compressed", b"\x0d\x00\x00\x01\x06", 13)],
        start_frame=12,
    )
    return replace(made, packets=[*made.packets, secret, wrapped])


def write(path: Path, connections: Iterator[Connection], shown: int, title: str = examples.HOSTILE) -> str:
    with path.open("w", encoding="utf-8") as file, HtmlReport(file, title, limit=shown) as report:
        for number, one in enumerate(connections):
            report.connection(one, detail() if number < shown else None)
        report.close([examples.source(25)])
    return path.as_uri()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write(path, (KINDS[number % 5](number) for number in range(25)), 25)


class Watched:
    """A tab that must ask for nothing but its file, and say nothing on the console."""

    def __init__(self, context: BrowserContext) -> None:
        self.tab = context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.tab.on("console", lambda message: self.wrong.append(message.text))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        self.tab.on("request", lambda request: self.asked.append(request.url))

    def check(self) -> None:
        assert self.wrong == []
        assert {address.partition("#")[0] for address in self.asked} == {self.asked[0].partition("#")[0]}
        assert self.asked[0].startswith("file:")


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Opener]:
    """Opens the page at a fragment; checks at the end that it kept to itself."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)

    def opener(fragment: str = "", address: str = url) -> Tab:
        watched.tab.goto("about:blank")
        watched.tab.goto(address + fragment)
        watched.tab.wait_for_selector("html[data-ready]", state="attached")
        return watched.tab

    yield opener
    watched.asked = [address for address in watched.asked if address != "about:blank"]
    watched.check()
    context.close()


def visible(tab: Tab) -> list[str]:
    """Numbers of the rows that are in the page, from the top."""
    return tab.locator("tr.row td:first-child").all_inner_texts()


def head(tab: Tab, name: str) -> None:
    tab.locator("thead").get_by_role("button", name=name, exact=True).click()


def test_filter_by_words_and_columns(open_page: Opener) -> None:
    tab = open_page()
    assert len(visible(tab)) == 25
    box = tab.get_by_label("Filter connections")

    def filtered(text: str) -> list[str]:
        box.fill(text)
        tab.wait_for_function(
            "want => new URLSearchParams(location.hash.split('?')[1]).get('q') === want", arg=text or None
        )
        return visible(tab)

    assert filtered("report mariadb") == ["1", "6", "11", "16", "21"]
    assert tab.locator("output").inner_text() == "5 of 25 connections"
    assert filtered("outcome:accepted") == ["0", "5", "10", "15", "20"]
    assert filtered("outcome:accepted version:mariadb") == []
    assert tab.get_by_text("No connection fits the filter.").is_visible()
    assert filtered('version:"MySQL 9"') == ["3", "8", "13", "18", "23"]
    assert filtered("-outcome:rejected -findings:no-keys lasted>1s") == ["2", "7", "12", "17", "22"]
    assert filtered("lasted<10ms version:mariadb") == ["1", "6", "11", "16", "21"]
    assert filtered("outcome=accept") == []
    assert filtered("outcome=Accepted") == ["0", "5", "10", "15", "20"]
    assert filtered("start>=2024-05-01 start<2024-05-02") == []  # a day alone is no time
    assert len(filtered("start>=2024-05-01T00:00 start<2124-05-02T00:00:00.5")) == 25
    assert filtered("start>=2124-05-01T00:00") == []
    assert filtered("2001:db8::4711") == ["3", "8", "13", "18", "23"]
    assert len(filtered("")) == 25


def test_findings_and_outcomes_lead_to_their_connections(open_page: Opener) -> None:
    tab = open_page()
    tab.locator(".findings tr", has_text="closed-before-login").locator("a.count").click()
    tab.wait_for_function("document.querySelectorAll('tr.row').length === 5")
    assert visible(tab) == ["2", "7", "12", "17", "22"]
    assert tab.get_by_label("Filter connections").input_value() == "findings:closed-before-login"
    tab.locator(".tiles li.encrypted a").click()
    tab.wait_for_function("document.querySelector('[name=q]').value === 'outcome:encrypted'")
    assert visible(tab) == ["3", "8", "13", "18", "23"]


def test_sort_and_the_address_that_keeps_it(open_page: Opener) -> None:
    tab = open_page()
    head(tab, "Lasted")
    assert visible(tab)[:2] == ["1", "6"]  # 4.2 ms
    head(tab, "Lasted")
    assert visible(tab)[:5] == ["23", "18", "13", "8", "3"]  # an hour
    assert tab.locator("th[aria-sort=descending]").inner_text().startswith("Lasted")
    assert tab.evaluate("location.hash") == "#connections?sort=lasted&down=1"
    tab = open_page("#connections?q=outcome:rejected+mariadb&sort=lasted&down=1")
    assert visible(tab) == ["21", "16", "11", "6", "1"]
    head(tab, "#")
    assert visible(tab)[:2] == ["1", "6"]


def test_any_connection_in_two_clicks_and_back(open_page: Opener) -> None:
    tab = open_page()
    tab.locator("tr.row", has_text="mariadb").nth(1).locator(".col-client").click()
    tab.locator("h2", has_text="Connection 6").wait_for()
    assert not tab.locator("#overview").is_visible()
    assert "Connection 6" in tab.title()
    tab.get_by_role("link", name="Next").click()
    tab.locator("h2", has_text="Connection 7").wait_for()
    tab.get_by_role("link", name="All connections").click()
    tab.locator("#overview").wait_for(state="visible")
    assert len(visible(tab)) == 25


def test_the_last_address_wins(open_page: Opener) -> None:
    """A connection is unpacked in its own time: the reader may have gone on when it is there."""
    tab = open_page()
    tab.evaluate(
        """async () => {
          for (const anchor of ["#c12", "#c13"]) {
            const left = new Promise((done) => addEventListener("hashchange", done, { once: true }));
            location.hash = anchor;
            await left;
          }
          location.hash = "#connections";
        }"""
    )
    tab.wait_for_timeout(300)
    assert tab.locator("#overview").is_visible()
    assert not tab.locator("h2", has_text="Connection 1").is_visible()


def test_deep_links(open_page: Opener) -> None:
    tab = open_page("#c12")
    tab.locator("h2", has_text="Connection 12").wait_for()
    tab = open_page("#c13-p4")
    assert tab.locator(".pane.list tr[aria-selected=true] td").first.inner_text() == "4"
    assert "HandshakeResponse41" in tab.locator(".pane.list tr[aria-selected=true]").inner_text()
    tab = open_page("#c1")
    tab.locator(".evidence a", has_text="frame 8").first.click()
    # The page follows its address a moment later.
    tab.locator(".pane.list tr[aria-selected=true]", has_text="ComQuery").wait_for()
    assert tab.evaluate("location.hash") == "#c1-p7"
    tab = open_page("#c1/capabilities")
    assert tab.locator("#part-capabilities").is_visible()
    assert tab.locator("#part-capabilities tr", has_text="CLIENT_FOUND_ROWS").locator("td").all_inner_texts()[1:4] == [
        "yes",
        "no",
        "no",
    ]
    # An address that leads nowhere shows the overview.
    tab = open_page("#c999")
    assert tab.locator("#overview").is_visible()


def lit(tab: Tab) -> list[int]:
    return [
        int(number) for number in tab.evaluate("[...document.querySelectorAll('.hex .lit')].map(b => b.dataset.at)")
    ]


def test_a_field_lights_its_bytes_and_a_byte_its_field(open_page: Opener) -> None:
    tab = open_page("#c0-p3")
    tab.locator(".tree li", has_text="text").click()
    assert lit(tab) == [*range(9, 14), *range(9, 14)]  # as digits and as characters
    data = detail().packets[0].data[9:14]
    shown = tab.locator(".hex .lit").all_inner_texts()
    assert shown[:5] == [f"{byte:02x}" for byte in data]
    assert "".join(shown[5:]) == data.decode()
    tab.locator(".hex b[data-at='0']").first.click()
    assert tab.locator(".tree li[aria-selected=true] .name").inner_text() == "payload_header"
    assert lit(tab) == [0, 0]
    assert tab.locator(".status").inner_text().startswith("payload_header")
    manual = tab.locator(".status a").get_attribute("href")
    assert manual is not None
    assert manual.startswith("https://dev.mysql.com/doc/")
    assert manual.endswith("_handshake_v10.html#:~:text=payload_header")


def test_panes_by_keyboard(open_page: Opener) -> None:
    tab = open_page("#c0-p3")
    tab.locator(".pane.list tr[aria-selected=true]").focus()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("location.hash") == "#c0-p4"
    assert tab.evaluate("document.activeElement.cells[5].textContent") == "HandshakeResponse41"
    tab.keyboard.press("ArrowUp")
    for _ in range(6):  # past the links to the manuals, into the fields
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.getAttribute('role')") == "treeitem":
            break
    tab.keyboard.press("ArrowDown")
    assert tab.locator(".tree li[aria-selected=true] .name").inner_text() == "capabilities"
    assert lit(tab)[:8] == list(range(1, 9))
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".tree li[aria-selected=true] .name").inner_text() == "CLIENT_PROTOCOL_41"
    tab.keyboard.press("ArrowLeft")
    assert tab.locator(".tree li[aria-selected=true] .name").inner_text() == "capabilities"
    tab.keyboard.press("Tab")  # the tabs of bytes
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "tab"
    tab.keyboard.press("Tab")
    assert "hex" in tab.evaluate("document.activeElement.className")
    for key in ("ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    assert tab.locator(".hex .at").first.get_attribute("data-at") == "1"
    assert tab.locator(".tree li[aria-selected=true] .name").inner_text() == "CLIENT_SSL"


def test_table_by_keyboard(open_page: Opener) -> None:
    tab = open_page()
    tab.locator("#table").focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.activeElement.textContent") == "1"
    tab.keyboard.press("Enter")
    tab.locator("h2", has_text="Connection 1").wait_for()
    assert tab.evaluate("document.activeElement.textContent").startswith("Connection 1")


def test_layers_and_secrets_in_the_bytes(open_page: Opener) -> None:
    tab = open_page("#c0-p8")
    assert tab.locator(".hex .secret").all_inner_texts() == ["**"] * 4 + ["*"] * 4
    assert "Secrets are masked." in tab.locator(".pane.raw").inner_text()
    tab = open_page("#c0-p9")
    assert tab.locator(".tabs button").all_inner_texts() == ["In TLS", "Compressed", "Decompressed"]
    assert "Put together from frames 12 to 14." in tab.locator(".pane.raw").inner_text()
    tab.locator(".tabs button", has_text="In TLS").click()
    assert tab.locator(".hex b").first.inner_text() == "17"
    assert "The first 5 of 37 bytes." in tab.locator(".pane.raw").inner_text()
    tab.locator(".tree li").first.click()  # a field is in the innermost layer
    assert tab.locator(".tabs button[aria-selected=true]").inner_text() == "Decompressed"


def test_pauses_take_room_in_the_ladder(open_page: Opener) -> None:
    tab = open_page("#c0")
    pauses = tab.locator(".pause").all()
    assert [pause.locator(".note").inner_text() for pause in pauses][-1] == "897ms pass"
    heights = [pause.bounding_box() for pause in pauses]
    assert heights[-1] is not None
    assert heights[-1]["height"] > 80


def test_hostile_text_is_inert(open_page: Opener) -> None:
    for fragment in ("", "#c4", "#c4-p3", "#c4/commands"):
        tab = open_page(fragment)
        assert tab.evaluate("document.querySelectorAll('img, iframe, object').length") == 0
        assert tab.evaluate("document.querySelectorAll('script:not([type])').length") == 1
    assert "<script>alert(1)</script>" in tab.locator("#connection").inner_text()
    # A statement, and the error that quotes it.
    commands = tab.locator("#part-commands table")
    assert commands.get_by_text("<script>alert(1)</script>").count() == 3
    assert r"\u202egnp" in commands.inner_text()
    tab.get_by_label("Filter connections").evaluate("box => box.value")  # nothing ran: `open_page` checks dialogs


def test_commands_of_a_connection(open_page: Opener) -> None:
    tab = open_page("#c0/commands")
    rows = tab.locator("#part-commands tbody tr")
    texts = [" ".join(text.split()) for text in rows.all_inner_texts()]
    assert texts[0] == "8 2.000 query select @@version_comment 1.0ms 1.0ms result, 1 row, frame 9"
    assert texts[3].startswith("14 9.000 quit none is due")
    assert texts[4] == "896 commands not listed"
    assert "… 70,000 bytes in all 800ms 900ms not seen" in texts[5]
    assert texts[6] == "3,099 commands not listed"
    assert "error 1064 (42000)" in texts[7]
    assert rows.nth(7).locator(".bad").inner_text() == "error"
    assert tab.get_by_text("6 of 4,711 commands are listed: the first 200").is_visible()
    # Frames lead to their packets where these are shown.
    assert rows.first.locator("a").evaluate_all("links => links.map(link => link.textContent)") == ["8"]
    rows.first.get_by_role("link", name="8").click()
    tab.wait_for_function("location.hash === '#c0-p7'")
    # On a telephone the same, in lines instead of columns.
    tab.set_viewport_size({"width": 400, "height": 800})
    tab = open_page("#c0/commands")
    box = rows.nth(5).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    assert rows.nth(5).get_by_text("not seen").is_visible()


@pytest.mark.parametrize("width", [400, 768, 1280])
def test_nothing_is_wider_than_the_window(open_page: Opener, width: int) -> None:
    tab = open_page()
    tab.set_viewport_size({"width": width, "height": 800})
    for fragment in ("", "#c4", "#c14-p3"):
        tab = open_page(fragment)
        assert tab.evaluate("document.documentElement.scrollWidth") == width, fragment


def test_paper(open_page: Opener) -> None:
    tab = open_page()
    tab.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins
    tab.emulate_media(media="print", color_scheme="dark")
    tab = open_page("#c14")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 718
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not tab.locator(".jump").is_visible()
    tab = open_page()
    assert not tab.locator("form.controls").is_visible()


def test_theme_button_and_the_readers_wish(open_page: Opener) -> None:
    tab = open_page()
    ground = "getComputedStyle(document.body).backgroundColor"
    tab.emulate_media(color_scheme="dark")
    dark = tab.evaluate(ground)
    tab.emulate_media(color_scheme="light")
    light = tab.evaluate(ground)
    assert dark != light
    button = tab.get_by_role("button", name="Theme")
    button.click()
    button.click()
    assert button.inner_text() == "Theme: dark"
    assert tab.evaluate(ground) == dark


def test_without_javascript(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    watched = Watched(context)
    page = watched.tab
    page.goto(url)
    assert not page.locator("form.controls").is_visible()
    assert page.locator("table.connections tbody tr").count() == 25
    assert page.get_by_text("stand here as plain text").is_visible()
    page.locator(".pictures svg").first.wait_for(state="visible")
    shown = page.locator("#c1")
    page.locator("details.connection > summary", has_text="#1 rejected").click()
    assert shown.get_by_text("set up for mysql_native_password, not for caching_sha2_password").is_visible()
    assert shown.get_by_text("Access denied").first.is_visible()
    page.locator("#c1-p3 > summary").click()
    assert page.locator("#c1-p3 .bytes").is_visible()
    assert shown.locator(".commands").get_by_text("896 commands not listed").is_visible()
    # A link to what is closed opens it.
    page.goto("about:blank")
    page.goto(url + "#c6-p4")
    page.locator("#c6-p4").wait_for(state="attached")
    watched.asked = [address for address in watched.asked if address != "about:blank"]
    watched.check()
    context.close()


def test_twenty_thousand_connections(browser: Browser, tmp_path: Path) -> None:
    """The table is there and answers; what is looked at is unpacked when it is. The times are tests.bench.report's."""
    path = tmp_path / "many.html"
    prepare = Prepare(100)
    made = [prepare.entry((KINDS[number % 4](number), detail())) for number in range(100)]
    with path.open("w", encoding="utf-8") as file, HtmlReport(file, "Many", limit=100) as report:
        for number in range(MANY):
            entry = made[number % 100]
            connection = replace(entry.connection, stream=number, first_frame=number + 1)
            packets = entry.packets if number < 100 else []
            report.add(Entry(connection, [str(number).encode(), *entry.row[1:]], entry.view, packets))
        report.close([examples.source(MANY)])
    address = path.as_uri()
    assert path.stat().st_size < 15_000_000
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    tab = watched.tab
    tab.goto(address)
    tab.wait_for_selector("html[data-ready]", state="attached")
    assert tab.locator("output").inner_text() == "20,000 connections"
    assert tab.locator("tr.row").count() < 100
    tab.evaluate(
        """async () => {
          [...document.querySelectorAll('thead button')].find((one) => one.textContent === 'Client').click();
          document.querySelector('#table').scrollTop = 1e9;
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
        }"""
    )
    assert visible(tab)[-1] == str(MANY - 2)  # the last of those at 192.168.56.1
    assert tab.locator("table.connections").get_attribute("aria-rowcount") == str(MANY + 1)
    tab.goto(address + "#c17777")
    tab.locator("h2", has_text="Connection 17777").wait_for()
    assert tab.locator(".story").is_visible()
    assert tab.get_by_text("The packets of this connection are not kept").is_visible()
    tab.goto(address + "#c55-p3")
    tab.locator(".pane.list tr[aria-selected=true]").wait_for()
    watched.check()
    context.close()


def serious(found: Any) -> list[str]:
    """What axe-core objects to, with where."""
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_to_all(browser: Browser, url: str, scheme: Any) -> None:
    """axe-core, all its rules for WCAG 2.1 AA and its best practices, with and without JavaScript's additions."""
    try:
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
    except ImportError:
        unavailable("axe-playwright-python is not installed")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    # Only colours differ in the dark.
    options = {"runOnly": {"type": "rule", "values": ["color-contrast"]}} if scheme == "dark" else None
    for fragment in ("", "#c1-p4"):
        tab.goto("about:blank")
        tab.goto(url + fragment)
        tab.wait_for_selector("html[data-ready]", state="attached")
        assert serious(Axe().run(tab, options=options)) == [], fragment
    context.close()


def test_no_two_names_for_one_thing() -> None:
    """Words to filter by are the columns' names: none may shadow another, or hold a blank."""
    from analyzer.report.html.connection_view import COLUMNS

    names = [name.lower() for name, _ in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z#]+", name) for name in names)


def test_charts_lead_to_their_connections(open_page: Opener) -> None:
    """Every bar, and its line in the numbers beside it, shows as many connections as it counts."""
    tab = open_page()
    links = tab.locator(".picture table a")
    counted = []
    for index in range(links.count()):
        line = links.nth(index).locator("xpath=ancestor::tr").locator("td")
        cells = line.all_text_contents()
        figure = links.nth(index).locator("xpath=ancestor::figure").get_attribute("class") or ""
        numbers = [int(cell.replace(",", "")) for cell in cells[1:] if cell.replace(",", "").isdecimal()]
        counted.append((links.nth(index).get_attribute("href") or "", sum(numbers), figure))
    assert {"logins", "plugins", "drivers", "servers"} <= {word for _, _, figure in counted for word in figure.split()}
    for address, number, figure in counted:
        tab.evaluate("address => { location.hash = address }", address)
        # Connections without a login have no place among the drivers of logins.
        least = number if "drivers" not in figure.split() else 1
        tab.wait_for_function(
            "([query, least, most]) => document.querySelector('form.controls').elements.q.value === query"
            " && parseInt(document.querySelector('output').value) >= least"
            " && parseInt(document.querySelector('output').value) <= most",
            arg=[unquote(address.partition("q=")[2]), least, number if least == number else 25],
        )
    bar = tab.locator(".picture.plugins svg [data-q]").first
    query = bar.get_attribute("data-q")
    bar.dispatch_event("click")
    tab.wait_for_function("query => document.querySelector('form.controls').elements.q.value === query", arg=query)


def test_filter_words_that_do_not_exist_are_said(open_page: Opener) -> None:
    tab = open_page("#connections?q=outcom:accepted")
    status = tab.locator("form [role=status]")
    assert "no column “outcom”" in status.inner_text()
    tab.get_by_label("Filter connections").fill("outcome:accepted nonesuch")
    tab.wait_for_function("() => document.querySelector('form [role=status]').textContent.includes('nonesuch')")
    assert status.inner_text() == "No connection has “nonesuch”."
    tab.get_by_label("Filter connections").fill("outcome:accepted")
    tab.wait_for_function("() => document.querySelector('form [role=status]').hidden")
    assert tab.locator("a.here").get_attribute("href") == "#connections?q=outcome:accepted"


def test_the_table_is_one_key_away(open_page: Opener) -> None:
    tab = open_page()
    tab.keyboard.press("t")
    assert tab.evaluate("document.activeElement.id") == "connections"
    assert tab.locator("#connections").bounding_box()["y"] < 900  # type: ignore[index]
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.keyboard.type("t/")
    tab.wait_for_function("() => location.hash.includes('t/')")


def test_times_by_the_readers_clock(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Asia/Kolkata")
    tab = context.new_page()
    tab.goto(url)
    tab.wait_for_selector("html[data-ready]", state="attached")
    first = tab.locator("tr.row td.col-start").first
    utc = first.inner_text()
    tab.get_by_role("button", name="Times: UTC").click()
    local = first.inner_text()
    minutes = [int(text[:2]) * 60 + int(text[3:5]) for text in (utc, local)]
    assert (minutes[1] - minutes[0]) % (24 * 60) == 5 * 60 + 30
    assert utc[6:] == local[6:]
    context.close()


def test_findings_and_errors_are_never_cut(open_page: Opener) -> None:
    tab = open_page()
    cells = "[...document.querySelectorAll('td.col-findings, td.col-error')]"
    assert tab.evaluate(f"{cells}.length") > 0
    assert tab.evaluate(f"{cells}.every(td => td.scrollWidth <= td.clientWidth + 1)")
