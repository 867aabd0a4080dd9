"""What a finding looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.model import Connection

if TYPE_CHECKING:
    from analyzer.analysis.conversation import Conversation

INFO: Final = "info"
WARNING: Final = "warning"
ERROR: Final = "error"
SEVERITIES: Final = (INFO, WARNING, ERROR)

# Errors with which a server notes that a client is gone or silent: ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED,
# ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED.
NETWORK_ERRORS: Final = frozenset({1158, 1159, 1160, 1161})

CERTAIN: Final = "certain"
LIKELY: Final = "likely"
POSSIBLE: Final = "possible"


@dataclass
class Evidence:
    """What is known of the capture as a whole while a connection is judged."""

    cut_short: bool = False
    last_ns: int = 0
    # A password the user gave to be checked against the exchange; None: none was given.
    password: bytes | None = None


@dataclass
class Case:
    """One connection under judgement: what will be reported of it, and what it was made from."""

    connection: Connection
    talk: Conversation
    evidence: Evidence


class Said(msgspec.Struct):
    """What a rule found: its words, the frames that prove it, and how sure it is."""

    message: str
    advice: str
    frames: list[int]
    confidence: str = CERTAIN
    severity: str | None = None  # None: the rule's


# What a rule needs before it is worth a look; most connections offer nothing.
ALWAYS: Final = "always"
ON_ERROR: Final = "error"  # the server sent an error
ON_ABORT: Final = "abort"  # the outcome is aborted
ON_FAULT: Final = "fault"  # malformed packets, wrong sequence ids
ON_LOSS: Final = "loss"  # gaps, cut packets, one direction only, no start
ON_TLS: Final = "tls"
ON_PROOF: Final = "proof"  # a password was given to be checked
ON_CLEARTEXT: Final = "cleartext"
ON_RESET: Final = "reset"
ON_RETRANSMISSION: Final = "retransmission"
NO_LOGIN: Final = "no login"


@dataclass(frozen=True)
class Rule:
    """A row of the table: code (stable, kebab-case), severity, title, what it needs, what makes it."""

    code: str
    severity: str
    title: str
    needs: str
    check: Callable[[Case], Iterator[Said]] = field(repr=False)
