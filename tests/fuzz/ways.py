"""Many sessions that are alike, and what breaks them: every way through the program says the same of them."""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final
from unittest import mock

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.capture import open_capture
from analyzer.cli import main
from analyzer.engine import parallel
from analyzer.engine import run as runs
from analyzer.sharing import inputs
from analyzer.sharing.redact import RedactRequest, RedactSummary, redact
from analyzer.sharing.redaction.keep import KeptKinds
from tests.analysis.connection.inside import OTHERS, PLAIN, Change, sessions_of
from tests.bench import replay
from tests.fuzz.seeds import LONGEST, SAMPLES
from tests.hostile_captures import changed_frames
from tests.wire.files import pcapng
from tests.wire.frames import Frame

CAPTURE: Final = "capture.pcapng"
KEY: Final = b"a key of the fuzzer"
TLS_SAMPLES: Final = ("mysql97_cli_fast-auth.pcap", "mysql97_cli_wrong-password.pcap", "mariadb1011_cli_native.pcap")
BEGIN_NS: Final = 1_790_000_000_000_000_000
# Bytes of batches: all sessions in one, a session or two, some frames.
SIZES: Final = (1 << 20, 9000, 1500)
# What is asked of a capture.
ASKED: Final[tuple[tuple[str, ...], ...]] = (
    ("analyze", "--format", "jsonl"),
    ("analyze", "--format", "csv"),
    ("analyze", "--format", "text"),
    ("analyze", "-v"),
    ("analyze", "-vv"),
    ("analyze", "--summary"),
    ("analyze", "--format", "jsonl", "-Y", "mysql.command == 3"),
    ("commands", "--format", "jsonl"),
    ("commands", "--format", "csv"),
    ("commands", "--format", "text"),
    ("commands", "--format", "sql"),
    ("commands", "--format", "slowlog"),
    ("commands", "--group"),
    ("commands", "--top", "20"),
    ("commands", "--format", "jsonl", "-Y", 'mysql.query contains "SELECT"'),
    ("dissect",),
    ("dissect", "-V"),
    ("dissect", "-x"),
    ("dissect", "-T", "json"),
    ("dissect", "-T", "pdml"),
    ("dissect", "-T", "ek"),
    ("dissect", "-T", "jsonl"),
    ("dissect", "-T", "fields", "-e", "frame.number", "-e", "mysql.query", "-e", "mysql.user"),
    ("stats", "--format", "json"),
    ("report", "--format", "md"),
    ("report", "--format", "html"),
    ("export", "--table", "connections"),
    ("export", "--table", "commands"),
    ("export", "--table", "findings"),
)


class LongWay(Analysis):
    """Each segment by itself, each login decoded."""

    def __init__(self, capture: str, options: AnalysisOptions) -> None:
        super().__init__(capture, replace(options, columns=False, shapes=False))


class EachLogin(Analysis):
    """Each login decoded."""

    def __init__(self, capture: str, options: AnalysisOptions) -> None:
        super().__init__(capture, replace(options, shapes=False))


@cache
def scripts() -> list[list[replay.Turn]]:
    """What was said on each connection of the small samples that can be said again."""
    found = []
    for path in sorted(SAMPLES.glob("*.pcap*")):
        if path.stat().st_size <= LONGEST:
            with contextlib.suppress(ValueError, IndexError):
                found += [said for said in replay.conversations_of(path) if said]
    return found


def sessions(draw: random.Random) -> tuple[list[Frame], bytes]:
    """Frames of sessions of a few kinds, and the secrets of those in TLS."""
    said: list[list[replay.Turn]] = []
    log = b""
    for _ in range(draw.randint(1, 3)):
        some = draw.choice(scripts())
        said += [some] * draw.randint(1, 9)
    if draw.random() < 0.4:
        changes: list[Change] = draw.sample([*PLAIN, *OTHERS[1:]], draw.randint(0, 3))
        with contextlib.suppress(ValueError, IndexError):
            made = sessions_of(draw.sample(TLS_SAMPLES, draw.randint(1, 2)), draw, changes, draw.randint(3, 9))
            said += [session.turns for session in made]
            log = b"".join(session.log for session in made if draw.random() < 0.95)
    if draw.random() < 0.5:
        draw.shuffle(said)
    apart = draw.choice((200_000, 2_000_000, 1_000_000_000))
    frames = []
    for number, turns in enumerate(said):
        with mock.patch.object(replay, "MSS", draw.choice((1448, 1448, 1448, 100, 37))):
            one = replay.frames_of(_other(turns, draw), number, BEGIN_NS + number * apart, draw)
            frames += [Frame(data, timestamp_ns=time_ns) for time_ns, data in one]
    frames.sort(key=lambda frame: frame.timestamp_ns)
    return frames, log


def _other(turns: list[replay.Turn], draw: random.Random) -> list[replay.Turn]:
    """A session, sometimes a little different from the others of its kind."""
    turns = list(turns)
    if not turns or draw.random() < 0.7:
        return turns
    at = draw.randrange(len(turns))
    kind = draw.randrange(5)
    if kind == 0:
        del turns[at:]
    elif kind == 1:
        turns.insert(at, turns[at])
    elif kind == 2:
        del turns[at]
    else:
        sender, data = turns[at]
        changed = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 8))):
            changed[draw.randrange(len(changed))] = draw.choice((0, 1, 3, 9, 0xFB, 0xFE, 0xFF, draw.randrange(256)))
        turns[at] = sender, bytes(changed)
    return turns


def answer(words: Sequence[str], folder: Path, *more: str) -> bytes:
    """What the program writes and says of the capture in a folder."""
    out = folder / ("out.csv" if words[0] == "export" else "out")
    out.unlink(missing_ok=True)
    said = io.BytesIO()
    stream = io.TextIOWrapper(said, encoding="utf-8", write_through=True)
    with contextlib.redirect_stderr(stream), contextlib.redirect_stdout(stream):
        code = main([words[0], str(folder / CAPTURE), *words[1:], *more, "-o", str(out)])
    return b"%d: " % code + (out.read_bytes() if out.exists() else b"") + said.getvalue()


def same(words: Sequence[str], folder: Path, size: int, keys: Sequence[str], jobs: int) -> None:
    """One process, several, and both longer ways answer alike.

    The order of a table's rows is not said; nor is that of commands where TLS is opened: a COM_STMT_CLOSE in front of a
    command is told of with it.
    """
    unordered = words[0] == "export" or (words[0] == "commands" and keys)
    opener = partial(open_capture, batch_bytes=size)
    with mock.patch.object(runs, "open_capture", opener), mock.patch.object(parallel, "open_capture", opener):
        said = {"plain": answer(words, folder, *keys, "--jobs", "1")}
        for way in (EachLogin, LongWay):
            with mock.patch.object(runs, "Analysis", way):
                said[way.__name__] = answer(words, folder, *keys, "--jobs", "1")
        said["together"] = answer(words, folder, *keys, "--jobs", str(jobs))
    if unordered:
        said = {name: b"\n".join(sorted(text.splitlines())) for name, text in said.items()}
    for name, text in said.items():
        assert text == said["plain"], (name, jobs, words, size)


def same_redacted(path: Path, size: int, log: bytes, other: str, jobs: int) -> None:
    """One process, several, and both longer ways redact to the same bytes."""

    def written(*, plain: bool = True, jobs: int = 1, shapes: bool = True) -> tuple[bytes, RedactSummary]:
        out = io.BytesIO()
        request = RedactRequest(KEY, KeptKinds(frozenset()), other, plain=plain)
        options = AnalysisOptions(keylogs=(log,) if log else (), shapes=shapes)
        summary, _ = redact([str(path)], request, options, out, jobs=jobs)
        return out.getvalue(), summary

    with mock.patch.object(inputs, "open_capture", partial(open_capture, batch_bytes=size)):
        found = written()
        assert written(jobs=jobs) == found, (jobs, "redact", size, other)
        assert written(shapes=False) == found, ("shapes", "redact", size, other)
        assert written(plain=False)[0] == found[0], ("plain", "redact", size, other)


def made(data: bytes) -> tuple[random.Random, list[Frame], bytes]:
    """What goes on to be drawn from, the frames of a capture, and its keys."""
    draw = random.Random(data)
    frames, log = sessions(draw)
    for _ in range(draw.choice((0, 0, 1, 2, 4))):
        frames = changed_frames(frames, draw)
    return draw, frames, log


def ways(data: bytes) -> None:
    """Four questions to a capture, and its redaction."""
    draw, frames, log = made(data)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / CAPTURE).write_bytes(pcapng(frames))
        (folder / "keys").write_bytes(log)
        keys = ("--keylog", str(folder / "keys")) if log else ()
        size, jobs = draw.choice(SIZES), draw.choice((2, 2, 3))
        for words in draw.sample(ASKED, 4):
            same(words, folder, size, keys, jobs)
        same_redacted(folder / CAPTURE, size, log, draw.choice(("drop", "headers", "keep")), jobs)
