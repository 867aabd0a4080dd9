"""The bench's encrypted captures hold what they claim: the same conversation, inside TLS."""

from __future__ import annotations

import random
import ssl
from pathlib import Path

import pytest

from tests.bench.replay import START_NS, connections_in, frames_of, turns_of, write_pcap
from tests.bench.tls import Contexts, in_tls
from tests.matrix.running import analyse
from tests.servers import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_conversation_in_tls(version: ssl.TLSVersion, tmp_path: Path) -> None:
    contexts = Contexts(tmp_path, version)
    turns = turns_of(SAMPLE)
    path = tmp_path / "tls.pcap"
    write_pcap(path, frames_of(in_tls(turns, contexts), 0, START_NS, random.Random(1)))
    assert (connections_in(path), connections_in(path, contexts.keylog)) == (1, 1)
    (plain,) = analyse(SAMPLE)
    (inside,) = analyse(path, contexts.keylog)
    assert inside.tls is not None
    assert inside.tls.version == version.name.replace("_", ".")
    assert inside.commands == plain.commands
    assert inside.login is not None
    assert plain.login is not None
    assert (inside.login.user, inside.login.attributes) == (plain.login.user, plain.login.attributes)
    # Nothing is out of step: the login's answers have the numbers of a login in TLS.
    # (Of the certificate it may be said that it is younger than the times that the frames are given.)
    assert {finding.code for finding in inside.findings} - {"weak-tls"} <= {finding.code for finding in plain.findings}
    (hidden,) = analyse(path)
    assert (hidden.outcome, hidden.login) == ("encrypted", None)
