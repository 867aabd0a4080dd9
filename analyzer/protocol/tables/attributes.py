"""Connection attributes that drivers and servers name (MySQL Reference Manual, "Performance Schema Connection Attribute
Tables"; MariaDB Connector/C, mysql_optionsv)."""

from __future__ import annotations

from typing import Final

# Of the driver, and of what it runs on.
DRIVER_ATTRIBUTES: Final = frozenset(
    """
    _client_name _client_version _client_license _connector_name _connector_version _connector_license _platform _os
    _os_details _runtime_version _runtime_vendor _source_host_type _client_role _server_type
    """.split()  # noqa: SIM905
)
ATTRIBUTES: Final = DRIVER_ATTRIBUTES | frozenset(
    """
    _pid _thread program_name _client_replication_channel_name _server_host _source_host _client_ip os_user os_sudouser
    traceparent tracestate mysql_trace_id trace_id span_id connection_type ssl_cipher client_interactive
    """.split()  # noqa: SIM905
)
# No key or token that says itself what it is is as short.
_SHORT: Final = 19


def is_ordinary(name: str, value: str) -> bool:
    """Whether an attribute is one of those, with a word, a number or a version in it: it can hold no secret."""
    if name not in ATTRIBUTES or len(value) > _SHORT or value.startswith("-"):
        return False
    return not value or value.replace(".", "").replace("_", "").replace("-", "").isalnum()
