"""The TLS record layer as anyone on the way sees it: records, plain-text handshake messages, alerts.

Sources: RFC 8446 (TLS 1.3: sections 4, 5, 6), RFC 5246 (TLS 1.2), RFC 6066 (server_name), RFC 8447 (registries).
"""

from __future__ import annotations

from typing import Final

CLIENT: Final = 0
SERVER: Final = 1

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

RECORD_HEADER: Final = 5
# RFC 8446, 5.2: at most 2**14 + 256; RFC 5246 allows 2**14 + 2048.
LONGEST_RECORD: Final = (1 << 14) + 2048
LONGEST_MESSAGE: Final = 1 << 18

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
CERTIFICATE: Final = 11
# RFC 8446, 4.1.3: a ServerHello with this random is a HelloRetryRequest.
HELLO_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
EXT_SERVER_NAME: Final = 0
EXT_PRE_SHARED_KEY: Final = 41
EXT_SUPPORTED_VERSIONS: Final = 43
# RFC 8701: values a client makes up to keep servers tolerant.
GREASE: Final = frozenset(0x0A0A + 0x1010 * i for i in range(16))


def looks_like_record(data: bytes | bytearray) -> bool:
    """Whether `data` (3 bytes or more) begins with a TLS record header."""
    return len(data) >= 3 and 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4


def begins_tls(data: bytes) -> bool:
    """Whether `data` begins TLS. A MySQL packet of under 64 KiB has a 0 for third byte, TLS records a 1 and up."""
    return looks_like_record(data) and data[2] >= 1


def is_client_hello(data: bytes) -> bool:
    """Whether `data` (6 bytes or more) begins with a record whose first message is a ClientHello."""
    return data[:1] == b"\x16" and begins_tls(data) and data[RECORD_HEADER : RECORD_HEADER + 1] == b"\x01"


def is_all_records(data: bytes) -> bool:
    """Whether `data` is TLS records one after the other, of which the last may be cut.

    For bytes of which nothing is known: a single header may be chance, so one record has to be whole.
    """
    pos = count = 0
    while pos < len(data):
        head = data[pos : pos + RECORD_HEADER]
        length = int.from_bytes(head[3:5], "big")
        if not begins_tls(head) or (len(head) == RECORD_HEADER and not 0 < length <= LONGEST_RECORD):
            return False
        pos += RECORD_HEADER + length
        count += pos <= len(data)
    return count > 0
