"""What can end a connection besides the server's own words (ServerError) and its mistakes (ProtocolError)."""

from __future__ import annotations

from analyzer.errors import AnalyzerError


class ConnectionFailed(AnalyzerError):
    """There is no connection, or none any more. The message says in plain words what was tried and what came."""


class TimedOut(ConnectionFailed):
    """The other side said nothing for as long as the user wants to wait."""


class ClosedByServer(ConnectionFailed):
    """The server ended the connection (FIN or RST) where something was still due."""


class NotMySQL(ConnectionFailed):
    """Something else than a MySQL server answers on this port; `service` names it."""

    def __init__(self, service: str, message: str) -> None:
        self.service = service
        super().__init__(message)


class TlsFailed(ConnectionFailed):
    """TLS was asked for and did not come about: certificate, version, or a server without it."""


class LeftOnPurpose(ConnectionFailed):
    """A fault that the user asked for has struck and ended the connection."""
