"""What is known of a driver's logins."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.protocol.tables import capabilities as cap

# Set or not at the user's wish, or for the connection at hand: they tell little of the driver.
OPTIONAL: Final = (
    cap.CLIENT_FOUND_ROWS
    | cap.CLIENT_CONNECT_WITH_DB
    | cap.CLIENT_NO_SCHEMA
    | cap.CLIENT_COMPRESS
    | cap.CLIENT_ODBC
    | cap.CLIENT_LOCAL_FILES
    | cap.CLIENT_IGNORE_SPACE
    | cap.CLIENT_INTERACTIVE
    | cap.CLIENT_SSL
    | cap.CLIENT_MULTI_STATEMENTS
    | cap.CLIENT_CONNECT_ATTRS
    | cap.CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS
    | cap.CLIENT_OPTIONAL_RESULTSET_METADATA
    | cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM
)


class Signature(msgspec.Struct, frozen=True):
    """One driver as it was seen.

    `on` and `off` are flags outside of OPTIONAL that it always, or never, set; `options_on` and `options_off` the same
    of OPTIONAL. `versions` are those that were seen.
    """

    name: str
    versions: str | None
    on: int
    off: int
    options_on: int
    options_off: int
    sizes: tuple[int, ...]
    collations: tuple[int, ...]
    plugins: tuple[str | None, ...]
