"""A finished conversation as the contract's `Connection`: verdict, timing, and all that was said, in plain types."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from analyzer.analysis.connection.drivers import EVERY_FLAG, driver_of
from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.analysis.connection.ordinary import Ordinary, is_before
from analyzer.analysis.connection.sealed_kinds import SealedKinds
from analyzer.analysis.connection.tls import no_login_inside, tls_of
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.facts import Facts, TlsFacts, TransportFacts
from analyzer.analysis.findings.engine import Key, asked, find, is_known, kept_findings
from analyzer.analysis.findings.kept import frames_of
from analyzer.analysis.findings.rule import NETWORK_ERRORS, Case, Evidence, Own, times_of
from analyzer.analysis.model import connection as model
from analyzer.analysis.model.connection import elapsed
from analyzer.analysis.packets.server_words import shown_text, shown_words
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.net.tcp.summary import is_mirrored, sent_again, summary_of
from analyzer.net.tcp.trouble import TWICE_NS
from analyzer.protocol.machine.machine import CLIENT, AnyRecord
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.greeting import HandshakeV10, flavor_of, plain_version
from analyzer.protocol.records.login import FREE_ATTRIBUTES, HandshakeResponse41, extended
from analyzer.protocol.tables.attributes import is_ordinary
from analyzer.protocol.tables.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.tables.collations import codec_of, collation
from analyzer.protocol.tables.commands import COMMAND_NAMES
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.text import in_charset
from analyzer.tls.events import FOUND

# A side that has said nothing for so long when the capture ends has gone silent.
MOST_FINGERPRINTS: Final = 10_000
# Kinds of connections that are kept, and sets of conditions that connections of one kind meet.
MOST_KINDS: Final = 1024
MOST_PLANS: Final = 16
SILENCE_NS: Final = 10_000_000_000
BAD_HANDSHAKE: Final = 1043


class Builder:
    """Makes the model of each connection of one capture.

    Names of flags and collations are made once for each value: captures hold few different ones.
    """

    def __init__(self, capture: str, show_secrets: bool = False) -> None:
        self.capture = capture
        self._show_secrets = show_secrets
        self._flags: dict[int, list[str]] = {}
        self._statuses: dict[int, list[str]] = {}
        self._fingerprints: dict[tuple[object, ...], str] = {}
        # Of a key that came once there is no kind yet: it may be the only one.
        self._kinds: dict[Hashable, ConnectionKind | None] = {}
        self.ordinary = Ordinary()
        self.sealed = SealedKinds()

    def told(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> model.Connection | Alike:
        """The connection with its findings, or what is its own where others of its kind are known.

        `evidence` holds what is known of the capture as a whole.
        """
        if conversation.sealed is not None:
            return self._sealed(tcp, conversation, evidence)
        ordinary = self.ordinary.told(tcp, conversation, evidence)
        if ordinary is not None:
            return ordinary
        outcome = outcome_of(tcp, conversation, evidence)
        alike = self._alike(tcp, conversation, outcome)
        connection = self._whole_way(tcp, conversation, outcome) if alike is None else alike.connection()
        case = self._case(connection, tcp, conversation, evidence)
        case.login = conversation.login_shape
        if alike is not None:
            signs, key = asked(case)
            found = self._with_findings(alike, case, signs, key)
            if found is not None:
                self.ordinary.learn(tcp, conversation, found, key)
                return found
        connection.findings = find(case)
        return connection

    def _sealed(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> model.Connection | Alike:
        """The same of one in TLS that nobody can open, or that holds a known login and plain turns."""
        kinds = self.sealed
        alike = kinds.told(tcp, conversation, evidence)
        if alike is not None:
            return alike
        own: list[Own] = []
        again = kinds.again(conversation)
        marked = None if again is None else self._asked(tcp, again, evidence, own)
        connection = self._asked(tcp, conversation, evidence)
        kinds.learn(connection, marked, own)
        return connection

    def _asked(
        self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence, own: list[Own] | None = None
    ) -> model.Connection:
        """The connection with its findings, the whole way. `own`: its texts are marked, and what was asked for them is
        put there."""
        connection = self._whole_way(tcp, conversation, outcome_of(tcp, conversation, evidence))
        case = self._case(connection, tcp, conversation, evidence)
        case.owned = own
        connection.findings = find(case)
        return connection

    def connection(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> model.Connection:
        """The same, the whole connection in any case."""
        told = self.told(tcp, conversation, evidence)
        return told.connection() if isinstance(told, Alike) else told

    def _whole_way(self, tcp: TcpConnection, conversation: Conversation, outcome: str) -> model.Connection:
        """The connection without findings."""
        facts = conversation.facts
        client, server = tcp.endpoints[conversation.client], tcp.endpoints[1 - conversation.client]
        greeting, login = facts.greeting.record, facts.login.record
        sent = login if isinstance(login, HandshakeResponse41) else None
        offered = greeting.capability_flags if isinstance(greeting, HandshakeV10) else EVERY_FLAG
        connection = model.Connection(
            self.capture,
            tcp.number,
            model.Endpoint(*client),
            model.Endpoint(*server),
            tcp.first_frame,
            tcp.last_frame,
            tcp.first_ns,
            _end_ns(tcp, facts),
            self._tcp(tcp, conversation),
            phase_of(conversation),
            outcome,
            self._error(facts),
            self._greeting(facts),
            self._login(conversation),
            tls_of(conversation, outcome),
            self._authentication(conversation),
            conversation.standing.compression or "none",
            {COMMAND_NAMES[code]: count for code, count in sorted(facts.commands.items())},
            model.Timing(*durations_of(tcp, facts)),
            driver_of(sent, offered) if sent is not None else None,
            self._fingerprint(sent) if sent is not None else None,
            [],
        )
        if facts.greeting.proxy is not None:
            header = facts.greeting.proxy
            connection.proxy = model.Proxy(
                header.version,
                model.Endpoint(*header.source) if header.source else None,
                model.Endpoint(*header.destination) if header.destination else None,
                facts.greeting.proxy_frame,
            )
        return connection

    def _case(
        self, connection: model.Connection, tcp: TcpConnection, conversation: Conversation, evidence: Evidence
    ) -> Case:
        transport, tls = transport_of(tcp, conversation), tls_facts_of(conversation)
        return Case(connection, conversation.facts, transport, tls, evidence, self._words, self._name)

    def _alike(self, tcp: TcpConnection, conversation: Conversation, outcome: str) -> Alike | None:
        """A connection of a known kind, of which nothing is found yet; None where none is known."""
        shape = conversation.login_shape
        if shape is None or tcp.trouble is not None or tcp.retransmissions or tcp.gaps:
            return None
        facts = conversation.facts
        greeting, login = facts.greeting.record, facts.login.record
        if greeting is None or login is None or facts.login.ssl_request is not None:
            return None
        client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
        lasted = durations_of(tcp, facts)
        commands = sorted(facts.commands.items())
        key = (
            shape,
            tcp.endpoints[1 - conversation.client],
            outcome,
            phase_of(conversation),
            _first_of(client.fin_frame, server.fin_frame),
            _first_of(client.rst_frame, server.rst_frame),
            conversation.standing.compression,
            tuple([code for code, _ in commands]),
            tuple([each is None for each in lasted]),
        )
        kind = self._kinds.get(key)
        if kind is None:
            if key not in self._kinds:
                if len(self._kinds) >= MOST_KINDS:
                    self._kinds.clear()
                self._kinds[key] = None  # it may be the only one
                return None
            kind = self._kinds[key] = self._new_kind(tcp, conversation, outcome, lasted)
        return None if kind.is_none else Alike(kind, _row(tcp, conversation, lasted, kind.free))

    def _new_kind(
        self, tcp: TcpConnection, conversation: Conversation, outcome: str, lasted: tuple[int | None, ...]
    ) -> ConnectionKind:
        """The kind of a connection; one of none where its row does not say all that is its own."""
        connection = self._whole_way(tcp, conversation, outcome)
        kind = ConnectionKind(connection, _free_attributes(conversation.facts.login.record))
        whole = len(connection.commands) == len(conversation.facts.commands)
        kind.is_none = not whole or kind.made(_row(tcp, conversation, lasted, kind.free), []) != connection
        return kind

    def _with_findings(self, alike: Alike, case: Case, signs: int, key: Key) -> Alike | None:
        """A connection with what is found of it; None where rules have to be asked."""
        kind = alike.kind
        if not is_known(case, signs):
            return None
        plan = kind.plans.get(key)
        if plan is None:
            kept = kept_findings(case, signs, key)
            plan = kind.with_findings(kept or ())
            row = None if kept is None else plan.with_own(alike.row, times_of(case.facts))
            plan.is_none = row is None or plan.findings_of(row) != find(case)
            if len(kind.plans) < MOST_PLANS:
                kind.plans[key] = plan
        if plan.is_none:
            return None
        row = plan.with_own(alike.row, times_of(case.facts))
        return None if row is None else Alike(plan, row)

    def _tcp(self, tcp: TcpConnection, conversation: Conversation) -> model.Tcp:
        client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
        return model.Tcp(
            tcp.syn_ns is not None or tcp.synack_ns is not None,
            _first_of(client.fin_frame, server.fin_frame),
            _first_of(client.rst_frame, server.rst_frame) if client.rst_frame or server.rst_frame else None,
            sent_again(tcp),
            tcp.out_of_order,
            tcp.gaps,
            client.bytes,
            server.bytes,
        )

    def _names(self, flags: int) -> list[str]:
        names = self._flags.get(flags)
        if names is None:
            names = flag_names(flags, CAPABILITIES)
            if len(self._flags) < MOST_FINGERPRINTS:
                self._flags[flags] = names
        return names

    def _fingerprint(self, login: HandshakeResponse41) -> str:
        """Of flags, sizes, collation, filler, plugin and the names of the attributes: the same for the same driver."""
        names = None if login.attributes is None else tuple([name for name, _ in login.attributes])
        offer = (
            login.client_flag,
            login.max_packet_size,
            login.character_set,
            login.filler,
            login.client_plugin_name,
            names,
        )
        known = self._fingerprints.get(offer)
        if known is None:
            known = fingerprint_of(offer)
            if len(self._fingerprints) < MOST_FINGERPRINTS:
                self._fingerprints[offer] = known
        return known

    def _error(self, facts: Facts) -> model.ErrorReport | None:
        error = facts.closing.error
        if error is None:
            return None
        message = self._words(error.error_code, in_charset(error.error_message, _codec(facts.login.record, False)))
        return model.ErrorReport(
            error.error_code, error.sql_state, message, facts.closing.error_frame, facts.closing.error_phase
        )

    def _greeting(self, facts: Facts) -> model.Greeting | None:
        greeting = facts.greeting.record
        if greeting is None:
            return self._cut_greeting(facts)
        version = plain_version(greeting.server_version)
        flavor = flavor_of(greeting)
        if not isinstance(greeting, HandshakeV10):
            return model.Greeting(
                9, version, flavor, greeting.thread_id, None, [], None, None, [], facts.greeting.frame
            )
        statuses = self._statuses.get(greeting.status_flags or 0)
        if statuses is None:
            statuses = flag_names(greeting.status_flags or 0, STATUS_FLAGS)
            self._statuses[greeting.status_flags or 0] = statuses
        return model.Greeting(
            10,
            version,
            flavor,
            greeting.thread_id,
            greeting.auth_plugin_name,
            self._names(greeting.capability_flags),
            greeting.character_set,
            _collation_name(greeting.character_set, flavor == "mariadb"),
            statuses,
            facts.greeting.frame,
        )

    def _cut_greeting(self, facts: Facts) -> model.Greeting | None:
        """A greeting that is cut off after its connection id: what is there of it."""
        fields, frame = facts.faults.cut_records.get("HandshakeV10", ({}, 0))
        if "thread_id" not in fields:
            return None
        version = fields["server_version"]
        flags = fields.get("capability_flags_1", 0) | fields.get("capability_flags_2", 0) << 16
        flavor = flavor_of(HandshakeV10(version, fields["thread_id"], b"", 0, flags & 0xFFFF))
        charset = fields.get("character_set")
        return model.Greeting(
            10,
            plain_version(version),
            flavor,
            fields["thread_id"],
            None,
            self._names(flags),
            charset,
            _collation_name(charset, flavor == "mariadb"),
            flag_names(fields.get("status_flags", 0), STATUS_FLAGS),
            frame,
        )

    def _cut_login(self, conversation: Conversation) -> model.Login | None:
        """A login that is cut off after its user: what is there of it."""
        fields, frame = conversation.facts.faults.cut_records.get("HandshakeResponse41", ({}, 0))
        if "username" not in fields:
            return None
        mariadb = conversation.machine.context.mariadb
        number = fields["character_set"]
        return model.Login(
            fields["username"],
            fields.get("database") or None,
            fields.get("client_plugin_name"),
            self._names(extended(fields["client_flag"], fields["filler"])),
            fields["max_packet_size"],
            number,
            _collation_name(number, mariadb),
            None,
            None,
            frame,
        )

    def _login(self, conversation: Conversation) -> model.Login | None:
        facts = conversation.facts
        login = facts.login.record
        if login is None:
            return self._cut_login(conversation)
        if not isinstance(login, HandshakeResponse41):
            return model.Login(
                self._name(login.username),
                self._name(login.database) if login.database else login.database,
                None,
                self._names(login.capability_flags),
                login.max_packet_size,
                None,
                None,
                None,
                None,
                facts.login.frame,
            )
        mariadb = conversation.machine.context.mariadb
        codec = _codec(login, mariadb)
        attributes = login.attributes
        database = self._name(in_charset(login.database, codec)) if login.database else None
        return model.Login(
            self._name(in_charset(login.username, codec)),
            database,
            login.client_plugin_name,
            self._names(login.capability_flags),
            login.max_packet_size,
            login.collation_id,
            _collation_name(login.collation_id, mariadb),
            None if attributes is None else {in_charset(k, codec): self._attribute(k, v, codec) for k, v in attributes},
            login.zstd_compression_level,
            facts.login.frame,
        )

    def _name(self, name: str) -> str:
        return name if self._show_secrets else shown_text(name)

    def _words(self, code: int, message: str) -> str:
        return message if self._show_secrets else shown_words(code, message)

    def _summary(self, record: AnyRecord) -> str:
        if isinstance(record, ErrPacket):
            words = self._words(record.error_code, record.error_message)
            return record.summary().replace(record.error_message, words)
        return self._name(record.summary())

    def _attribute(self, name: str, value: str, codec: str | None) -> str:
        if not self._show_secrets and not is_ordinary(name, value):
            # It takes as long to load as to read a small capture.
            from analyzer.analysis.packets.statement_mask import MASK, secret_attribute

            if secret_attribute(name, value):
                return MASK
        return in_charset(value, codec)

    def _authentication(self, conversation: Conversation) -> model.Authentication | None:
        facts = conversation.facts
        if not facts.auth.steps:
            return None
        steps = []
        for role, name, record, detail, frame in facts.auth.steps:
            if detail is None:
                summary = self._summary(record)
            elif name.startswith("Handshake"):
                summary = f"{self._summary(record)}: {detail.summary()}"
            else:
                summary = detail.summary()
            steps.append(model.Step(model.CLIENT if role == CLIENT else model.SERVER, name, summary, frame))
        return model.Authentication(
            facts.auth.plugin,
            [model.Switch(a, b, frame) for a, b, frame in facts.auth.switches],
            facts.auth.path,
            facts.auth.protection,
            steps,
        )


def _first_of(mine: int, theirs: int) -> str | None:
    """Who was first, by the frames of client and server; 0: never."""
    if not mine and not theirs:
        return None
    return model.CLIENT if is_before(mine, theirs) else model.SERVER


def _collation_name(number: int | None, mariadb: bool) -> str | None:
    found = None if number is None else collation(number, mariadb)
    return found[0] if found else None


def _codec(login: object, mariadb: bool) -> str | None:
    """Python's codec for the character set the client named in its login; None for UTF-8."""
    return codec_of(login.collation_id, mariadb) if isinstance(login, HandshakeResponse41) else None


def phase_of(conversation: Conversation) -> str:
    """The furthest phase of which a packet was seen."""
    facts = conversation.facts
    if facts.commands or facts.auth.verdict == "accepted" or facts.closing.unasked_frame:
        return "command"
    if len(facts.auth.steps) > 1 or (
        facts.auth.verdict == "rejected" and facts.closing.error_phase == "authentication"
    ):
        return "authentication"
    if facts.login.record is not None or "HandshakeResponse41" in facts.faults.cut_records:
        return "login"
    if conversation.tls is not None or facts.login.ssl_request is not None:
        return "tls"
    if facts.greeting.record is not None or facts.greeting.early_error or "HandshakeV10" in facts.faults.cut_records:
        return "greeting"
    return "tcp"


def transport_of(tcp: TcpConnection, conversation: Conversation) -> TransportFacts:
    """What findings ask of the TCP connection."""
    client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
    return TransportFacts(
        (client.next >= 0, server.next >= 0),
        tcp.synack_ns is not None,
        server.acked >= 0,
        tcp.closed,
        client.fin_frame or client.rst_frame,
        (client.fin_unseen, server.fin_unseen),
        conversation.standing.one_sided,
        summary_of(tcp, conversation.client),
    )


def tls_facts_of(conversation: Conversation) -> TlsFacts | None:
    """What findings ask of the TLS session."""
    tls = conversation.tls
    if tls is None:
        return None
    return TlsFacts(
        len(conversation.settings.secrets.keys),
        tls.decrypted,
        tls.handshake.keys.tls13,
        tls.handshake.done_frame,
        tls.overhead,
        tls.encrypted_records,
        tls.problem,
        tls.handshake.wanted_random,
        tls.outside,
    )


def outcome_of(tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> str:
    """The contract's outcome: what the server said, else why nobody can know."""
    facts = conversation.facts
    if facts.auth.verdict is not None:
        # An error about the connection itself is the echo of a client that left or went silent, and no refusal.
        error = facts.closing.error
        echo = error is not None and (error.error_code in NETWORK_ERRORS or _is_unasked(tcp, conversation, error))
        return "aborted" if facts.auth.verdict == "rejected" and echo else facts.auth.verdict
    tls = conversation.tls
    if tls is not None and not no_login_inside(conversation):
        opened = tls.decrypted and tls.key_state == FOUND
        return "unknown" if opened and (facts.faults.gaps or facts.closing.end is None) else "encrypted"
    started = tcp.syn_ns is not None or facts.greeting.record is not None or facts.login.record is not None
    both = tcp.halves[0].next >= 0 and tcp.halves[1].next >= 0
    refused = tcp.syn_ns is not None and any(half.rst_frame for half in tcp.halves)
    if not started or facts.faults.gaps or facts.auth.verdict_lost or facts.login.lost or not (both or refused):
        return "unknown"
    if facts.faults.cut_packets and evidence.cut_short:
        return "unknown"
    ended = facts.closing.end is not None
    silent = evidence.last_ns - tcp.last_ns >= SILENCE_NS
    return "aborted" if ended or silent else "unknown"


def _is_unasked(tcp: TcpConnection, conversation: Conversation, error: ErrPacket) -> bool:
    """Whether the server calls a login bad of which no byte came, from a client that had left."""
    end = conversation.facts.closing.end
    if error.error_code != BAD_HANDSHAKE or tcp.halves[conversation.client].bytes or end is None:
        return False
    return end[0] == conversation.client and end[2] <= conversation.facts.closing.error_frame


def durations_of(tcp: TcpConnection, facts: Facts) -> tuple[int | None, ...]:
    """The durations of `Timing`, in ns; None where one of the two ends was not seen, or all has one time."""
    if tcp.first_ns == tcp.last_ns and tcp.halves[0].bytes and tcp.halves[1].bytes:
        return (None,) * 6
    greeting = facts.greeting.time_ns if facts.greeting.record is not None else None
    login = facts.login.time_ns if facts.login.record is not None else None
    verdict = facts.auth.verdict_ns if facts.auth.verdict is not None else None
    return (
        _between(tcp.syn_ns, tcp.connected_ns),
        _between(tcp.connected_ns, greeting),
        _between(facts.login.ssl_request_ns or facts.login.tls_ns, facts.login.secured_ns),
        # A health check sends its login before it has read the greeting.
        _between(greeting, login) if greeting is None or login is None or greeting <= login else None,
        _between(login, verdict),
        _between(tcp.first_ns if tcp.syn_ns is not None else None, verdict),
    )


def _free_attributes(login: object) -> dict[str, int]:
    """Name -> number of the attributes of a login that are each client's own: the number of its process."""
    attributes = login.attributes or () if isinstance(login, HandshakeResponse41) else ()
    return {
        name: number
        for number, (name, text) in enumerate(attributes)
        if name in FREE_ATTRIBUTES and text.isascii() and text.isdigit()
    }


def _row(tcp: TcpConnection, conversation: Conversation, lasted: tuple[int | None, ...], free: tuple[int, ...]) -> Row:
    """What is a connection's own, as `kinds.PLACES` and what follows them say."""
    facts = conversation.facts
    greeting, login = facts.greeting, facts.login
    client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
    address, port = tcp.endpoints[conversation.client]
    attributes = login.record.attributes if free and isinstance(login.record, HandshakeResponse41) else None
    return (
        *(tcp.number, address, port, tcp.first_frame, tcp.last_frame, tcp.first_ns, tcp.last_ns),
        *(tcp.out_of_order, client.bytes, server.bytes, 0 if greeting.record is None else greeting.record.thread_id),
        *lasted,
        *frames_of(facts),
        *[facts.commands[code] for code in sorted(facts.commands)],
        *([] if attributes is None else [attributes[number][1] for number in free]),
    )


def _end_ns(tcp: TcpConnection, facts: Facts) -> int:
    """When a connection was over; of what was captured twice by the clock of what came first."""
    closing = facts.closing
    if tcp.trouble is None or tcp.trouble.copy_ns <= TWICE_NS or not is_mirrored(tcp):
        return tcp.last_ns
    return max(closing.spoke_ns, closing.end[3] if closing.end is not None else tcp.first_ns)


def _between(start: int | None, stop: int | None) -> int | None:
    return None if start is None or stop is None else elapsed(start, stop)


def fingerprint_of(offer: tuple[object, ...]) -> str:
    """Twelve hex digits of what a client offered."""
    import hashlib

    return hashlib.sha256(repr(offer).encode("utf-8", ENCODING_ERRORS)).hexdigest()[:12]
