"""What is plain is redacted together: the same comes out as when each packet, statement and frame goes by itself."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.conversation.tls_layer import TlsLayer
from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.sessions import KnownSessions, RedactedSession
from analyzer.sharing.redaction.sql import SqlRedactor
from tests.analysis.conversation.prepared import COLUMN
from tests.bench import replay
from tests.bench.tls import Contexts
from tests.corpus import LAB, REPOSITORY, needs_corpus
from tests.sharing.reading import KEY, broken, redacted
from tests.wire.files import frames_in, pcapng, secrets
from tests.wire.mysql import CLIENT_FLAGS, DEPRECATE_EOF, FAST, err, greeting, login, ok, packet, query
from tests.wire.script import GOODBYE, Step, conversation

SAMPLES = sorted(path for path in (REPOSITORY / "samples").iterdir() if ".pcap" in path.name)
NOTHING = KeptKinds(frozenset())
TABLES = KeptKinds(frozenset({"identifiers"}))
SECRET_NUMBER = (1_234_567_890).to_bytes(4, "little")


def both(path: Path, keep: KeptKinds) -> None:
    """The same, taken together and one by one; who lists replacements looks at each value by itself."""
    together, _, _ = redacted(path, RedactRequest(KEY, keep))
    alone, _, _ = redacted(path, RedactRequest(KEY, keep, listed=True, plain=False))
    assert together == alone


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    both(path, TABLES if len(path.name) % 2 else NOTHING)


@pytest.mark.parametrize("path", sorted(LAB.glob("*.pcap"))[7::40], ids=lambda path: path.name)
def test_captures_of_others(path: Path) -> None:
    both(path, NOTHING)


test_captures_of_others = needs_corpus[0](needs_corpus[1](test_captures_of_others))

SMALL = [path for path in SAMPLES if path.suffix != ".zst" and path.stat().st_size < 30_000]


@pytest.mark.parametrize("path", SMALL[3::9], ids=lambda path: path.name)
def test_captures_that_are_broken(path: Path, tmp_path: Path) -> None:
    """Frames that are lost, cut, doubled and changed."""
    frames = frames_in(path.read_bytes())
    file = tmp_path / "broken.pcapng"
    for seed in range(4):
        made = broken(frames, random.Random(f"{path.name} {seed}"), (0.04, 0.08, 0.12, 0.2))
        file.write_bytes(pcapng(made))
        together, _, _ = redacted(file, RedactRequest(KEY, NOTHING))
        alone, _, _ = redacted(file, RedactRequest(KEY, NOTHING, plain=False))
        assert together == alone, seed


def test_logins_of_one_shape(tmp_path: Path) -> None:
    """Of many logins that differ in nonce, scramble and number alone each gets what it gets alone."""
    draw = random.Random(5)
    frames = []
    for number in range(40):
        user, response = draw.choice(["app", "ops", "root"]), draw.randbytes(draw.choice([0, 20, 32]))
        nonce = bytes(draw.randrange(1, 256) if draw.random() < 0.99 else 0 for _ in range(20))
        steps: list[Step] = [
            ("s", greeting(thread=draw.randrange(1 << 32), nonce=nonce)),
            ("c", login(user, "shop", response, attributes={"_pid": str(draw.randrange(20)), "program_name": user})),
            ("s", FAST + ok(3)),
            ("c", query(f"SELECT {number} FROM {user}")),
            ("s", ok(1)),
            *GOODBYE,
        ]
        frames += conversation(steps, client=("10.0.0.9", 40000 + number))
    file = tmp_path / "logins.pcapng"
    file.write_bytes(pcapng(frames))
    both(file, NOTHING)
    _, summary, _ = redacted(file, RedactRequest(KEY, NOTHING))
    assert summary.replaced["users"] >= 40


def test_sessions_that_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are taken as a whole, and become what each becomes alone."""
    file = tmp_path / "storm.pcap"
    replay.storm(REPOSITORY / "samples", file, 150)
    taken = []
    before = KnownSessions.get

    def get(sessions: KnownSessions, *told: Any) -> RedactedSession | None:
        found = before(sessions, *told)
        taken.append(found)
        return found

    monkeypatch.setattr(KnownSessions, "get", get)
    for keep in (NOTHING, TABLES):
        taken.clear()
        together, _, _ = redacted(file, RedactRequest(KEY, keep))
        assert sum(one is not None for one in taken) > 40
        alone, _, _ = redacted(file, RedactRequest(KEY, keep, plain=False))
        assert together == alone


def test_queries_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with their errors, and the COM_QUIT behind them, as turns: no packet of them goes by itself."""
    frames = []
    for number in range(8):
        steps: list[Step] = [("s", greeting(thread=number)), ("c", login()), ("s", FAST + ok(3))]
        for code, message in ((1146, "Table 'shop.hushed' doesn't exist"), (1064, f"near 'x{number}' at line 1")):
            steps += [("c", query(f"SELECT 'a{number}' FROM hushed")), ("s", err(1, code, message, "42S02"))]
        frames += conversation([*steps, *GOODBYE], client=("10.0.0.9", 40000 + number))
    file = tmp_path / "failures.pcapng"
    file.write_bytes(pcapng(frames))
    both(file, NOTHING)
    alone = []
    before = PacketRedactor.redact

    def redact(packets: PacketRedactor, *told: Any) -> bytes:
        alone.append(type(told[2]).__name__)
        return before(packets, *told)

    monkeypatch.setattr(PacketRedactor, "redact", redact)
    content, _, _ = redacted(file, RedactRequest(KEY, NOTHING))
    assert not {"ComQuery", "ErrPacket", "ComQuit"}.intersection(alone)
    assert b"at line 1" in content
    assert b"hushed" not in content


def answer(name: str, value: bytes) -> bytes:
    """One row with one column, which is an expression of this name."""
    names = b"".join(bytes([len(one)]) + one for one in (b"def", b"", b"", b"", name.encode(), b""))
    definition = names + b"\x0c" + struct.pack("<HIBHBH", 45, 400, 0xFD, 0, 31, 0)
    row = bytes([len(value)]) + value
    return packet(1, b"\1") + packet(2, definition) + packet(3, row) + ok(4, header=0xFE)


def test_responses_that_come_again(tmp_path: Path) -> None:
    """They become the same again, but where a column is a word of one statement and a literal of the other."""
    frames = []
    for number in range(3):
        steps: list[Step] = [("s", greeting(thread=number)), ("c", login()), ("s", FAST + ok(3))]
        for turn in range(12):
            asked = ("SELECT zorro()", "SELECT 'zorro'", "SELECT zorro() AS zorro")[turn % 3]
            steps += [("c", query(asked)), ("s", answer("zorro", b"Ann Other"))]
            steps += [("c", query("SELECT 17")), ("s", answer("17", b"%d" % (17 + turn // 6)))]
            steps += [("c", query("DO 1")), ("s", ok(1))]
        frames += conversation([*steps, *GOODBYE], client=("10.0.0.9", 40000 + number))
    file = tmp_path / "again.pcapng"
    file.write_bytes(pcapng(frames))
    both(file, NOTHING)
    both(file, TABLES)
    content, summary, _ = redacted(file, RedactRequest(KEY, TABLES))
    assert content.count(b"SELECT zorro()") == 3 * 8
    assert content.count(b"\x05zorro") == 3 * 8
    assert b"Ann Other" not in content
    assert summary.replaced["values"] == 3 * 24


@pytest.mark.parametrize("schema", [b"\0", b"\xff"], ids=["whole", "broken"])
def test_rows_whose_definition_is_broken(tmp_path: Path, schema: bytes) -> None:
    """The definitions that came last are in force: where they are broken, nobody knows the columns any more."""
    flags = CLIENT_FLAGS | DEPRECATE_EOF
    last = COLUMN[:4] + schema + COLUMN[5:]
    end = packet(3, b"\xfe\0\0\2\0\0\0")
    steps: list[Step] = [
        ("s", greeting(flags=flags)),
        ("c", login(flags=flags)),
        ("s", FAST + ok(3)),
        ("c", packet(0, b"\x16SELECT c FROM t")),
        ("s", packet(1, b"\0\1\0\0\0\1\0\0\0\0\0\0") + packet(2, COLUMN)),
        ("c", packet(0, b"\x17\1\0\0\0\0\1\0\0\0")),
        ("s", packet(1, b"\1") + packet(2, last) + end),
        ("c", packet(0, b"\x1c\1\0\0\0\2\0\0\0")),
        ("s", packet(1, b"\0\0" + SECRET_NUMBER) + packet(2, b"\0\0" + SECRET_NUMBER) + end),
        *GOODBYE,
    ]
    file = tmp_path / "fetched.pcapng"
    file.write_bytes(pcapng(conversation(steps)))
    both(file, NOTHING)
    content, summary, _ = redacted(file, RedactRequest(KEY, NOTHING))
    assert SECRET_NUMBER not in content
    assert (summary.replaced.get("values", 0) >= 2) is (schema == b"\0")


def test_tls_that_nobody_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No session is made of most of it; of what is broken, or gets its keys late, one is."""
    contexts, file, log = Contexts(tmp_path), tmp_path / "tls.pcap", tmp_path / "tls.pcapng"
    replay.tls_storm(REPOSITORY / "samples", file, 40, contexts)
    begun = []
    before = TlsLayer.begin

    def begin(layer: TlsLayer, *told: Any) -> None:
        begun.append(layer)
        before(layer, *told)

    monkeypatch.setattr(TlsLayer, "begin", begin)
    content, summary, _ = redacted(file, RedactRequest(KEY, NOTHING))
    # Each of six kinds of logins teaches its shape twice, and once again to who redacts.
    assert (summary.connections, summary.closed) == (40, 40)
    assert len(begun) < 30
    assert content == redacted(file, RedactRequest(KEY, NOTHING, plain=False))[0]
    frames = frames_in(file.read_bytes())
    for seed in range(3):
        draw = random.Random(seed)
        made = [one for one in frames if draw.random() > 0.01]
        for number, one in enumerate(made):
            if draw.random() < 0.02:
                at = draw.randrange(54, len(one.data) + 1)
                made[number] = one._replace(data=one.data[:at] + draw.randbytes(1) + one.data[at + 1 :])
        log.write_bytes(pcapng(made))
        both(log, NOTHING)
    half = len(frames) // 2
    known = secrets(contexts.keylog.read_bytes())
    log.write_bytes(pcapng(frames[:half]) + known + pcapng(frames[half:]))
    both(log, NOTHING)
    log.write_bytes(pcapng(frames) + known)
    both(log, NOTHING)


def test_logins_of_six_kinds(tmp_path: Path) -> None:
    """Of which most are of a shape that is known, and end with a COM_QUIT behind turns, or behind nothing."""
    file = tmp_path / "storm.pcap"
    replay.storm(REPOSITORY / "samples", file, 60)
    both(file, NOTHING)
    both(file, KeptKinds(frozenset({"attributes", "users"})))


PIECE = some.sampled_from(
    [
        *(
            "SELECT ",
            "select",
            " FROM ",
            "t",
            "shop",
            "app",
            ".",
            ",",
            " ",
            "=",
            "(",
            ")",
            "'",
            "''",
            '"',
            "\\",
            "`",
            "-",
        ),
        *("--", "/*", "*/", "#", ";", "1", "42", "1.5", "1e5", "0x41", "x'41'", "_utf8'a'", "'abc'", "'shop'", "'app'"),
        *(
            "@",
            "@@",
            "SET ",
            " WHERE ",
            "password",
            "=1",
            "a1",
            "`t`",
            "UPDATE ",
            " AS x",
            "\xe9",
            "+",
            "5.",
            ".5",
            "?",
        ),
        *("'password'", "'pwd='", "'*AB'", "'a@b.c'", " INTO ", "1.", "$1", "''", "'1.5'", "/", "*/*", "'a", " 'SHOP'"),
    ]
)


@given(some.lists(PIECE, max_size=14), some.sampled_from(["SELECT ", "INSERT ", "", "UPDATE t SET "]), some.booleans())
def test_statements(pieces: list[str], begin: str, tables: bool) -> None:
    keep = TABLES if tables else NOTHING
    redactors = [SqlRedactor(Replacements(KEY), keep, skeletons) for skeletons in (True, False)]
    raw = (begin + "".join(pieces)).encode()
    # Another with the same words, and other literals, was there before; names become known in between.
    before = raw.replace(b"1", b"7").replace(b"abc", b"defgh")
    for one in redactors:
        one.statement(before)
        one.meet_schema("shop")
        one.meet_account("app")
        one.statement(before)
    assert redactors[0].statement(raw) == redactors[1].statement(raw)
