"""Who talks to whom: hosts of clients on the left, servers on the right, a line for each pair."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final
from xml.etree import ElementTree

from analyzer.report.escape import terminal
from analyzer.report.html.charts import Picture
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import ChartData, Pair
from analyzer.report.text.layout import clip

MOST_CLIENTS: Final = 9
MOST_SERVERS: Final = 6
MOST_ROWS: Final = 100
WIDTH: Final = 1180
ROW: Final = 30
LONGEST: Final = 40
_LEFT, _RIGHT = 400, 780  # where lines begin and end
_OTHERS: Final = "others"


def who_map(data: ChartData) -> Picture | None:
    """None where there is nothing to show."""
    if not data.pairs:
        return None
    clients: Counter[str] = Counter()
    servers: Counter[str] = Counter()
    for (client, server), pair in data.pairs.items():
        clients[client] += pair.connections
        servers[server] += pair.connections
    left, right = _shown(clients, MOST_CLIENTS), _shown(servers, MOST_SERVERS)
    lines: dict[tuple[str, str], list[int]] = {}
    for (client, server), pair in data.pairs.items():
        key = client if client in left else _OTHERS, server if server in right else _OTHERS
        line = lines.setdefault(key, [0, 0, 0])
        for index, number in enumerate((pair.connections, pair.refused, pair.in_clear)):
            line[index] += number
    words = (
        f"{labels.count(len(clients), 'host')} connected to {labels.count(len(servers), 'server')}. The busiest pair: "
        f"{_busiest(data)}."
    )
    legend = [("client", "accepted"), ("rejected", "some refused"), ("clear", "dashed: some without TLS")]
    head = ["Client", "Server", "Connections", "Refused", "Without TLS", "Users", "Drivers"]
    ranked = sorted(data.pairs.items(), key=lambda item: (-item[1].connections, item[0]))
    table = [_row(*key, pair) for key, pair in ranked[:MOST_ROWS]]
    return Picture("who", "Who talks to whom", words, _drawn(left, right, lines), head, table, legend)


def _busiest(data: ChartData) -> str:
    (client, server), pair = max(data.pairs.items(), key=lambda item: (item[1].connections, item[0]))
    return f"{client} to {server}, {labels.count(pair.connections, 'connection')}"


def _row(client: str, server: str, pair: Pair) -> list[str]:
    numbers = [f"{number:,}" for number in (pair.connections, pair.refused, pair.in_clear)]
    names = [", ".join(terminal(name) for name, _ in counter.most_common(5)) for counter in (pair.users, pair.drivers)]
    return [client, server, *numbers, *names]


def _shown(counter: Counter[str], most: int) -> dict[str, int]:
    """The most frequent, with their numbers; those beyond are put together."""
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) <= most:
        return dict(ranked)
    rest = sum(number for _, number in ranked[most - 1 :])
    return {**dict(ranked[: most - 1]), _OTHERS: rest}


def _drawn(left: dict[str, int], right: dict[str, int], lines: dict[tuple[str, str], list[int]]) -> str:
    rows = max(len(left), len(right))
    height = rows * ROW + 8
    svg = ElementTree.Element(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {height}", "class": "chart", "aria-hidden": "true", "focusable": "false"},
    )
    places = [
        {name: 4 + ROW * (index + 0.5) + (rows - len(side)) * ROW / 2 for index, name in enumerate(side)}
        for side in (left, right)
    ]
    for (client, server), (number, refused, in_clear) in sorted(lines.items()):
        begin, end = places[0][client], places[1][server]
        middle = (_LEFT + _RIGHT) / 2
        names = ["pair", "rejected" if refused else "client", *(["clear"] if in_clear else [])]
        path = f"M{_LEFT} {begin:g}C{middle:g} {begin:g} {middle:g} {end:g} {_RIGHT} {end:g}"
        width = f"{1.5 + 1.5 * math.log10(number):.1f}"
        ElementTree.SubElement(svg, "path", {"class": " ".join(names), "d": path, "stroke-width": width})
    for side, x, anchor in ((0, _LEFT - 10, "end"), (1, _RIGHT + 10, "start")):
        for name, number in (left, right)[side].items():
            y = f"{places[side][name] + 5:g}"
            text = ElementTree.SubElement(svg, "text", {"x": str(x), "y": y, "text-anchor": anchor, "class": "end"})
            text.text = f"{clip(terminal(name), LONGEST)} ({number:,})"
    return ElementTree.tostring(svg, encoding="unicode")
