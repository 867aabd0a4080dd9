"""Wireshark's fields of the layers below MySQL, as far as this program holds them; names and types as Wireshark's.

They describe the frame that completed the packet: frame.len is that frame's, tcp.len that segment's. Addresses and
ports of a connection (`ip.addr`, `tcp.port`, `tcp.stream`) are the same for all its packets.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.dissection.fields.base import CONNECTION
from analyzer.analysis.dissection.fields.base import FieldInfo as F

NETWORK_FIELDS: Final[tuple[F, ...]] = (
    F("frame", "PROTOCOL", "Every packet has a frame"),
    F("frame.number", "UINT32", "Number of the frame that completed the packet", "dec"),
    F("frame.time", "ABSOLUTE_TIME", "Time of the frame, shown in UTC"),
    F("frame.time_epoch", "RELATIVE_TIME", "Time of the frame, in seconds since 1970"),
    F("frame.time_relative", "RELATIVE_TIME", "Time since the first frame of the capture"),
    F("frame.time_delta", "RELATIVE_TIME", "Time since the frame before it"),
    F("frame.len", "UINT32", "Bytes of the frame on the wire", "dec"),
    F("frame.cap_len", "UINT32", "Bytes of the frame in the capture", "dec"),
    F("ip", "PROTOCOL", "The connection runs over IPv4", scope=CONNECTION),
    F("ip.src", "IPv4", "Source address"),
    F("ip.dst", "IPv4", "Destination address"),
    F("ip.addr", "IPv4", "Source or destination address", scope=CONNECTION),
    F("ip.src_host", "STRING", "Source address, as text (names are not resolved)"),
    F("ip.dst_host", "STRING", "Destination address, as text (names are not resolved)"),
    F("ip.host", "STRING", "Source or destination address, as text", scope=CONNECTION),
    F("ipv6", "PROTOCOL", "The connection runs over IPv6", scope=CONNECTION),
    F("ipv6.src", "IPv6", "Source address"),
    F("ipv6.dst", "IPv6", "Destination address"),
    F("ipv6.addr", "IPv6", "Source or destination address", scope=CONNECTION),
    F("ipv6.src_host", "STRING", "Source address, as text (names are not resolved)"),
    F("ipv6.dst_host", "STRING", "Destination address, as text (names are not resolved)"),
    F("ipv6.host", "STRING", "Source or destination address, as text", scope=CONNECTION),
    F("tcp", "PROTOCOL", "Every connection runs over TCP", scope=CONNECTION),
    F("tcp.stream", "UINT32", "Number of the connection in its capture", "dec", scope=CONNECTION),
    F("tcp.port", "UINT16", "Source or destination port", "dec", scope=CONNECTION),
    F("tcp.srcport", "UINT16", "Source port", "dec"),
    F("tcp.dstport", "UINT16", "Destination port", "dec"),
    F("tcp.len", "UINT32", "Payload bytes of the segment", "dec", never=(0, "dissect shows packets, not frames")),
    F("tcp.seq_raw", "UINT32", "Sequence number as it is on the wire", "dec"),
    F("tcp.ack_raw", "UINT32", "Acknowledgement number as it is on the wire", "dec"),
    F("tcp.window_size_value", "UINT16", "Window, not scaled", "dec"),
    F("tcp.flags", "UINT16", "TCP flags (the low eight)", "hex"),
    F("tcp.flags.cwr", "BOOLEAN", "Congestion window reduced"),
    F("tcp.flags.ece", "BOOLEAN", "ECN echo"),
    F("tcp.flags.urg", "BOOLEAN", "Urgent"),
    F("tcp.flags.ack", "BOOLEAN", "Acknowledgement"),
    F("tcp.flags.push", "BOOLEAN", "Push"),
    F("tcp.flags.reset", "BOOLEAN", "Reset, on a frame with a MySQL packet; of any other tells handshark.rst_from"),
    F("tcp.flags.syn", "BOOLEAN", "Syn", never=(True, "handshark.syn says whether the opening was captured")),
    F("tcp.flags.fin", "BOOLEAN", "Fin, on a frame with a MySQL packet; of any other tells handshark.fin_from"),
    F("tcp.time_relative", "RELATIVE_TIME", "Time since the first frame of the connection"),
    F("tls", "PROTOCOL", "The packet came inside TLS, or is a TLS message"),
    F("tls.handshake.extensions_server_name", "STRING", "Server name the client asked for", scope=CONNECTION),
    F("tls.handshake.ja3", "STRING", "JA3 fingerprint of the client's hello", scope=CONNECTION),
)
