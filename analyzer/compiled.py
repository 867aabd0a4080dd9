"""Whether the hot loops run compiled: the same files, with C types beside them, where there was a compiler."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

# Each has a .pxd beside it.
HOT: Final = (
    "analyzer.analysis.conversation.fast_path",
    "analyzer.analysis.conversation.plain_turn",
    "analyzer.capture.record_chain",
    "analyzer.net.link.plain",
    "analyzer.net.tcp.flow_table",
    "analyzer.net.tcp.pieces",
    "analyzer.net.tcp.reassembly",
    "analyzer.protocol.machine.fast_path",
    "analyzer.protocol.wire.rows",
    "analyzer.sharing.redaction.drawing",
    "analyzer.sharing.redaction.envelopes",
    "analyzer.sharing.redaction.rows",
)


def is_compiled() -> bool:
    """Whether all of them are; False where they run as plain Python."""
    specs = [find_spec(name) for name in HOT]
    return all(spec is not None and spec.origin is not None and not spec.origin.endswith(".py") for spec in specs)


def how() -> str:
    """For `--version`: "compiled", or "interpreted" and what that means."""
    return "compiled" if is_compiled() else "interpreted, slower: no C compiler was found when it was installed"
