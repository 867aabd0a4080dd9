"""What every line of `handshark analyze` has to hold, whatever was read."""

from __future__ import annotations

from tests.cli.support import Json

# CONTRACT.md, "handshark analyze"; what stands under each is there as well.
KEYS = (
    *("capture", "stream", "client", "server", "first_frame", "last_frame", "start_time_ns", "end_time_ns", "tcp"),
    *("phase_reached", "outcome", "error", "greeting", "login", "tls", "authentication", "compression", "commands"),
    *("timing", "driver", "fingerprint", "findings"),
)


INNER: dict[str, tuple[str, ...]] = {
    "client": ("address", "port"),
    "server": ("address", "port"),
    "tcp": (
        *("syn", "fin_from", "rst_from", "retransmissions", "out_of_order", "gaps"),
        *("bytes_from_client", "bytes_from_server"),
    ),
    "error": ("code", "sqlstate", "message", "frame", "phase"),
    "greeting": (
        *("protocol_version", "server_version", "flavor", "connection_id", "auth_plugin", "capabilities"),
        *("collation_id", "collation", "status_flags", "frame"),
    ),
    "login": (
        *("user", "database", "auth_plugin", "capabilities", "max_packet_size", "collation_id", "collation"),
        *("attributes", "zstd_level", "frame"),
    ),
    "tls": (
        *("requested_frame", "version", "cipher_suite", "server_name", "resumed", "decrypted", "alerts"),
        "certificates",
    ),
    "authentication": ("plugin", "switches", "path", "password_protection", "steps"),
    "timing": ("tcp_connect_ns", "greeting_ns", "tls_ns", "login_ns", "authentication_ns", "total_ns"),
    "driver": ("name", "version", "evidence", "confidence"),
}


LISTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("authentication", "switches"): ("from", "to", "frame"),
    ("authentication", "steps"): ("sender", "record", "summary", "frame"),
    ("tls", "alerts"): ("sender", "level", "description", "encrypted", "frame"),
    ("tls", "certificates"): ("subject", "issuer", "not_before", "not_after", "key", "sha256"),
}


FINDING = ("code", "severity", "confidence", "message", "advice", "frames")


def hold_the_contract(row: Json) -> None:
    """Every key of CONTRACT.md is there; more may stand beside them."""
    assert set(KEYS) <= set(row)
    for part, names in INNER.items():
        if row[part] is not None:
            assert set(names) <= set(row[part]), part
    for (part, name), keys in LISTS.items():
        for item in (row[part] or {}).get(name, []):
            assert set(keys) <= set(item)
    for finding in row["findings"]:
        assert set(FINDING) <= set(finding)
        assert finding["severity"] in ("info", "warning", "error")
    assert row["phase_reached"] in ("tcp", "greeting", "tls", "login", "authentication", "command")
    assert row["outcome"] in ("accepted", "rejected", "aborted", "encrypted", "unknown")
    assert row["compression"] in ("none", "zlib", "zstd")
