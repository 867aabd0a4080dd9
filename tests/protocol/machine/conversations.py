"""Records that conversations are made of, and a login to begin with."""

from __future__ import annotations

from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41, SSLRequest
from analyzer.protocol.tables import capabilities as cap
from tests.protocol.machine.playbook import Playbook, in_command_phase

BASE = cap.CLIENT_PROTOCOL_41 | cap.CLIENT_SECURE_CONNECTION | cap.CLIENT_PLUGIN_AUTH | cap.CLIENT_TRANSACTIONS


NEW = BASE | cap.CLIENT_DEPRECATE_EOF


NATIVE = "mysql_native_password"


OK = OKPacket(0x00, 0, 0, 2, 0, None, True, None)


OK_MORE = OKPacket(0x00, 0, 0, 2 | cap.SERVER_MORE_RESULTS_EXISTS, 0, None, True, None)


END = OKPacket(0xFE, 0, 0, 2, 0, None, True, None)


EOF = EOFPacket(0, 2)


ERR = ErrPacket(1064, "42000", "You have an error in your SQL syntax")


COLUMN = bytes.fromhex("03 64 65 66 00 00 00 01 31 00 0c 3f 00 01 00 00 00 08 81 00 00 00 00")


ROW = b"\x011"


SCRAMBLE = bytes(range(20))


def hello(flags: int = BASE, plugin: str = NATIVE) -> HandshakeV10:
    reserved = bytes(6) + (flags >> 32).to_bytes(4, "little")
    nonce = b"12345678901234567890\x00"
    return HandshakeV10(
        "8.0.1", 1, nonce[:8], 0, flags & 0xFFFF, 45, 2, flags >> 16 & 0xFFFF, 21, reserved, nonce[8:], plugin
    )


def login(flags: int = BASE, plugin: str = NATIVE, response: bytes = SCRAMBLE) -> HandshakeResponse41:
    filler = bytes(19) + (flags >> 32).to_bytes(4, "little")
    flags &= 0xFFFF_FFFF
    return HandshakeResponse41(flags, 1 << 24, 45, filler, "app", response, None, plugin, None, None, flags)


def ssl_request(flags: int = BASE | cap.CLIENT_SSL) -> SSLRequest:
    return SSLRequest(flags, 1 << 24, 45, bytes(23))


def after_login(in_force: int = BASE, assumed: bool = False) -> Playbook:
    return Playbook(in_command_phase(in_force, assumed))
