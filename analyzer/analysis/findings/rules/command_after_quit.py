"""command-after-quit: commands behind COM_QUIT."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.protocol.tables.commands import COMMANDS


def applies(case: Case) -> bool:
    return bool(case.facts.answers.after_quit)


def check(case: Case) -> Iterator[Verdict]:
    after = case.facts.answers.after_quit
    if not after or case.facts.faults.gaps or case.facts.faults.assumed:
        return
    names = ", ".join(_name(code) for _, code in after[:3])
    yield RULE.says(
        [frame for frame, _ in after[:10]],
        {"count": len(after), "names": names, "plural": "s" if len(after) > 1 else ""},
        confidence=LIKELY,
        evidence=[f"frame {frame}: {_name(code)} behind COM_QUIT" for frame, code in after],
        doubt="who sent them is not on the wire",
    )


def _name(code: int) -> str:
    return f"COM_{COMMANDS.get(code, hex(code)).upper()}"


RULE = Rule(
    "command-after-quit",
    WARNING,
    "Commands behind COM_QUIT",
    (applies,),
    check,
    given=IRREGULAR,
    looks_at="commands that a client sends after its COM_QUIT",
    about=(
        "COM_QUIT says that the client is done; the server closes. Where a process was forked with an open connection, "
        "one of the two says goodbye (when it ends, or collects its garbage) and the other goes on: 'MySQL server has "
        "gone away'."
    ),
    message="The client sent {count} command{plural} ({names}) after its COM_QUIT: two users share this connection.",
    advice=(
        "Open connections after the fork, one for each process (in Python: engine.dispose() in the child, or post_fork "
        "hooks of gunicorn and uWSGI; in PHP: reconnect after pcntl_fork)."
    ),
    causes=(
        "a process that was forked with the connection open",
        "threads that share a connection, of which one closed it",
    ),
    sources=(
        "MySQL Source Documentation: COM_QUIT",
        "SQLAlchemy: Using Connection Pools with Multiprocessing or os.fork()",
    ),
)
