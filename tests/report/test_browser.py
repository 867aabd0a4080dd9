"""The page in a real browser: from disk, with no network, with and without JavaScript."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analyzer.report.html import HtmlReport

from . import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.tool


def unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        unavailable("no chromium found")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = io.StringIO()
    report = HtmlReport(out, examples.HOSTILE)
    for number in range(25):
        make = (examples.accepted, examples.rejected, examples.aborted, examples.encrypted, examples.hostile)[
            number % 5
        ]
        report.connection(make(number), examples.detail(examples.HOSTILE))
    report.close([examples.source(25)])
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(out.getvalue(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert wrong == []
    assert {address.partition("#")[0] for address in asked} == {asked[0].partition("#")[0]}
    assert asked[0].startswith("file:")


def visible(tab: Tab) -> list[str]:
    """Numbers of the rows that are shown, from the top."""
    shown = tab.locator(".connections tbody tr:visible td:first-child").all_inner_texts()
    return [text.strip() for text in shown]


def test_filter(tab: Tab, url: str) -> None:
    tab.goto(url)
    assert len(visible(tab)) == 25
    tab.get_by_label("Filter connections").fill("report mariadb")
    assert visible(tab) == ["1", "6", "11", "16", "21"]
    assert tab.locator("output").inner_text() == "5 of 25"
    tab.get_by_label("Outcome").select_option("accepted")
    assert visible(tab) == []
    tab.get_by_label("Filter connections").fill("")
    assert visible(tab) == ["0", "5", "10", "15", "20"]
    tab.locator("a[data-filter=closed-before-login]").click()
    assert visible(tab) == ["2", "7", "12", "17", "22"]


def test_sort(tab: Tab, url: str) -> None:
    tab.goto(url)
    tab.get_by_role("button", name="Took").click()
    assert visible(tab)[:2] == ["1", "6"]  # 4.2 ms
    tab.get_by_role("button", name="Took").click()
    assert visible(tab)[:5] == ["23", "18", "13", "8", "3"]  # an hour
    assert tab.locator("th[aria-sort=descending]").inner_text().startswith("Took")
    tab.get_by_role("button", name="#").click()
    assert visible(tab)[:3] == ["0", "1", "2"]


def test_deep_links_open_what_they_name(tab: Tab, url: str) -> None:
    tab.goto(url + "#c12")
    assert tab.locator("#c12").is_visible()
    assert not tab.locator("#c13").is_visible()
    tab.goto(url + "#c13p2")
    assert tab.locator("#c13p2 .bytes").is_visible()
    tab.locator(".connections a", has_text="16").click()
    tab.locator("#c16 .evidence a").first.click()
    assert tab.locator("#c16 .packet[open]").count() == 1


def test_bytes_of_a_field_are_marked(tab: Tab, url: str) -> None:
    tab.goto(url + "#c0p1")
    tab.locator("#c0p1 .tree li").nth(4).hover()  # bytes 9 to 14
    marked = "Array.from(CSS.highlights.get('field')).map(String)"
    data = examples.detail(examples.HOSTILE).packets[0].data[9:14]
    pairs = tab.evaluate(marked)
    assert pairs[::2] == [f"{byte:02x}" for byte in data]
    assert "".join(pairs[1::2]) == data.decode()


def test_nothing_is_wider_than_the_window(tab: Tab, url: str) -> None:
    for width in (400, 1280):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto(url + "#c14p1")
        assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_paper_is_wide_enough(tab: Tab, url: str) -> None:
    tab.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins
    tab.emulate_media(media="print", color_scheme="dark")
    tab.goto(url + "#c14p1")
    assert tab.evaluate("document.documentElement.scrollWidth") == 718
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not tab.locator("form.controls").is_visible()


def test_without_javascript(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert not page.locator("form.controls").is_visible()
    assert len(visible(page)) == 25
    page.locator("details.connection > summary").nth(3).click()
    assert page.locator("#c3").get_by_text("TLS_AES_256_GCM_SHA384").is_visible()
    page.locator("#c3 .packet > summary").first.click()
    assert page.locator("#c3p1 .bytes").is_visible()
    context.close()
