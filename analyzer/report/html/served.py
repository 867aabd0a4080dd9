"""The page of a capture that a running program serves: the same templates, filled while the page is open.

The program sends rows of the table and parts of the overview, and is asked for a connection when that is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from analyzer.analysis.model.connection import Source
from analyzer.report.html.charts import stacked
from analyzer.report.html.connection_view import COLUMNS, VIEW_NAMES
from analyzer.report.html.manual import CAPABILITY_MEANINGS, MANUAL
from analyzer.report.html.overview import Overview
from analyzer.report.html.page import PARTS, SCRIPTS, asset, environment, json_in_html, policy, script_of

SERVED_SCRIPTS: Final = (*SCRIPTS[:-1], "served.js", SCRIPTS[-1])
# The page may ask who served it, and nobody else.
ASKS: Final = "; connect-src 'self'"


class ServedFrom(msgspec.Struct):
    """Where the page's script asks.

    events      the stream of what comes
    connection  what a connection's number is put behind
    matches     what says for which connections a display filter holds
    home        the list of captures; "" where there is none
    newest      the newest connections stand on top
    """

    events: str
    connection: str
    matches: str
    home: str = ""
    newest: bool = False


class ServedReport:
    """Writes the page, and the parts of it that change."""

    def __init__(self, title: str, served: ServedFrom, secrets_shown: bool, several: bool = False) -> None:
        self._title = title
        self._served = served
        self._secrets_shown = secrets_shown
        self._several = several
        self._env = environment()
        self._style, self._script = asset("style.css"), script_of(SERVED_SCRIPTS)
        self._sent: dict[str, str] = {}
        self.policy = policy(self._style, self._script, ASKS)

    def load(self) -> None:
        """Reads what it needs later from files of the program."""
        for name in self._env.list_templates(extensions=["html", "svg"]):
            self._env.get_template(name)
        stacked([""], 1, [("", "", [1])])  # pygal reads its own

    def page(self, waiting: str) -> str:
        """The page with nothing in it yet; `waiting` says what is waited for."""
        return self._env.get_template("page.html").render(
            **self._values(Overview(), [], waiting),
            title=self._title,
            theme="auto",
            columns=COLUMNS,
            static_rows=[],
            static=[],
            rows_left_out=0,
            with_packets=0,
            several=self._several,
            data=json_in_html(self._data()),
            blocks=[],
            policy=self.policy,
            style=Markup(self._style),
            script=Markup(self._script),
        )

    def parts(self, overview: Overview, sources: Sequence[Source], waiting: str) -> dict[str, str]:
        """The parts that are other than when this was asked last, as HTML."""
        values = self._values(overview, sources, waiting)
        template = self._env.get_template("part.html")
        changed = {}
        for part in ("sources", *PARTS):
            html = template.render(values, part=part)
            if self._sent.get(part) != html:
                changed[part] = self._sent[part] = html
        return changed

    def _values(self, overview: Overview, sources: Sequence[Source], waiting: str) -> dict[str, object]:
        return {
            **overview.values(sources),
            "waiting": waiting,
            "served": self._served,
            "note": None,
            "secrets_shown": self._secrets_shown,
        }

    def _data(self) -> dict[str, object]:
        """What the script needs to know before anything comes."""
        return {
            "columns": COLUMNS,
            "rows": 0,
            "several": self._several,
            "names": VIEW_NAMES,
            "capabilities": list(CAPABILITY_MEANINGS.items()),
            "manual": MANUAL,
            "masked": not self._secrets_shown,
            "served": self._served,
        }


class ListedRow(msgspec.Struct):
    """A capture in the list of them. `known`: what was found in it, "" where nobody has looked yet."""

    number: int
    name: str
    size: int
    changed_ns: int
    known: str = ""


class CaptureListPage:
    """The list of captures, which takes uploads and compares two. `uploads`: what may be sent, in words."""

    def __init__(self, title: str, uploads: str) -> None:
        self._title = title
        self._uploads = uploads
        self._env = environment()
        self._style, self._script = asset("style.css"), script_of(("captures.js",))
        self.policy = policy(self._style, self._script, ASKS).replace("form-action 'none'", "form-action 'self'")

    def page(self, rows: Sequence[ListedRow]) -> str:
        """The page as it is now."""
        return self._env.get_template("captures.html").render(
            title=self._title,
            theme="auto",
            rows=rows,
            uploads=self._uploads,
            policy=self.policy,
            style=Markup(self._style),
            script=Markup(self._script),
        )


def plain_page(title: str, message: str, target: str = "") -> tuple[str, str]:
    """A page that says one thing, and its policy. With a `target` on this server the browser goes there at once."""
    style = asset("style.css")
    rules = policy(style, "")
    html = (
        environment()
        .get_template("plain.html")
        .render(title=title, message=message, target=target, theme="auto", policy=rules, style=Markup(style))
    )
    return html, rules


def entry_page() -> tuple[str, str]:
    """The page that the first address shows, which leads on, and its policy."""
    return plain_page("handshark", "The page opens.", "/")
