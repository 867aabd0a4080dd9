"""`python -m tests.report.html.screenshots`: the README's pictures, from reports/example.html (`make example`).

Writes reports/example.png (the overview) and reports/example-connection.png (a connection that was refused).
"""

from __future__ import annotations

import shutil
import sys

from tests.corpus import REPOSITORY

REPORTS = REPOSITORY / "reports"
LARGEST = 200_000  # bytes of a picture
# Name, fragment, height in pixels at a width of 1280.
PICTURES = (("example.png", "", 1000), ("example-connection.png", "#c3-0", 940))


def main() -> int:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("no chromium found\n")
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, fragment, height in PICTURES:
            context = browser.new_context(viewport={"width": 1280, "height": height}, color_scheme="light")
            tab = context.new_page()
            tab.goto((REPORTS / "example.html").as_uri() + fragment)
            tab.wait_for_selector("html[data-ready]", state="attached")
            tab.screenshot(path=REPORTS / name)
            context.close()
        browser.close()
    for name, _, _ in PICTURES:
        size = (REPORTS / name).stat().st_size
        print(f"reports/{name}: {size:,} bytes")
        if size > LARGEST:
            sys.stderr.write(f"reports/{name} is larger than {LARGEST:,} bytes\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
