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


def is_ordinary(name: str, value: str) -> bool:
    """Whether an attribute is one of those, with a word or a number in it (1.2.3-4): it can hold no secret."""
    if name not in ATTRIBUTES:
        return False
    number = value.replace(".", "").replace("-", "")
    return not value or value == "x86_64" or value.isalnum() or (value[0] != "-" and number.isdigit())
