"""What a finding looks at, and what it says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.model.connection import Connection
from analyzer.net.tcp.reassembly import TcpConnection

if TYPE_CHECKING:
    from analyzer.analysis.conversation.conversation import Conversation
    from analyzer.analysis.conversation.facts import Facts

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

# What a rule needs before it is worth a look, as bits; most connections offer few. A rule is looked at where any of its
# bits is offered.
ALWAYS: Final = 1 << 0
ON_ERROR: Final = 1 << 1  # the server sent an error
ON_ABORT: Final = 1 << 2  # the outcome is aborted
ON_FAULT: Final = 1 << 3  # malformed packets, wrong sequence ids
ON_LOSS: Final = 1 << 4  # gaps, cut packets, one direction only, no start
ON_TLS: Final = 1 << 5
ON_PROOF: Final = 1 << 6  # a password was given to be checked
ON_CLEARTEXT: Final = 1 << 7
ON_RESET: Final = 1 << 8
ON_RETRANSMISSION: Final = 1 << 9
NO_LOGIN: Final = 1 << 10
ON_SWITCH: Final = 1 << 11  # the server asked for another plugin
ON_FULL: Final = 1 << 12  # the password itself was sent: caching_sha2_password's full path
ON_OLD_PLUGIN: Final = 1 << 13  # a plugin that servers are giving up
ON_PLAIN: Final = 1 << 14  # a login without TLS, not on the machine itself
ON_COLLATION: Final = 1 << 15  # a collation that the server may read otherwise
ON_CAPABILITY: Final = 1 << 16  # a flag that was never offered
ON_ATTRIBUTES: Final = 1 << 17  # more attributes than a server keeps
ON_UNQUIT: Final = 1 << 18  # accepted, and ended without COM_QUIT
ON_SLOW: Final = 1 << 19  # the login took long
ON_BURST: Final = 1 << 20  # one of many connections that a client opened in quick succession

# Connections of one client to one server that belong together: opened at most so long after the one before.
BURST_GAP_NS: Final = 2_000_000_000
# Pairs of client and server that are remembered; those idle longest are forgotten.
MOST_PAIRS: Final = 8192
# Sets of rules that were picked for what connections offered.
MOST_CHOICES: Final = 1024

Pair = tuple[str, tuple[str, int]]


class Opened(msgspec.Struct):
    """Connections that one client address opened to one server endpoint: all so far, and those of the last burst."""

    count: int
    burst: int
    burst_ns: int
    last_ns: int


@dataclass
class Evidence:
    """What is known of the capture as a whole while a connection is judged.

    Every process sees every TCP connection open, in the same order, so what is counted here is the same in all of them.
    """

    cut_short: bool = False
    last_ns: int = 0
    # A password the user gave to be checked against the exchange; None: none was given.
    password: bytes | None = None
    # What a connection offers, and its error's code -> the rules worth a look.
    choices: dict[tuple[int, int], tuple[Rule, ...]] = field(default_factory=dict)
    pairs: OrderedDict[Pair, Opened] = field(default_factory=OrderedDict)
    # What to set, by topic, driver and what is filled in: the same for most connections.
    options: dict[tuple[object, ...], str] = field(default_factory=dict)
    # Wordings of findings that most connections have.
    said: dict[tuple[object, ...], Verdict] = field(default_factory=dict)

    def opened(self, connections: Sequence[TcpConnection]) -> None:
        """Counts connections that are new, in the order of their numbers. Those that began before the capture do not
        count: nobody knows when they were opened."""
        pairs = self.pairs
        for tcp in connections:
            initiator = tcp.initiator
            if initiator is None or tcp.syn_ns != tcp.first_ns:
                continue
            now = tcp.first_ns
            pair = (tcp.endpoints[initiator][0], tcp.endpoints[1 - initiator])
            seen = pairs.get(pair)
            if seen is None:
                seen = pairs[pair] = Opened(1, 1, now, now)
                if len(pairs) > MOST_PAIRS:
                    pairs.popitem(last=False)
            else:
                pairs.move_to_end(pair)
                seen.count += 1
                if now - seen.last_ns > BURST_GAP_NS:
                    seen.burst, seen.burst_ns = 0, now
                seen.burst += 1
                seen.last_ns = now
            if seen.count > 1:
                facts: Facts | None = getattr(tcp.handler, "facts", None)
                if facts is not None:
                    facts.nth, facts.burst, facts.burst_ns = seen.count, seen.burst, now - seen.burst_ns


@dataclass
class Case:
    """One connection under judgement: what will be reported of it, and what it was made from."""

    connection: Connection
    conversation: Conversation
    evidence: Evidence


class Verdict(msgspec.Struct):
    """What a rule found: its words, the frames that prove it, and how sure it is.

    evidence: what was seen, in short phrases with frames, bytes and times. doubt: why it is not surer.
    """

    message: str
    advice: str
    frames: list[int]
    confidence: str = CERTAIN
    severity: str | None = None  # None: the rule's
    evidence: list[str] = []
    doubt: str | None = None


@dataclass(frozen=True)
class Rule:
    """A row of the table: code (stable, kebab-case), severity, title, what it needs, what makes it, and its texts.

    looks_at  what of a connection it is made from
    about     the long text: what this is, in plain words
    message   template of the sentence; `variants` has others for special forms: (name, message, advice or "" for the
              rule's)
    advice    template of what to do
    causes    what else leads to the same bytes on the wire
    sources   manual pages and RFCs it rests on
    errors    where not empty, the rule is only looked at for these error codes of the server
    """

    code: str
    severity: str
    title: str
    needs: int
    check: Callable[[Case], Iterator[Verdict]] = field(repr=False)
    looks_at: str = ""
    about: str = ""
    message: str = ""
    advice: str = ""
    variants: tuple[tuple[str, str, str], ...] = ()
    causes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    errors: frozenset[int] = frozenset()

    def says(
        self,
        frames: list[int],
        values: dict[str, object] | None = None,
        *,
        variant: str = "",
        confidence: str = CERTAIN,
        severity: str | None = None,
        evidence: list[str] | None = None,
        doubt: str | None = None,
    ) -> Verdict:
        """The templates filled in. `values` may hold text from the wire: it is never taken for a template."""
        message, advice = self.message, self.advice
        if variant:
            message, other = next((m, a) for name, m, a in self.variants if name == variant)
            advice = other or advice
        filling = values or {}
        return Verdict(
            message.format(**filling),
            advice.format(**filling) if "{" in advice else advice,
            [frame for frame in frames if frame],
            confidence,
            severity,
            evidence or [],
            doubt,
        )
