"""Findings: verdicts with evidence. One row of TABLE each; the rows' checks stand in the modules of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.analysis.findings import base, capture, faults, login, network, protocol, server_errors
from analyzer.analysis.findings.base import ERROR, INFO, WARNING, Case, Evidence, Rule
from analyzer.analysis.model import Connection, Finding

if TYPE_CHECKING:
    from analyzer.analysis.conversation import Conversation

TABLE: tuple[Rule, ...] = (
    *server_errors.RULES,
    Rule(
        "cleartext-password",
        ERROR,
        "A password in clear text on plain TCP",
        base.ON_CLEARTEXT,
        login.cleartext_password,
    ),
    Rule(
        "wrong-password",
        WARNING,
        "The given password does not make the captured response",
        base.ON_PROOF,
        login.given_password,
    ),
    Rule(
        "full-auth-refused",
        ERROR,
        "The client left when asked for the password itself",
        base.ON_ABORT,
        login.full_auth_refused,
    ),
    Rule(
        "plugin-unsupported",
        ERROR,
        "The client left when asked for another plugin",
        base.ON_ABORT,
        login.plugin_unsupported,
    ),
    Rule(
        "probe-connection",
        INFO,
        "Greeting seen, nothing sent: a health check or a scanner",
        base.ON_ABORT,
        network.probe,
    ),
    Rule(
        "no-greeting", ERROR, "The connection was made, and the server said nothing", base.NO_LOGIN, network.no_greeting
    ),
    Rule(
        "foreign-server",
        WARNING,
        "The server's first bytes are no MySQL greeting",
        base.NO_LOGIN,
        network.foreign_server,
    ),
    Rule(
        "foreign-client", WARNING, "The client's first bytes are no MySQL login", base.NO_LOGIN, network.foreign_client
    ),
    Rule("login-timeout", WARNING, "The client said nothing after the greeting", base.NO_LOGIN, network.login_timeout),
    Rule("server-stalled", WARNING, "The server did not answer the login", base.ON_ABORT, network.server_stalled),
    Rule("sequence-error", ERROR, "A packet with the wrong sequence id", base.ON_FAULT, protocol.sequence_error),
    Rule(
        "malformed-packet",
        ERROR,
        "Bytes that are not the record they have to be",
        base.ON_FAULT,
        protocol.malformed_packet,
    ),
    Rule(
        "server-ended-session",
        WARNING,
        "The server ended the session unasked",
        base.ON_ERROR,
        network.server_ended_session,
    ),
    Rule("connection-reset", WARNING, "A side reset the connection", base.ON_RESET, network.connection_reset),
    Rule(
        "tls-handshake-failed",
        ERROR,
        "TLS was asked for and did not come to be",
        base.ON_TLS,
        faults.tls_handshake_failed,
    ),
    Rule(
        "tls-login-mismatch",
        ERROR,
        "The login inside TLS differs from the SSLRequest",
        base.ON_TLS,
        faults.tls_login_mismatch,
    ),
    Rule(
        "login-before-tls", ERROR, "A login in plain text, and TLS only after it", base.ON_TLS, faults.login_before_tls
    ),
    Rule(
        "tls-flag-without-tls", ERROR, "CLIENT_SSL is set and no TLS follows", base.ALWAYS, faults.tls_flag_without_tls
    ),
    Rule("protocol-41-missing", ERROR, "A login without CLIENT_PROTOCOL_41", base.ON_ERROR, faults.protocol_41_missing),
    Rule(
        "attributes-too-large",
        ERROR,
        "More connection attributes than a server takes",
        base.ON_ERROR,
        faults.attributes_too_large,
    ),
    Rule("truncated-login", ERROR, "A login that ends too early", base.ON_ERROR, faults.truncated_login),
    Rule("plugin-switch", INFO, "An auth switch on the way to an accepted login", base.ALWAYS, faults.plugin_switch),
    Rule("left-without-quit", INFO, "The client left without COM_QUIT", base.ALWAYS, faults.left_without_quit),
    Rule("keys-missing", INFO, "TLS without keys: the login can not be read", base.ON_TLS, login.keys_missing),
    Rule("decryption-failed", WARNING, "TLS that the given keys do not open", base.ON_TLS, login.decryption_failed),
    Rule(
        "deprecated-plugin",
        INFO,
        "An authentication plugin that servers are giving up",
        base.ALWAYS,
        login.deprecated_plugin,
    ),
    Rule("unencrypted-login", INFO, "A login without TLS over a network", base.ALWAYS, login.unencrypted_login),
    Rule("capture-gap", WARNING, "Bytes that were sent are not in the capture", base.ON_LOSS, capture.gap),
    Rule("capture-truncated", WARNING, "Frames or the file are cut short", base.ON_LOSS, capture.truncated),
    Rule("capture-one-sided", WARNING, "Only one direction is in the capture", base.ON_LOSS, capture.one_sided),
    Rule(
        "capture-mid-stream",
        INFO,
        "The start of the connection is not in the capture",
        base.ON_LOSS,
        capture.mid_stream,
    ),
    Rule("retransmissions", INFO, "Segments were sent more than once", base.ON_RETRANSMISSION, network.retransmissions),
)


def _offered(connection: Connection, talk: Conversation, evidence: Evidence) -> set[str]:
    """What a connection offers of what rules need."""
    facts = talk.facts
    offered = {base.ALWAYS}
    if connection.error is not None:
        offered.add(base.ON_ERROR)
    if connection.outcome == "aborted":
        offered.add(base.ON_ABORT)
    if facts.malformed or facts.sequence_errors:
        offered.add(base.ON_FAULT)
    if facts.gaps or facts.cut_packets or facts.assumed or talk.machine.one_sided or evidence.cut_short:
        offered.add(base.ON_LOSS)
    if connection.tls is not None:
        offered.add(base.ON_TLS)
    if evidence.password is not None:
        offered.add(base.ON_PROOF)
    if facts.messages_in_clear:
        offered.add(base.ON_CLEARTEXT)
    if connection.tcp.rst_from is not None:
        offered.add(base.ON_RESET)
    if connection.tcp.retransmissions:
        offered.add(base.ON_RETRANSMISSION)
    if facts.login is None:
        offered.add(base.NO_LOGIN)
    return offered


def find(connection: Connection, talk: Conversation, evidence: Evidence) -> list[Finding]:
    """All that is found of a connection, the gravest first."""
    case = Case(connection, talk, evidence)
    offered = _offered(connection, talk, evidence)
    found = []
    for rule in TABLE:
        if rule.needs in offered:
            for said in rule.check(case):
                severity = said.severity or rule.severity
                found.append(Finding(rule.code, severity, said.confidence, said.message, said.advice, said.frames))
    if len(found) > 1:
        order = {ERROR: 0, WARNING: 1, INFO: 2}
        found.sort(key=lambda finding: order[finding.severity])
    return found
