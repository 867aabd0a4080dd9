"""What the commands of a capture come to, beside what `handshark stats` makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Connection
from analyzer.analysis.commands.failures import WAITED_NS, CommandFailures, FailureGroup
from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.statistics import OTHERS, CommandGroup, CommandStatistics
from analyzer.analysis.commands.turn_tracker import TurnTracker
from analyzer.analysis.commands.workload import (
    OTHER_USE,
    READING,
    REPLICATION,
    WRITING,
    Workload,
    WorkloadCounter,
    use_of,
)
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.engine.collectors import connection_alone
from analyzer.engine.command_collectors import SummedCommands
from analyzer.engine.filters import filter_of
from analyzer.engine.run import Run
from analyzer.engine.workload_collector import with_workload
from analyzer.protocol.tables.commands import (
    COM_BINLOG_DUMP_GTID,
    COM_PING,
    COM_QUERY,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
)
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import Frame, batches
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import GOODBYE, MS, Step, conversation, in_time_order

SAMPLES = sorted((REPOSITORY / "samples").glob("*.pcap*"))


@pytest.mark.parametrize(
    ("code", "statement", "use"),
    [
        (COM_QUERY, "select 1", READING),
        (COM_QUERY, "  SHOW TABLES", READING),
        (COM_QUERY, "insert into t values (1)", WRITING),
        (COM_STMT_EXECUTE, "UPDATE\nt set a = 1", WRITING),
        (COM_STMT_PREPARE, "select ?", OTHER_USE),
        (COM_QUERY, "commit", OTHER_USE),
        (COM_QUERY, "", OTHER_USE),
        (COM_PING, None, OTHER_USE),
        (COM_BINLOG_DUMP_GTID, None, REPLICATION),
    ],
)
def test_what_commands_are_for(code: int, statement: str | None, use: str) -> None:
    assert use_of(code, statement) == use


def workload_of(capture: Path, display_filter: str | None = None, jobs: int = 1) -> tuple[int, Workload]:
    """How many connections are shown, and what their commands come to."""
    keep = None if display_filter is None else filter_of(display_filter)
    found, shown = Workload(), 0
    collect = with_workload(keep, connection_alone, statements=True)
    run: Run[Connection | Workload] = Run(AnalysisOptions(), collect, jobs)
    for one in run.items(str(capture)):
        if isinstance(one, Workload):
            found.merge(one)
        else:
            shown += 1
    return shown, found


def _comparable(group: CommandGroup) -> tuple[object, ...]:
    times = group.durations
    return (group.count, group.errors, group.unanswered, group.incomplete, group.rows, group.bytes, times)


def _failures(failures: CommandFailures) -> list[FailureGroup]:
    return sorted(failures.groups.values(), key=lambda one: (one.reason, one.code or 0, one.statement))


@pytest.mark.parametrize("capture", SAMPLES[::6], ids=lambda path: path.name)
def test_it_is_what_stats_says(capture: Path) -> None:
    _, found = workload_of(capture)
    run: Run[CommandStatistics] = Run(AnalysisOptions(), lambda: SummedCommands(0, ("statement",)), 1)
    (stats,) = run.items(str(capture))
    assert _comparable(found.whole()) == _comparable(stats.all)
    assert found.commands == stats.all.count
    assert sum(found.uses.values()) == stats.all.count
    assert _failures(found.failures) == _failures(stats.failures)
    mine = {name: _comparable(group) for name, group in found.statements.items()}
    assert mine == {name: _comparable(group) for name, group in stats.groups.get("statement", {}).items()}


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty connections of two users; every third has a statement that fails."""
    made = []
    for number in range(40):
        user = "web" if number % 2 else "report"
        script: list[Step] = [("s", greeting()), ("c", login(user)), ("s", FAST + ok(3))]
        script += [("c", query(f"SELECT {number}")), ("s", ok(1)), ("c", query("DELETE FROM t WHERE a = 1"))]
        script += [("s", err(1, 1205, "Lock wait timeout exceeded") if number % 3 else ok(1))]
        made.append(conversation([*script, *GOODBYE], client=(f"10.0.0.{number}", 40000)))
    path = tmp_path_factory.mktemp("workload") / "made.pcap"
    path.write_bytes(pcap(in_time_order(*made)))
    return path


@pytest.mark.parametrize("jobs", [1, 2])
def test_only_connections_that_are_shown_count(jobs: int, capture: Path) -> None:
    everything, whole = workload_of(capture, jobs=jobs)
    chosen, part = workload_of(capture, 'mysql.user == "web"', jobs)
    assert (everything, chosen) == (40, 20)
    assert (whole.commands, part.commands) == (120, 60)
    failed = sum(number % 3 != 0 for number in range(40))
    assert whole.failed.count == whole.whole().errors == failed
    assert part.failed.count == sum(number % 3 != 0 for number in range(1, 40, 2))
    assert whole.statements["DELETE FROM t WHERE a = ?"].errors == failed
    (group,) = whole.failures.groups.values()
    assert (group.code, group.when.count, group.message) == (1205, failed, "Lock wait timeout exceeded")
    rest = workload_of(capture, 'mysql.user == "report"', jobs)[1]
    part.merge(rest)
    assert _comparable(part.whole()) == _comparable(whole.whole())
    assert part.uses == whole.uses


GAPS = st.sampled_from([MS, MS, 3 * MS, 2 * WAITED_NS, -MS])


@given(st.lists(GAPS, min_size=12, max_size=12), st.booleans())
def test_sessions_that_are_known_count_as_those_that_are_followed(gaps: list[int], fails: bool) -> None:
    """Also where a command waits in one of them, or the clock goes back."""
    script: list[Step] = [("s", greeting()), ("c", login("web")), ("s", FAST + ok(3)), ("c", query("SELECT 1"))]
    script += [("s", err(1, 1205, "Lock wait timeout exceeded") if fails else ok(1))]
    script += [("c", query("SELECT 2")), ("s", ok(1)), *GOODBYE]
    made = [conversation(script, client=(f"10.0.0.{number}", 40000 + number)) for number in range(6)]
    place = len(made[-1]) - len(gaps)
    time_ns = made[-1][place].timestamp_ns
    for gap in gaps:
        time_ns += gap
        made[-1][place] = made[-1][place]._replace(timestamp_ns=time_ns)
        place += 1
    frames = [frame for one in made for frame in one]
    (known, few), (followed, all_of_them) = (_counted(frames, whole) for whole in (True, False))
    assert known == followed
    assert known.commands == all_of_them == 6 * 3
    assert few < all_of_them


class _Following(WorkloadCounter):
    """`followed`: the commands that it was told of one by one."""

    followed = 0

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        self.followed += 1
        super().add(frame, tracker, each)


def _counted(frames: list[Frame], whole: bool) -> tuple[Workload, int]:
    """What the commands of a capture come to, with sessions that are known as a whole taken so or not; how many were
    followed."""
    counter, found = _Following(None, True), Workload()
    counter.whole = whole
    analysis = Analysis("made", AnalysisOptions(commands=True, observe=(counter.watch,)))
    counter.capture = analysis.name
    told = [one for batch in batches(frames) for one in analysis.told(batch)]
    for each in [*told, *analysis.told_last(False)]:
        one = counter.taken(each.stream if isinstance(each, Alike) else each[0].stream)
        assert one is not None
        one.into(found)
    return found, counter.followed


def test_statements_without_end_take_one_group() -> None:
    found = Workload()
    for number in range(20):
        found.group(f"SELECT {number}", 10).count_one(number, True, False, False, 1, 1, ("made", 0, number))
    assert len(found.statements) == 11
    assert found.statements[OTHERS].count == 10
    assert found.whole().count == 20
