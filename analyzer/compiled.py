"""Whether the hot loops run compiled: the same files, with C types beside them, where there was a compiler."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent

# Each has a .pxd beside it.
HOT: Final = (
    "analyzer.analysis.line_buffer",
    "analyzer.analysis.commands.tracker",
    "analyzer.analysis.commands.turn_tracker",
    "analyzer.analysis.connection.builder",
    "analyzer.analysis.connection.kinds",
    "analyzer.analysis.connection.ordinary",
    "analyzer.analysis.connection.sealed_kinds",
    "analyzer.analysis.conversation.conversation",
    "analyzer.analysis.conversation.fast_path",
    "analyzer.analysis.conversation.login_shapes",
    "analyzer.analysis.conversation.observer",
    "analyzer.analysis.conversation.plain_turn",
    "analyzer.analysis.conversation.sealed_session",
    "analyzer.analysis.conversation.session_facts",
    "analyzer.analysis.dissection.row_lines",
    "analyzer.analysis.dissection.row_writer",
    "analyzer.analysis.dissection.turn_writer",
    "analyzer.analysis.findings.bursts",
    "analyzer.analysis.findings.cross_connection",
    "analyzer.analysis.findings.history",
    "analyzer.analysis.findings.kept",
    "analyzer.analysis.packets.sql_hints",
    "analyzer.analysis.packets.statement_mask",
    "analyzer.analysis.pipeline",
    "analyzer.batches",
    "analyzer.capture.record_chain",
    "analyzer.engine.lines",
    "analyzer.net.clock_steps",
    "analyzer.net.link.plain",
    "analyzer.net.tcp.flow_table",
    "analyzer.net.tcp.grouping",
    "analyzer.net.tcp.pieces",
    "analyzer.net.tcp.reassembly",
    "analyzer.net.tcp.twins",
    "analyzer.protocol.execute_plan",
    "analyzer.protocol.machine.execute_fast_path",
    "analyzer.protocol.machine.fast_path",
    "analyzer.protocol.prepared",
    "analyzer.protocol.records.commands.set_charset",
    "analyzer.protocol.wire.row_values",
    "analyzer.protocol.wire.rows",
    "analyzer.report.connection_lines",
    "analyzer.report.text.row_objects",
    "analyzer.report.text.row_tree",
    "analyzer.report.text.turn_texts",
    "analyzer.report.turn_csv",
    "analyzer.report.turn_lines",
    "analyzer.report.turn_values",
    "analyzer.sharing.frames",
    "analyzer.sharing.ledger",
    "analyzer.sharing.opened",
    "analyzer.sharing.places",
    "analyzer.sharing.redaction.addresses",
    "analyzer.sharing.redaction.columns",
    "analyzer.sharing.redaction.definitions",
    "analyzer.sharing.redaction.drawing",
    "analyzer.sharing.redaction.envelopes",
    "analyzer.sharing.redaction.headers",
    "analyzer.sharing.redaction.logins",
    "analyzer.sharing.redaction.rows",
    "analyzer.sharing.redaction.sealed_text",
    "analyzer.sharing.redaction.skeletons",
    "analyzer.sharing.redaction.spool",
    "analyzer.sharing.redaction.streams",
    "analyzer.sharing.redaction.tls",
    "analyzer.sharing.redaction.turns",
    "analyzer.sharing.redaction.watcher",
    "analyzer.sharing.watched",
    "analyzer.tables.column_loops",
    "analyzer.tables.finding_cells",
    "analyzer.tables.told_cells",
    "analyzer.tables.turn_rows",
    "analyzer.tls.ciphers",
    "analyzer.tls.clean_opening",
    "analyzer.tls.keylog",
    "analyzer.tls.keys",
    "analyzer.tls.memo",
)


def is_compiled() -> bool:
    """Whether all of them are; False where they run as plain Python."""
    specs = [find_spec(name) for name in HOT]
    return all(spec is not None and spec.origin is not None and not spec.origin.endswith(".py") for spec in specs)


def stale(root: Path = ROOT) -> list[str]:
    """Modules that were changed after they were compiled, in a checkout: asked when something has failed."""
    found: list[str] = []
    if not Path(root, "pyproject.toml").exists():
        return found
    for name in HOT:
        path = Path(root, *name.split("."))
        built = path.with_suffix(EXTENSION_SUFFIXES[0])
        sources = [path.with_suffix(ending) for ending in (".py", ".pxd")]
        if built.exists() and all(source.exists() for source in sources):
            newest = max(source.stat().st_mtime for source in sources)
            if newest > built.stat().st_mtime:
                found.append(name.rpartition(".")[2])
    return found


def how() -> str:
    """For `--version`: "compiled", or "interpreted" and what that means."""
    return "compiled" if is_compiled() else "interpreted, slower: no C compiler was found when it was installed"
