"""The report a person reads in a terminal: a line for each connection, and below it what went wrong.

Everything is printed as it comes. Text from the wire goes through `escape.terminal` here, and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.analysis import Alike
from analyzer.analysis.connection.kinds import ADDRESS, REFUSED, START, STREAM, ConnectionKind
from analyzer.analysis.model.connection import SERVER, Connection, Endpoint, Finding, Source
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import PacketExcerpt
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.summary import MOST_NAMED, FindingTotal, SummaryTotals, captured
from analyzer.report.text.colour import paint
from analyzer.report.text.hexdump import hex_lines, nested
from analyzer.report.text.layout import Column, cells, place, wrap

NARROWEST = 80
_OUTCOME_COLOUR = {"accepted": "green", "rejected": "red", "aborted": "yellow", "encrypted": "cyan", "unknown": "dim"}
# Long messages that are remembered, so that none is said twice.
_MOST_SAID = 256
_SEVERITY_COLOUR = {"error": "red", "warning": "yellow", "info": "cyan"}
_NUMBER, _TIME, _CLIENT, _SERVER, _ACCOUNT, _AUTH, _TLS, _OUTCOME, _LASTED = range(9)
_AT_80 = (3, 8, 18, 7, 11, 9, 3, 8, 5)
# A wider terminal is spent in this order: (column, width it grows to).
_GROWTH = (
    *((_ACCOUNT, 16), (_CLIENT, 21), (_AUTH, 17), (_OUTCOME, 9), (_SERVER, 16), (_TIME, 12)),
    *((_NUMBER, 5), (_ACCOUNT, 32), (_LASTED, 6), (_CLIENT, 47)),
)
_NARROW_AUTH = {"caching_sha2": "sha2", "cleartext": "clear"}
_EVIDENCE = "    -> "
# What answers --password-file.
RIGHT_PASSWORD = "right-password"
WRONG_PASSWORD = "wrong-password"
_LADDER = " " * 4
# Kinds of connections whose lines are known, and sizes of what is their own.
_MOST_KINDS: Final = 4096
_OWN: Final = (_NUMBER, _TIME, _CLIENT, _LASTED)


def columns_of(width: int, clock: WallClock = UTC_CLOCK) -> list[Column]:
    """The columns of a line for each connection, in so many cells (80 at least)."""
    widths = list(_AT_80)
    spare = width - sum(widths) - len(widths) + 1
    for index, ideal in _GROWTH:
        more = max(0, min(spare, ideal - widths[index]))
        widths[index] += more
        spare -= more
    names = ("#", clock.heading, "Client", "Server", "User/db", "Auth", "TLS", "Outcome", "Lasted")
    least = {_CLIENT: 15, _SERVER: 6, _ACCOUNT: 9, _AUTH: 9, _OUTCOME: 9, _TLS: 3}
    return [Column(name, widths[i], i in {_NUMBER, _LASTED}, least.get(i, 0)) for i, name in enumerate(names)]


def texts_of(connection: Connection, columns: list[Column], clock: WallClock = UTC_CLOCK) -> list[str]:
    """What stands in each column of a connection's line, safe to print."""
    wide_server = columns[_SERVER].width >= 13
    auth = terminal(labels.plugin(connection.authentication))
    if columns[_AUTH].width < 17:
        plugin, slash, path = auth.partition("/")
        auth = _NARROW_AUTH.get(plugin, plugin) + slash + path
    return [
        str(connection.stream),
        _time(connection.start_time_ns, columns, clock),
        terminal(labels.client(connection)),
        terminal((labels.product if wide_server else labels.server_version)(connection.greeting)),
        terminal(labels.account(connection)),
        auth,
        terminal(labels.tls(connection.tls)),
        terminal(connection.outcome),
        _lasted(connection.lasted_ns),
    ]


def _time(ns: int, columns: list[Column], clock: WallClock) -> str:
    return clock.time_of_day(ns, milliseconds=columns[_TIME].width >= 12)


def _lasted(ns: int) -> str:
    return labels.duration(ns) if ns else "-"  # the clock stood still, or went back


class _KindLines(msgspec.Struct):
    """Texts of connections of one kind: of one of them, and lines by the sizes of what is each one's own.

    speaks  more may be said of each than its line
    """

    connection: Connection
    texts: list[str]
    by_sizes: dict[tuple[int, ...], str]
    speaks: bool


class TextReport:
    """Writes whole lines through `write`, each in at most `width` terminal cells (which are at least 80).

    For each source: `begin(name)`, `connection(...)` or `alike(...)` for each connection (`news(...)` where a capture
    is still being made), `end(source)`; then `summary()` once.
    `clock` is what times are shown in.
    `password`: one was given to be checked, and each connection says whether it is right.
    `verbose`: 1 shows the packets of each connection, 2 also their fields, 3 also their bytes; it needs the detail.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        width: int = NARROWEST,
        color: bool = False,
        verbose: int = 0,
        *,
        password: bool = False,
        clock: WallClock = UTC_CLOCK,
    ) -> None:
        self._write = write
        self._width = max(width, NARROWEST)
        self._color = color
        self._verbose = verbose
        # Logins for which a given password is right, wrong or spoiled, or can not be checked.
        self._checked: Counter[str] | None = Counter() if password else None
        self._clock = clock
        self._columns = columns_of(self._width, clock)
        self._totals = SummaryTotals()
        self._sources: list[Source] = []
        self._date: str | None = None
        # Connections that are open -> outcome, error and findings that were said of them.
        self._decided: dict[int, tuple[tuple[str, int | None], frozenset[str]]] = {}
        self._said: dict[str, int] = {}  # message -> connection of the source in hand that it was said of
        # Texts of a kind of connections; None: more is said of them.
        self._kinds: dict[ConnectionKind, _KindLines | None] = {}

    def begin(self, name: str) -> None:
        """A source is opened."""
        if self._sources:
            self._write("\n")
        self._write(self._paint(terminal(name), "bold") + "\n")
        self._date = None
        self._said.clear()

    def news(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        """A connection whose login is decided, and the same at its end, where there is more to say then."""
        number = connection.stream
        code = connection.error.code if connection.error else None
        said = (connection.outcome, code), frozenset(one.code for one in connection.findings)
        if final:
            self._totals.add(connection)
        verdict, known = self._decided.get(number, (None, frozenset()))
        if final and detail is None and verdict == said[0]:
            self._end(connection, known)
        elif detail is not None or (verdict, known) != said:
            self._show(connection, detail, final)
        if final:
            self._decided.pop(number, None)
        else:
            self._decided[number] = said

    def connection(self, connection: Connection, detail: ConnectionDetail | None = None) -> None:
        """One connection, with its packets where they are to be shown."""
        self._totals.add(connection)
        self._show(connection, detail, True)

    def alike(self, alike: Alike) -> None:
        """The same of a connection of a known kind."""
        kind, row = alike.kind, alike.row
        known = self._kinds.get(kind)
        if known is None and kind not in self._kinds:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            known = self._kinds[kind] = self._lines_of(alike)
        if known is None:
            self.connection(alike.connection())
            return
        findings = alike.findings() if known.speaks else known.connection.findings
        if not self._totals.add_like(known.connection, findings, row[ADDRESS]):
            self.connection(alike.connection())
            return
        start_ns, end_ns = row[START : START + 2]
        own = (
            str(row[STREAM]),
            _time(start_ns, self._columns, self._clock),
            terminal(labels.endpoint(Endpoint(row[ADDRESS], row[ADDRESS + 1]))),
            _lasted(max(end_ns - start_ns, 0)),
        )
        sizes = tuple(map(len, own))
        line = known.by_sizes.get(sizes)
        if line is None:
            line = known.by_sizes[sizes] = self._line_of(known, own)
        if not line or not own[2].isascii():
            self._show(alike.connection(), None, True)
            return
        date = self._clock.date(start_ns)
        if date != self._date:
            self._write(self._dated(date))
        self._write(line % own)
        if known.speaks:
            about = known.connection
            about.stream, about.findings = row[STREAM], findings
            if about.error is not None:
                about.error.frame = row[REFUSED]
            self._write("".join(f"{said}\n" for said in self._evidence(about)))

    def _lines_of(self, alike: Alike) -> _KindLines | None:
        """Texts of a kind; None where more is said of its connections than is known by their kind."""
        connection, kept = alike.connection(), alike.kind.findings
        if self._checked is not None or self._verbose or connection.tls is not None:
            return None
        if any(one.code == "seen-twice" for one in kept):
            return None
        # What is said of each in the same words stands in the summary alone, where it is a remark.
        speaks = connection.error is not None or any(one.severity != "info" or one.message[1] for one in kept)
        return _KindLines(connection, texts_of(connection, self._columns, self._clock), {}, speaks)

    def _line_of(self, known: _KindLines, own: tuple[str, ...]) -> str:
        """A line with places for what is a connection's own, of such sizes; empty where something has to be cut."""
        texts = known.texts.copy()
        for place_, text in zip(_OWN, own, strict=True):
            texts[place_] = text
        row = place(self._columns, texts, self._width)
        if row.cut:
            return ""
        shown = [(gap, "%s" if i in _OWN else text.replace("%", "%%")) for i, (gap, text) in enumerate(row.cells)]
        return self._line(shown, known.connection.outcome) + "\n"

    def _dated(self, date: str) -> str:
        """What stands above the first connection of a date, and of a source."""
        lines = [self._heading()] if self._date is None else []
        lines.append(self._paint(f"{'':{self._columns[0].width}} {date}", "dim"))
        self._date = date
        return "\n".join(lines) + "\n"

    def _show(self, connection: Connection, detail: ConnectionDetail | None, final: bool) -> None:
        lines: list[str] = []
        date = self._clock.date(connection.start_time_ns)
        if date != self._date:
            self._write(self._dated(date))
        lines += self._row(connection, final)
        lines += self._evidence(connection)
        lines += self._inferred(connection)
        lines += self._password(connection) if final else []
        if self._verbose and detail is not None:
            for packet in detail.packets:
                lines += self._packet(packet)
            if detail.packets_left_out:
                lines.append(f"{_LADDER}... {labels.count(detail.packets_left_out, 'more packet')}")
            lines.append("")
        self._write("\n".join(lines) + "\n")

    def _end(self, connection: Connection, known: frozenset[str]) -> None:
        """What the end of a connection adds to what was said when its login was decided."""
        new = [
            one
            for one in labels.by_severity(connection.findings)
            if one.code not in known and one.severity in {"error", "warning"}
        ]
        lines: list[str] = []
        if new:
            explains = connection.error is not None and connection.error.frame in new[0].frames
            ended = f"ended after {labels.duration(connection.lasted_ns)}"
            text = ended if explains else f"{ended}. {self._message(connection, new[0])}"
            codes = " ".join(f"[{code}]" for code in dict.fromkeys(one.code for one in new))
            colour = _SEVERITY_COLOUR.get(new[0].severity)
            lines = self._hanging(f"{connection.stream:>{self._columns[0].width}} ", f"{text} {codes}", colour)
        lines += self._password(connection)
        if lines:
            self._write("\n".join(lines) + "\n")

    def end(self, source: Source) -> None:
        """A source was read to its end, or as far as it goes."""
        self._sources.append(source)
        if not source.mysql_connections:
            found = f"no MySQL connection in {labels.count(source.tcp_connections, 'TCP connection')}"
            self._write(f"  {found}, {labels.count(source.frames, 'frame')}\n")
        for warning in source.warnings:
            self._write(self._paragraph("  warning: ", warning, "yellow"))
        for note in source.notes:
            self._write(self._paragraph("  note: ", note, "dim"))

    def summary(self) -> None:
        """What all sources together hold."""
        totals = self._totals
        warnings = sum(len(source.warnings) for source in self._sources)
        more = f", {labels.count(warnings, 'warning')}" if warnings else ""
        self._write("\n" + self._paragraph("", captured(self._sources) + more + "."))
        outcomes = ", ".join(self._paint(f"{n:,} {what}", _OUTCOME_COLOUR.get(what)) for what, n in totals.by_outcome())
        noun = labels.count(totals.connections, "MySQL connection")
        if totals.copies:
            noun += f" ({totals.copies:,} of them in the capture twice, counted once)"
        if not totals.connections and (others := sum(source.mysql_connections for source in self._sources)):
            noun = f"{labels.count(others, 'MySQL connection')}, of which none is what was asked for"
        self._write(f"{noun}{': ' if outcomes else ''}{outcomes}.\n")
        if self._checked is not None:
            self._write(self._paragraph("", _answer(self._checked)))
        findings = totals.findings()
        if findings:
            widest = max(len(one.code) for one in findings)
            self._write("Findings:\n")
        for one in findings:
            severity = self._paint(f"{one.severity:<8}", _SEVERITY_COLOUR.get(one.severity))
            where = labels.count(one.connections, "connection") + _whose(one)
            times = f" ({one.times:,} times)" if one.times > one.connections else ""
            self._write(f"  {severity} {one.code:<{widest}}  {where}{times}\n")

    def _heading(self) -> str:
        row = place(self._columns, [column.name for column in self._columns], self._width)
        return self._paint("".join(" " * gap + text for gap, text in row.cells), "bold")

    def _row(self, connection: Connection, final: bool) -> list[str]:
        columns = self._columns
        texts = texts_of(connection, columns, self._clock)
        if not final:
            texts[_LASTED] = "open"
        row = place(columns, texts, self._width)
        line = self._line(row.cells, connection.outcome)
        # What did not fit is not lost.
        cut = [f"{columns[index].name} {texts[index]}" for index in row.cut]
        return [line, *self._hanging(" " * len(_EVIDENCE), ", ".join(cut), "dim")] if cut else [line]

    def _line(self, placed: list[tuple[int, str]], outcome: str) -> str:
        line = ""
        for index, (gap, text) in enumerate(placed):
            colour = _OUTCOME_COLOUR.get(outcome) if index == _OUTCOME else None
            line += " " * gap + self._paint(text, colour)
        return line

    def _evidence(self, connection: Connection) -> list[str]:
        findings = [one for one in labels.by_severity(connection.findings) if one.severity in {"error", "warning"}]
        if self._checked is not None:
            findings = [one for one in findings if one.code != WRONG_PASSWORD]  # said below
        error = labels.error_text(connection)
        if error is not None:
            frame = connection.error.frame if connection.error else 0
            about = next((one for one in findings if frame in one.frames), None)
            text, colour = error, "red"
        elif findings:
            about = findings[0]
            text, colour = self._message(connection, about), _SEVERITY_COLOUR[about.severity]
        else:
            return []
        if about is not None:
            text += f" [{about.code}]"
            findings.remove(about)
        if findings:
            text += f" (+{len(findings)}: {', '.join(dict.fromkeys(one.code for one in findings))})"
        return self._hanging(_EVIDENCE, text, colour)

    def _message(self, connection: Connection, finding: Finding) -> str:
        """What a finding says; where it says the same of several connections, once."""
        said = self._said.get(finding.message)
        if said is not None:
            return f"As of connection {said}."
        if len(finding.message) > self._width and len(self._said) < _MOST_SAID:
            self._said[finding.message] = connection.stream
        return finding.message

    def _inferred(self, connection: Connection) -> list[str]:
        """What is inferred of a login inside TLS: of one that was refused always, of others where more is asked for."""
        inferred = connection.tls.inferred if connection.tls is not None else None
        if inferred is None or not (self._verbose or inferred.login == "rejected"):
            return []
        colour = "yellow" if inferred.login == "rejected" else "dim"
        said = (one for one in connection.findings if one.code == "encrypted-login")
        return [line for one in said for line in self._hanging(_EVIDENCE, f"{one.message} [{one.code}]", colour)]

    def _password(self, connection: Connection) -> list[str]:
        """Whether the given password is right."""
        if self._checked is None or connection.is_copy:
            return []
        said = [one for one in connection.findings if one.code in (RIGHT_PASSWORD, WRONG_PASSWORD)]
        if not said:
            self._checked["unchecked"] += connection.login is not None or connection.tls is not None
            return []
        self._checked[said[-1].code] += 1
        colour = "green" if said[-1].code == RIGHT_PASSWORD else "yellow"
        return self._hanging(_EVIDENCE, f"{said[-1].message} [{said[-1].code}]", colour)

    def _packet(self, packet: PacketExcerpt) -> list[str]:
        arrow = "      ← server" if packet.sender == SERVER else "client →      "
        sequence = "" if packet.sequence_id is None else str(packet.sequence_id)
        lead = f"{_LADDER}{labels.milliseconds(packet.time_ns):>12}  {arrow} {sequence:>3}  "
        lines = self._hanging(lead, f"{packet.record}  {packet.summary}".rstrip())
        if packet.error is not None:
            lines += self._hanging(" " * 8 + "malformed: ", packet.error, "red")
        if self._verbose >= 2:
            lines.append(self._paint(f"{'':8}frame {packet.frame}, {labels.count(packet.length, 'byte')}", "dim"))
            for depth, name, field in nested(packet.fields):
                at = f"[{field.start}:{field.end}]"
                lead = f"{'':8}{at:<11}{'':{2 * depth}}{terminal(name)}: "
                lines += self._hanging(lead, field.value, indent=min(len(lead), 30))
        if self._verbose >= 3:
            lines += [f"{'':8}{line}" for line in hex_lines(packet.data)]
            if packet.length > len(packet.data):
                lines.append(f"{'':8}... {labels.count(packet.length - len(packet.data), 'more byte')}")
        return lines

    def _paragraph(self, lead: str, text: str, colour: str | None = None) -> str:
        return "\n".join(self._hanging(lead, text, colour)) + "\n"

    def _hanging(self, lead: str, text: str, colour: str | None = None, indent: int | None = None) -> list[str]:
        """`text` made safe and wrapped after `lead`, further lines indented to where it began."""
        room = max(self._width - cells(lead), 20)
        lines = wrap(terminal(text), room) or [""]
        margin = " " * (cells(lead) if indent is None else indent)
        return [
            (margin if i else lead).rstrip() if not line else (margin if i else lead) + self._paint(line, colour)
            for i, line in enumerate(lines)
        ]

    def _paint(self, text: str, colour: str | None) -> str:
        return paint(text, colour) if self._color else text


def _answer(checked: Counter[str]) -> str:
    """Whether a given password is right, over all logins."""
    logins = labels.count(sum(checked.values()), "login")
    right, wrong, unchecked = checked[RIGHT_PASSWORD], checked[WRONG_PASSWORD], checked["unchecked"]
    parts = [f"{right:,} made with it"] if right else []
    parts += [f"{wrong:,} with another, or spoiled"] if wrong else []
    if unchecked:
        parts.append(f"{unchecked:,} can not be checked (nothing in them is made from a password, or TLS hides it)")
    return f"The given password, of {logins}: {', '.join(parts) or 'there is none to check'}."


def _whose(total: FindingTotal) -> str:
    """Of whom a finding was made that several connections have."""
    if total.connections < 2:
        return ""
    users, hosts = len(total.users), len(total.hosts)
    user = f" of {terminal(next(iter(total.users)))!r}" if users == 1 else f" of {users} users" if users else ""
    over = "over " if hosts >= MOST_NAMED else ""
    return f"{user} from {over}{labels.count(hosts, 'host')}"
