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


@dataclass(frozen=True)
class Rule:
    """A row of the table: code (stable, kebab-case), severity, what makes it."""

    code: str
    severity: str
    title: str
    check: Callable[[Case], Iterator[Said]] = field(repr=False)
