"""What a connection has negotiated so far: passed to every decode and encode, never global."""

from __future__ import annotations

import msgspec

from analyzer.protocol.binlog_stream import BinlogStream
from analyzer.protocol.columns import Columns
from analyzer.protocol.prepared import Bound
from analyzer.protocol.tables.capabilities import CLIENT_LONG_PASSWORD, CLIENT_PROTOCOL_41

EXTENDED = 0xFFFF_FFFF << 32


class Context(msgspec.Struct):
    """Negotiated state of one connection.

    `server` and `client` are what each side set (MariaDB's extended capabilities from bit 32 up), None before it was
    seen. What is in force is what both set: drivers set flags that their server never offered.
    `flavor` is mysql, mariadb or another name known from the version; `secure` says whether TLS is on;
    `assumed` that something in force was worked out instead of seen, `worked_out` holds the capabilities of which that
    is certain by now: they showed themselves on or off in the packets.
    `client_codec` is Python's codec for the client's text (character_set_client), `results_codec` for the server's
    (character_set_results); None is UTF-8, and what is not known.
    `columns` are the definitions of the rows that come, and `binlog` is what the events so far say of those that come:
    both only where the machine decodes rows. They are replaced, never changed, so that a copied context stays right.
    `bound` is what is known of the prepared statement that the command in hand names, where somebody looks at commands.
    """

    server: int | None = None
    client: int | None = None
    in_force: int = CLIENT_PROTOCOL_41
    flavor: str | None = None
    nonce: bytes = b""
    secure: bool = False
    assumed: bool = False
    worked_out: int = 0
    client_codec: str | None = None
    results_codec: str | None = None
    columns: Columns = ()
    binlog: BinlogStream | None = None
    bound: Bound | None = None

    def negotiate(self) -> None:
        """Works out `in_force` from both sides' flags. One side's alone where the other was not captured."""
        if self.server is None or self.client is None:
            known = self.client if self.server is None else self.server
            self.in_force = CLIENT_PROTOCOL_41 if known is None else known
            self.assumed = True
            return
        both = self.server & self.client
        # Extended capabilities exist only where both sides leave CLIENT_LONG_PASSWORD (CLIENT_MYSQL) clear.
        if (self.server | self.client) & CLIENT_LONG_PASSWORD:
            both &= ~EXTENDED
        self.in_force = both

    def found(self, capability: int, on: bool) -> None:
        """The packets show whether a capability is in force."""
        self.in_force = self.in_force | capability if on else self.in_force & ~capability
        self.worked_out |= capability

    def speak(self, codec: str | None) -> None:
        """Both sides' text is of this codec from here on."""
        self.client_codec = self.results_codec = codec

    def codec_of(self, role: int) -> str | None:
        """Python's codec for the text of a side: 0 the client, 1 the server."""
        return self.results_codec if role else self.client_codec

    @property
    def mariadb(self) -> bool:
        return self.flavor == "mariadb"
