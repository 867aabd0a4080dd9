"""Display filters over connections: any frame of the connection counts, as in Wireshark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import accepted, run
from tests.corpus import REPOSITORY

SILENT = (
    REPOSITORY / "samples" / "mysql97_raw_fault-close-after-greeting.pcapng"
)  # 49796 to 33097; no packet of the client


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # The client sent frames, though none with a MySQL packet.
        ("tcp.srcport == 49796", True),
        ("tcp.srcport == 33097", True),
        ("tcp.srcport == 49796 && tcp.dstport == 33097", True),
        ("tcp.srcport == 33097 && tcp.dstport == 33097", False),
        ("ip.src == 127.0.0.0/8 && handshark.outcome == aborted", True),
        ("!(ip.src == 127.0.0.0/8)", False),
        ("ip.src == 10.0.0.0/8", False),
        # What else is asked is asked of the same packet.
        ("tcp.srcport == 49796 && mysql.version", False),
        ("tcp.srcport == 33097 && mysql.version", True),
    ],
)
def test_addresses_and_ports_of_connections(text: str, shown: bool) -> None:
    done = run("analyze", "--format", "jsonl", "-Y", text, SILENT)
    assert done.code == 0
    assert len(done.rows()) == shown


@pytest.mark.parametrize("text", ["ip.src == 10.0.0.1", "ip.src == 10.0.0.2", "handshark.client == 10.0.0.1"])
def test_both_ends_send(text: str, tmp_path: Path) -> None:
    assert len(run("analyze", "--format", "jsonl", "-Y", text, accepted(tmp_path)).rows()) == 1
    assert run("commands", "--format", "jsonl", "-Y", text, accepted(tmp_path)).code == 0
