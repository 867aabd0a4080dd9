"""The raw client against a server of any bytes: it ends with an error of its own, and gives nothing away."""

from __future__ import annotations

from typing import Final

from analyzer.errors import AnalyzerError
from live_client import Options, Session
from tests.fuzz.seeds import conversations
from tests.live_client.scripted import ScriptedTransport

PASSWORD: Final = b"never-on-the-wire-as-it-is"
CONTENT: Final = b"only-for-load-data-local"
# Options by the first byte of an input: TLS, and how the login begins.
TLS: Final = 1
STATEMENT: Final = 2


def client(data: bytes) -> None:
    """Pieces of a server, each behind its length in two bytes; the first byte says what the client wants."""
    if not data:
        return
    wants, pieces, at = data[0], [], 1
    while at + 2 <= len(data):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "little")
        if stop > at + 2:
            pieces.append(data[at + 2 : stop])
        at = stop
    transport = ScriptedTransport(*pieces)
    options = Options(user="app", passwords=(PASSWORD,), ssl_mode="required" if wants & TLS else "preferred")
    session = Session(options, transport=transport)
    statement = "LOAD DATA LOCAL INFILE 'mine' INTO TABLE t" if wants & STATEMENT else "SELECT 1"
    try:
        session.open()
        for _ in session.rows(statement):
            pass
        session.query(statement, files={"mine": CONTENT})
        session.quit()
    except AnalyzerError:
        session.close()
    session.truth()
    assert PASSWORD not in transport.sent, "the password as it is"
    assert wants & STATEMENT or CONTENT not in transport.sent, "a file that no statement named"


def inputs() -> list[bytes]:
    """What the servers of the samples said, under each kind of client."""
    found = []
    for conversation in conversations():
        said = b"".join(
            len(data[:0xFFFF]).to_bytes(2, "little") + data[:0xFFFF] for role, data in conversation if role == 1
        )
        found += [bytes([wants]) + said for wants in range(4)]
    return found
