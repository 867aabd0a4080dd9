"""TShark and the dissector side by side: every field that both have, frame by frame."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.fields import FIELDS, formatted
from analyzer.analysis.dissection.filters import Filter
from analyzer.analysis.dissection.packet import Dissection, FrameGroup
from analyzer.engine.row_collector import RowCollector, RowRendering
from tests.analysis.dissection.known import ONLY_OURS, ONLY_THEIRS
from tests.reading import collected

# frame number -> field -> its values as text
Rows = dict[int, dict[str, list[str]]]
SECONDS: Final = 120
# Ports that the captures' servers listen on.
PORTS: Final = (3306, 31011, 31108, 33097)
FAMILIES: Final = ("mysql.", "mariadb.", "tcp.", "ip.", "ipv6.", "frame.")


@cache
def version(tshark: str) -> str:
    """TShark's version: 4.0.17."""
    words = subprocess.run([tshark, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return next(word for word in words if word[0].isdigit()).rstrip(".")


@cache
def known_fields(tshark: str) -> dict[str, tuple[str, str]]:
    """name -> (type, base) of all of TShark's fields that may be compared."""
    text = subprocess.run([tshark, "-G", "fields"], capture_output=True, text=True, check=True).stdout
    rows = (line.split("\t") for line in text.splitlines() if line.startswith("F\t"))
    return {row[2]: (row[3].removeprefix("FT_"), row[5]) for row in rows if row[2].startswith(FAMILIES)}


def shared_fields(tshark: str) -> list[str]:
    """What both sides can show."""
    return [name for name in known_fields(tshark) if name in FIELDS and FIELDS[name].unavailable is None]


def theirs(
    tshark: str, path: Path, fields: Sequence[str], keys: Path | None = None, ports: Iterable[int] = PORTS
) -> Rows:
    """What TShark shows of every frame that holds MySQL, which it is told to look for on `ports`."""
    words = [tshark, "-n", "-r", str(path), "-Y", "mysql", "-T", "json"]
    for port in ports:
        words += ["-d", f"tcp.port=={port},mysql"]
    words += ["-o", "tcp.reassemble_out_of_order:TRUE"]
    if keys is not None:
        words += ["-o", f"tls.keylog_file:{keys}"]
    for name in dict.fromkeys(["frame.number", *fields]):
        words += ["-e", name]
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False)
    loaded = json.loads(done.stdout.decode("utf-8", "replace") or "[]", strict=False)
    rows: Rows = {}
    for one in loaded:
        layers: dict[str, list[str]] = one["_source"]["layers"]
        number = int(layers["frame.number"][0])
        rows[number] = {name: layers[name] for name in fields if name in layers}
    return rows


def ours(path: Path, fields: Sequence[str], keys: Path | None = None) -> Rows:
    """The same of the dissector."""
    rows: Rows = {}
    options = AnalysisOptions(
        ports=frozenset(PORTS), show_secrets=True, keylogs=() if keys is None else (keys.read_bytes(),)
    )

    def render(group: Sequence[Dissection]) -> None:
        if all(one.packet is None for one in group):
            return  # TLS messages: TShark has them under TLS
        source = FrameGroup(group)
        row = rows.setdefault(group[0].frame, {})
        for name in fields:
            texts = _texts(name, source)
            if texts:
                row.setdefault(name, []).extend(texts)

    harvest = RowCollector(RowRequest(None, frozenset(fields), True, show_secrets=True), RowRendering(render))
    collected(path, harvest, options)
    return rows


def _texts(name: str, source: FrameGroup) -> list[str]:
    info = FIELDS[name]
    return [formatted(info, value) for value in source.values(name)]


def plain(name: str, values: Iterable[str]) -> list[str]:
    """TShark's values as ours are written: labels as 1, missing bytes as nothing."""
    if FIELDS[name].type in ("NONE", "PROTOCOL"):
        return ["1" for _ in values]
    return ["" if value == "<MISSING>" else value for value in values]


class Difference(NamedTuple):
    """One field of one frame, or a frame that one side shows alone."""

    capture: str
    frame: int
    field: str
    theirs: list[str]
    ours: list[str]
    records: tuple[str, ...]  # that the frame holds, as ours are named

    def __str__(self) -> str:
        names = ", ".join(dict.fromkeys(self.records))
        return (
            f"{self.capture}, frame {self.frame} ({names}): {self.field}: "
            f"TShark {str(self.theirs)[:200]}, ours {str(self.ours)[:200]}"
        )


def server_ports(rows: Rows) -> set[int]:
    """Ports that greetings came from."""
    return {
        int(row["tcp.srcport"][0])
        for row in rows.values()
        if "HandshakeV10" in row.get("handshark.record", ()) and "tcp.srcport" in row
    }


def differences(tshark: str, path: Path) -> tuple[int, list[Difference]]:
    """(values compared, what differs) of a capture; its keys are beside it as NAME.keys."""
    fields = shared_fields(tshark)
    named = path.with_name(path.name.partition(".pcap")[0] + ".keys")
    keys = named if named.exists() else None
    own = ours(path, [*fields, "handshark.record"], keys)
    other = theirs(tshark, path, fields, keys, sorted({*PORTS, *server_ports(own)}))
    found: list[Difference] = []
    compared = 0
    for frame in sorted({*own, *other}):
        records = tuple(own.get(frame, {}).get("handshark.record", ()))
        if frame not in other or frame not in own:
            kind = ONLY_OURS if frame in own else ONLY_THEIRS
            found.append(Difference(path.name, frame, kind, [], [], records))
            continue
        for name in fields:
            left, right = plain(name, other[frame].get(name, ())), own[frame].get(name, [])
            compared += 1
            if left != right:
                found.append(Difference(path.name, frame, name, left, right, records))
    return compared, found


def frames_of(path: Path, keep: Filter) -> list[int]:
    """The frames for which a filter holds."""
    harvest = RowCollector(RowRequest(keep, frozenset(), True), RowRendering(lambda group: group[0].frame))
    return collected(path, harvest, AnalysisOptions(ports=frozenset(PORTS)))
