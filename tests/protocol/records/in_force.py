"""Sets of capabilities that may be in force."""

from __future__ import annotations

from hypothesis import strategies as some

from analyzer.protocol.tables import capabilities as cap

# Capabilities on which the layout of some record depends.
LAYOUT = (
    cap.CLIENT_PROTOCOL_41,
    cap.CLIENT_TRANSACTIONS,
    cap.CLIENT_SECURE_CONNECTION,
    cap.CLIENT_CONNECT_WITH_DB,
    cap.CLIENT_PLUGIN_AUTH,
    cap.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
    cap.CLIENT_CONNECT_ATTRS,
    cap.CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    cap.CLIENT_SESSION_TRACK,
    cap.CLIENT_QUERY_ATTRIBUTES,
    cap.CLIENT_OPTIONAL_RESULTSET_METADATA,
    cap.MARIADB_CLIENT_CACHE_METADATA,
)


in_force_sets = some.builds(
    lambda flags, others: sum(flags) | others,
    some.sets(some.sampled_from(LAYOUT)),
    some.sampled_from([0, cap.CLIENT_SSL | cap.CLIENT_DEPRECATE_EOF]),
)
