"""What an analysis is asked for, and what it hands back of each connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.conversation.observer import Observer
from analyzer.analysis.memory import DEFAULT_MEMORY
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.batches import FrameBatch, SegmentBatch
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.wire.framing import DEFAULT_KEEP

if TYPE_CHECKING:
    from analyzer.net.tcp.flow_table import RowsListener
    from analyzer.tls.session import RSAPrivateKey

DEFAULT_PORTS: Final = frozenset({3306})

Result = tuple[Connection, ConnectionDetail | None]


class CapturePart(msgspec.Struct, frozen=True):
    """Other parts of the capture are analysed elsewhere: what rests on several connections is left to who has all.

    mine       whether a connection is followed; one that is not is only counted
    on_opened  called with the connections that a batch began, in the order of their numbers
    """

    mine: Callable[[TcpConnection], bool]
    on_opened: Callable[[list[TcpConnection]], None]


class AnalysisOptions(msgspec.Struct, frozen=True):
    """What the user asked for.

    ports         where MySQL is assumed when the start of a connection was not captured
    packets       packets of each connection kept for showing, 0 for none
    commands      with packets: keep commands for showing too, as far as `shown` has room
    show_secrets  leave passwords readable in them
    password      checked against the captured responses
    """

    ports: frozenset[int] = DEFAULT_PORTS
    packets: int = 0
    commands: bool = False
    show_secrets: bool = False
    password: bytes | None = None
    # Contents of NSS key log files, and the PEM of a server's RSA key.
    keylogs: tuple[bytes, ...] = ()
    # Names of those files: read again while a capture that is still being made is analysed.
    keylog_files: tuple[str, ...] = ()
    rsa_key: RSAPrivateKey | None = None
    keep: int = DEFAULT_KEEP
    # First frames of the connections to follow, when a capture is read again; None: all are followed.
    only: frozenset[int] | None = None
    # Whether a connection's packets are to be worked out; None: of every connection.
    wanted: Callable[[Connection], bool] | None = None
    # Each makes an observer for a connection that begins.
    observe: tuple[Callable[[TcpConnection], Observer], ...] = ()
    # Whether a connection is worked out when it is over; else it is only counted.
    connections: bool = True
    # Whether segments are taken in columns where that can be done; False takes each by itself (for tests).
    columns: bool = True
    # Whether logins of one shape are decoded once; False decodes each (for tests).
    shapes: bool = True
    # Called with each batch before its segments are followed.
    on_frames: Callable[[FrameBatch, SegmentBatch], None] | None = None
    # Called with rows of a batch once they were followed: of which connection they are, and who sent each.
    on_rows: RowsListener | None = None
    # This process's share of the connections, where another one joins what is told of them: (index, of how many).
    share: tuple[int, int] | None = None
    # Of the capture this is only a part: None, the whole.
    part: CapturePart | None = None
    # Bytes that what is held back of all connections may take together.
    memory: int = DEFAULT_MEMORY
