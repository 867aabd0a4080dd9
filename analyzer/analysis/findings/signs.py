"""What shows at a glance of a connection: each sign asks one field or two, and all are asked together, once.

A rule names the signs without which none of its conditions can be met (`given`): of a connection that shows none of
them its conditions are not even asked. Most connections show one or two.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.findings.rule import Case

REFUSED: Final = 1  # the server refused the login, or sent an error unasked
ABORTED: Final = 2
ACCEPTED: Final = 4
TLS: Final = 8
NO_LOGIN: Final = 16
TROUBLE: Final = 32  # something went wrong on the way, or the capture holds the connection twice
FAULTS: Final = 64  # packets are malformed, numbered wrongly or not what was agreed on, or hostile
LOSSES: Final = 128  # bytes are missing
IRREGULAR: Final = 256  # a command failed, overlapped, came too late, or was under way when the connection ended
SHUT_DOWN: Final = 512  # a server refused connections
CLOCK: Final = 1024  # the capture's clock was set, stands still or runs backwards
PASSWORD: Final = 2048  # the user gave a password to be checked

_OF_OUTCOME: Final = {"aborted": ABORTED, "accepted": ACCEPTED}


def signs_of(case: Case) -> int:
    """The signs that a connection shows."""
    connection, facts, transport, evidence = case.connection, case.facts, case.transport, case.evidence
    signs = _OF_OUTCOME.get(connection.outcome, 0)
    if connection.error is not None:
        signs |= REFUSED
    if connection.tls is not None:
        signs |= TLS
    if facts.login.record is None:
        signs |= NO_LOGIN
    if transport.trouble is not None or connection.tcp.retransmissions or evidence.twin is not None:
        signs |= TROUBLE
    faults = facts.faults
    if faults.malformed or faults.sequence_errors or faults.eof_departure is not None or facts.hostile.files:
        signs |= FAULTS
    if faults.gaps or faults.cut_packets or faults.assumed or transport.one_sided or evidence.cut_short:
        signs |= LOSSES
    if facts.answers.irregular:
        signs |= IRREGULAR
    if evidence.refused:
        signs |= SHUT_DOWN
    if evidence.clock.tells or connection.end_time_ns <= connection.start_time_ns:
        signs |= CLOCK
    if evidence.password is not None:
        signs |= PASSWORD
    return signs
