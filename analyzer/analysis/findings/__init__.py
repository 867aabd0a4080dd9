"""Findings: verdicts with evidence. One row of TABLE each; the rows' checks stand in the modules of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.analysis.findings import capture, login, network, protocol, server_errors
from analyzer.analysis.findings.base import ERROR, INFO, WARNING, Case, Evidence, Rule
from analyzer.analysis.model import Connection, Finding

if TYPE_CHECKING:
    from analyzer.analysis.conversation import Conversation

TABLE: tuple[Rule, ...] = (
    *server_errors.RULES,
    Rule("cleartext-password", ERROR, "A password in clear text on plain TCP", login.cleartext_password),
    Rule("wrong-password", WARNING, "The given password does not make the captured response", login.given_password),
    Rule("full-auth-refused", ERROR, "The client left when asked for the password itself", login.full_auth_refused),
    Rule("plugin-unsupported", ERROR, "The client left when asked for another plugin", login.plugin_unsupported),
    Rule("probe-connection", INFO, "Greeting seen, nothing sent: a health check or a scanner", network.probe),
    Rule("no-greeting", ERROR, "The connection was made, and the server said nothing", network.no_greeting),
    Rule("foreign-server", WARNING, "The server's first bytes are no MySQL greeting", network.foreign_server),
    Rule("foreign-client", WARNING, "The client's first bytes are no MySQL login", network.foreign_client),
    Rule("login-timeout", WARNING, "The client said nothing after the greeting", network.login_timeout),
    Rule("server-stalled", WARNING, "The server did not answer the login", network.server_stalled),
    Rule("sequence-error", ERROR, "A packet with the wrong sequence id", protocol.sequence_error),
    Rule("malformed-packet", ERROR, "Bytes that are not the record they have to be", protocol.malformed_packet),
    Rule("server-ended-session", WARNING, "The server ended the session unasked", network.server_ended_session),
    Rule("connection-reset", WARNING, "A side reset the connection", network.connection_reset),
    Rule("keys-missing", INFO, "TLS without keys: the login can not be read", login.keys_missing),
    Rule("deprecated-plugin", INFO, "An authentication plugin that servers are giving up", login.deprecated_plugin),
    Rule("unencrypted-login", INFO, "A login without TLS over a network", login.unencrypted_login),
    Rule("capture-gap", WARNING, "Bytes that were sent are not in the capture", capture.gap),
    Rule("capture-truncated", WARNING, "Frames or the file are cut short", capture.truncated),
    Rule("capture-one-sided", WARNING, "Only one direction is in the capture", capture.one_sided),
    Rule("capture-mid-stream", INFO, "The start of the connection is not in the capture", capture.mid_stream),
    Rule("retransmissions", INFO, "Segments were sent more than once", network.retransmissions),
)


def find(connection: Connection, talk: Conversation, evidence: Evidence) -> list[Finding]:
    """All that is found of a connection, the gravest first."""
    case = Case(connection, talk, evidence)
    found = [
        Finding(rule.code, said.severity or rule.severity, said.confidence, said.message, said.advice, said.frames)
        for rule in TABLE
        for said in rule.check(case)
    ]
    if len(found) > 1:
        order = {ERROR: 0, WARNING: 1, INFO: 2}
        found.sort(key=lambda finding: order[finding.severity])
    return found
