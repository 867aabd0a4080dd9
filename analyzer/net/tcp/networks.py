"""Connections between the same addresses and ports in networks of their own: VLANs, tunnels, interfaces.

A tag says which network a segment is of. It is no proof: a connection may have another tag in each direction, and one
frame may be captured in two networks. Where sequence numbers show that a segment of another network is of a connection
that is open, it is that connection's.
"""

from __future__ import annotations

from typing import Final

from analyzer.net.tcp.reassembly import TcpConnection

# Networks that are told apart; those after them share numbers.
MOST: Final = 1 << 16
# A key's ports stand in its last eight bytes, below the network's number.
PORTS: Final = 32
NUMBER_BIT: Final = 40


class Networks:
    """Finds the key of a segment's connection. `connections` are those that are open, by their keys.

    several  whether more than one was met: most captures have one
    """

    def __init__(self, connections: dict[bytes, TcpConnection]) -> None:
        self.several = False
        self._connections = connections
        self._numbers: dict[int, int] = {0: 0}
        # Once there are several: the open connections between the same endpoints.
        self._by_endpoints: dict[bytes, list[bytes]] = {}
        # Keys in other networks of connections that are open, both ways.
        self._aliases: dict[bytes, bytes] = {}
        self._aliases_of: dict[bytes, list[bytes]] = {}

    def key(self, endpoints: bytes, tag: int) -> bytes:
        """The key of connections between endpoints in a network."""
        number = self._numbers.get(tag)
        if number is None:
            if not self.several:
                self.several = True
                for known in self._connections:
                    self._by_endpoints.setdefault(_endpoints(known), []).append(known)
            number = len(self._numbers) if len(self._numbers) < MOST else 1 + tag % (MOST - 1)
            if len(self._numbers) < MOST:
                self._numbers[tag] = number
        if not number:
            return endpoints
        ports = int.from_bytes(endpoints[PORTS:], "big") + (number << NUMBER_BIT)
        return endpoints[:PORTS] + ports.to_bytes(8, "big")

    def route(self, endpoints: bytes, tag: int, sender: int, seq: int, ack: int, flags: int) -> bytes:
        """The key of the connection that a segment is of; of a new one where it is of none that is open."""
        key = self.key(endpoints, tag)
        if key in self._connections:
            return key
        alias = self._aliases.get(key)
        if alias is not None:
            return alias
        for other in self._by_endpoints.get(endpoints, ()):
            if self._connections[other].owns(sender, seq, ack, flags):
                self._aliases[key] = other
                self._aliases_of.setdefault(other, []).append(key)
                return other
        return key

    def opened(self, key: bytes) -> None:
        """Notes a connection that is new, where there are several networks."""
        self._by_endpoints.setdefault(_endpoints(key), []).append(key)

    def closed(self, key: bytes) -> list[bytes]:
        """Forgets a connection, where there are several networks; returns its keys in other ones."""
        endpoints = _endpoints(key)
        others = [other for other in self._by_endpoints.get(endpoints, ()) if other != key]
        if others:
            self._by_endpoints[endpoints] = others
        else:
            self._by_endpoints.pop(endpoints, None)
        aliases = self._aliases_of.pop(key, [])
        for alias in aliases:
            del self._aliases[alias]
        return aliases


def _endpoints(key: bytes) -> bytes:
    """A key without its network."""
    ports = int.from_bytes(key[PORTS:], "big") & ((1 << NUMBER_BIT) - 1)
    return key[:PORTS] + ports.to_bytes(8, "big")
