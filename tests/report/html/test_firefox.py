"""The page in Firefox: the same as in Chromium (test_browser.py), as far as browsers differ."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analyzer.report.html.page import HtmlReport
from tests.corpus import give_up
from tests.report import examples

if TYPE_CHECKING:
    from tests.report.html.firefox import Firefox

pytestmark = pytest.mark.tool


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        give_up("firefox is not installed")
    pytest.importorskip("websockets")
    from tests.report.html.firefox import Firefox

    with Firefox(program) as started:
        yield started


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("firefox") / "report.html"
    with path.open("w", encoding="utf-8") as file, HtmlReport(file, examples.HOSTILE) as report:
        for one in examples.everything() * 5:
            report.connection(one, examples.detail(examples.HOSTILE))
        report.close([examples.source(25)])
    return path.as_uri()


def rows(firefox: Firefox) -> int:
    count: int = firefox.run("() => document.querySelectorAll('tr.row').length")
    return count


@pytest.mark.parametrize("fragment", ["", "#connections?q=outcome:rejected", "#c1-p3"])
def test_it_opens_and_keeps_to_itself(firefox: Firefox, url: str, fragment: str) -> None:
    firefox.size(1280, 900)
    firefox.open(url + fragment)
    assert firefox.said == []
    assert {one.partition("#")[0] for one in firefox.asked} <= {url}
    if fragment.startswith("#c1"):
        assert firefox.run("() => document.querySelector('.sheet h2').textContent")
        assert firefox.run("() => document.querySelectorAll('.panes [aria-selected=true]').length") > 0
    else:
        assert rows(firefox) == (10 if fragment else 25)


def test_keys_filter_and_sort(firefox: Firefox, url: str) -> None:
    firefox.open(url)
    firefox.press("/")
    firefox.press("outcome:accepted")
    firefox.run(
        "async () => { while (document.querySelectorAll('tr.row').length !== 5)"
        " await new Promise((go) => setTimeout(go, 20)); }"
    )
    assert "q=outcome:accepted" in firefox.run("() => location.hash")
    firefox.run("() => document.querySelector('th.col-lasted button').click()")
    assert firefox.run("() => document.querySelector('th.col-lasted').getAttribute('aria-sort')") == "ascending"
    assert firefox.said == []


@pytest.mark.parametrize("width", [400, 800, 1280, 1900])
@pytest.mark.parametrize("fragment", ["", "#c1"])
def test_nothing_is_wider_than_the_window(firefox: Firefox, url: str, width: int, fragment: str) -> None:
    firefox.size(width, 900)
    firefox.open(url + fragment)
    assert firefox.run("() => document.documentElement.scrollWidth") <= width


def test_pictures_have_their_colours(firefox: Firefox, url: str, tmp_path: Path) -> None:
    """light-dark() and custom properties reach into the SVG."""
    firefox.size(1280, 900)
    firefox.open(url)
    bars = "[...document.querySelectorAll('.chart rect.rect')]"
    fills = firefox.run(f"() => {bars}.map((bar) => getComputedStyle(bar).fill)")
    assert fills
    assert "rgb(0, 0, 0)" not in fills
    firefox.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
