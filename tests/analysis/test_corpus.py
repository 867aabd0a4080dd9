"""The captures with known truth: what the client and the server knew of each connection is what the analysis says.

What can not be seen without TLS keys is left out. Differences that are right stand in KNOWN, with the reason.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.records.greeting import HandshakeV10, plain_version
from analyzer.protocol.tables.capabilities import CAPABILITIES, flag_names
from tests.analysis.support import analyse_file, codes, rows_of
from tests.corpus import LAB, Json, cases, needs_corpus, truth

pytestmark = needs_corpus

BASE = "m97_cli97_fullauth_rsa"

# (case, what) -> why the analysis rightly differs from the truth.
KNOWN: dict[tuple[str, str], str] = {
    ("m97_cli97_fullauth_refused_by_client", "error"): "2061 is the client library's; the server notes 1158",
    ("m97_mcc_fullauth_rsa", "error"): "2061 is the client library's; the server notes 1158",
    ("m97_pymysql_err1129_hostblocked", "user"): "the server refused the host before any login was sent",
    ("m10_mcc_native", "collation"): "255 in the login; the truth is the session's after SET NAMES",
    ("m11_mariadbcli_err1049", "database"): "the truth leaves out the database that does not exist; the login names it",
    ("m11_mariadbcli_parsec_wrongpw", "database"): "the truth leaves it out; the login names labdb",
}
# How many more (or fewer) queries are on the wire than in the server's log, and why.
QUERIES: dict[str, tuple[int, str]] = {
    "m97_pymysql_killed_idle": (1, "the last one came after the kill"),
    "m97_pymysql_waittimeout": (1, "the last one came after the server had ended the session"),
    "m97_pymysql_multistatements": (-4, "the log has an entry for each statement of a packet"),
    "m97_php-mysqli_plain": (-2, "multi-statements"),
    "m97_php-mysqli_change": (-2, "multi-statements"),
}
# Server's log -> command, where the log has one entry for each command that was sent.
LOGGED = {
    "Init DB": "init_db",
    "Statistics": "statistics",
    "Debug": "debug",
    "Field List": "field_list",
    "Refresh": "refresh",
    "Close stmt": "stmt_close",
    "Reset stmt": "stmt_reset",
    "Long Data": "stmt_send_long_data",
    "Binlog Dump": "binlog_dump",
    "Quit": "quit",
}
# Fewer in the log than on the wire: the client closed while the server was not listening, or refused the command.
UNLOGGED = {
    ("m10_mariadbbinlog_remote", "quit"),
    ("m11_mariadbbinlog_remote", "quit"),
    ("m97_mysqlbinlog_remote", "quit"),
    ("m10_pymysql_commands", "quit"),
    ("m10_pymysql_commands", "init_db"),
}
# TLS 1.2 suites as OpenSSL calls them -> as IANA does.
SUITES = {
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
}
# Findings above info on connections that were accepted without TLS.
GRAVE: dict[tuple[str, str], str] = {
    ("m10_mariadbcli_pam_dialog", "cleartext-password"): "PAM's dialog sends the password as it is",
    ("m11_mariadbcli_pam_dialog", "cleartext-password"): "PAM's dialog sends the password as it is",
    ("m97_mcpure_changeuser_reset", "cleartext-password"): "sent in COM_CHANGE_USER",
    ("m97_mcpure_changeuser_reset", "change-user-refused"): "error 1045",
    ("m97_mcc_changeuser_reset", "change-user-refused"): "error 1156",
    ("m97_mcc_changeuser_reset", "sequence-error"): "the driver gave up COM_CHANGE_USER and sent the next command",
    ("m97_pymysql_waittimeout", "server-ended-session"): "wait_timeout: error 4031",
    ("m97_pymysql_killed_idle", "server-ended-session"): "killed: the server closes without a word",
    ("xa_loss_client", "capture-gap"): "made so",
    ("xa_loss_greeting", "capture-gap"): "made so",
    ("xa_loss_server", "capture-gap"): "made so",
    ("xa_serveronly", "capture-one-sided"): "made so",
    ("xa_snap96", "capture-truncated"): "made so",
}


def of_truth(case: str) -> bool:
    """Whether the capture holds the whole connections that its truth is about."""
    return truth(case)["expect"] == "same" and case not in ("m97_mysqlx_plain", "m97_pymysql_midstream")


WHOLE = [case for case in cases() if of_truth(case)]
REAL = [case for case in cases() if not case.startswith("xa_")]


def rows(case: str, port: int = 3306) -> list[Json]:
    return rows_of(LAB / truth(case)["capture"], port)


def pairs(case: str) -> list[tuple[Json, Json]]:
    """Each connection of the truth with the row that must be it."""
    left = list(rows(case))
    found = []
    for known in truth(case)["connections"]:
        number, port = known.get("connection_id"), known.get("client_port")
        row = next((r for r in left if number and (r["greeting"] or {}).get("connection_id") == number), None)
        row = row or next((r for r in left if port and r["client"]["port"] == port), None)
        row = row or left[0]
        left.remove(row)
        found.append((known, row))
    assert not left, "connections that the truth does not know"
    return found


def message_of(text: str) -> str:
    """An error message without what client libraries put around it."""
    return re.sub(r"^\(?\d{4}, |^ERROR \d+ \(\w+\):? ?(?:at line \d+:)? ?", "", text.strip())


def compare(case: str, known: Json, row: Json) -> dict[str, tuple[Any, Any]]:
    """what -> (got, wanted) of all that differs."""
    wanted: dict[str, Any] = {}
    got: dict[str, Any] = {}

    def want(what: str, value: Any, found: Any) -> None:
        wanted[what], got[what] = value, found

    server = truth(case)["server"]
    greeting, login, tls = row["greeting"] or {}, row["login"] or {}, row["tls"] or {}
    authentication = row["authentication"] or {}
    if greeting:
        want("server version", server["version"], greeting["server_version"])
        want("flavor", server["product"].lower(), greeting["flavor"])
    if not case.startswith("xa_port"):
        want("server port", server["port"], row["server"]["port"])
    if known.get("connection_id"):
        want("connection id", known["connection_id"], greeting.get("connection_id"))
    if "client_port" in known:
        want("client port", known["client_port"], row["client"]["port"])
    if "tls" in known:
        want("tls", known["tls"], bool(tls))
    if "connection_type" in known:
        want("connection type", known["connection_type"] == "SSL/TLS", bool(tls))
    if tls:
        want("outcome", "encrypted", row["outcome"])
        # None: a server that answers with a HelloRetryRequest first; a reader of its TLS may or may not go on.
        if "tls_version" in known and tls["version"] is not None:
            want("tls version", known["tls_version"], tls["version"])
            want("tls cipher", SUITES.get(known["tls_cipher"], known["tls_cipher"]), tls["cipher_suite"])
            want("tls resumed", known.get("tls_resumed", False), tls["resumed"])
        return {what: (got[what], value) for what, value in wanted.items() if got[what] != value}

    want("user", known["user"], login.get("user"))
    want("database", known["database"], login.get("database"))
    if known["accepted"] is not None:
        want("accepted", known["accepted"], row["outcome"] == "accepted")
    error = known.get("error")
    if error is not None:
        found = row["error"] or {"code": None, "sqlstate": None, "message": ""}
        said = [error["code"], error["sqlstate"], message_of(error["message"])]
        want("error", said, [found["code"], found["sqlstate"], found["message"]])
        if error["code"] < 2000 or error["code"] >= 3000:
            want("outcome", "rejected" if (case, "error") not in KNOWN else "aborted", row["outcome"])
    attributes = known.get("attributes")
    if attributes is not None:
        ours = login.get("attributes") or {}
        if "_truncated" in attributes:
            attributes = {name: value for name, value in attributes.items() if name != "_truncated"}
            ours = {name: value for name, value in ours.items() if name in attributes}
        want("attributes", attributes, ours)
    if "client_sends_plugin" in known:
        want("client's plugin", known["client_sends_plugin"], login.get("auth_plugin"))
    if "client_flag" in known:
        want("client flags", flag_names(known["client_flag"], CAPABILITIES), login.get("capabilities"))
    if "charset" in known:
        want("charset", known["charset"], (login.get("collation") or "").split("_")[0])
    if "collation" in known:
        want("collation", known["collation"], login.get("collation"))
    want("compression", known.get("compression", "none"), row["compression"])
    auth = known.get("auth", {})
    if "plugin" in auth:
        want("plugin", auth["plugin"], authentication.get("plugin"))
    if "switched" in auth:
        want("switched", auth["switched"], bool(authentication.get("switches")))
    if "full_auth" in auth:
        want("full authentication", auth["full_auth"], authentication.get("path") == "full")
    if "rsa_key_requested" in auth:
        want("RSA key", auth["rsa_key_requested"], authentication.get("password_protection") == "rsa")
    if "host_seen_by_server" in known:
        client = row["proxy"]["client"]
        want("host seen by server", known["host_seen_by_server"], [[f"{client['address']}:{client['port']}"]])
    if "server_closed" in known:
        want("server closed", "server", row["tcp"]["fin_from"])
    if "server_reset" in known:
        want("server reset", "server", row["tcp"]["rst_from"])
    return {what: (got[what], value) for what, value in wanted.items() if got[what] != value}


@pytest.mark.parametrize("case", WHOLE)
def test_what_the_truth_says(case: str) -> None:
    differences = {}
    for known, row in pairs(case):
        differences.update(compare(case, known, row))
    expected = {what for name, what in KNOWN if name == case}
    assert differences.keys() == expected, {w: d for w, d in differences.items() if w not in expected}


def test_known_differences_are_of_captures_that_exist() -> None:
    named = {case for case, _ in KNOWN} | {case for case, _ in GRAVE} | QUERIES.keys() | {case for case, _ in UNLOGGED}
    assert named <= set(cases())


def plain(case: str) -> bool:
    return truth(case)["keylog"] is None and all(row["outcome"] == "accepted" for row in rows(case))


@pytest.mark.parametrize("case", [case for case in WHOLE if plain(case)])
def test_commands_are_those_of_the_servers_log(case: str) -> None:
    known = truth(case)
    for row in rows(case):
        number = (row["greeting"] or {}).get("connection_id")
        log = Counter(command for thread, command, _ in known["server_log"] if thread == number)
        if not log:
            continue
        commands: Counter[str] = Counter(row["commands"])
        for name, command in LOGGED.items():
            if (case, command) in UNLOGGED:
                assert commands[command] == log[name] + 1
            else:
                assert commands[command] == log[name], command
        assert commands["change_user"] >= log["Change user"]
        # Servers log a statement prepared anew as another Prepare, and not every EXECUTE.
        assert bool(commands["stmt_prepare"]) == bool(log["Prepare"])
        assert bool(commands["stmt_execute"] + commands["stmt_bulk_execute"]) == bool(log["Execute"])
        # `select $$` of the 9.x command line does not parse, so its server does not log it.
        unparsed = int(known["client"].startswith("mysql  Ver 9") and known["server"]["product"] == "MySQL")
        more = QUERIES.get(case, (unparsed, ""))[0]
        if commands["query"] or log["Query"]:
            assert commands["query"] - log["Query"] in {more, 0 if unparsed else more}


@pytest.mark.parametrize("case", [c for c in WHOLE if any("greeting_hex" in k for k in truth(c)["connections"])])
def test_greeting_is_byte_for_byte_what_the_client_read(case: str) -> None:
    path = LAB / truth(case)["capture"]
    results = analyse_file(path, AnalysisOptions(packets=10))
    for known in truth(case)["connections"]:
        if "greeting_hex" not in known:
            continue
        raw = bytes.fromhex(known["greeting_hex"])
        connection, detail = next(r for r in results if r[0].client.port == known["client_port"])
        assert detail is not None
        first = next(p for p in detail.packets if p.sender == "server" and p.sequence_id is not None)
        assert first.data == raw[4:]
        assert first.length == int.from_bytes(raw[:3], "little")
        if raw[4] == 0xFF:
            error = ErrPacket.from_bytes(raw[4:], Context())
            assert connection.error is not None
            assert (connection.error.code, connection.error.message) == (error.error_code, error.error_message)
            continue
        record = HandshakeV10.from_bytes(raw[4:], Context())
        greeting = connection.greeting
        assert greeting is not None
        assert greeting.server_version == plain_version(record.server_version)
        assert greeting.connection_id == record.thread_id
        assert greeting.auth_plugin == record.auth_plugin_name
        assert greeting.capabilities == flag_names(record.capability_flags, CAPABILITIES)


@pytest.mark.parametrize("case", REAL)
def test_no_grave_finding_on_healthy_connections(case: str) -> None:
    for row in rows(case):
        if row["outcome"] != "accepted":
            continue
        grave = {f["code"] for f in row["findings"] if f["severity"] != "info"}
        allowed = {code for name, code in GRAVE if name == case}
        assert grave == allowed


@pytest.mark.parametrize("case", [c for c in cases() if c.startswith("xa_")])
def test_no_grave_finding_on_derived_captures(case: str) -> None:
    grave = {f["code"] for row in rows(case) if row["outcome"] == "accepted" for f in row["findings"]}
    # TCP counters; no loopback address any more; each frame twice.
    harmless = {"retransmissions", "unencrypted-login"} | ({"seen-twice"} if case == "xa_dup" else set())
    assert grave - harmless == {code for name, code in GRAVE if name == case}


# -- derived captures -------------------------------------------------------------------------------------------------

# Keys in which a capture that "is the same" may differ, and why.
FRAMES = frozenset({"frame", "frames", "first_frame", "last_frame", "requested_frame"})
COUNTERS = frozenset({"retransmissions", "out_of_order"})
TIMES = frozenset({"start_time_ns", "end_time_ns", "timing"})
CHANGED: dict[str, frozenset[str]] = {
    "xa_ipv6": frozenset({"address"}),
    "xa_ipv6_exthdr": frozenset({"address"}),
    "xa_ipv6_frag": frozenset({"address"}),
    "xa_port3306": frozenset({"port"}),
    "xa_port443": frozenset({"port"}),
    # The handshake is not in the capture, and neither is what is measured from it.
    "xa_nosyn": frozenset({"syn"}) | TIMES,
    # The end is not in the capture.
    "xa_nofin": frozenset({"fin_from", "end_time_ns"}),
    "xa_filecut": frozenset({"end_time_ns"}),
    # New frames between the old ones got times of their own.
    "xa_overlap": TIMES,
    "xa_split1": TIMES,
    "xa_splitrandom": TIMES,
}


def without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: without(v, names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [without(item, names) for item in value]
    return value


SAME = ("same", "last packet truncated", "same except what the last packet held")


@pytest.mark.parametrize("case", [c for c in cases() if truth(c)["derived_from"] and truth(c)["expect"] in SAME])
def test_derived_capture_gives_the_same(case: str) -> None:
    ignored = FRAMES | COUNTERS | CHANGED.get(case, frozenset()) | {"capture", "findings"}
    (base,), (row,) = rows(truth(case)["derived_from"]), rows(case)
    assert without(row, ignored) == without(base, ignored)
    extra = codes(row) - codes(base)
    if "address" in CHANGED.get(case, ()):
        extra.discard("unencrypted-login")  # the original is on the loopback interface
    if row["tcp"]["retransmissions"] >= 3:
        extra.discard("retransmissions")
    assert extra == ({"seen-twice"} if case == "xa_dup" else set())
    assert codes(base) <= codes(row)


@pytest.mark.parametrize("case", ["xa_loss_client", "xa_loss_greeting", "xa_loss_server"])
def test_a_lost_segment_is_said_and_nothing_false(case: str) -> None:
    (base,), (row,) = rows(BASE), rows(case)
    assert row["tcp"]["gaps"] == 1
    assert "capture-gap" in codes(row)
    assert row["outcome"] == "accepted"
    assert without(row["login"], FRAMES) == without(base["login"], FRAMES)
    assert row["commands"]["query"] in (base["commands"]["query"], base["commands"]["query"] - 1)
    assert row["greeting"] is None if case == "xa_loss_greeting" else row["greeting"] == base["greeting"]


def test_only_the_clients_direction() -> None:
    (base,), (row,) = rows(BASE), rows("xa_clientonly")
    assert without(row["login"], FRAMES) == without(base["login"], FRAMES)
    assert row["outcome"] == "unknown"
    assert row["greeting"] is None
    assert row["commands"] == base["commands"]
    assert row["tcp"]["bytes_from_server"] == 0
    assert "capture-one-sided" in codes(row)


def test_only_the_servers_direction() -> None:
    (base,), (row,) = rows(BASE), rows("xa_serveronly")
    assert without(row["greeting"], FRAMES) == without(base["greeting"], FRAMES)
    assert row["outcome"] == "accepted"
    assert row["login"] is None
    assert row["commands"] == {}
    assert "capture-one-sided" in codes(row)


def test_snap_length_of_96() -> None:
    (base,), (row,) = rows(BASE), rows("xa_snap96")
    assert "capture-truncated" in codes(row)
    assert row["greeting"]["server_version"] == base["greeting"]["server_version"]
    assert row["greeting"]["connection_id"] == base["greeting"]["connection_id"]
    assert row["outcome"] in ("accepted", "unknown")
    assert (row["login"] or {}).get("user") in (None, base["login"]["user"])


def test_snap_length_of_60_holds_no_payload() -> None:
    assert rows("xa_snap60") == []
    (row,) = rows("xa_snap60", 33097)
    assert row["outcome"] == "unknown"
    assert row["phase_reached"] == "tcp"
    assert "capture-truncated" in codes(row)


@pytest.mark.parametrize("case", ["xa_midstream", "m97_pymysql_midstream"])
def test_mid_stream_is_assumed_on_a_given_port_only(case: str) -> None:
    assert rows(case) == []
    (row,) = rows(case, 33097)
    assert row["outcome"] == "unknown"
    assert row["greeting"] is row["login"] is row["authentication"] is row["error"] is None
    assert codes(row) == {"capture-mid-stream"}
    queries = Counter(command for _, command, _ in truth(case)["server_log"])["Query"]
    assert 0 < row["commands"]["query"] <= queries
    assert row["commands"]["quit"] == 1


def test_keys_of_the_session_and_keys_that_are_wrong() -> None:
    case = "m97_cli97_tls12"
    path, keys = LAB / truth(case)["capture"], (LAB / truth(case)["keylog"]).read_text()

    def analysed(text: str) -> Connection:
        ((connection, _),) = analyse_file(path, AnalysisOptions(keylogs=(text.encode(),)))
        return connection

    right = analysed(keys)
    assert right.outcome == "accepted"
    assert right.login is not None
    assert right.login.user == truth(case)["connections"][0]["user"]
    assert "decryption-failed" not in codes(right)
    # The secret is the last word of a line; the client random before it still fits.
    wrong = analysed(re.sub(r"[0-9a-f]{8}$", "00000000", keys, flags=re.MULTILINE))
    assert wrong.outcome == "encrypted"
    assert wrong.login is None
    assert "decryption-failed" in codes(wrong)
    # Keys of another session say nothing about this one.
    other = analysed(re.sub(r" [0-9a-f]{8}", " 00000000", keys))
    assert other.outcome == "encrypted"
    assert other.login is None


def test_x_protocol_is_named_and_not_decoded() -> None:
    assert rows("m97_mysqlx_plain") == []


@pytest.mark.parametrize("case", cases())
def test_batches_of_any_size_give_the_same(case: str) -> None:
    path = LAB / truth(case)["capture"]
    if path.stat().st_size > 100_000:
        pytest.skip("large; the small ones show it")
    whole = [connection for connection, _ in analyse_file(path)]
    assert [connection for connection, _ in analyse_file(path, batch_bytes=700)] == whole
