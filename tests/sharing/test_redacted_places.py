"""Each place that can hold content: a string that is planted there is nowhere in the redacted capture."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from analyzer.sharing.redact import RedactRequest
from analyzer.sharing.redaction.certificates import CertificateRedactor
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.replacements import Replacements
from tests.corpus import REPOSITORY
from tests.reading import connections_of
from tests.sharing.reading import KEY, holds, redacted
from tests.wire.files import block, enhanced, frames_in, interface, option, pcapng, secrets
from tests.wire.frames import Frame
from tests.wire.mysql import FAST, eof, greeting, login, ok, packet, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

SECRET = b"Pl4intSecret!"
ALL = RedactRequest(KEY, KeptKinds(frozenset()))
SAID: list[Step] = [*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE]
DRIVERS = [
    path
    for path in sorted((REPOSITORY / "samples").iterdir())
    if ".pcap" in path.name
    and path.suffix != ".zst"
    and not path.name.endswith(".json")
    and "_raw_" not in path.name
    and "_cli_" not in path.name
    and path.stat().st_size < 60_000
]


def hidden(content: bytes, folder: Path) -> bytes:
    """A capture without its content, and without the secret, which was in it."""
    assert SECRET in content
    file = folder / "planted.pcapng"
    file.write_bytes(content)
    made, _, _ = redacted(file, ALL)
    assert not holds(made, SECRET)
    return made


def test_all_options_of_blocks(tmp_path: Path) -> None:
    """Comments, hardware, systems, programs, names, filters, resolved addresses, keys, journals, what nobody knows."""

    def options(*codes: int) -> bytes:
        return b"".join(option(code, SECRET) for code in codes) + option(0, b"")

    frames = conversation(SAID)
    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options(1, 2, 3, 4, 2988))
    card = interface(options=option(9, b"\x09") + options(1, 2, 3, 11, 12, 15))
    out = [head, card, secrets(b"CLIENT_RANDOM " + SECRET.hex().encode() + b" " + SECRET + b"\n")]
    for one in frames:
        body = struct.pack("<IIIII", 0, one.timestamp_ns >> 32, one.timestamp_ns & 0xFFFFFFFF, *[len(one.data)] * 2)
        out.append(block(6, body + one.data + bytes(-len(one.data) % 4) + options(1, 3, 6, 2989)))
    resolved = struct.pack("<HH", 1, 4 + len(SECRET) + 1) + bytes([10, 0, 0, 1]) + SECRET + bytes(3)
    resolved += struct.pack("<HH", 2, 16 + len(SECRET) + 1) + bytes(16) + SECRET + bytes(3) + bytes(4)
    out += [
        block(4, resolved + options(1, 2, 3, 4)),
        block(5, bytes(12) + options(1, 2, 3)),
        block(9, b"MESSAGE=" + SECRET + b"\n"),
        block(0x0BAD, bytes(4) + SECRET),
        block(0x7777, SECRET),
        enhanced(frames[-1].data, frames[-1].timestamp_ns),
    ]
    made = hidden(b"".join(out), tmp_path)
    assert [one.outcome for one in connections_of(made)] == ["accepted"]


def placed(frames: list[Frame], at: int, data: bytes) -> list[Frame]:
    return [*frames[:at], frames[at]._replace(data=data, original=0), *frames[at:]]


def test_retransmissions_that_say_something_else(tmp_path: Path) -> None:
    """The second copy, the first copy, one that is longer, and keep-alives with a byte."""
    frames = conversation([*ACCEPTED, ("c", query("SELECT '" + "x" * 40 + "'")), ("s", ok(1)), *GOODBYE])
    at = next(number for number, one in enumerate(frames) if b"xxxx" in one.data)
    other = frames[at].data.replace(b"x" * len(SECRET), SECRET)
    longer = frames[at].data[:16] + struct.pack(">H", len(frames[at].data) - 14 + len(SECRET)) + frames[at].data[18:]
    for number, planted in enumerate(
        (
            placed(frames, at + 1, other),
            placed(frames, at, other),
            placed(frames, at + 1, longer + SECRET),
            placed(frames, at, longer + SECRET),
            placed(frames, at - 2, other),
            placed(frames, len(frames) - 1, other),
        )
    ):
        made = hidden(pcapng(planted), tmp_path)
        assert connections_of(made)[0].outcome == "accepted", number


LONG = SECRET * 40
TAILS: dict[str, list[Step]] = {
    "greeting": [("s", packet(0, greeting()[4:] + LONG)), ("c", login("app")), ("s", ok(2))],
    "login": [("s", greeting()), ("c", packet(1, login("app")[4:] + LONG)), ("s", ok(2))],
    "auth": [("s", greeting()), ("c", login("app")), ("s", packet(2, FAST[4:] + LONG) + ok(3))],
    "ok": [*ACCEPTED, ("c", query("SELECT 1")), ("s", packet(1, ok(1)[4:] + LONG))],
    "eof": [*ACCEPTED, ("c", query("SELECT 1")), ("s", packet(1, b"\1") + packet(2, eof(2)[4:] + LONG))],
    "ping": [*ACCEPTED, ("c", packet(0, b"\x0e" + LONG)), ("s", ok(1))],
    "close": [*ACCEPTED, ("c", packet(0, b"\x19\1\0\0\0" + LONG)), ("c", query("SELECT 1")), ("s", ok(1))],
    "reset": [*ACCEPTED, ("c", packet(0, b"\x1a\1\0\0\0" + LONG)), ("s", ok(1))],
    "unknown command": [*ACCEPTED, ("c", packet(0, b"\x7f" + LONG)), ("s", ok(1))],
    "execute": [*ACCEPTED, ("c", packet(0, b"\x17\1\0\0\0\0\1\0\0\0" + LONG)), ("s", ok(1))],
    "quit": [*ACCEPTED, ("c", packet(0, b"\1" + LONG))],
    "behind quit": [*ACCEPTED, ("c", packet(0, b"\1")), ("c", LONG)],
    "nothing asked": [*ACCEPTED, ("s", LONG)],
    "no packet": [*ACCEPTED, ("c", b"\xff\xff\xff" + LONG)],
    "half a packet": [*ACCEPTED, ("c", query("SELECT 1")[:7] + b"\0" + LONG)],
    "another protocol": [
        ("c", b"GET /" + LONG + b" HTTP/1.1\r\nCookie: " + LONG + b"\r\n\r\n"),
        ("s", b"HTTP/1.1 " + LONG),
    ],
    "nobody knows": [("c", LONG), ("s", LONG)],
}


@pytest.mark.parametrize("name", TAILS)
def test_tails_and_what_nobody_understands(name: str, tmp_path: Path) -> None:
    for split in (0, 100):
        frames = conversation(TAILS[name], split=split) if split else conversation(TAILS[name])
        hidden(pcapng(frames), tmp_path)


def test_no_field_of_a_certificate_spells_anything() -> None:
    """What the fuzzer found: a word in the place of a time, which is kept."""
    certificates = CertificateRedactor(Replacements(KEY), KeptKinds(frozenset()))
    kept = b"\x17\x0d261121102040Z\x06\x03\x55\x04\x03\x05\0\x01\x01\xff"
    assert certificates.redact(kept) == kept
    for tag in range(1, 31):
        made = certificates.redact(bytes([tag, len(SECRET)]) + SECRET)
        assert len(made) == 2 + len(SECRET)
        assert not holds(made, SECRET), tag


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.name)
def test_padding_of_what_drivers_send(path: Path, tmp_path: Path) -> None:
    """Behind each frame, and over the end of each payload."""
    frames = frames_in(path.read_bytes())
    behind = [one._replace(data=one.data + SECRET, original=0) for one in frames]
    hidden(pcapng(behind), tmp_path)
    over = [one._replace(data=one.data[: -len(SECRET)] + SECRET) if len(one.data) > 80 else one for one in frames]
    hidden(pcapng(over), tmp_path)
