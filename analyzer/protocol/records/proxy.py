"""The PROXY protocol header that a load balancer puts in front of a connection.

Source: HAProxy, "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2.
"""

from __future__ import annotations

import struct

import msgspec

from analyzer.errors import BadValue, Truncated

V1_PREFIX = b"PROXY "
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1_LONGEST = 107
V2_HEADER = 16

# (address family, transport) byte -> length of the address block
V2_FAMILIES = {0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36}


class ProxyHeader(msgspec.Struct, frozen=True):
    """`length` bytes in front of the MySQL stream; addresses are None where the sender names none (LOCAL, UNKNOWN)."""

    version: int
    length: int
    source: tuple[str, int] | None
    destination: tuple[str, int] | None


def decode_proxy(data: bytes) -> ProxyHeader | None:
    """The header at the start of `data`; None where there is none.

    Raises Truncated where a header begins but more bytes are needed, BadValue where it is broken.
    """
    if data[: len(V1_PREFIX)] == V1_PREFIX[: len(data)]:
        return _v1(data)
    if data[: len(V2_SIGNATURE)] == V2_SIGNATURE[: len(data)]:
        return _v2(data)
    return None


def _v1(data: bytes) -> ProxyHeader:
    end = data.find(b"\r\n", 0, V1_LONGEST)
    if end < 0:
        if len(data) >= V1_LONGEST:
            raise BadValue("ProxyHeader", "line", V1_LONGEST, "no end of line in 107 bytes")
        raise Truncated("ProxyHeader", "line", len(data), "the line goes on")
    words = data[:end].decode("ascii", "replace").split(" ")
    if words[1:2] == ["UNKNOWN"]:
        return ProxyHeader(1, end + 2, None, None)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadValue("ProxyHeader", "line", 0, "not 'PROXY TCP4|TCP6 source destination port port'")
    import ipaddress

    try:
        source, destination = ipaddress.ip_address(words[2]), ipaddress.ip_address(words[3])
        ports = int(words[4]), int(words[5])
    except ValueError as error:
        raise BadValue("ProxyHeader", "line", 0, str(error)) from error
    if not all(0 <= port <= 0xFFFF for port in ports):
        raise BadValue("ProxyHeader", "line", 0, "a port over 65535")
    return ProxyHeader(1, end + 2, (str(source), ports[0]), (str(destination), ports[1]))


def _v2(data: bytes) -> ProxyHeader:
    if len(data) < V2_HEADER:
        raise Truncated("ProxyHeader", "header", len(data), "16 bytes expected")
    command, family, size = struct.unpack_from("!BBH", data, 12)
    if command >> 4 != 2:
        raise BadValue("ProxyHeader", "version", 12, f"version 2 expected, {command >> 4} found")
    if len(data) < V2_HEADER + size:
        raise Truncated("ProxyHeader", "addresses", len(data), f"{size} bytes expected")
    length = V2_HEADER + size
    need = V2_FAMILIES.get(family)
    if command & 0x0F == 0 or need is None or size < need:
        return ProxyHeader(2, length, None, None)
    width = 4 if need == 12 else 16
    block = data[V2_HEADER : V2_HEADER + need]
    import ipaddress

    source, destination = ipaddress.ip_address(block[:width]), ipaddress.ip_address(block[width : 2 * width])
    source_port, destination_port = struct.unpack_from("!HH", block, 2 * width)
    return ProxyHeader(2, length, (str(source), source_port), (str(destination), destination_port))


def encode_proxy(header: ProxyHeader) -> bytes:
    """The bytes of a header; its `length` is not looked at."""
    if header.version == 1:
        if header.source is None or header.destination is None:
            return b"PROXY UNKNOWN\r\n"
        family = "TCP6" if ":" in header.source[0] else "TCP4"
        line = (
            f"PROXY {family} {header.source[0]} {header.destination[0]} {header.source[1]} {header.destination[1]}\r\n"
        )
        return line.encode("ascii")
    if header.source is None or header.destination is None:
        return V2_SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)
    import ipaddress

    source, destination = ipaddress.ip_address(header.source[0]), ipaddress.ip_address(header.destination[0])
    block = source.packed + destination.packed + struct.pack("!HH", header.source[1], header.destination[1])
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if source.version == 4 else 0x21, len(block)) + block
