"""`handshark inject-keys`: a capture with its TLS keys inside, for whoever gets it next."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import BinaryIO

from analyzer.analysis.keylogs import count_secrets, read_secrets
from analyzer.capture import CaptureSource, PcapngWriter, open_capture
from analyzer.cli.arguments import Commands, command
from analyzer.cli.console import ProgressLine, complain
from analyzer.cli.output import open_output
from analyzer.errors import CaptureError

EXAMPLES = """example:
  handshark inject-keys in.pcap keys.txt -o out.pcapng
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "inject-keys",
        "put a TLS key log into a capture",
        "Writes a capture as pcapng with TLS secrets inside, so that it can be read without a key log.",
        EXAMPLES,
    )
    parser.add_argument("capture", metavar="CAPTURE")
    parser.add_argument("keylogs", nargs="+", type=Path, metavar="KEYLOG", help="NSS key log format")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.pcapng")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    try:
        contents = [read_secrets(path) for path in arguments.keylogs]
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return 3
    for path, content in zip(arguments.keylogs, contents, strict=True):
        if not count_secrets(content):
            complain(f"{path}: holds no TLS secrets in NSS key log format")
            return 3
    try:
        with open_capture(arguments.capture) as capture, open_output(arguments.output, private=True) as out:
            frames = _copy(capture, contents, out)
    except CaptureError as error:
        complain(str(error))
        return 3
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{arguments.output}: {error.strerror}")
        return 3
    for warning in capture.warnings:
        complain(f"warning: {warning}")
    complain(f"{frames} frames and {len(contents)} key logs written to {arguments.output}")
    return 0


def _copy(capture: CaptureSource, contents: list[bytes], out: BinaryIO) -> int:
    """Every frame with its time, length and link type; the keys in front of them. Returns the number of frames."""
    writer: PcapngWriter | None = None
    interfaces: dict[int, int] = {}
    progress = ProgressLine(capture.name)
    frames = taken = 0
    for batch in capture:
        data = memoryview(batch.data)
        columns = (batch.link_type, batch.timestamp_ns, batch.offset, batch.captured, batch.original)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for link_type, time_ns, offset, captured, original in rows:
            if writer is None:
                writer = PcapngWriter(out, link_type=link_type)
                interfaces[link_type] = 0
                for content in contents:
                    writer.secrets(content)
            if link_type not in interfaces:
                interfaces[link_type] = writer.interface(link_type)
            frame = bytes(data[offset : offset + captured])
            writer.write(frame, time_ns, original, interface=interfaces[link_type])
            frames += 1
        if writer is not None:
            # Keys that the capture held already stay in it.
            for content in capture.secrets[taken:]:
                writer.secrets(content)
            taken = len(capture.secrets)
        progress.update(*capture.progress(), frames)
    progress.close()
    if writer is None:
        writer = PcapngWriter(out)
        for content in (*contents, *capture.secrets):
            writer.secrets(content)
    return frames
