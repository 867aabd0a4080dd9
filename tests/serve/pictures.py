"""`python -m tests.serve.pictures`: the pictures of docs/serve.md, taken in Chromium.

Writes docs/pictures/serve-live.png (a live capture, in which logins fail) and docs/pictures/serve-list.png (a folder).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.analysis.model.counts import Counts
from analyzer.engine.browsing import Arrival
from analyzer.engine.onlooker import LiveNews
from tests.browser import chromium
from tests.corpus import REPOSITORY
from tests.report import examples
from tests.serve.live_script import live
from tests.serve.load import numbered
from tests.serve.support import Visitor, serving, whole

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

PICTURES = REPOSITORY / "docs" / "pictures"
SAMPLES = REPOSITORY / "samples"
SHOWN = (
    *("mysql97_cli_wrong-password.pcap", "mariadb1011_cli_native.pcap", "mysql97_cli_full-auth-rsa.pcapng"),
    *("mariadb1011_raw_tls13.pcapng", "mysql97_connector_prepared.pcapng"),
)
LARGEST = 200_000  # bytes of a picture


@contextmanager
def entered(browser: Browser, visitor: Visitor, height: int) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1180, "height": height}, color_scheme="light")
    tab = context.new_page()
    tab.goto(visitor.url)
    tab.wait_for_url(lambda url: "token" not in url)
    yield tab
    context.close()


def of_a_live_capture(browser: Browser, path: Path) -> None:
    with live() as (visitor, script):
        for number in range(120):
            news = Arrival(numbered(number), number % 10 != 9)
            script.say(LiveNews(news, examples.detail()))
        script.say(Counts(73.0, 5120, 118, 30, 0, 0, 12))
        with entered(browser, visitor, 980) as tab:
            tab.get_by_text("120 MySQL connections").wait_for()
            tab.get_by_text("Live for 1m13s").wait_for()
            tab.screenshot(path=path)


def of_a_folder(browser: Browser, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in SHOWN:
            shutil.copy2(SAMPLES / name, folder)
        with serving([folder]) as visitor:
            for number in range(1, len(SHOWN) + 1):
                whole(visitor, f"/captures/{number}/events")
            with entered(browser, visitor, 640) as tab:
                tab.get_by_label("mysql97_cli_wrong-password.pcap is the one before").check()
                tab.get_by_label("mysql97_cli_full-auth-rsa.pcapng is the one after").check()
                tab.screenshot(path=path)


def main() -> int:
    with chromium() as browser:
        of_a_live_capture(browser, PICTURES / "serve-live.png")
        of_a_folder(browser, PICTURES / "serve-list.png")
    code = 0
    for path in sorted(PICTURES.glob("serve-*.png")):
        size = path.stat().st_size
        print(f"{path.relative_to(REPOSITORY)}: {size:,} bytes")
        code |= size > LARGEST
    return code


if __name__ == "__main__":
    sys.exit(main())
