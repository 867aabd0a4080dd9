"""The captures with known truth: no false alarm on what is healthy, and the right word for what is not."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Final

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from tests.analysis.support import analyse_file
from tests.corpus import LAB, ZEEK, Json, cases, needs_corpus, truth

pytestmark = needs_corpus

# Findings above info that connections deserve though their login was accepted and nothing failed, and why.
DESERVED: Final[dict[tuple[str, str], str]] = {
    ("m10_mariadbcli_pam_dialog", "cleartext-password"): "PAM's dialog sends the password as it is, without TLS",
    ("m11_mariadbcli_pam_dialog", "cleartext-password"): "PAM's dialog sends the password as it is, without TLS",
    ("m97_mcpure_changeuser_reset", "cleartext-password"): "the driver sends it as it is in COM_CHANGE_USER",
    ("m97_mcpure_changeuser_reset", "change-user-refused"): "error 1045",
    ("m97_mcc_changeuser_reset", "change-user-refused"): "error 1156",
    ("m97_mcc_changeuser_reset", "sequence-error"): "the driver gives COM_CHANGE_USER up in the middle of it",
    ("m97_pymysql_waittimeout", "server-ended-session"): "wait_timeout: error 4031",
    ("m97_pymysql_killed_idle", "server-ended-session"): "killed while idle",
    ("xa_loss_client", "capture-gap"): "made so",
    ("xa_loss_greeting", "capture-gap"): "made so",
    ("xa_loss_server", "capture-gap"): "made so",
    ("xa_serveronly", "capture-one-sided"): "made so",
    ("xa_clientonly", "capture-one-sided"): "made so",
    ("xa_snap96", "capture-truncated"): "made so",
}
# (case, error that the client was told, None where it was told none) -> the finding that explains it.
EXPLAINED: Final[dict[tuple[str, int | None], str]] = {
    ("m10_mariadbcli_err1045_unknownuser", 1045): "access-denied",
    ("m10_mariadbcli_err4151_locked", 4151): "account-locked",
    ("m10_mariadbcli_err_reqssl_plain", 1045): "access-denied",
    ("m10_raw_partial_response_close", None): "truncated-login",
    ("m11_jdbc-mariadb2.7_parsec", None): "plugin-unsupported",
    ("m11_mariadbcli_err1045_unknownuser", 1045): "access-denied",
    ("m11_mariadbcli_err1049", 1049): "unknown-database",
    ("m11_mariadbcli_err3159", 3159): "tls-required",
    ("m11_mariadbcli_parsec_wrongpw", 1045): "access-denied",
    ("m11_pymysql_pam", None): "plugin-unsupported",
    ("m11_raw_garbage", None): "foreign-client",
    ("m11_raw_midhandshake_close", None): "probe-connection",
    ("m97_cli97_err1045_x509_missing", 1045): "access-denied",
    ("m97_cli97_err1820_expired", None): "password-expired",
    ("m97_cli97_err3118_locked", 3118): "account-locked",
    ("m97_cli97_err3159_secure_transport", 3159): "tls-required",
    ("m97_cli97_err3955_failedlogins", 1045): "access-denied",
    ("m97_cli97_err3955_failedlogins", 3955): "account-temporarily-locked",
    ("m97_cli97_fullauth_refused_by_client", 2061): "full-auth-refused",
    ("m97_mcc_fullauth_rsa", 2061): "full-auth-refused",
    ("m97_mcpure_fullauth_rsa", 1045): "access-denied",
    ("m97_mcpure_nonascii", 1045): "access-denied",
    ("m97_node-mysql_db", 1251): "plugin-unsupported",
    ("m97_pymysql_err1040_toomany", 1040): "too-many-connections",
    ("m97_pymysql_err1129_hostblocked", 1129): "host-blocked",
    ("m97_pymysql_err1129_hostblocked", None): "truncated-login",
    ("m97_raw_connect_timeout", None): "login-timeout",
    ("m97_raw_garbage", None): "foreign-client",
    ("m97_raw_midhandshake_close", None): "probe-connection",
}
# What a login says besides, where its password went over the wire in clear text: a second fault, not another reading.
BESIDES: Final = {"m97_mcpure_fullauth_rsa": "cleartext-password", "m97_mcpure_nonascii": "cleartext-password"}
# Two connections of the blocked host, of whom the truth says the same; the second was blocked already.
ALSO_BLOCKED: Final = "m97_pymysql_err1129_hostblocked"


@cache
def connections(case: str) -> list[Connection]:
    """The connections of a capture, opened with its keys where it has any."""
    known = truth(case)
    keys = ((LAB / known["keylog"]).read_bytes(),) if known["keylog"] else ()
    return [connection for connection, _ in analyse_file(LAB / known["capture"], AnalysisOptions(keylogs=keys))]


def of(case: str, known: Json, left: list[Connection]) -> Connection | None:
    """The connection that a truth is about, taken out of `left`."""
    number, port = known.get("connection_id"), known.get("client_port")
    found = next((c for c in left if number and c.greeting and c.greeting.connection_id == number), None)
    found = found or next((c for c in left if port and c.client.port == port), None)
    found = found or next(iter(left), None)
    if found is not None:
        left.remove(found)
    return found


def grave(connection: Connection) -> list[str]:
    return [finding.code for finding in connection.findings if finding.severity != "info"]


def failed(known: Json) -> bool:
    return bool(known.get("error")) or known["accepted"] is False


WHOLE = [case for case in cases() if truth(case)["connections"] and case != "m97_mysqlx_plain"]
BAD = [case for case in WHOLE if any(failed(known) for known in truth(case)["connections"])]


@pytest.mark.parametrize("case", WHOLE)
def test_no_false_alarm(case: str) -> None:
    left = list(connections(case))
    deserved = {code for name, code in DESERVED if name == case}
    for known in truth(case)["connections"]:
        connection = of(case, known, left)
        if connection is None or failed(known):
            continue
        assert set(grave(connection)) == deserved, [f.message for f in connection.findings]


def test_no_false_alarm_without_keys() -> None:
    for case in WHOLE:
        known = truth(case)
        if known["keylog"] is None or case in BAD:
            continue
        for connection, _ in analyse_file(LAB / known["capture"]):
            assert grave(connection) == [], case


def test_deserved_are_captures_that_exist() -> None:
    assert {case for case, _ in DESERVED} <= set(cases())
    assert {case for case, _ in EXPLAINED} == set(BAD)


def judged(case: str) -> list[tuple[str, str]]:
    """For each failure of a case: (right, wrong or silent; what was said)."""
    left = list(connections(case))
    said: list[tuple[str, str]] = []
    for known in truth(case)["connections"]:
        connection = of(case, known, left)
        if not failed(known) or connection is None:
            continue
        code = (known.get("error") or {}).get("code")
        expected = EXPLAINED[case, code]
        codes = grave(connection)
        if case == ALSO_BLOCKED and connection.error is not None and connection.error.code == 1129:
            expected = "host-blocked"
        if case in BESIDES:
            codes = [c for c in codes if c != BESIDES[case]]
        # What only informs explains too, where nothing went wrong: a health check.
        codes = codes or [finding.code for finding in connection.findings[:1]]
        verdict = "silent" if not codes else "right" if codes == [expected] else "wrong"
        said.append((verdict, f"{case}: {expected} expected, {codes} found"))
    return said


def test_every_failure_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    every = [verdict for case in BAD for verdict in judged(case)]
    count = Counter(verdict for verdict, _ in every)
    rate = {"cases": len(every), **{name: count[name] for name in ("right", "wrong", "silent")}}
    with capsys.disabled():
        print("\n" + json.dumps({"findings_on_failures": rate}))
    assert rate["cases"] >= len(EXPLAINED)
    assert [what for verdict, what in every if verdict != "right"] == []


@pytest.mark.parametrize("case", BAD)
def test_a_failure_says_what_to_do(case: str) -> None:
    for connection in connections(case):
        for finding in connection.findings:
            assert finding.advice
            assert finding.evidence or finding.severity == "info", finding.code
            if finding.confidence != "certain":
                assert finding.doubt, finding.code


# Captures of others, of MySQL 5.0 to 9.0: (file, stream) -> what is above info in it.
ZEEK_SAYS: Final[dict[str, list[list[str]]]] = {
    "auth.pcap": [["host-not-allowed"]] * 3 + [["access-denied"]] * 9 + [[]],
    "caching_sha2_password.pcap": [["full-auth-refused"], [], []],
    "change-user-success.pcap": [[]],
    "encrypted.pcap": [["weak-tls"]],  # TLS 1.1
    "mysql.pcap": [[]],
    "query-attr.pcap": [[]],
    "selects_with_new_proto.pcap": [[]],
    "tls-12-amazon-rds.pcap": [[]],
}


@pytest.mark.parametrize("name", sorted(ZEEK_SAYS))
def test_captures_of_others(name: str) -> None:
    found = [grave(connection) for connection, _ in analyse_file(ZEEK / name)]
    assert found == ZEEK_SAYS[name]
