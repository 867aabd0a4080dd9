"""Command bytes of the command phase.

Sources: MySQL source documentation, "Command Phase" (my_command.h: enum_server_command); MariaDB Server documentation,
"2 - Text Protocol", "3 - Binary Protocol" (COM_STMT_BULK_EXECUTE, COM_MULTI).
"""

from __future__ import annotations

from typing import Final

COM_SLEEP: Final = 0x00
COM_QUIT: Final = 0x01
COM_INIT_DB: Final = 0x02
COM_QUERY: Final = 0x03
COM_FIELD_LIST: Final = 0x04
COM_CREATE_DB: Final = 0x05
COM_DROP_DB: Final = 0x06
COM_REFRESH: Final = 0x07
COM_SHUTDOWN: Final = 0x08
COM_STATISTICS: Final = 0x09
COM_PROCESS_INFO: Final = 0x0A
COM_CONNECT: Final = 0x0B
COM_PROCESS_KILL: Final = 0x0C
COM_DEBUG: Final = 0x0D
COM_PING: Final = 0x0E
COM_TIME: Final = 0x0F
COM_DELAYED_INSERT: Final = 0x10
COM_CHANGE_USER: Final = 0x11
COM_BINLOG_DUMP: Final = 0x12
COM_TABLE_DUMP: Final = 0x13
COM_CONNECT_OUT: Final = 0x14
COM_REGISTER_SLAVE: Final = 0x15
COM_STMT_PREPARE: Final = 0x16
COM_STMT_EXECUTE: Final = 0x17
COM_STMT_SEND_LONG_DATA: Final = 0x18
COM_STMT_CLOSE: Final = 0x19
COM_STMT_RESET: Final = 0x1A
COM_SET_OPTION: Final = 0x1B
COM_STMT_FETCH: Final = 0x1C
COM_DAEMON: Final = 0x1D
COM_BINLOG_DUMP_GTID: Final = 0x1E
COM_RESET_CONNECTION: Final = 0x1F
COM_CLONE: Final = 0x20
COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: Final = 0x21
COM_STMT_BULK_EXECUTE: Final = 0xFA
COM_MULTI: Final = 0xFE

# name as the contract writes it: lower case, without COM_
COMMANDS: Final[dict[int, str]] = {
    0x00: "sleep",
    0x01: "quit",
    0x02: "init_db",
    0x03: "query",
    0x04: "field_list",
    0x05: "create_db",
    0x06: "drop_db",
    0x07: "refresh",
    0x08: "shutdown",
    0x09: "statistics",
    0x0A: "process_info",
    0x0B: "connect",
    0x0C: "process_kill",
    0x0D: "debug",
    0x0E: "ping",
    0x0F: "time",
    0x10: "delayed_insert",
    0x11: "change_user",
    0x12: "binlog_dump",
    0x13: "table_dump",
    0x14: "connect_out",
    0x15: "register_slave",
    0x16: "stmt_prepare",
    0x17: "stmt_execute",
    0x18: "stmt_send_long_data",
    0x19: "stmt_close",
    0x1A: "stmt_reset",
    0x1B: "set_option",
    0x1C: "stmt_fetch",
    0x1D: "daemon",
    0x1E: "binlog_dump_gtid",
    0x1F: "reset_connection",
    0x20: "clone",
    0x21: "subscribe_group_replication_stream",
    0xFA: "stmt_bulk_execute",
    0xFE: "multi",
}

# Of each byte that a command may begin with, as the contract writes it.
COMMAND_NAMES: Final = tuple(COMMANDS.get(code, f"0x{code:02x}") for code in range(256))

# What is said after COM_CLONE.
CLONE_COMMANDS: Final[dict[int, str]] = {
    1: "COM_INIT",
    2: "COM_ATTACH",
    3: "COM_REINIT",
    4: "COM_EXECUTE",
    5: "COM_ACK",
    6: "COM_EXIT",
}
CLONE_RESPONSES: Final[dict[int, str]] = {
    1: "COM_RES_LOCS",
    2: "COM_RES_DATA_DESC",
    3: "COM_RES_DATA",
    4: "COM_RES_PLUGIN",
    5: "COM_RES_CONFIG",
    6: "COM_RES_COLLATION",
    7: "COM_RES_PLUGIN_V2",
    8: "COM_RES_CONFIG_V3",
    99: "COM_RES_COMPLETE",
    100: "COM_RES_ERROR",
}
