"""A finished conversation as the contract's `Connection`: verdict, timing, and all that was said, in plain types."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.analysis.connection.drivers import EVERY_FLAG, driver_of
from analyzer.analysis.connection.tls import no_login_inside, tls_of
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.facts import Facts, TlsFacts, TransportFacts
from analyzer.analysis.conversation.login_shapes import LoginShape
from analyzer.analysis.findings.engine import find
from analyzer.analysis.findings.rule import NETWORK_ERRORS, Case, Evidence
from analyzer.analysis.model import connection as model
from analyzer.analysis.model.connection import elapsed
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.net.tcp.summary import sent_again, summary_of
from analyzer.protocol.machine.machine import CLIENT
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.greeting import HandshakeV10, flavor_of, plain_version
from analyzer.protocol.records.login import FREE_ATTRIBUTES, HandshakeResponse41, extended
from analyzer.protocol.tables.capabilities import CAPABILITIES, STATUS_FLAGS, flag_names
from analyzer.protocol.tables.collations import codec_of, collation
from analyzer.protocol.tables.commands import COMMAND_NAMES
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.text import in_charset
from analyzer.tls.events import FOUND

# A side that has said nothing for so long when the capture ends has gone silent.
MOST_FINGERPRINTS: Final = 10_000
SILENCE_NS: Final = 10_000_000_000
BAD_HANDSHAKE: Final = 1043


class Said(msgspec.Struct):
    """What was said in a login, as the model has it: frames, the connection's number and the client's process aside it
    is the same for all logins of one shape."""

    error: model.ErrorReport | None
    greeting: model.Greeting | None
    login: model.Login | None
    authentication: model.Authentication | None
    fingerprint: str | None
    driver: model.Driver | None


class Builder:
    """Makes the model of each connection of one capture.

    Names of flags and collations are made once for each value: captures hold few different ones.
    """

    def __init__(self, capture: str) -> None:
        self.capture = capture
        self._flags: dict[int, list[str]] = {}
        self._statuses: dict[int, list[str]] = {}
        self._fingerprints: dict[tuple[object, ...], str] = {}
        # There are no more shapes than a conversation's `LoginShapes` keep.
        self._alike: dict[LoginShape, Said] = {}

    def connection(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> model.Connection:
        """The connection, with its findings. `evidence` holds what is known of the capture as a whole."""
        facts = conversation.facts
        client, server = tcp.endpoints[conversation.client], tcp.endpoints[1 - conversation.client]
        outcome = outcome_of(tcp, conversation, evidence)
        shape = conversation.login_shape
        said = self._said(conversation, shape)
        connection = model.Connection(
            self.capture,
            tcp.number,
            model.Endpoint(*client),
            model.Endpoint(*server),
            tcp.first_frame,
            tcp.last_frame,
            tcp.first_ns,
            tcp.last_ns,
            self._tcp(tcp, conversation),
            phase_of(conversation),
            outcome,
            said.error,
            said.greeting,
            said.login,
            tls_of(conversation, outcome),
            said.authentication,
            conversation.standing.compression or "none",
            {COMMAND_NAMES[code]: count for code, count in sorted(facts.commands.items())},
            timing_of(tcp, facts),
            said.driver,
            said.fingerprint,
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
        transport, tls = transport_of(tcp, conversation), tls_facts_of(conversation)
        case = Case(connection, facts, transport, tls, evidence, shape)
        connection.findings = find(case)
        return connection

    def _said(self, conversation: Conversation, shape: LoginShape | None) -> Said:
        """What was said in the login; what logins of one shape have in common is worked out once."""
        if shape is None:
            return self._worked_out(conversation)
        facts = conversation.facts
        alike = self._alike.get(shape)
        if alike is None:
            alike = self._alike[shape] = self._worked_out(conversation)
        return Said(
            _error_again(alike.error, facts),
            _greeting_again(alike.greeting, facts),
            _login_again(alike.login, facts),
            _authentication_again(alike.authentication, facts),
            alike.fingerprint,
            alike.driver,
        )

    def _worked_out(self, conversation: Conversation) -> Said:
        facts = conversation.facts
        login = facts.login.record
        sent = login if isinstance(login, HandshakeResponse41) else None
        greeting = facts.greeting.record
        offered = greeting.capability_flags if isinstance(greeting, HandshakeV10) else EVERY_FLAG
        return Said(
            self._error(facts),
            self._greeting(facts),
            self._login(conversation),
            self._authentication(conversation),
            self._fingerprint(sent) if sent is not None else None,
            driver_of(sent, offered) if sent is not None else None,
        )

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
        message = in_charset(error.error_message, _codec(facts.login.record, False))
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
                login.username,
                login.database,
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
        database = in_charset(login.database, codec) if login.database else None
        return model.Login(
            in_charset(login.username, codec),
            database,
            login.client_plugin_name,
            self._names(login.capability_flags),
            login.max_packet_size,
            login.collation_id,
            _collation_name(login.collation_id, mariadb),
            None if attributes is None else {in_charset(k, codec): in_charset(v, codec) for k, v in attributes},
            login.zstd_compression_level,
            facts.login.frame,
        )

    def _authentication(self, conversation: Conversation) -> model.Authentication | None:
        facts = conversation.facts
        if not facts.auth.steps:
            return None
        steps = []
        for role, name, record, detail, frame in facts.auth.steps:
            if detail is None:
                summary = record.summary()
            elif name.startswith("Handshake"):
                summary = f"{record.summary()}: {detail.summary()}"
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


def _error_again(error: model.ErrorReport | None, facts: Facts) -> model.ErrorReport | None:
    if error is None:
        return None
    return model.ErrorReport(error.code, error.sqlstate, error.message, facts.closing.error_frame, error.phase)


def _greeting_again(greeting: model.Greeting | None, facts: Facts) -> model.Greeting | None:
    record = facts.greeting.record
    if greeting is None or record is None:
        return None
    return model.Greeting(
        greeting.protocol_version,
        greeting.server_version,
        greeting.flavor,
        record.thread_id,
        greeting.auth_plugin,
        greeting.capabilities,
        greeting.collation_id,
        greeting.collation,
        greeting.status_flags,
        facts.greeting.frame,
    )


def _login_again(login: model.Login | None, facts: Facts) -> model.Login | None:
    record = facts.login.record
    if login is None or not isinstance(record, HandshakeResponse41):
        return None
    attributes = login.attributes
    if attributes is not None and record.attributes is not None:
        attributes = attributes.copy()
        for name, value in record.attributes:
            if name in FREE_ATTRIBUTES:
                attributes[name] = value
    return model.Login(
        login.user,
        login.database,
        login.auth_plugin,
        login.capabilities,
        login.max_packet_size,
        login.collation_id,
        login.collation,
        attributes,
        login.zstd_level,
        facts.login.frame,
    )


def _authentication_again(exchange: model.Authentication | None, facts: Facts) -> model.Authentication | None:
    if exchange is None:
        return None
    auth = facts.auth
    steps = [model.Step(known.sender, known.record, known.summary, 0) for known in exchange.steps]
    for step, seen in zip(steps, auth.steps, strict=True):
        step.frame = seen[4]
    switches = [model.Switch(a, b, frame) for a, b, frame in auth.switches] if auth.switches else []
    return model.Authentication(exchange.plugin, switches, exchange.path, exchange.password_protection, steps)


def _first_of(mine: int, theirs: int) -> str | None:
    """Who was first, by the frames of client and server; 0: never."""
    if not mine and not theirs:
        return None
    return model.CLIENT if mine and (not theirs or mine < theirs) else model.SERVER


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
        len(conversation.secrets.keys),
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


def timing_of(tcp: TcpConnection, facts: Facts) -> model.Timing:
    """Durations in ns; None where one of the two ends was not seen."""
    greeting = facts.greeting.time_ns if facts.greeting.record is not None else None
    login = facts.login.time_ns if facts.login.record is not None else None
    verdict = facts.auth.verdict_ns if facts.auth.verdict is not None else None
    return model.Timing(
        _between(tcp.syn_ns, tcp.connected_ns),
        _between(tcp.connected_ns, greeting),
        _between(facts.login.ssl_request_ns or facts.login.tls_ns, facts.login.secured_ns),
        # A health check sends its login before it has read the greeting.
        _between(greeting, login) if greeting is None or login is None or greeting <= login else None,
        _between(login, verdict),
        _between(tcp.first_ns if tcp.syn_ns is not None else None, verdict),
    )


def _between(start: int | None, stop: int | None) -> int | None:
    return None if start is None or stop is None else elapsed(start, stop)


def fingerprint_of(offer: tuple[object, ...]) -> str:
    """Twelve hex digits of what a client offered."""
    import hashlib

    return hashlib.sha256(repr(offer).encode("utf-8", ENCODING_ERRORS)).hexdigest()[:12]
