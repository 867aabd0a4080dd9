"""What can be said of a whole run: counted while connections pass, said at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from analyzer.analysis.model.connection import Connection, Finding, Source
from analyzer.report.prose.labels import OUTCOMES, count, rank

MOST_NAMED = 256  # users and hosts that are told apart
EXAMPLES = 8  # connections named for each finding
MOST_MESSAGES = 30  # that are told apart of each finding
# "encrypted" and "unknown" are no verdicts of a server: say so.
OUTCOME_WORDS = {
    "aborted": "aborted before a verdict",
    "encrypted": "encrypted from TLS on",
    "unknown": "of unknown outcome",
}


class FindingTotal(msgspec.Struct):
    """One finding code of one severity over all connections; `message` and `advice` are those of the first.

    `messages`: how often each was said, as far as MOST_MESSAGES go; `unnamed` counts those beyond.
    """

    code: str
    severity: str
    message: str
    advice: str
    times: int = 0
    connections: int = 0
    examples: list[Connection] = []
    users: set[str] = set()
    hosts: set[str] = set()
    messages: Counter[str] = msgspec.field(default_factory=Counter)
    unnamed: int = 0


class SummaryTotals:
    """Grows with the kinds of findings and the servers seen, not with the number of connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.copies = 0  # connections that the capture holds a second time: they are counted once
        self.outcomes: Counter[str] = Counter()
        self._findings: dict[tuple[str, str], FindingTotal] = {}
        self._servers: set[tuple[str, int]] = set()
        self._tls = 0

    def add(self, connection: Connection) -> None:
        if connection.is_copy:
            self.copies += 1
            self._found([one for one in connection.findings if one.code == "seen-twice"], connection)
            return
        self.count(connection)
        self._found(connection.findings, connection)

    def count(self, connection: Connection) -> None:
        """Adds one of which nothing was found, or one like it."""
        self.connections += 1
        self.outcomes[connection.outcome] += 1
        self._tls += connection.tls is not None
        self._servers.add((connection.server.address, connection.server.port))

    def add_like(self, connection: Connection, findings: Sequence[Finding], address: str) -> bool:
        """Adds one like a connection, but for what was found of it, and its client's address.

        False where it has to be added itself: it may be an example.
        """
        for finding in findings:
            total = self._findings.get((finding.code, finding.severity))
            if total is None or len(total.examples) < EXAMPLES:
                return False
        self.count(connection)
        self._found(findings, connection, address)
        return True

    def _found(self, findings: Iterable[Finding], connection: Connection, address: str | None = None) -> None:
        seen: set[tuple[str, str]] = set()
        for finding in findings:
            # A code has not one severity: what is an error here may be a remark there.
            key = finding.code, finding.severity
            total = self._findings.get(key)
            if total is None:
                total = FindingTotal(finding.code, finding.severity, finding.message, finding.advice)
                self._findings[key] = total
            total.times += 1
            if finding.message in total.messages or len(total.messages) < MOST_MESSAGES:
                total.messages[finding.message] += 1
            else:
                total.unnamed += 1
            if key not in seen:
                seen.add(key)
                total.connections += 1
                if len(total.hosts) < MOST_NAMED:
                    total.hosts.add(connection.client.address if address is None else address)
                if connection.login is not None and len(total.users) < MOST_NAMED:
                    total.users.add(connection.login.user)
                if len(total.examples) < EXAMPLES:
                    total.examples.append(connection)

    def by_outcome(self) -> list[tuple[str, int]]:
        """Outcomes that occurred, in the contract's order."""
        order = sorted(self.outcomes, key=lambda one: OUTCOMES.index(one) if one in OUTCOMES else len(OUTCOMES))
        return [(outcome, self.outcomes[outcome]) for outcome in order]

    def findings(self) -> list[FindingTotal]:
        """Worst first, then the most frequent."""
        return sorted(self._findings.values(), key=lambda one: (rank(one.severity), -one.connections, one.code))

    def verdict(self) -> str:
        """One or two sentences that answer: was everything well?"""
        return f"{self.counted()} {self._worst()}" if self.connections else self.counted()

    def counted(self) -> str:
        """How many connections there are, and what became of them."""
        total = self.connections
        if not total:
            return "No MySQL connection was found."
        what = f"{count(total, 'MySQL connection')} to {count(len(self._servers), 'server')}"
        outcomes = self.by_outcome()
        if len(outcomes) == 1:
            each = {1: "it was", 2: "both were"}.get(total, "all were")
            ended = f"{each} {OUTCOME_WORDS.get(outcomes[0][0], outcomes[0][0])}"
        else:
            ended = ", ".join(f"{number:,} {OUTCOME_WORDS.get(outcome, outcome)}" for outcome, number in outcomes)
        return f"{what}: {ended}."

    def _worst(self) -> str:
        findings = self.findings()
        kinds = [one for one in findings if one.severity == "error"]
        if kinds:
            return "Most in need of attention: " + _listed(kinds) + "."
        kinds = [one for one in findings if one.severity == "warning"]
        if kinds:
            return "No error was found, but worth a look: " + _listed(kinds) + "."
        return "No error and no warning was found."


def _listed(kinds: Sequence[FindingTotal]) -> str:
    named = [f"{one.code} ({count(one.connections, 'connection')})" for one in kinds[:3]]
    rest = len(kinds) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def encrypted_note(sources: Sequence[Source]) -> str | None:
    """What is to be said of connections whose commands nobody can see; None where there are none."""
    sealed = sum(source.encrypted_connections for source in sources)
    if not sealed:
        return None
    whole = sum(source.mysql_connections for source in sources)
    which = (
        "the one connection is"
        if whole == 1
        else f"all {whole:,} connections are"
        if sealed == whole
        else f"{sealed:,} of {whole:,} connections {'is' if sealed == 1 else 'are'}"
    )
    return (
        f"{which} encrypted, and no key was given: commands inside are not seen. --keylog FILE opens TLS; `handshark "
        "explain` says more"
    )


def captured(sources: Sequence[Source]) -> str:
    """How much was read, in one phrase."""
    frames = sum(source.frames for source in sources)
    tcp = sum(source.tcp_connections for source in sources)
    return f"{count(len(sources), 'file')}, {count(frames, 'frame')}, {count(tcp, 'TCP connection')}"
