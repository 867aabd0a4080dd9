"""Captures without their content: nothing planted is left, and the story stays."""

from __future__ import annotations

import json
import random
import re
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.protocol.auth import PLUGINS
from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.words import MESSAGE_WORDS, SQL_WORDS
from tests.cli.support import REFUSED, run
from tests.corpus import CORPUS, LAB, REPOSITORY, needs_corpus, tool
from tests.reading import collected, connections_of
from tests.sharing.reading import KEY, comments, holds, keylog, names, redacted
from tests.wire.files import block, frames_in, option, pcap, pcapng
from tests.wire.frames import Frame
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, START, Step, conversation

SAMPLES = sorted(path for path in (REPOSITORY / "samples").iterdir() if ".pcap" in path.name)
SECRET = b"Pl4intSecret!"
ALL = RedactRequest(KEY, KeptKinds(frozenset()))
# Clients that break the protocol: what is not understood is zero, and told of as something else.
BROKEN = re.compile(
    r"fault-(close-in-tls|http-request|plain-text-in-tls|speaks-first|query-without-login|no-protocol-41)"
)
# Hashes of what was replaced, and whether a certificate signs itself.
HASHES = re.compile(r"sha256|fingerprint|self_signed|signature")
Json = Any


def form(text: str) -> str:
    """A text with what a replacement may change taken out."""
    for pattern, sign in ((r"[^\x00-\x7f]", "?"), (r"[0-9]", "0"), (r"[a-z]", "a"), (r"[A-Z]", "A")):
        text = re.sub(pattern, sign, text)
    return text


def story(value: Json, path: str = "") -> Json:
    """A connection with the form of its texts in their places."""
    if HASHES.search(path):
        return None
    if isinstance(value, dict):
        pairs = value.items()
        if path.endswith("attributes"):  # their names are content too
            return sorted((form(key), form(each)) for key, each in pairs)
        return {key: story(each, f"{path}.{key}") for key, each in pairs}
    if isinstance(value, list):
        return [story(each, path) for each in value]
    if isinstance(value, str):
        return None if "client random" in value or "self-signed" in value else form(value)
    return value


def stories(path: Path, options: AnalysisOptions | None = None) -> list[Json]:
    """What is told of all connections, but for the capture's name."""
    found = [json.loads(msgspec.json.encode(one)) for one in connections_of(path, options)]
    for one in found:
        del one["capture"]
    return [story(one) for one in found]


def records(path: Path) -> list[tuple[int, list[str]]]:
    """The names of the records that each frame completes."""
    collector = RowCollector(
        RowRequest(None, frozenset(), False),
        RowRendering(lambda group: (group[0].frame, [one.name for one in group])),
    )
    return collected(path, collector)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_story_of_a_sample_stays(path: Path, tmp_path: Path) -> None:
    content, summary, _ = redacted(path)
    made = tmp_path / "made.pcapng"
    made.write_bytes(content)
    before, after = connections_of(path), connections_of(made)
    if BROKEN.search(path.name):
        assert len(after) == len(before)
        return
    assert [(one.phase_reached, one.commands) for one in after] == [
        (one.phase_reached, one.commands) for one in before
    ] or (summary.opened or summary.closed)
    if summary.opened or any(one.tls is not None and one.tls.alerts for one in before):
        assert [one.commands for one in after] == [one.commands for one in before]
        return  # its TLS is gone
    assert stories(made) == stories(path)
    assert records(made) == records(path)
    old, new = frames_in(path.read_bytes()) if path.suffix != ".zst" else [], frames_in(content)
    if old and not summary.made and summary.frames == summary.of_frames:
        assert [(len(one.data), one.original, one.timestamp_ns) for one in new] == [
            (len(one.data), one.original, one.timestamp_ns) for one in old
        ]


def test_nothing_of_a_clean_login_is_zeroed() -> None:
    for name in ("mysql97_cli_fast-auth.pcap", "mysql97_cli_full-auth-rsa.pcapng", "mariadb118_raw_parsec.pcapng"):
        assert redacted(REPOSITORY / "samples" / name)[1].zeroed == 0, name
    assert redacted(REPOSITORY / "samples" / "mysql97_raw_fault-cut-packet.pcapng")[1].zeroed


# What a name or a value may share with the protocol, with drivers, and with what servers say.
COMMON = (
    MESSAGE_WORDS
    | {word.lower() for word in SQL_WORDS}
    | {piece for name in PLUGINS for piece in name.split("_")}
    | {
        "mysql",
        "mariadb",
        "libmariadb",
        "parsec",
        "linux",
        "x",
        "handshark",
        "mysqlnd",
        "go",
        "debian",
        "mysqlx",
        "client",
        "connector",
        "utf",
    }
)


def is_common(value: bytes) -> bool:
    """Whether a text is made of such words alone, or of none."""
    words = re.findall(r"[a-z]+", value.decode("latin-1").lower())
    return all(word in COMMON for word in words)


def names_of(path: Path) -> set[bytes]:
    """Users, schemas and programs of a capture, found without what is tested."""
    found: set[str] = set()
    for one in connections_of(path):
        if one.login is not None:
            found |= {one.login.user, one.login.database or ""}
            own = {"program_name", "os_user", "_pid", "_thread"}
            found |= {value for name, value in (one.login.attributes or {}).items() if name in own}
    return {name.encode("utf-8", "surrogateescape") for name in found}


# That of bulk has two hundred thousand values.
@pytest.mark.parametrize("path", [path for path in SAMPLES if "bulk" not in path.name], ids=lambda path: path.name)
def test_no_name_and_no_value_of_a_sample_is_left(path: Path) -> None:
    content, _, replacements = redacted(path, RedactRequest(KEY, KeptKinds(frozenset()), listed=True))
    kinds = ("users", "databases", "values", "attributes", "sql")
    listed = {value for kind, value in replacements.listed or {} if kind in kinds}
    # What drivers say of themselves stays, also where somebody asked the server for it.
    drivers = {
        text.encode()
        for one in connections_of(path)
        for pair in ((one.login.attributes if one.login is not None else None) or {}).items()
        for text in pair
        if pair[0].startswith("_")
    }
    for value in (listed | names_of(path)) - drivers:
        if len(value) > 5 and not is_common(value):
            assert value not in content, value


# -- planted -----------------------------------------------------------------------------------------------------------

LEAKS = sorted(CORPUS.parent.glob("leaks/*.pcap*"))


@pytest.mark.skipif(not LEAKS, reason="no captures with planted secrets beside the checkout")
@pytest.mark.parametrize("path", LEAKS, ids=lambda path: path.name)
def test_nothing_of_the_planted_captures_is_left(path: Path) -> None:
    content, _, _ = redacted(path)
    assert not holds(content, b"Pl4intSec")
    assert not holds(content, b"S3CRET")


def planted(path: Path, seed: int, folder: Path) -> Path:
    """A capture with the secret over bytes of its payloads, in trailers, and in frames that come again."""
    draw = random.Random(f"{path.name} {seed}")
    frames = frames_in(path.read_bytes())
    for _ in range(8):
        index = draw.randrange(len(frames))
        data = frames[index].data
        if draw.random() < 0.2:
            data += SECRET
        elif len(data) > 70:
            at = draw.randrange(54, len(data) - 12) if len(data) > 67 else 54
            data = data[:at] + SECRET + data[at + len(SECRET) :]
        frames[index] = frames[index]._replace(data=data, original=max(frames[index].original, len(data)))
        if draw.random() < 0.3:
            frames.insert(index + 1, frames[index])
    file = folder / "planted.pcapng"
    file.write_bytes(pcapng(frames))
    return file


SMALL = [path for path in SAMPLES if path.suffix != ".zst" and path.stat().st_size < 30_000]


@pytest.mark.parametrize("path", SMALL[::6], ids=lambda path: path.name)
def test_nothing_planted_anywhere_in_a_sample_is_left(path: Path, tmp_path: Path) -> None:
    for seed in range(6):
        content, _, _ = redacted(planted(path, seed, tmp_path), ALL)
        assert not holds(content, SECRET), seed


@pytest.mark.parametrize("path", sorted(LAB.glob("*.pcap"))[::20], ids=lambda path: path.name)
def test_nothing_planted_anywhere_in_the_corpus_is_left(path: Path, tmp_path: Path) -> None:
    for seed in range(3):
        content, _, _ = redacted(planted(path, seed, tmp_path), ALL)
        assert not holds(content, SECRET), seed


test_nothing_planted_anywhere_in_the_corpus_is_left = needs_corpus[0](
    needs_corpus[1](test_nothing_planted_anywhere_in_the_corpus_is_left)
)

SAID: list[Step] = [*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE]


def made_of(frames: list[Frame], folder: Path, *blocks: bytes) -> Path:
    file = folder / "made.pcapng"
    file.write_bytes(pcapng(frames) + b"".join(blocks))
    return file


def test_nothing_beside_the_packets_is_left(tmp_path: Path) -> None:
    """Trailers, options of TCP and IP, comments and names of a pcapng, resolved names, other protocols."""
    frames = conversation(SAID)
    index = 5
    whole = frames[index].data
    head = whole[14:34]
    options = SECRET.ljust(16, b"\0")
    ip = bytes([0x40 | 9]) + head[1:2] + struct.pack(">H", len(whole) - 14 + 16) + head[4:] + options
    frames[index] = frames[index]._replace(data=whole[:14] + ip + whole[34:], original=0)
    last = frames[-1].data
    tcp = last[34:46] + bytes([9 << 4]) + last[47:54] + b"\xfd\x0f" + SECRET + b"\0"
    total = struct.pack(">H", 40 + 16)
    frames[-1] = frames[-1]._replace(data=last[:16] + total + last[18:34] + tcp, original=0)
    frames += [
        one._replace(data=one.data + SECRET, original=0) for one in conversation(SAID, client=("10.0.0.9", 4000))
    ]
    udp = struct.pack(">HHHH", 5353, 53, 8 + len(SECRET), 0) + SECRET
    frames.append(Frame(whole[:14] + head[:9] + b"\x11" + head[10:] + udp, 1, 0, START))
    frames.append(Frame(bytes(12) + b"\x08\x06" + SECRET, 1, 0, START))
    comment = option(1, SECRET)
    resolution = block(4, struct.pack("<HH", 1, 4 + len(SECRET)) + bytes(4) + SECRET + bytes(3) + bytes(4))
    custom = block(0x0BAD, bytes(4) + SECRET)
    statistics = block(5, bytes(12) + comment + bytes(4))
    content, _, _ = redacted(made_of(frames, tmp_path, resolution, custom, statistics), ALL)
    assert not holds(content, SECRET)
    assert [one.outcome for one in connections_of(content)] == ["accepted", "accepted"]
    content, _, _ = redacted(
        made_of(frames, tmp_path, resolution), RedactRequest(KEY, KeptKinds(frozenset()), "headers")
    )
    assert not holds(content, SECRET)
    content, _, _ = redacted(made_of(frames, tmp_path), RedactRequest(KEY, KeptKinds(frozenset()), "keep"))
    assert SECRET in content  # other protocols, as was asked for


def test_nothing_before_or_behind_a_gap_is_left(tmp_path: Path) -> None:
    long = query("SELECT '" + SECRET.decode() * 500 + "'")
    frames = conversation([*ACCEPTED, ("c", long), ("s", ok(1)), ("c", query("SELECT 2")), ("s", ok(1))], split=700)
    for lost in range(6, len(frames) - 4):
        kept = [*frames[:lost], *frames[lost + 1 :]]
        content, _, _ = redacted(made_of(kept, tmp_path), ALL)
        assert not holds(content, SECRET), lost
    for cut in range(60, 200, 20):
        short = [one._replace(data=one.data[:cut], original=len(one.data)) for one in frames]
        content, _, _ = redacted(made_of(short, tmp_path), ALL)
        assert not holds(content, SECRET), cut


def test_what_comes_again_has_the_same_in_its_place(tmp_path: Path) -> None:
    frames = conversation([*ACCEPTED, ("c", query("SELECT 'abcdefgh' FROM t")), ("s", ok(1))])
    index = next(number for number, one in enumerate(frames) if b"abcdefgh" in one.data)
    frames.insert(index + 1, frames[index]._replace(timestamp_ns=frames[index].timestamp_ns + 300_000_000))
    content, _, _ = redacted(made_of(frames, tmp_path))
    made = frames_in(content)
    assert made[index].data == made[index + 1].data
    assert b"abcdefgh" not in made[index].data
    assert connections_of(content)[0].tcp.retransmissions == 1


# -- what the command does ---------------------------------------------------------------------------------------------


def refused(folder: Path) -> Path:
    file = folder / "refused.pcap"
    file.write_bytes(pcap(conversation(REFUSED, client=("10.0.0.7", 40000))))
    return file


def test_the_same_key_gives_the_same_in_other_captures(tmp_path: Path) -> None:
    source = refused(tmp_path)
    key = tmp_path / "key"
    key.write_text("a shared secret of the team\n")
    outs = [tmp_path / f"{number}.pcapng" for number in range(3)]
    assert run("redact", source, "--key", key, "-o", outs[0]).code == 0
    assert run("redact", source, "--key", key, "-o", outs[1]).code == 0
    assert run("redact", source, "-o", outs[2]).code == 0
    assert outs[0].read_bytes() == outs[1].read_bytes() != outs[2].read_bytes()


def test_what_may_stay_stays(tmp_path: Path) -> None:
    source, out = refused(tmp_path), tmp_path / "out.pcapng"
    assert run("redact", source, "--keep", "users,addresses,errors,databases", "-o", out).code == 0
    before, after = connections_of(source)[0], connections_of(out)[0]
    assert (after.client, after.login and after.login.user, after.error and after.error.message) == (
        before.client,
        before.login and before.login.user,
        before.error and before.error.message,
    )
    done = run("redact", source, "--keep", "nonces", "-o", out)
    assert done.code == 2
    assert "can not be kept" in done.err


def test_a_dry_run_writes_nothing_and_says_what_it_would(tmp_path: Path) -> None:
    done = run("redact", refused(tmp_path), "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert "would be replaced: users 1" in done.err
    assert run("redact", refused(tmp_path), "--dry-run", "-o", tmp_path / "x").code == 2
    assert run("redact", refused(tmp_path)).code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["refused.pcap"]


def test_the_map_is_for_its_owner_alone(tmp_path: Path) -> None:
    source, out, listed = refused(tmp_path), tmp_path / "out.pcapng", tmp_path / "map.jsonl"
    assert run("redact", source, "--map", listed, "-o", out).code == 0
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    login = connections_of(out)[0].login
    user = next(row for row in rows if row["kind"] == "users")
    assert login is not None
    assert user["replacement"] == login.user
    assert run("redact", source, "--map", out, "-o", out).code == 2


def test_standard_input_and_output(tmp_path: Path) -> None:
    from tests.cli.support import HANDSHARK

    command = [*HANDSHARK, "redact", "-", "-o", "-"]
    done = subprocess.run(
        command, input=refused(tmp_path).read_bytes(), capture_output=True, cwd=REPOSITORY, check=True
    )
    assert connections_of(done.stdout)[0].outcome == "rejected"


def test_sources_are_not_named_and_keys_are_not_written(tmp_path: Path) -> None:
    source = tmp_path / "customer-name.pcapng"
    source.write_bytes((REPOSITORY / "samples" / "mariadb118_raw_tls13.pcapng").read_bytes())
    content, summary, _ = redacted(source)
    assert b"customer" not in content
    assert keylog(content) == b""
    assert names(content) == ["capture 1"]
    assert summary.opened == 1
    assert comments(content)


def test_records_that_are_opened_are_not_told_of_as_encrypted() -> None:
    """What records of TLS become is not written where the text inside is."""
    samples = REPOSITORY / "samples"
    sealed, keys = samples / "mysql97_cli_tls13-full-auth.pcap", samples / "mysql97_cli_tls13-full-auth.keys"
    _, summary, _ = redacted(sealed)
    assert (summary.closed, summary.replaced["encrypted"]) == (1, 22)  # tls.record.opaque_type == 23, by tshark
    _, summary, _ = redacted(sealed, options=AnalysisOptions(keylogs=(keys.read_bytes(),)))
    assert summary.opened == 1
    assert "encrypted" not in summary.replaced


def test_broken_input(tmp_path: Path) -> None:
    none, out = tmp_path / "none.pcap", tmp_path / "out.pcapng"
    none.write_bytes(b"no capture at all")
    assert run("redact", none, "-o", out).code == 3
    assert run("redact", tmp_path / "missing", "-o", out).code == 3
    assert run("redact", refused(tmp_path), "--key", tmp_path / "missing", "-o", out).code == 2
    assert not out.exists()


@pytest.mark.tool
@pytest.mark.parametrize("path", [path for path in SMALL if "raw" not in path.name][::5], ids=lambda path: path.name)
def test_wireshark_shows_the_same_fields(path: Path, tmp_path: Path) -> None:
    shark = tool("tshark")
    content, summary, _ = redacted(path)
    if summary.opened or summary.closed:
        pytest.skip("its TLS is gone, or encrypted")
    made = tmp_path / "made.pcapng"
    made.write_bytes(content)
    port = connections_of(path)[0].server.port

    def shown(file: Path, *preferences: str) -> str:
        command = [shark, "-r", str(file), "-d", f"tcp.port=={port},mysql", "-T", "pdml", *preferences]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.decode("utf-8", "replace")

    def tree(file: Path) -> list[str]:
        # Checksums of the original may be wrong: where they are looked at, nothing is put together.
        found = re.findall(r'<(?:field|proto) name="([^"]*)"', shown(file))
        return [name for name in found if not SKIPPED.search(name)]  # the interface has another name

    checked = shown(made, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    assert 'name="tcp.checksum.status" showname="Checksum Status: Good' in checked
    assert 'name="tcp.checksum.status" showname="Checksum Status: Bad' not in checked
    known = tree(path)
    if "_ws.malformed" in known or "_ws.unreassembled" in known:
        pytest.skip("tshark can not read the original")
    assert tree(made) == known


SKIPPED = re.compile(
    r"^pkt_comment|^frame\.|checksum|^_ws\.expert|^eth|^sll|^geninfo|^num|^len|^caplen|^timestamp|^ip\.(src|dst|addr|host)"
)


def test_numbers_of_an_execute_spell_nothing(tmp_path: Path) -> None:
    """What the fuzzer found: a word over the numbers and the types of an execute, which are kept."""
    path = REPOSITORY / "samples" / "mysql97_mysql2-node_values.pcapng"
    frames = frames_in(path.read_bytes())
    found = 0
    for index, one in enumerate(frames):
        at = one.data.find(b"\0\0\0\x17")
        if at < 54 or len(one.data) < at + 5 + len(SECRET):
            continue
        for place in range(at + 5, min(len(one.data) - len(SECRET), at + 60), 1 if not found else 7):
            changed = one.data[:place] + SECRET + one.data[place + len(SECRET) :]
            file = tmp_path / "spelt.pcapng"
            file.write_bytes(pcapng([*frames[:index], one._replace(data=changed), *frames[index + 1 :]]))
            content, _, _ = redacted(file, ALL)
            assert not holds(content, SECRET), (index, place)
        found += 1
    assert found
