"""No difference in any TLS session: both kinds of certificates, a client's or none, full and resumed."""

from __future__ import annotations

import os

import pytest

from tests.corpus import tool
from tests.matrix.cases import TLS
from tests.matrix.running import CannotCapture
from tests.matrix.table import problems
from tests.matrix.tls import TlsRun, markdown, run_tls
from tests.servers import require_servers
from tests.servers.accounts import EVERY
from tests.servers.certificates import ECDSA, RSA
from tests.servers.second import require_ecdsa_servers

pytestmark = [pytest.mark.server, pytest.mark.tool]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[TlsRun]:
    tool("tcpdump")
    servers = [(server, RSA) for server in require_servers(*EVERY)]
    servers += [(server, ECDSA) for server in require_ecdsa_servers(*EVERY)]
    try:
        return run_tls(servers, tmp_path_factory.mktemp("tls"))
    except CannotCapture as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_no_difference(runs: list[TlsRun], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n\n" + markdown(runs))
    assert problems(runs) == ""


def test_nothing_is_left_out(runs: list[TlsRun]) -> None:
    assert {(run.server.name, run.certificate) for run in runs} == {(name, kind) for name in EVERY for kind in KINDS}
    for run in runs:
        made = {(done.trial.tls, done.trial.account, done.truth["tls"]["resumed"]) for done in run.done}
        assert made == {(tls, who, resumed) for tls in TLS[1:] for who in ("app", "reqx509") for resumed in (0, 1)}
        # Accepted and decrypted, the server's log and its own words compared too.
        assert all(done.decrypted and done.from_log and done.view is not None for done in run.done)
        # The suites of TLS 1.2 name the kind of certificate.
        suites = {done.truth["tls"]["cipher"] for done in run.done if done.trial.tls == "TLSv1.2"}
        assert all(f"-{run.certificate.upper()}-" in suite for suite in suites)


KINDS = (RSA, ECDSA)
