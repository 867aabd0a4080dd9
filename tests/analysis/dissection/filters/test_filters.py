"""Display filters: what holds for a packet, what is asked of it, and what is said of a filter that is wrong."""

from __future__ import annotations

import pickle
import time

import pytest

from analyzer.analysis.dissection.filters import FilterError, compile_filter
from analyzer.engine.filters import filter_of
from analyzer.errors import CaptureError
from tests.analysis.dissection.filters.support import PACKET, Values

HOLD = [
    "mysql",
    "mysql.user",
    "mysql.request",
    'mysql.user == "root"',
    'mysql.user eq "root"',
    "mysql.user == root",
    r'mysql.user == "r\x6fot"',
    r'mysql.user == "r\157\u006ft"',
    'mysql.user != "Root"',
    'mysql.user > "ro" and mysql.user < "rp"',
    'mysql.user in {"a", "root"}',
    'mysql.user not in {"a", "b"}',
    'mysql.user[0:2] == "ro"',
    "mysql.user[0] == 72",
    "mysql.user[0] == 'r'",
    "mysql.user[1-2] == 6f:6f",
    'mysql.user[1:] == "oot"',
    'mysql.user[:2] == "ro"',
    'mysql.user[-1] == "t"',
    'mysql.user[0,3] == "rt"',
    "mysql.user[0:2] == 72:6f",
    'mysql.user contains "oo"',
    'mysql.user matches "^R.*t$"',
    'mysql.user ~ "oo"',
    'mysql.user matches r"\\w+"',
    'upper(mysql.user) == "ROOT"',
    'lower(mysql.query) contains "select"',
    "len(mysql.user) == 4",
    "len(mysql.passwd) == 4",
    "count(mysql.packet_number) == 2",
    'string(mysql.command) == "3"',
    'string(ip.src) matches "^10[.]"',
    "mysql.command == 3",
    "mysql.command == 0x03",
    "mysql.command == 0b11",
    "mysql.command == 03",
    'mysql.command == "Query"',
    'mysql.command == "query"',
    "3 == mysql.command",
    "2 < mysql.command",
    "2 < mysql.command <= 3",
    "mysql.command in {1, 2..4}",
    "mysql.command in {1..3}",
    "mysql.error_code >= 1045 && mysql.error_code <= 1045",
    "mysql.packet_number == 1",
    "mysql.packet_number == 2",
    "mysql.packet_number !== 1",
    "mysql.packet_number ~= 1",
    "mysql.packet_number any_ne 1",
    "all mysql.packet_number > 0",
    "any mysql.packet_number == 1",
    "mysql.passwd == 01:02:03:ff",
    "mysql.passwd == 01-02-03-ff",
    "mysql.passwd[0:2] == 01:02",
    "mysql.passwd contains 02:03",
    "mysql.passwd[3] == 0xff",
    'mysql contains "SELECT"',
    "mysql.caps.client & 0x200",
    "mysql.caps.client & 0x20f == 0x20f",
    "mysql.caps.lp == True",
    "mysql.caps.lp == 1",
    "mysql.caps.fr == false",
    "mysql.exec.field.double > 1.25",
    "mysql.exec.field.longlong == -7",
    "mysql.exec.field.longlong < 0",
    "ip.addr == 10.0.0.1",
    "ip.addr == 10.0.0.0/24",
    "ip.src != 10.0.1.0/24",
    "ip.src in {10.0.0.0..10.0.0.9}",
    "ip.src == ip.addr",
    "ipv6.src == fe80::1",
    "ipv6.src == fe80::/10",
    "tcp.port == 3306",
    "tcp.port in {3300..3310}",
    "frame.time_relative > 1.4999",
    "frame.time_relative == 1.5",
    'frame.time >= "2026-11-22 10:34:03.1" && frame.time < "2026-11-22T11:35:00+01:00"',
    'frame.time == "Nov 22, 2026 10:34:03.115962000 UTC"',
    'handshark.summary contains "\\n"',
    r'handshark.summary contains "\xff"',
    "not mysql.sqlstate",
    "!mysql.sqlstate",
    "!!mysql.user",
    "!(mysql.sqlstate || mysql.schema)",
    "mysql.user xor mysql.sqlstate",
    "mysql.user ^^ mysql.sqlstate",
    "mysql.sqlstate or mysql.user and mysql.query",
    "(mysql.sqlstate or mysql.user) AND mysql.query",
    "((((mysql.user))))",
]
FAIL = [
    "mysql.sqlstate",
    'mysql.sqlstate == "28000"',
    'mysql.sqlstate != "28000"',
    "count(mysql.sqlstate) == 0",
    'mysql.user == "Root"',
    "mysql.packet_number != 1",
    "mysql.packet_number === 1",
    "all mysql.packet_number == 1",
    "mysql.command not in {3}",
    "ip.addr != 10.0.0.1",
    'mysql.user[3:5] == "t"',
    'mysql.user[9] == "t"',
    'mysql.query matches "^1"',
    "mysql.caps.client & 0x1000",
    "mysql.user xor mysql.query",
    "mysql.user and mysql.sqlstate",
]


@pytest.mark.parametrize("text", HOLD)
def test_holds(text: str) -> None:
    assert compile_filter(text).matches(Values(PACKET))


@pytest.mark.parametrize("text", FAIL)
def test_does_not_hold(text: str) -> None:
    assert not compile_filter(text).matches(Values(PACKET))


# (filter, words of the reason, what the carets point at)
WRONG = [
    ("mysql.usr", "is it mysql.user", "mysql.usr"),
    ('mysql.user == "a" && mysql.error.code == 1', "mysql.error.code is no field", "mysql.error.code"),
    ("mysql.user == 5", 'is a text and is compared with a number; write "5"', "5"),
    ('mysql.command == "Bogus"', "none of the field's values", '"Bogus"'),
    ("mysql.error_code == abc", "'abc' is no number", "abc"),
    ("mysql.command == 300", "does not fit into 8 bits", "300"),
    ("mysql.command == -1", "does not fit into 8 bits", "-1"),
    ("mysql.caps.lp > 1", "> has no meaning for true and false", "mysql.caps.lp"),
    ("mysql.caps.lp == maybe", "neither true nor false", "maybe"),
    ("mysql.request == 1", "it can only be asked whether it is there", "mysql.request"),
    ("ip.src == 10.0.0.300", "is no IPv4 address", "10.0.0.300"),
    ("ipv6.src == 10.0.0.1", "is no IPv6 address", "10.0.0.1"),
    ("mysql.passwd == xyz", "is no byte array", "xyz"),
    ("mysql.command contains 3", "contains works on texts and bytes", "mysql.command"),
    ('tcp.port matches "1"', "matches works on texts and bytes", "tcp.port"),
    ('mysql.user matches "("', "the pattern can not be read", '"("'),
    ("mysql.user matches root", "has to be in quotes", "root"),
    ("frame.time > tomorrow", "is no time", "tomorrow"),
    ("frame.time_relative > soon", "is no number of seconds", "soon"),
    ("mysql.command[0] == 1", "only texts and bytes have slices", "mysql.command[0]"),
    ("mysql.user[a] == 1", "is no slice", "a"),
    ("mysql.user[3-1] == 1", "ends before it begins", "3-1"),
    ("len(mysql.command) == 1", "len() takes", "len(mysql.command)"),
    ("size(mysql.user) == 1", "size is no function", "size(mysql.user)"),
    ("len(mysql.user, mysql.query) == 1", "takes one field, 2 are given", "len(mysql.user, mysql.query)"),
    ("mysql.user == mysql.command", "is compared with a number", "mysql.command"),
    ('"a" == "b"', "one side has to be a field", '"a"'),
    ('mysql.user == "abc', "a quote that is not closed", '"abc'),
    (r'mysql.user == "\q"', r"\q is no escape", r"\q"),
    ("mysql.user ==", "the filter ends too early", ""),
    ("mysql.user mysql.query", "is not expected", "mysql.query"),
    ("mysql.command in {1 2}", "is not expected", "2"),
    ("(mysql.user", "ends too early", ""),
    ("mysql.user && && mysql.query", "is not expected", "&&"),
    ("mysql.user ; mysql.query", "has no meaning here", ";"),
    ("mysql.fragment.count > 1", "can not be known here", "mysql.fragment.count"),
    ("handshark.user == mysql.user", "with one of the whole connection", "handshark.user"),
    ("mysql.user & 1", "& works on numbers", "mysql.user"),
    ("mysql.caps.lp in {0..1}", "has no ranges", "0"),
]


@pytest.mark.parametrize(("text", "reason", "place"), WRONG)
def test_says_what_is_wrong_and_where(text: str, reason: str, place: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    error = caught.value
    assert reason in str(error)
    assert text[error.start : error.end] == place
    line, carets = error.marked().split("\n")
    assert line == f"  {text}"
    assert carets == "  " + " " * error.start + "^" * max(1, len(place))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "mysql" + ")" * 100_000,
        "(" * 5_000 + "mysql" + ")" * 5_000,
        "!" * 15_000 + "mysql",
        "not " * 4_000 + "mysql",
        " or ".join(["mysql.user"] * 1_800) + " or mysql.user" * 500,
        "mysql.user" + "[0]" * 6_000 + " == 1",
        "len(" * 4_000 + "mysql.user" + ")" * 4_000 + " == 1",
        "",
        "   ",
    ],
    ids=[
        "100000 parentheses",
        "5000 parentheses",
        "15000 !",
        "4000 not",
        "2300 tests",
        "slices",
        "calls",
        "empty",
        "blank",
    ],
)
def test_bounded(text: str) -> None:
    # Work of this process, whatever else the machine does: an unbounded one takes hours.
    started = time.process_time()
    with pytest.raises(FilterError):
        compile_filter(text)
    assert time.process_time() - started < 30


def test_long_but_flat_filters_are_taken() -> None:
    text = " || ".join(f"mysql.error_code == {1000 + i}" for i in range(400))
    assert compile_filter(text).matches(Values(PACKET))
    assert not compile_filter(text.replace("1045", "1")).matches(Values(PACKET))


def test_a_pattern_that_explodes_is_stopped() -> None:
    keep = compile_filter(r'mysql.query matches "(x+x+)+y"')
    source = Values({"mysql.query": ["x" * 5_000]})
    with pytest.raises(CaptureError, match="takes too long"):
        keep.matches(source)


def test_asks_for_no_more_than_it_needs() -> None:
    keep = compile_filter('mysql.user == "nobody" && mysql.query contains "x"')
    source = Values(PACKET)
    assert not keep.matches(source)
    assert source.asked == {"mysql.user"}
    assert keep.fields == {"mysql.user", "mysql.query"}


def test_knows_what_it_is_about() -> None:
    of_packets = compile_filter("mysql.query")
    assert of_packets.needs_packets
    assert not of_packets.needs_connection
    of_connections = compile_filter('handshark.outcome == "rejected" && tcp.port == 3306')
    assert not of_connections.needs_packets
    assert of_connections.needs_connection
    of_both = compile_filter("mysql.query && handshark.tls == True")
    assert of_both.needs_packets
    assert of_both.needs_connection


def test_decides_by_noted_outcomes() -> None:
    keep = compile_filter('mysql.query && !(handshark.outcome == "rejected") && mysql.user')
    bits = keep.packet_bits(Values(PACKET))
    assert keep.decide(bits, Values({"handshark.outcome": ["accepted"]}))
    assert not keep.decide(bits, Values({"handshark.outcome": ["rejected"]}))
    assert not keep.decide(keep.packet_bits(Values({})), Values({"handshark.outcome": ["accepted"]}))


def test_is_rebuilt_in_another_process() -> None:
    keep = pickle.loads(pickle.dumps(compile_filter('mysql.user == "root"')))
    assert keep.matches(Values(PACKET))


def test_an_address_of_a_connection_is_compared_with_networks() -> None:
    source = Values({"handshark.client": ["10.1.2.3"], "handshark.server": ["fd00::7"]})
    assert compile_filter("handshark.client == 10.0.0.0/8 && handshark.server == fd00::/8").matches(source)
    assert compile_filter("handshark.client == 10.1.2.3").matches(source)
    assert compile_filter("handshark.client in {192.168.0.0/16, 10.1.0.0/16}").matches(source)
    assert not compile_filter("handshark.client == 127.0.0.0/8 || handshark.server == 10.0.0.0/8").matches(source)
    assert compile_filter("handshark.client != 127.0.0.0/8").matches(source)
    with pytest.raises(FilterError, match="no network"):
        compile_filter("handshark.client == 10.0.0.0/99")


def test_a_value_that_can_not_be_is_refused_with_a_suggestion() -> None:
    with pytest.raises(FilterError, match=r'is never .*; is it "rejected"'):
        compile_filter('handshark.outcome == "rejectd"')
    with pytest.raises(FilterError, match="it is one of error, info, warning"):
        compile_filter('handshark.severity in {"nonsense"}')
    with pytest.raises(FilterError, match='is it "access-denied"'):
        filter_of('handshark.finding == "acces-denied"')
    assert filter_of('handshark.finding == "access-denied"').matches(Values({"handshark.finding": ["access-denied"]}))
    assert compile_filter('handshark.user == "rejectd"').matches(Values({"handshark.user": ["rejectd"]}))


@pytest.mark.parametrize(
    "text", ["tcp.flags.syn == 1", "tcp.flags.syn == true && tcp.flags.ack == 0", "tcp.flags.syn in {1}"]
)
def test_what_no_frame_with_a_packet_has_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match=r"never .* on a frame with a MySQL packet; handshark\.syn says"):
        compile_filter(text)
    with pytest.raises(FilterError, match="dissect shows packets"):
        compile_filter("tcp.len == 0")
    assert compile_filter("tcp.flags.syn == 0 && tcp.len > 0").matches(
        Values({"tcp.flags.syn": [False], "tcp.len": [3]})
    )


def test_a_truth_says_what_it_says() -> None:
    plain, secured = Values({"handshark.tls": [False]}), Values({"handshark.tls": [True]})
    assert compile_filter("not handshark.tls").matches(plain)
    assert not compile_filter("not handshark.tls").matches(secured)
    assert compile_filter("handshark.tls").matches(secured)
    assert not compile_filter("handshark.tls").matches(plain)
