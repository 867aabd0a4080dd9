"""handshark: what happened on the MySQL and MariaDB connections of a packet capture, and why.

    import analyzer

    for connection in analyzer.connections("capture.pcapng", keylog="keys.txt", display_filter="mysql.error_code"):
        print(connection.client, connection.outcome, [finding.code for finding in connection.findings])

`connections`, `commands` and `packets` give records one by one while the capture is read: nothing is kept. `open` gives
a handle for several questions of one capture. `to_json`, `to_pandas`, `to_polars` and `to_arrow` make tables of
records.

A capture is a file's name, "-" (standard input) or a binary file object: pcap or pcapng, also gzip, zstd or lz4. TLS
keys inside a pcapng are used without asking. Times are integer nanoseconds, lengths bytes, frames numbered from 1 as
Wireshark shows them. A capture that can not be read raises CaptureError and nothing else; one that is cut short or
damaged in the middle is read as far as it goes. Importing this module imports nothing else of the program.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # to type checkers it is True, as that of `typing`, whose import costs more than all of this

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    import pandas
    import polars
    import pyarrow

    from analyzer.analysis.dissection.filters.errors import FilterError
    from analyzer.analysis.model.command import Command
    from analyzer.analysis.model.connection import Connection, Finding, Source
    from analyzer.analysis.model.packet import Packet
    from analyzer.engine.handle import CaptureHandle, CaptureInput, KeyLogInput, Progress
    from analyzer.errors import AnalyzerError, CaptureError
    from analyzer.tables.arrays import LibraryMissing
    from analyzer.tables.records import Record

__all__ = [
    "AnalyzerError",
    "CaptureError",
    "CaptureHandle",
    "Command",
    "Connection",
    "FilterError",
    "Finding",
    "LibraryMissing",
    "Packet",
    "Source",
    "__version__",
    "commands",
    "connections",
    "open",
    "packets",
    "to_arrow",
    "to_json",
    "to_pandas",
    "to_polars",
]


def connections(
    source: CaptureInput,
    *,
    display_filter: str | None = None,
    keylog: KeyLogInput | Sequence[KeyLogInput] | None = None,
    ports: Iterable[int] = (),
    password: str | bytes | None = None,
    rsa_key: str | PathLike[str] | bytes | None = None,
    show_secrets: bool = False,
    memory: int | None = None,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> Iterator[Connection]:
    """Every MySQL connection of a capture, in the order of their first frames. The keywords are those of `open`.

    display_filter  only connections for which it holds, or of which it holds for a packet

    Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood.
    """
    handle = open(
        source,
        keylog=keylog,
        ports=ports,
        password=password,
        rsa_key=rsa_key,
        show_secrets=show_secrets,
        memory=memory,
        jobs=jobs,
        progress=progress,
    )
    return handle.connections(display_filter)


def commands(
    source: CaptureInput,
    *,
    display_filter: str | None = None,
    slow_ns: int = 0,
    keylog: KeyLogInput | Sequence[KeyLogInput] | None = None,
    ports: Iterable[int] = (),
    rsa_key: str | PathLike[str] | bytes | None = None,
    show_secrets: bool = False,
    memory: int | None = None,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> Iterator[Command]:
    """Every command of a capture with its whole response, as the responses end. The keywords are those of `open`.

    display_filter  only commands of which it holds for a packet, of the request or of the response
    slow_ns         only commands that took so many nanoseconds and more

    Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood.
    """
    handle = open(
        source,
        keylog=keylog,
        ports=ports,
        rsa_key=rsa_key,
        show_secrets=show_secrets,
        memory=memory,
        jobs=jobs,
        progress=progress,
    )
    return handle.commands(display_filter, slow_ns)


def packets(
    source: CaptureInput,
    *,
    display_filter: str | None = None,
    fields: Sequence[str] | None = None,
    keylog: KeyLogInput | Sequence[KeyLogInput] | None = None,
    ports: Iterable[int] = (),
    rsa_key: str | PathLike[str] | bytes | None = None,
    show_secrets: bool = False,
    memory: int | None = None,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> Iterator[Packet]:
    """Every MySQL packet of a capture, dissected, in the order of frames. The keywords are those of `open`.

    display_filter  only packets for which it holds
    fields          display fields to work out, as `mysql.query`; None: all of each packet's own bytes

    Raises CaptureError where the capture can not be read, FilterError for a filter that can not be understood,
    ValueError for a field that does not exist.
    """
    handle = open(
        source,
        keylog=keylog,
        ports=ports,
        rsa_key=rsa_key,
        show_secrets=show_secrets,
        memory=memory,
        jobs=jobs,
        progress=progress,
    )
    return handle.packets(display_filter, fields)


def open(
    source: CaptureInput,
    *,
    keylog: KeyLogInput | Sequence[KeyLogInput] | None = None,
    ports: Iterable[int] = (),
    password: str | bytes | None = None,
    rsa_key: str | PathLike[str] | bytes | None = None,
    show_secrets: bool = False,
    memory: int | None = None,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> CaptureHandle:
    """A capture for several questions: its `connections()`, `commands()` and `packets()`, then `totals` and `notes`.

    source        a file's name, "-" for standard input, or a binary file object, which stays open
    keylog        TLS secrets in NSS key log format: a file's name, the content as bytes, or several of them
    ports         where a server is assumed where the start of a connection was not captured; 3306 always is
    password      checked against the captured logins: findings say whether it was the one
    rsa_key       a server's RSA key (PEM), for RSA key exchange up to TLS 1.2: a file's name, or the content as bytes
    show_secrets  leave passwords, tokens and scrambles as they are; else they are masked
    memory        bytes that all connections may hold back together; None: 512 MB
    jobs          processes for a file; None: as many as pay off
    progress      called with (bytes read, bytes in all or None, frames read) after each batch

    Raises CaptureError for a file that is missing or no capture, OSError where `keylog` or `rsa_key` can not be read,
    AnalyzerError for an RSA key that is none, ValueError for a port that is none, or less than 16 MB of memory.
    """
    from analyzer.engine.handle import CaptureHandle, options_for

    return CaptureHandle(source, options_for(keylog, ports, password, rsa_key, show_secrets, memory), jobs, progress)


def to_json(items: Record | Iterable[Record]) -> str:
    """Connections, commands, packets or findings as JSON text, with the keys of `handshark ... --format json`.

    One record makes an object; several make an array, one object a line. Bytes are hexadecimal.
    """
    from analyzer.tables import records

    return records.to_json(items)


def to_pandas(items: Iterable[Record]) -> pandas.DataFrame:
    """Connections, commands, packets or findings as a pandas DataFrame: a row for each, columns as `client.address`.

    Raises LibraryMissing (an ImportError) where pandas is not installed, TypeError for records of several types.
    """
    from analyzer.tables import records

    return records.to_pandas(items)


def to_arrow(items: Iterable[Record]) -> pyarrow.Table:
    """The same as a pyarrow Table; lists and dictionaries are JSON texts in it.

    Raises LibraryMissing (an ImportError) where pyarrow is not installed, TypeError for records of several types.
    """
    from analyzer.tables import records

    return records.to_arrow(items)


def to_polars(items: Iterable[Record]) -> polars.DataFrame:
    """The same as a polars DataFrame.

    Raises LibraryMissing (an ImportError) where polars or pyarrow is not installed, TypeError for records of several
    types.
    """
    from analyzer.tables import records

    return records.to_polars(items)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The classes, each imported when it is asked for."""
        from importlib import import_module

        places = {
            "AnalyzerError": "analyzer.errors",
            "CaptureError": "analyzer.errors",
            "CaptureHandle": "analyzer.engine.handle",
            "Command": "analyzer.analysis.model.command",
            "Connection": "analyzer.analysis.model.connection",
            "FilterError": "analyzer.analysis.dissection.filters.errors",
            "Finding": "analyzer.analysis.model.connection",
            "LibraryMissing": "analyzer.tables.arrays",
            "Packet": "analyzer.analysis.model.packet",
            "Source": "analyzer.analysis.model.connection",
        }
        if name not in places:
            raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
        return getattr(import_module(places[name]), name)
