"""A raw MySQL client on the standard socket and ssl modules, sharing its wire layout with the analyzer.

    from live_client import connect

    with connect(host="127.0.0.1", user="app", passwords=(b"secret",), database="shop") as session:
        for result in session.query("SELECT 1"):
            print(result.columns, result.rows)

Synchronous. Every packet of the server is held against the protocol's state table: what does not fit is a ProtocolError
that says which byte. `Session.truth` is what the client knows of the connection, in the words of the analyzer.
"""

from __future__ import annotations

from analyzer.errors import ProtocolError, ServerError
from live_client.errors import ClosedByServer, ConnectionFailed, LeftOnPurpose, NotMySQL, TimedOut, TlsFailed
from live_client.listener import Listener, Transcript
from live_client.options import Options
from live_client.prepared import Prepared
from live_client.results import Result
from live_client.session import Session, connect
from live_client.tls import SavedTls

__all__ = [
    "ClosedByServer",
    "ConnectionFailed",
    "LeftOnPurpose",
    "Listener",
    "NotMySQL",
    "Options",
    "Prepared",
    "ProtocolError",
    "Result",
    "SavedTls",
    "ServerError",
    "Session",
    "TimedOut",
    "TlsFailed",
    "Transcript",
    "connect",
]
