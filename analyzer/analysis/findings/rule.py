"""What a finding looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from analyzer.analysis.model.connection import Connection, Finding
from analyzer.net.clock_steps import ClockSteps
from analyzer.net.tcp.twins import Twin, Twins
from analyzer.protocol.records.generic import ErrPacket

if TYPE_CHECKING:
    from analyzer.analysis.conversation.facts import Facts, TlsFacts, TransportFacts
    from analyzer.analysis.findings.history import History

INFO: Final = "info"
WARNING: Final = "warning"
ERROR: Final = "error"
SEVERITIES: Final = (INFO, WARNING, ERROR)
# The gravest first.
RANK: Final = {ERROR: 0, WARNING: 1, INFO: 2}

# Errors with which a server notes that a client is gone or silent: ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED,
# ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED.
NETWORK_ERRORS: Final = frozenset({1158, 1159, 1160, 1161})

CERTAIN: Final = "certain"
LIKELY: Final = "likely"
POSSIBLE: Final = "possible"

# Stands for a text of its own in the words of a marked case: of the length of the marks that `kept` puts in for frames.
OWN_MARK: Final = 4612 * 10**15

# Connections that may wait for what later ones say of them.
FAR_AHEAD: Final = 4096
A_BIT_AHEAD: Final = 128
# Sets of rules that were picked for what connections offered.
MOST_CHOICES: Final = 1024


class Evidence(msgspec.Struct, eq=False):
    """What is known of the capture as a whole while a connection is judged."""

    cut_short: bool = False
    clock: ClockSteps = msgspec.field(default_factory=ClockSteps)
    twins: Twins = msgspec.field(default_factory=Twins)
    # What the connection under judgement is a copy of.
    twin: Twin | None = None
    # (server's address and port, frame, time) of connections that were refused.
    refused: Sequence[tuple[tuple[str, int], int, int]] = ()
    last_ns: int = 0
    # A password the user gave to be checked against the exchange; None: none was given.
    password: bytes | None = None
    # The signs of a connection -> the conditions worth asking, with their bits.
    asked: dict[int, tuple[tuple[int, Condition], ...]] = {}
    # The same for logins that are alike, with the conditions that they meet -> the others that are worth asking.
    by_login: dict[tuple[Hashable, int], tuple[int, tuple[tuple[int, Condition], ...]]] = {}
    # Which conditions a connection meets, its error's code, those of failed commands -> the rules worth a look.
    choices: dict[tuple[int, int, frozenset[int]], tuple[Rule, ...]] = {}
    # A login that others are like, its signs, its server's address, what it meets -> what is kept of its findings.
    kept: dict[tuple[Hashable, int, str, Hashable], tuple[Any, ...]] = {}
    # What to set, by topic, driver and what is filled in: the same for most connections.
    options: dict[tuple[object, ...], str] = {}
    # Wordings of findings that most connections have.
    said: dict[tuple[object, ...], Verdict] = {}


class Case(msgspec.Struct, eq=False):
    """One connection under judgement: what will be reported of it, and what it left behind.

    `transport` is what is known of its TCP connection, `tls` of its TLS session, None where there was none. `login`,
    where it is not None, is the same for connections whose logins differ in nothing but frames, times and what is free.
    """

    connection: Connection
    facts: Facts
    transport: TransportFacts
    tls: TlsFacts | None
    evidence: Evidence
    # What may be shown of a server's message (with its code), and of a name that a client sent.
    words: Callable[[int, str], str]
    name: Callable[[str], str]
    login: Hashable = None
    # Of a marked case: what was asked of it with `own`.
    owned: list[Own] | None = None

    def said(self, error: ErrPacket) -> str:
        """A server's words, without what they may quote of secrets."""
        return self.words(error.error_code, error.error_message)

    def own(self, text: Own) -> str | None:
        """A text in a rule's words that is each connection's own, where all else is the same for logins that are alike.

        `text` makes it of times of the login; None where there is none. Of a marked case a mark stands in its place.
        """
        said = text(times_of(self.facts))
        if self.owned is None or said is None:
            return said
        self.owned.append(text)
        return str(OWN_MARK + len(self.owned) - 1)


Condition = Callable[[Case], bool]
# A text that is a connection's own, made of `times_of`.
Own = Callable[[Sequence[int]], "str | None"]
Found = tuple[Connection, Finding]


def times_of(facts: Facts) -> list[int]:
    """Times of a login of which texts may be made: greeting, login, the first switch, verdict; 0: never."""
    auth = facts.auth
    return [facts.greeting.time_ns, facts.login.time_ns, auth.switched_ns, auth.verdict_ns]


class Verdict(msgspec.Struct):
    """What a rule found: its words, the frames that prove it, and how sure it is.

    evidence: what was seen, in short phrases with frames, bytes and times. doubt: why it is not surer. causes: what
    else leads to the same bytes, beside what the rule always names.
    """

    message: str
    advice: str
    frames: list[int]
    confidence: str = CERTAIN
    severity: str | None = None  # None: the rule's
    evidence: list[str] = []
    doubt: str | None = None
    causes: list[str] = []


class Rule(msgspec.Struct, frozen=True):
    """A row of the table: code (stable, kebab-case), severity, title, when it applies, what makes it, and its texts.

    applies   it is looked at where one of these is met
    by_login  its own conditions ask of nothing but signs and the login: where logins are alike they are asked once
    of_login  where nothing shows of a connection but how its login was decided, and that commands went wrong, its check
              asks of nothing but the login and the server's address, and names no frames but those of the login
              (`kept`); for texts that are a connection's own it asks `Case.own`
    given     signs: where a connection shows none of them, none of its own conditions is met; 0: nobody can say before
    check     finds it in one connection
    complete  the second half, where other connections have a say: called with what went before, in the order of the
              connections' first frames. It may change the finding; False drops it.
    conclude  what is said of all connections that have the finding, when the capture is over: may change each of them
    ahead     for so many connections behind the first of them at most: what is common looks ahead less

    looks_at  what of a connection it is made from
    about     the long text: what this is, in plain words
    message   template of the sentence; `variants` has others for special forms: (name, message, advice or "" for the
              rule's)
    advice    template of what to do
    causes    what else leads to the same bytes on the wire
    sources   manual pages and RFCs it rests on
    errors    where not empty, the rule is only looked at for these error codes of the server
    failures  the same of commands that failed: `has_failed_command` is met only by these codes
    """

    code: str
    severity: str
    title: str
    applies: tuple[Condition, ...]
    check: Callable[[Case], Iterator[Verdict]]
    looks_at: str = ""
    about: str = ""
    message: str = ""
    advice: str = ""
    variants: tuple[tuple[str, str, str], ...] = ()
    causes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    errors: frozenset[int] = frozenset()
    failures: frozenset[int] = frozenset()
    given: int = 0
    complete: Callable[[Connection, Finding, History], bool] | None = None
    conclude: Callable[[Sequence[Found], History], None] | None = None
    ahead: int = FAR_AHEAD
    by_login: bool = False
    of_login: bool = False

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
        causes: list[str] | None = None,
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
            causes or [],
        )
