"""The matrix as a table: for docs/measured.md, and for who runs the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.matrix.cases import TLS
from tests.matrix.running import Done, ServerRun


def rows(runs: Iterable[ServerRun]) -> list[list[str]]:
    """(server, plugin, then agreed/cases for each TLS version and in all), a last row with the sums."""
    found = []
    everything: list[Done] = []
    for run in runs:
        everything += run.done
        for plugin in sorted({done.trial.plugin for done in run.done}):
            mine = [done for done in run.done if done.trial.plugin == plugin]
            found.append([f"{run.server.flavor} {run.server.version.split('-')[0]}", plugin, *_counts(mine)])
    return [*found, ["all", "", *_counts(everything)]]


def _counts(done: Sequence[Done]) -> list[str]:
    parts = [[each for each in done if each.trial.tls == tls] for tls in TLS]
    return [f"{sum(not each.problems for each in part)} of {len(part)}" for part in (*parts, done)]


HEAD = ("server", "plugin", "no TLS", "TLS 1.2", "TLS 1.3", "together")


def markdown(runs: Sequence[ServerRun]) -> str:
    """The table, and a sentence about what was compared."""
    lines = [f"| {' | '.join(row)} |" for row in (HEAD, ("---", "---", *["---:"] * 4), *rows(runs))]
    return "\n".join(lines) + "\n\n" + summary(runs) + "\n\n" + kinds(runs) + "\n"


def summary(runs: Iterable[ServerRun]) -> str:
    done = [each for run in runs for each in run.done]
    inside = [each for each in done if each.trial.tls != "none"]
    return (
        f"{len(done)} connections, {sum(not each.problems for each in done)} without a difference. "
        f"Compared with the client's own knowledge: all; with the server's general log: "
        f"{sum(each.from_log for each in done)}; with what the server says of the session: "
        f"{sum(each.view is not None for each in done)}; with the client's recording: all. "
        f"Of {len(inside)} in TLS {sum(each.decrypted for each in inside)} were decrypted."
    )


def kinds(runs: Iterable[ServerRun]) -> str:
    """How many there are of each compression and outcome."""
    trials = [done.trial for run in runs for done in run.done]
    compressions = Counter(trial.compression or "none" for trial in trials)
    outcomes = Counter(trial.outcome for trial in trials)
    return f"Compression: {_listed(compressions)}. Outcome: {_listed(outcomes)}."


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def problems(runs: Iterable[ServerRun], limit: int = 40) -> str:
    """The differences, a line each."""
    lines = [f"{run.server.name}: {done.trial}: {line}" for run in runs for done in run.done for line in done.problems]
    more = [f"... and {len(lines) - limit} more"] if len(lines) > limit else []
    return "\n".join([*lines[:limit], *more])
