"""Every packet of the shared captures."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from analyzer.analysis.conversation import conversation as conversing
from analyzer.analysis.options import AnalysisOptions
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.wire.framing import RawPacket
from tests.reading import results_of


class Seen(NamedTuple):
    """A packet, what it became, and all that decided it. `after` is what is in force with what it has shown."""

    capture: str
    sender: int
    packet: RawPacket
    record: AnyRecord
    state: st.StateName
    context: Context
    after: Context
    login_done: bool


def copy_of(context: Context) -> Context:
    return copy(context)


def packets_of(path: Path, **options: Any) -> Iterator[Seen]:
    """All packets of a capture that reach the machine, in their order within each connection."""
    seen: list[Seen] = []

    class Noting(Machine):
        def feed(self, sender: int, packet: RawPacket) -> AnyRecord:
            state, before, login_done = self.connection.at.name, copy_of(self.context), self.login_done
            record = super().feed(sender, packet)
            seen.append(Seen(path.name, sender, packet, record, state, before, copy_of(self.context), login_done))
            return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversing, "Machine", Noting)
        # As for showing packets: rows are not passed over.
        results_of(path, AnalysisOptions(packets=1 << 20, **options), keys=False)  # some are cut on purpose
    yield from seen
