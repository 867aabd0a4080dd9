"""A source of values for filters: a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from analyzer.analysis.dissection.fields import Value


class Values:
    """What a packet's fields hold, by name; notes which of them were asked for."""

    def __init__(self, values: Mapping[str, Sequence[Value]]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def values(self, name: str) -> Sequence[Value]:
        self.asked.add(name)
        return self._values.get(name, ())


PACKET: Final[dict[str, Sequence[Value]]] = {
    "mysql": [b"\x03SELECT 1 -- x"],
    "mysql.user": ["root"],
    "mysql.command": [3],
    "mysql.error_code": [1045],
    "mysql.packet_number": [1, 2],
    "mysql.passwd": [b"\x01\x02\x03\xff"],
    "mysql.query": ["SELECT 1 -- x"],
    "mysql.caps.client": [0x20F],
    "mysql.caps.lp": [True],
    "mysql.caps.fr": [False],
    "mysql.request": [True],
    "mysql.exec.field.double": [1.5],
    "mysql.exec.field.longlong": [-7],
    "ip.addr": ["10.0.0.1", "10.0.0.2"],
    "ip.src": ["10.0.0.1"],
    "ipv6.src": ["fe80::1"],
    "tcp.port": [3306, 50000],
    "frame.time_relative": [1_500_000_000],
    "frame.time": [1_795_343_643_115_962_000],
    "handshark.summary": ["two\nlines, \udcff"],
}
