"""No difference anywhere in the matrix; one run for all of the assertions."""

from __future__ import annotations

import os

import pytest

from tests.analysis.connection.calibration import RIGHT, Rate, compare_capture
from tests.corpus import tool
from tests.matrix.cases import COMPRESSIONS, TLS
from tests.matrix.running import CannotCapture, ServerRun, run_matrix
from tests.matrix.table import markdown, problems
from tests.servers import require_servers
from tests.servers.accounts import EVERY, accounts_on

pytestmark = [pytest.mark.server, pytest.mark.tool]

SECONDS = 90


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[ServerRun]:
    tool("tcpdump")
    servers = require_servers(*EVERY)
    try:
        return run_matrix(servers, tmp_path_factory.mktemp("matrix"))
    except CannotCapture as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_no_difference(runs: list[ServerRun], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n\n" + markdown(runs))
    assert problems(runs) == ""


def test_nothing_is_left_out(runs: list[ServerRun]) -> None:
    for run in runs:
        flavor = run.server.flavor
        wanted = {
            (who.name, tls, how) for who in accounts_on(run.server.name) for tls in TLS for how in COMPRESSIONS[flavor]
        }
        assert {(done.trial.account, done.trial.tls, done.trial.compression) for done in run.done} == wanted
        # Each compared with the server's own log, and each accepted one that may ask with what it says of the session.
        assert all(done.from_log for done in run.done)
        accepted = [done for done in run.done if done.failed is None and "expired" not in done.trial.outcome]
        assert all(done.view is not None for done in accepted)
        assert {done.truth["outcome"] for done in run.done} == {"accepted", "rejected"}


def test_nothing_is_inferred_wrongly_without_keys(runs: list[ServerRun]) -> None:
    """The same captures without their key logs: what sizes and times tell of the logins inside TLS."""
    rate = Rate()
    for run in runs:
        compare_capture(rate, run.capture, (run.keylog.read_bytes(),))
    assert rate.problems == []
    assert rate.logins[RIGHT] >= 600
    assert rate.logins[RIGHT] >= rate.logins.total() * 9 // 10
