"""Takes out of captures what must not be seen, and leaves the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

import msgspec
from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions
from analyzer.engine.jobs import REDACTED, jobs_for
from analyzer.engine.listener import RunListener
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.inputs import RereadableInputs, rereadable
from analyzer.sharing.opened import OpenedConnections
from analyzer.sharing.plain import KEEP, PlainSpool
from analyzer.sharing.redacted_frames import DROP, RedactedSource
from analyzer.sharing.redaction.headers import HeaderRedactor
from analyzer.sharing.redaction.keep import DEFAULT, KeptKinds
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import Replacements
from analyzer.sharing.redaction.sessions import KnownSessions
from analyzer.sharing.redaction.shares import RedactionShares
from analyzer.sharing.redaction.spool import StreamSpool
from analyzer.sharing.redaction.turns import TurnRedactor
from analyzer.sharing.redaction.watcher import RedactingWatcher
from analyzer.sharing.written_parts import WrittenParts

COMMENT: Final = (
    "handshark redact: addresses, names, data and secrets were replaced by others of the same form and length; what "
    "could not be decoded is zero."
)


class RedactRequest(msgspec.Struct, frozen=True):
    """What the user asked for.

    key     of the replacements: the same for the same key
    keep    kinds of content that stay (see `KeptKinds`)
    other   DROP, HEADERS or KEEP_OTHERS: frames that are of no MySQL connection
    listed  whether a dictionary is made for the one who shares the capture
    plain   whether plain turns, statements and frames are taken together; the same comes out if not
    """

    key: bytes
    keep: KeptKinds = DEFAULT
    other: str = DROP
    listed: bool = False
    plain: bool = True


class RedactSummary(msgspec.Struct):
    """What was done.

    connections  MySQL connections; `opened` of them were in TLS or compression and came out as plain TCP, `closed`
                 are in TLS and could not be opened
    frames       written, and `of_frames` of the inputs; `made` of them are new: those of `opened` connections, and
                 `plainer` ones, whose headers are of a form that is not known; `others` are of no MySQL connection
    replaced     kind -> how many
    zeroed       bytes of packets that were not understood, and were something else than zero
    """

    connections: int = 0
    opened: int = 0
    closed: int = 0
    frames: int = 0
    of_frames: int = 0
    made: int = 0
    plainer: int = 0
    others: int = 0
    replaced: dict[str, int] = {}
    zeroed: int = 0


class Redaction:
    """One run over captures, which are one in time order: `look`, then `write`, then `close`."""

    def __init__(
        self,
        inputs: RereadableInputs,
        request: RedactRequest,
        options: AnalysisOptions,
        listener: RunListener | None = None,
        jobs: int = 1,
    ) -> None:
        self._inputs = inputs
        self._jobs = jobs
        self._request = request
        self._listener = listener or RunListener()
        self.replacements = Replacements(request.key, request.listed)
        self._packets = PacketRedactor(self.replacements, request.keep, request.plain)
        self._streams = StreamSpool()
        self._plain = PlainSpool()
        self._ends = ConnectionEnds(self._addressed)
        sessions = KnownSessions(TurnRedactor(self._packets, request.plain))
        streams, plain, ends = self._streams, self._plain, self._ends
        observe = (*options.observe, lambda tcp: RedactingWatcher(tcp, sessions, streams, plain, ends))
        self._options = replace(options, observe=observe, packets=0, keep=KEEP, connections=False)
        self._first_look: FirstLook | None = None
        self.summary = RedactSummary()

    def look(self) -> None:
        """Decodes all, and works out what is to be written. Raises CaptureError."""
        look = FirstLook(self._inputs, self._options, self._listener, self._settle)
        self._first_look = look
        # Who lists what was replaced is told of each, in their order.
        shares = RedactionShares(self._packets, self._streams, self._plain, self._ends)
        look.whole(shares, 1 if self._request.listed else self._jobs)
        summary = self.summary
        summary.connections = self._ends.count
        summary.opened = len(self._plain.opened)
        summary.closed = self._ends.closed
        summary.of_frames = look.source.frames if look.source is not None else 0
        self._count()

    def _settle(self) -> None:
        self._streams.settle()
        self._plain.settle()
        self._ends.settle()

    def _count(self) -> None:
        self.summary.replaced = dict(sorted(self.replacements.counts.items()))
        self.summary.zeroed = self._packets.zeroed

    def _addressed(self, address: bytes) -> bytes:
        return address if "addresses" in self._request.keep.kinds else self.replacements.addresses.packed(address)

    def write(self, out: BinaryIO, numbers: list[int] | None = None) -> None:
        """Writes the capture; `numbers` gets the number that each written frame had. Raises CaptureError, OSError."""
        look = self._first_look
        if look is None:
            raise ValueError("look comes first")
        headers = HeaderRedactor(self.replacements.addresses, "addresses" in self._request.keep.kinds)
        opened = OpenedConnections(self._plain.opened, self._plain.read(), self._ends.of)
        streams, known = self._streams.read(), self._ends.read()
        other, plain = self._request.other, self._request.plain
        source = RedactedSource(headers, streams, opened, self._ends, known, look.ledger.fragments, other, plain)
        parts = WrittenParts(self._inputs, look, source, self._listener)
        done = parts.write(out, COMMENT, self._jobs, numbers)
        summary = self.summary
        summary.frames, summary.made, summary.plainer, summary.others = (
            parts.frames,
            done.made,
            done.plainer,
            done.others,
        )
        self._count()

    def close(self) -> None:
        """Gives the disk's room back."""
        if self._first_look is not None:
            self._first_look.ledger.close()
        self._streams.close()
        self._plain.close()
        self._ends.close()


def redact(
    names: Sequence[str],
    request: RedactRequest,
    options: AnalysisOptions,
    out: BinaryIO | None,
    listener: RunListener | None = None,
    numbers: list[int] | None = None,
    jobs: int | None = 1,
) -> tuple[RedactSummary, Replacements]:
    """Writes captures without their content; None: only works out what would be replaced.

    `numbers` gets the number that each written frame had. So many processes follow connections; None: as many as pay
    off.

    Raises CaptureError where a capture can not be read, OSError where the output can not be written.
    """
    with rereadable(names) as inputs:
        jobs = max(jobs_for(file, jobs, REDACTED).processes for file in inputs.files)
        redaction = Redaction(inputs, request, options, listener, jobs)
        try:
            redaction.look()
            if out is not None:
                redaction.write(out, numbers)
        finally:
            redaction.close()
        return redaction.summary, redaction.replacements
