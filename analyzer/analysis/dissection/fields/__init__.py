"""The display fields: every name a filter, -e or a tree may use, with type, meaning, and where it comes from.

`mysql` and `network` have Wireshark's names, `own` this program's; `mapping` says which field of which record each of
them is made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from analyzer.analysis.dissection.fields.base import FieldInfo, Value
from analyzer.analysis.dissection.fields.format import formatted, shown
from analyzer.analysis.dissection.fields.mysql import MYSQL_FIELDS
from analyzer.analysis.dissection.fields.network import NETWORK_FIELDS
from analyzer.analysis.dissection.fields.own import OWN_FIELDS
from analyzer.analysis.dissection.fields.records import RECORD_FIELDS

__all__ = ["FIELDS", "FieldInfo", "Value", "closest", "find", "formatted", "shown"]

FIELDS: Final[dict[str, FieldInfo]] = {
    info.name: info
    for info in (
        *NETWORK_FIELDS,
        FieldInfo("mysql", "PROTOCOL", "A MySQL packet"),
        *MYSQL_FIELDS,
        *OWN_FIELDS,
        *RECORD_FIELDS,
    )
}


def find(name: str) -> FieldInfo | None:
    """The field of that name."""
    return FIELDS.get(name)


def closest(name: str, most: int = 3) -> list[str]:
    """Names of fields that look like `name`, the likeliest first."""
    if len(name) > 100:
        return []
    near = get_close_matches(name, FIELDS, most, 0.75)
    if not near:
        last = name.rpartition(".")[2]
        near = list(_ends_with(last))[:most] if last else []
    return near


def _ends_with(last: str) -> Iterator[str]:
    return (name for name in FIELDS if name.rpartition(".")[2] == last)
