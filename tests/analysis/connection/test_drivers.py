"""Drivers by what they offer: logins of real drivers whose attributes were taken away."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from analyzer.analysis.connection.drivers import EVERY_FLAG, by_offer, driver_of
from analyzer.analysis.connection.drivers.table import SIGNATURES
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF
from tests import corpus
from tests.corpus import REPOSITORY
from tests.drivers.signatures import bare, captures_under, logins_of, name_of

# (real, taken for): drivers that offer the very same, so that no capture of a login can tell them apart.
ALIKE = {
    ("aiomysql", "pymysql"),
    ("MariaDB Connector/J", "MariaDB connector/Node"),
    ("MariaDB connector/Node", "MariaDB Connector/J"),
    ("libmysql", "mysql-connector-python"),
    # To a server that offers little.
    ("pymysql", "r2dbc-mysql"),
}


def rate(captures: list[Path], keylogs: list[bytes]) -> Counter[str]:
    """right, wrong, silent; asserts that only drivers which are alike are mistaken, and never with certainty."""
    counts: Counter[str] = Counter()
    for capture in captures:
        for login, offered in logins_of(capture, keylogs):
            named = name_of(login, capture.name)
            if named is None:
                continue
            found = by_offer(bare(login), offered)
            if found is None:
                counts["silent"] += 1
                continue
            assert found.evidence == "fingerprint"
            if found.name == named[0]:
                counts["right"] += 1
                continue
            counts["wrong"] += 1
            assert (named[0], found.name) in ALIKE, (capture.name, named, found)
            assert found.confidence == "possible"
    return counts


def test_drivers_of_the_samples() -> None:
    counts = rate(list(captures_under([REPOSITORY / "samples"])), [])
    assert counts["right"] > 10
    assert counts["wrong"] <= counts["right"] // 10


@pytest.mark.corpus
@pytest.mark.skipif(not corpus.LAB.is_dir(), reason=f"no captures in {corpus.CORPUS}; set HANDSHARK_CORPUS")
def test_drivers_of_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    keylogs = [path.read_bytes() for path in sorted(corpus.LAB.glob("*.keys"))]
    counts = rate(list(captures_under([corpus.LAB])), keylogs)
    with capsys.disabled():
        print(json.dumps({"drivers": dict(counts)}))
    assert counts["right"] >= 90
    assert counts["wrong"] <= counts["right"] // 20
    assert counts["silent"] <= counts["right"] // 20


def test_attributes_are_the_drivers_own_word() -> None:
    ((login, _), *_) = logins_of(REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap")
    found = driver_of(login)
    assert found is not None
    assert (found.name, found.evidence, found.confidence) == ("libmysql", "attributes", "certain")


def test_an_offer_that_nobody_makes_is_nobodys() -> None:
    ((login, _), *_) = logins_of(REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap")
    strange = msgspec.structs.replace(bare(login), client_flag=0x200, max_packet_size=77, character_set=1)
    assert by_offer(strange) is None


def test_the_table_is_sound() -> None:
    for signature in SIGNATURES:
        assert not signature.on & signature.off, signature.name
        assert not signature.options_on & signature.options_off, signature.name
        assert signature.sizes, signature.name


def test_what_a_server_does_not_have_is_no_sign() -> None:
    """Drivers leave out what an old server did not offer."""
    ((login, _), *_) = logins_of(REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap")
    known = by_offer(bare(login))
    assert known is not None
    old = EVERY_FLAG & ~CLIENT_DEPRECATE_EOF
    less = msgspec.structs.replace(bare(login), client_flag=bare(login).client_flag & old)
    assert by_offer(less) is None
    assert by_offer(less, old) == known
