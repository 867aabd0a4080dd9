"""What rules need before they are worth a look, where several need the same. What one rule needs stands in its file.

A condition is cheap: the engine asks each once at most for every connection. It is implied by what its rules' checks
say, so that a rule which is not looked at would have found nothing.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.findings import signs
from analyzer.analysis.findings.rule import Case, Condition
from analyzer.protocol.tables.commands import COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID


def has_error(case: Case) -> bool:
    """The server refused the login, or sent an error unasked."""
    return case.connection.error is not None


def is_aborted(case: Case) -> bool:
    return case.connection.outcome == "aborted"


def has_faults(case: Case) -> bool:
    """Packets that are malformed, or numbered wrongly."""
    faults = case.facts.faults
    return bool(faults.malformed or faults.sequence_errors)


def has_losses(case: Case) -> bool:
    """Gaps, cut packets, one direction only, no start."""
    faults = case.facts.faults
    lost = faults.gaps or faults.cut_packets or faults.assumed
    return bool(lost) or case.transport.one_sided or case.evidence.cut_short


def has_failed_command(case: Case) -> bool:
    """A command was answered with an error."""
    return bool(case.facts.answers.error_counts)


def asks_for_events(case: Case) -> bool:
    """It is a replica's, or a reader's of the binlog."""
    commands = case.facts.commands
    return bool(commands.get(COM_BINLOG_DUMP) or commands.get(COM_BINLOG_DUMP_GTID))


def has_tls(case: Case) -> bool:
    return case.connection.tls is not None


def has_password(case: Case) -> bool:
    """The user gave a password to be checked."""
    return case.evidence.password is not None


def without_login(case: Case) -> bool:
    return case.facts.login.record is None


def left_open(case: Case) -> bool:
    """A session was there, and ended without COM_QUIT."""
    c = case.connection
    return (c.outcome == "accepted" or case.facts.faults.assumed) and "quit" not in c.commands


# What has to show of a connection before they are asked; 0: nothing.
SIGNS: Final[dict[Condition, int]] = {
    has_error: signs.REFUSED,
    is_aborted: signs.ABORTED,
    has_faults: signs.FAULTS,
    has_losses: signs.LOSSES,
    has_failed_command: signs.IRREGULAR,
    asks_for_events: 0,
    has_tls: signs.TLS,
    has_password: signs.PASSWORD,
    without_login: signs.NO_LOGIN,
    left_open: signs.ACCEPTED | signs.LOSSES,
}
