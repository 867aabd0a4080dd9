"""The overview's pictures, drawn as SVG in the page's own colours from what `prose/chart_data.py` counted.

pygal plots; what it brings of style and script is taken off (the page's policy allows neither), and classes stay. Each
picture has the same in words and as a table beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final
from xml.etree import ElementTree

import msgspec
import pygal  # type: ignore[import-untyped]

from analyzer.report.escape import terminal
from analyzer.report.html.connection_view import LONGEST_CELL
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import (
    NO_CELL,
    OTHER,
    OUTCOMES,
    PHASES,
    STEPS,
    ChartData,
    DurationHistogram,
    Timeline,
)
from analyzer.report.prose.clock import UTC_CLOCK

SHOWN_KINDS: Final = 6
LONGEST_LABEL: Final = 26
BINS_SHOWN: Final = 4  # bars for each decade

_SVG: Final = "{http://www.w3.org/2000/svg}"
# Of pygal's output: what is for its own script and style.
_DROPPED: Final = frozenset({"style", "script", "desc", "defs", "metadata"})
_KEPT_ATTRIBUTES: Final = frozenset(
    {"class", "d", "x", "y", "width", "height", "transform", "viewBox", "rx", "ry", "r", "cx", "cy", "x1", "x2", "y1"}
    | {"y2", "text-anchor"}
)
_DROPPED_CLASSES: Final = ("tooltip", "tooltip-overlay", "text-overlay", "titles", "legends")


class Picture(msgspec.Struct):
    """A picture: `words` say what it shows, `table` holds its numbers (a head, then rows).

    links  for each row of the table the filter of the page that shows its connections, "" where there is none
    """

    name: str
    title: str
    words: str
    svg: str
    head: list[str]
    table: list[list[str]]
    legend: list[tuple[str, str]] = []  # (class, name) of each series
    links: list[str] = []


def pictures(data: ChartData) -> list[Picture]:
    """All that have something to show."""
    found = [
        _logins(data.timeline),
        _phases(data.durations),
        _kinds("plugins", "Auth plugins", "logins", data.plugins, "plugin"),
        _kinds("tls", "TLS versions", "logins", data.tls, "tls"),
        _kinds("drivers", "Drivers", "logins", data.drivers, "driver"),
        _kinds("servers", "Servers", "connections", data.servers, "version"),
    ]
    return [one for one in found if one is not None]


def _logins(timeline: Timeline) -> Picture | None:
    start, length, bars = timeline.bars()
    if not bars:
        return None
    series = [(name.replace("not known", "unknown"), name) for name, _ in OUTCOMES]
    links = [
        f"start>={_moment(start + index * length)} start<{_moment(start + (index + 1) * length)}"
        for index in range(len(bars))
    ]
    return over_time("logins", "Logins over time", (start, length), bars, series, links)


def _moment(ns: int) -> str:
    """As the page's filter reads it, in UTC."""
    return UTC_CLOCK.iso(ns).removesuffix("Z")


def over_time(
    name: str,
    title: str,
    begin: tuple[int, int],
    bars: list[list[int]],
    series: list[tuple[str, str]],
    links: Sequence[str] = (),
) -> Picture:
    """Bars over time, one number in each for each of `series` (class, name). `begin`: the first's start, their length.

    `links` are the filters that show the connections of each bar. Series of which there is nothing are left out of the
    picture. Nanoseconds.
    """
    start, length = begin
    stamps = [start + index * length for index in range(len(bars))]
    seconds = length >= 1_000_000_000
    shown = [labels.time_of_day(stamp, not seconds) for stamp in stamps]
    columns = [(cls, called, [counts[index] for counts in bars]) for index, (cls, called) in enumerate(series)]
    svg, legend = stacked(shown, max(1, -(-len(bars) // 4)), columns, links)
    sums = [f"{sum(values):,} {called}" for _, called, values in columns if any(values)]
    words = (
        f"{labels.count(len(bars), 'bar')} of {labels.duration(length)} each, from {labels.date(start)} "
        f"{labels.time_of_day(start, True)} UTC on: {', '.join(sums)}."
    )
    table = [[shown[i], *(f"{n:,}" for n in counts)] for i, counts in enumerate(bars) if any(counts)]
    seen = [link for link, counts in zip(links, bars, strict=False) if any(counts)]
    return Picture(name, title, words, svg, ["From (UTC)", *(called for _, called in series)], table, legend, seen)


def stacked(
    shown: list[str], every: int, series: list[tuple[str, str, list[int]]], links: Sequence[str] = ()
) -> tuple[str, list[tuple[str, str]]]:
    """Bars on top of one another, and the legend (class, name): `shown` names them, of which each `every`th is written.

    Of `series` (class, name, numbers) those with nothing are left out.
    """
    chart = _chart(pygal.StackedBar, 760, 220)
    chart.x_labels = shown
    chart.x_labels_major = shown[::every]
    chart.show_minor_x_labels = False
    chart.truncate_label = -1
    chart.spacing = 2
    seen = [one for one in series if any(one[2])]
    chart.y_labels = ticks(max(map(sum, zip(*(values for _, _, values in seen), strict=True)), default=0))
    for _, name, values in seen:
        chart.add(name, values)
    return _svg(chart, [cls for cls, _, _ in seen], links=links), [(cls, name) for cls, name, _ in seen]


def _phases(durations: dict[str, DurationHistogram]) -> Picture | None:
    seen = [(name, one) for name, one in durations.items() if one.total]
    if not seen:
        return None
    low = min(next(i for i, count in enumerate(one.counts) if count) for _, one in seen)
    high = max(max(i for i, count in enumerate(one.counts) if count) for _, one in seen)
    # Whole decades, so that the marks of the axis are powers of ten.
    first, last = low // STEPS * BINS_SHOWN, (high // STEPS + 1) * BINS_SHOWN
    shown = [labels.duration(int(1000 * 10 ** (step / BINS_SHOWN))) for step in range(first, last)]
    edges = [step * STEPS // BINS_SHOWN for step in range(first, last + 1)]
    series = [
        (f"phase{index}", name, [sum(durations[name].counts[begin:end]) for begin, end in pairwise(edges)])
        for index, (name, _) in enumerate(PHASES)
    ]
    svg, legend = stacked(shown, BINS_SHOWN, series)
    table = [
        [name, f"{one.total:,}", *(labels.duration(one.quantile(share)) for share in (0.5, 0.95, 0.99)),
         labels.duration(one.largest)]
        for name, one in seen
    ]  # fmt: skip
    words = "Half of all take at most: " + ", ".join(
        f"{name} {labels.duration(one.quantile(0.5))}" for name, one in seen
    )
    head = ["Phase", "Seen", "Median", "95 %", "99 %", "Longest"]
    return Picture("phases", "Login duration by phase", words + ".", svg, head, table, legend)


def ticks(largest: int) -> list[int]:
    """Three or four round numbers from 0 to at least the largest."""
    unit = 10 ** max(0, len(str(largest)) - 1)
    for part in (unit // 5 or 1, unit // 2 or 1, unit, 2 * unit):
        if part * 4 >= largest:
            return [part * index for index in range(-(-largest // part) + 1)]
    return [0, 5 * unit, 10 * unit]


def _kinds(name: str, title: str, unit: str, counter: Counter[str], column: str) -> Picture | None:
    """Bars from the left, the most frequent on top. `column`: of the page's table, that holds the kind."""
    if not counter:
        return None
    ranked = sorted(counter.items(), key=lambda item: (item[0] == OTHER, -item[1], item[0]))
    shown = ranked[:SHOWN_KINDS]
    if len(ranked) > SHOWN_KINDS:
        shown = [*ranked[: SHOWN_KINDS - 1], (OTHER, sum(number for _, number in ranked[SHOWN_KINDS - 1 :]))]
    total = sum(counter.values())
    chart = _chart(pygal.HorizontalBar, 380, 22 + 34 * len(shown))
    chart.show_y_labels = False
    chart.show_x_labels = False
    chart.show_x_guides = chart.show_y_guides = False
    chart.print_values = False
    chart.spacing = 14
    # pygal begins at the bottom.
    chart.add(unit, [number for _, number in reversed(shown)])
    links = [_link(column, kind) for kind, _ in ranked[:100]]
    found = [_link(column, kind) for kind, _ in shown]
    svg = _svg(chart, ["kind"], [(terminal(kind), number) for kind, number in shown], found)
    words = ", ".join(f"{terminal(kind)} {number:,}" for kind, number in shown)
    table = [[terminal(kind), f"{number:,}", f"{100 * number / total:.1f} %"] for kind, number in ranked[:100]]
    head = [title, unit.capitalize(), "Share"]
    return Picture(name, title, f"{total:,} {unit}: {words}.", svg, head, table, links=links)


def _link(column: str, kind: str) -> str:
    """The filter for a kind; none where the table has no cell that says so, or not the whole of it."""
    if kind in NO_CELL or '"' in kind or len(kind) > LONGEST_CELL or terminal(kind) != kind:
        return ""
    return f'{column}="{kind}"'


def _chart(kind: Any, width: int, height: int) -> Any:
    """A chart without anything around it."""
    return kind(
        width=width,
        height=height,
        js=[],
        css=[],  # the page has its own
        show_legend=False,
        explicit_size=False,
        disable_xml_declaration=True,
        no_prefix=True,
        margin=4,
        pretty_print=False,
        rounded_bars=0,
        show_y_guides=True,
        show_x_guides=False,
        value_formatter=lambda value: f"{int(value):,}" if isinstance(value, int | float) else str(value),
    )


def _svg(
    chart: Any, classes: list[str], written: list[tuple[str, int]] | None = None, links: Sequence[str] = ()
) -> str:
    """The chart as SVG without style, script and ids; series are given the `classes`, bars the filters `links`.

    `written` puts (name, number) above each bar of a horizontal chart, from the top.
    """
    tree = ElementTree.fromstring(chart.render(is_unicode=True))
    kept = _kept(tree, classes, links)
    assert kept is not None
    kept.attrib = {"viewBox": tree.attrib["viewBox"], "class": "chart", "aria-hidden": "true", "focusable": "false"}
    if written is not None:
        _write(kept, written, links)
    return ElementTree.tostring(kept, encoding="unicode")


def _kept(node: ElementTree.Element, classes: list[str], links: Sequence[str]) -> ElementTree.Element | None:
    """A copy without what is not wanted; None where nothing is left."""
    tag = str(node.tag).removeprefix(_SVG)
    names = node.attrib.get("class", "").split()
    if tag in _DROPPED or any(name in _DROPPED_CLASSES for name in names):
        return None
    copy = ElementTree.Element(tag, {k: _short(v) for k, v in node.attrib.items() if k in _KEPT_ATTRIBUTES})
    serie = next((name for name in names if name.startswith("serie-")), None)
    if serie is not None:
        copy.attrib["class"] = classes[int(serie.removeprefix("serie-")) % len(classes)]
    elif names:
        copy.attrib["class"] = " ".join(name for name in names if name not in ("reactive", "tooltip-trigger"))
    copy.text = node.text if node.text and node.text.strip() else None
    for index, child in enumerate(node):
        kept = _kept(child, classes, links)
        if kept is None:
            continue
        if "bars" in names and index < len(links) and links[index]:
            kept.attrib["data-q"] = links[index]
        copy.append(kept)
    empty = tag == "rect" and float(copy.attrib.get("height") or 0) * float(copy.attrib.get("width") or 0) == 0
    if empty or (tag in ("g", "title", "a") and not len(copy) and not copy.text) or tag == "title":
        return None
    return copy


def _short(value: str) -> str:
    """Numbers with at most one digit behind the point."""
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found.group()):.1f}".removesuffix(".0"), value)


def _write(svg: ElementTree.Element, written: list[tuple[str, int]], links: Sequence[str]) -> None:
    """Names and numbers above the bars, and the bars moved to leave room for them."""
    bars = [node for node in svg.iter("rect") if "rect" in (node.attrib.get("class") or "").split()]
    bars.sort(key=lambda node: float(node.attrib["y"]))
    # pygal's plot begins at 4, and its widest bar is as wide as there is room.
    left = 4 + min((float(bar.attrib["x"]) for bar in bars), default=0.0)
    width = max((float(bar.attrib["width"]) for bar in bars), default=0.0)
    layer = ElementTree.Element("g", {"class": "names"})
    svg.insert(0, layer)
    for index, (name, number) in enumerate(written):
        base = 22 + 34 * index
        track = {
            "x": f"{left:g}",
            "y": f"{base + 4}",
            "width": f"{width:g}",
            "height": "8",
            "rx": "4",
            "class": "track",
        }
        ElementTree.SubElement(layer, "rect", track)
        text = ElementTree.SubElement(layer, "text", {"x": f"{left:g}", "y": f"{base - 3}"})
        text.text = name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"
        end = {"x": f"{left + width:g}", "y": f"{base - 3}", "text-anchor": "end", "class": "number"}
        ElementTree.SubElement(layer, "text", end).text = f"{number:,}"
        if links[index]:
            text.attrib["data-q"] = links[index]
        if index < len(bars):
            bars[index].attrib.update({"y": f"{base}", "height": "8", "rx": "4", "ry": "4"})
