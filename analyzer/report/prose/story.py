"""The story of a connection in plain words: step by step, or in two or three sentences. Text is as it came."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.model.connection import Connection, Greeting, Login, Tls
from analyzer.protocol.auth import plugin as plugin_of
from analyzer.report.prose import labels
from analyzer.report.prose.auth_plugins import OUTCOMES, PATHS, PROTECTIONS

# Kinds of commands that are named.
_MOST_COMMANDS: Final = 12
_MOST_ATTRIBUTES: Final = 3


class StoryStep(NamedTuple):
    """`after_ns` is the time since the connection began, `frame` where it can be seen; None where that is not known."""

    title: str
    after_ns: int | None
    frame: int | None
    sentences: list[str]


def story(connection: Connection) -> list[StoryStep]:
    """What happened, in order."""
    steps = [_tcp(connection), _greeting(connection), _tls(connection), _login(connection)]
    steps += [_authentication(connection), _verdict(connection), _commands(connection), _end(connection)]
    return [step for step in steps if step is not None]


# -- the steps ---------------------------------------------------------------------------------------------------------


def _tcp(c: Connection) -> StoryStep:
    timing = c.timing
    if not c.tcp.syn:
        said = ["The connection was made before the capture began."]
    elif timing.tcp_connect_ns is not None:
        took = span(timing.tcp_connect_ns)
        said = [f"{c.client.address} connected to {c.server.address} port {c.server.port}; that took {took}."]
    elif c.tcp.rst_from == "server" and not c.tcp.bytes_from_server:
        said = [
            f"{c.client.address} asked {c.server.address} for a connection to port {c.server.port} and was refused."
        ]
    elif not c.tcp.bytes_from_client and not c.tcp.bytes_from_server:
        said = [f"{c.client.address} asked {c.server.address} for a connection to port {c.server.port}."]
    else:
        said = [f"{c.client.address} connected to {c.server.address} port {c.server.port}."]
    if c.proxy is not None and c.proxy.client is not None:
        said.append(
            f"A PROXY protocol header (frame {c.proxy.frame}) says that the client behind the proxy is "
            f"{c.proxy.client.address} port {c.proxy.client.port}."
        )
    return StoryStep("TCP", 0, c.first_frame, said)


def _since_start(c: Connection, *parts: int | None) -> int | None:
    """The sum of the times from the connection's start on; None where one of them is not known."""
    known = [part for part in (c.timing.tcp_connect_ns, *parts) if part is not None]
    return sum(known) if len(known) == len(parts) + 1 else None


def _greeting(c: Connection) -> StoryStep | None:
    greeting = c.greeting
    when = _since_start(c, c.timing.greeting_ns)
    if greeting is None:
        if c.error is not None and c.error.phase == "greeting":
            return StoryStep("No greeting", None, c.error.frame, ["In place of its greeting the server sent an error."])
        if c.tcp.bytes_from_server or c.login is not None or c.tls is not None:
            return StoryStep("No greeting", None, None, ["The server's greeting is not in the capture."])
        return StoryStep("No greeting", None, None, ["The server sent nothing."])
    said = [
        f"The server introduced itself: {_product(greeting)}, connection id {greeting.connection_id}. It gave a nonce "
        "(a random number, new for every connection)"
        + (f" and proposed the plugin {greeting.auth_plugin}." if greeting.auth_plugin else ".")
    ]
    offers = []
    if greeting.capabilities:
        offers.append("TLS" if "CLIENT_SSL" in greeting.capabilities else "no TLS")
        offers += ["compression"] if "CLIENT_COMPRESS" in greeting.capabilities else []
    if offers:
        said.append(f"It offers {' and '.join(offers)}.")
    return StoryStep("Greeting", when, greeting.frame, said)


def _product(greeting: Greeting) -> str:
    return f"{labels.PRODUCTS.get(greeting.flavor, greeting.flavor)} {greeting.server_version}"


def _tls(c: Connection) -> StoryStep | None:
    tls = c.tls
    if tls is None:
        if c.login is None:
            return None
        return StoryStep(
            "No TLS", None, None, ["Neither side began TLS: all that follows can be read by anyone on the way."]
        )
    said = []
    if tls.requested_frame is not None:
        said.append("The client sent the first 32 bytes of its login alone (an SSLRequest), to go on in TLS.")
    else:
        said.append("The client began TLS.")
    said += _tls_session(tls)
    when = _since_start(c, c.timing.greeting_ns, None if c.timing.tls_ns is None else c.timing.tls_ns)
    return StoryStep("TLS", when, tls.requested_frame, said)


def _tls_session(tls: Tls) -> list[str]:
    said = []
    if tls.version is not None:
        again = ", resumed from an earlier session" if tls.resumed else ""
        said.append(f"They agreed on {tls.version} with {tls.cipher_suite}{again}.")
    for certificate in tls.certificates[:1]:
        signed = "self-signed" if certificate.self_signed else f"signed by {certificate.issuer}"
        said.append(f"The server showed a certificate of {certificate.subject} ({certificate.key}, {signed}).")
    for alert in tls.alerts:
        if alert.description != "close_notify":
            what = alert.description or "that is encrypted"
            said.append(f"The {alert.sender} sent the alert {what} (frame {alert.frame}).")
    if tls.version is not None and not tls.decrypted:
        said.append("What was said inside it can not be read without its keys.")
    elif tls.decrypted:
        said.append("Its keys are at hand, so what follows could be read.")
    return said


def _login(c: Connection) -> StoryStep | None:
    login = c.login
    if login is None:
        if c.tls is not None or c.greeting is None:
            return None
        if c.outcome == "accepted" or any(finding.code == "capture-one-sided" for finding in c.findings):
            return StoryStep("No login", None, None, ["What the client sent is not in the capture."])
        words = "sent nothing that is a login" if c.tcp.bytes_from_client else "sent nothing"
        return StoryStep("No login", None, None, [f"The client {words}."])
    database = f" and database {login.database!r}" if login.database else ", without a database"
    plugin = f" It begins with the plugin {login.auth_plugin}." if login.auth_plugin else ""
    said = [f"The client logged in as user {login.user!r}{database}.{plugin}"]
    said += _client(c, login)
    when = _since_start(c, c.timing.greeting_ns, c.timing.login_ns)
    return StoryStep("Login", when, login.frame, said)


def _client(c: Connection, login: Login) -> list[str]:
    said = []
    driver = c.driver
    if driver is not None and driver.name:
        version = f" {driver.version}" if driver.version else ""
        how = "by its own word" if driver.evidence == "attributes" else f"{driver.confidence}, by its fingerprint"
        said.append(f"The client is {driver.name}{version} ({how}).")
    program = (login.attributes or {}).get("program_name")
    if program:
        said.append(f"The program calls itself {program!r}.")
    if login.collation is not None:
        said.append(f"It asks for the collation {login.collation} ({login.collation_id}).")
    elif login.collation_id is not None:
        said.append(f"It asks for collation {login.collation_id}, which nobody here knows.")
    if c.compression != "none":
        said.append(f"After the login both sides compress with {c.compression}.")
    return said


def _authentication(c: Connection) -> StoryStep | None:
    authentication = c.authentication
    if authentication is None:
        return None
    said = []
    for switch in authentication.switches:
        began = f"The client began with {switch.from_}" if switch.from_ else "The client named no plugin"
        said.append(
            f"{began}, but the account uses {switch.to}: the server asked to start again with that one (frame "
            f"{switch.frame}) and gave a new nonce."
        )
    if authentication.plugin:
        proof = plugin_of(authentication.plugin).proof
        proves = [proof.proves] if c.outcome == "accepted" else []
        said.append(" ".join([f"The plugin is {authentication.plugin}.", proof.computed, *proves]))
    if authentication.path in PATHS:
        said.append(PATHS[authentication.path])
    protection = PROTECTIONS.get(authentication.password_protection or "")
    if protection:
        said.append(protection)
    said += [f"- {step.sender}, frame {step.frame}: {step.summary}" for step in authentication.steps]
    return StoryStep("Authentication", None, authentication.steps[0].frame if authentication.steps else None, said)


def _verdict(c: Connection) -> StoryStep:
    said = [OUTCOMES.get(c.outcome, c.outcome)]
    error = c.error
    frame = None
    if error is not None and error.phase != "command":
        state = f" ({error.sqlstate})" if error.sqlstate else ""
        lead = "It said" if c.outcome == "rejected" else "The server noted"
        said.append(f"{lead}: error {error.code}{state}, {error.message!r}.")
        frame = error.frame
    inferred = c.tls.inferred if c.tls is not None else None
    if inferred is not None:
        said.append(f"Going by sizes and times it was {inferred.login} ({inferred.confidence}): {inferred.why}.")
    total = c.timing.total_ns
    if total is not None:
        said.append(f"From the first packet to here: {span(total)}.")
    return StoryStep("Verdict", total, frame, said)


def _commands(c: Connection) -> StoryStep | None:
    if not c.commands:
        return None
    named = list(c.commands.items())[:_MOST_COMMANDS]
    listed = ", ".join(f"{count:,} {name}" for name, count in named)
    more = len(c.commands) - len(named)
    return StoryStep(
        "Commands", None, None, [f"The client sent {listed}" + (f" and {more} other kinds." if more else ".")]
    )


def _end(c: Connection) -> StoryStep:
    lasted = c.lasted_ns
    said = []
    error = c.error
    if error is not None and error.phase == "command":
        said.append(f"Unasked, the server sent error {error.code}, {error.message!r} (frame {error.frame}).")
    if c.tcp.fin_from is not None:
        polite = ", after its goodbye (COM_QUIT)" if c.tcp.fin_from == "client" and "quit" in c.commands else ""
        said.append(f"The {c.tcp.fin_from} closed the connection{polite}.")
        if c.tcp.rst_from is not None:
            said.append(f"The {c.tcp.rst_from} reset it after that.")
    elif c.tcp.rst_from is not None:
        said.append(f"The {c.tcp.rst_from} reset the connection.")
    else:
        said.append("The end of the connection is not in the capture.")
    if c.end_time_ns > c.start_time_ns or not (c.tcp.bytes_from_client and c.tcp.bytes_from_server):
        said.append(f"It lasted {span(lasted)}.")
    return StoryStep("End", lasted, c.last_frame, said)


def in_brief(c: Connection) -> str:
    """What happened, in two or three sentences."""
    return f"{labels.client(c)}{in_common(c)}{in_numbers(c.timing.total_ns, sum(c.commands.values()))}"


def in_common(c: Connection) -> str:
    """What stands behind the client there: the same of all connections of a kind."""
    who = f" connected to {labels.product(c.greeting) if c.greeting else 'a server'}"
    where = f" at {labels.endpoint(c.server)}"
    if c.login is not None:
        who += f"{where} and logged in as {c.login.user!r}" if c.login.user else f"{where} and logged in without a name"
        if c.login.database:
            who += f" to database {c.login.database!r}"
    else:
        who += where
    how = OUTCOMES.get(c.outcome, "")
    if c.error is not None and c.outcome == "rejected":
        how = f"The server refused: {labels.error_text(c)}."
    return f"{who}. {how}"


def in_numbers(total_ns: int | None, commands: int) -> str:
    """And the rest of it: how long a login took, and how many commands followed."""
    speed = f" The verdict came after {labels.duration(total_ns)}." if total_ns is not None else ""
    after = f" {labels.count(commands, 'command')} followed." if commands else ""
    return f"{speed}{after}"
