"""Dissected packets as records: what the public face gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer.analysis.dissection.fields import FIELDS, closest
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.model.connection import Endpoint
from analyzer.analysis.model.packet import FieldValue, Packet


def check_fields(names: Sequence[str]) -> None:
    """Raises ValueError for a name that is no display field."""
    for name in names:
        if name not in FIELDS:
            near = closest(name)
            hint = f"; is it {' or '.join(near)}?" if near else "; `handshark fields` lists all"
            raise ValueError(f"{name!r} is no display field{hint}")


def packet_maker(capture: str, names: Sequence[str] | None) -> Callable[[Sequence[Dissection]], Packet]:
    """What makes a record of a packet, with these display fields; None: with all fields of the packet's own bytes."""

    def make(group: Sequence[Dissection]) -> Packet:
        (one,) = group
        return Packet(
            capture,
            one.scene.tcp.number,
            one.frame,
            one.time_ns,
            str(one.values("handshark.sender")[0]),
            Endpoint(*one.source),
            Endpoint(*one.destination),
            one.name,
            one.summary,
            None if one.packet is None else one.packet.length,
            one.encrypted,
            _all(one) if names is None else _chosen(one, names),
        )

    return make


def _all(one: Dissection) -> dict[str, list[FieldValue]]:
    found: dict[str, list[FieldValue]] = {}
    for node in one.shown:
        found.setdefault(node.info.name, []).append(node.value)
    return found


def _chosen(one: Dissection, names: Sequence[str]) -> dict[str, list[FieldValue]]:
    values = ((name, list(one.shown_values(name))) for name in names)
    return {name: found for name, found in values if found}
