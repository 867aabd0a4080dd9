"""What is passed over makes no difference: every row is the one that looking at every packet gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.dissection.dissector import RowRequest, frames_with_ends
from analyzer.analysis.dissection.fields.direct import DIRECT
from analyzer.analysis.dissection.filters import Filter, compile_filter
from analyzer.analysis.dissection.packet import Dissection
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.protocol.wire.framing import HEADER, encode_packet
from analyzer.report.text.dissection import FieldColumns
from tests.corpus import REPOSITORY
from tests.reading import collected

SAMPLES = REPOSITORY / "samples"
CAPTURES = [
    "bulk-resultset.pcap.zst",
    "mysql97_connector_prepared.pcapng",
    "mysql97_raw_wrong-password.pcapng",
    "mysql97_raw_full-auth-tls13.pcapng",
    "mariadb118_raw_ed25519-tls13.pcapng",
    "mariadb1011_cli_native.pcap",
    "mysql97_cli_zlib.pcap",
]
FIELDS = ["frame.number", "ip.src", "tcp.len", "mysql.user", "mysql.query", "mysql.error_code"]
FILTERS = [
    None,
    "mysql",
    "mysql && tcp.len > 60",
    "mysql.error_code",
    'mysql.query contains "SELECT"',
    '!(mysql.query contains "SELECT") && frame.number > 9',
    'handshark.sender == "client"',
]


def rows(path: Path, wanted: RowRequest, *, skim: bool, most: int | None = None) -> list[str]:
    columns = FieldColumns(FIELDS, "\t", "a", ",", "n", False)
    if not skim:
        wanted.skim = None
    return collected(path, RowCollector(wanted, RowRendering(columns), most), growing=most is not None)


def wanted(keep: Filter | None) -> RowRequest:
    return RowRequest(keep, frozenset(FIELDS), by_frame=True)


@pytest.mark.parametrize("text", FILTERS)
def test_rows_are_those_of_every_packet(text: str | None) -> None:
    keep = compile_filter(text) if text is not None else None
    total = 0
    for name in CAPTURES:
        skimmed = rows(SAMPLES / name, wanted(keep), skim=True)
        assert skimmed == rows(SAMPLES / name, wanted(keep), skim=False), name
        total += len(skimmed)
    assert total >= 1


def test_what_may_be_skimmed() -> None:
    def skims(text: str | None, *fields: str) -> bool:
        keep = compile_filter(text) if text is not None else None
        return RowRequest(keep, frozenset(fields), by_frame=True).skim is not None

    assert skims(None, "mysql.user", "mysql.query")
    assert skims("mysql", "mysql.user")
    assert not skims(None, "mysql.row.text")
    assert not skims('mysql contains "SELECT"', "mysql.user")  # its bytes, not only that it is there
    assert not skims(None, "mysql")
    assert not skims("handshark.latency > 1", "mysql.user")
    assert not skims("handshark.encrypted", "mysql.user")
    assert not skims(None, "mysql.user", "handshark.outcome")  # known when the connection is over


@pytest.mark.parametrize("skim", [True, False])
def test_the_first_rows(skim: bool) -> None:
    path = SAMPLES / "bulk-resultset.pcap.zst"
    whole = rows(path, wanted(None), skim=True)
    assert len(whole) > 20
    for most in (1, 7, 20, len(whole) + 5):
        assert rows(path, wanted(None), skim=skim, most=most)[:most] == whole[:most]


def test_records_hold_what_decoding_gives() -> None:
    """Each entry of DIRECT, over all small samples: the record's attribute is the node's value."""
    seen: set[tuple[str, type]] = set()

    def compare(group: list[Dissection]) -> None:
        for one in group:
            for field, kinds in DIRECT.items():
                take = kinds.get(type(one.record))
                if take is not None:
                    value = take(one.record)
                    decoded = [node.value for node in one.nodes if node.info.name == field]
                    assert decoded == ([] if value is None else [value]), (field, one.record)
                    seen.add((field, type(one.record)))

    for path in sorted(SAMPLES.iterdir()):
        if ".pcap" not in path.name or path.suffix == ".json" or path.stat().st_size > 30_000:
            continue
        collected(path, RowCollector(RowRequest(None, None, by_frame=True), RowRendering(compare)))  # type: ignore[arg-type]
    assert {field for field, _ in seen} == set(DIRECT)


@given(some.lists(some.integers(1, 40), min_size=1, max_size=12), some.data())
def test_frames_in_which_packets_end(sizes: list[int], data: some.DataObject) -> None:
    response = b"".join(encode_packet(bytes(size), index) for index, size in enumerate(sizes))
    cuts = data.draw(some.sets(some.integers(1, len(response) - 1), max_size=8))
    ends = [*sorted(cuts), len(response)]
    stops = [sum(sizes[: index + 1]) + HEADER * (index + 1) for index in range(len(sizes))]
    expected = sorted({next(i for i, end in enumerate(ends) if end >= stop) for stop in stops})
    assert list(frames_with_ends(response, ends)) == expected
