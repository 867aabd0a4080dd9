"""What becomes of each field: the one table that says which bytes of a packet may be seen.

A field that is not in it becomes zero. `*` is for every record that does not say it otherwise. Names are those that
records read their fields under.
"""

from __future__ import annotations

from typing import Final

KEEP: Final = "keep"  # structure: lengths, numbers of the protocol, flags, times
ZERO: Final = "zero"
NONCE: Final = "nonce"  # printable characters in place of bytes
NOISE: Final = "noise"  # any bytes in place of others
VERSION: Final = "version"
PLUGIN: Final = "plugin"
FILLER: Final = "filler"  # of a login: capabilities may stand in it
RESERVED: Final = "reserved"  # of a greeting: capabilities may stand in it
USER: Final = "user"
SCHEMA: Final = "schema"
NAME: Final = "name"  # of a table or a column
COLUMN: Final = "column"  # of a result, which may be an expression
HOST: Final = "host"
FILE: Final = "file"
SQL: Final = "sql"
ERROR: Final = "error"
STATUS: Final = "status"
STATE: Final = "state"  # SQLSTATE
ATTRIBUTE_NAME: Final = "attribute_name"
ATTRIBUTE_VALUE: Final = "attribute_value"
PARAMETER: Final = "parameter"
CONTENT: Final = "content"  # of a file, or long data
VALUE: Final = "value"
NUMBER: Final = "number"  # an int<lenenc> that is data
INTEGER: Final = "integer"  # of fixed size that is data
TRACKED: Final = "tracked"  # what a session's state is now
UUID: Final = "uuid"
GTIDS: Final = "gtids"
CELL: Final = "cell"
STATUS_VALUE: Final = "status_value"
METADATA: Final = "metadata"
TYPE_NAME: Final = "type_name"
PEM: Final = "pem"
COMMANDS: Final = "commands"
VARIABLE: Final = "variable"  # of a session
COLLATION: Final = "collation"
TYPES: Final = "types"  # of columns, a byte each
BOUND_TYPES: Final = "bound types"  # of parameters, and whether they are unsigned
ONE: Final = "one"  # a number that is always one
LENGTHS: Final = "lengths"  # of the heads of binlog events, a byte each

RULES: Final[dict[str, dict[str, str]]] = {
    "HandshakeV10": {
        **dict.fromkeys(
            (
                *("protocol_version", "thread_id", "capability_flags_1", "character_set", "status_flags"),
                *("capability_flags_2", "auth_plugin_data_len"),
            ),
            KEEP,
        ),
        "server_version": VERSION,
        "auth_plugin_data_part_1": NONCE,
        "auth_plugin_data_part_2": NONCE,
        "auth_plugin_name": PLUGIN,
        "reserved": RESERVED,
    },
    "HandshakeV9": {"protocol_version": KEEP, "server_version": VERSION, "thread_id": KEEP, "scramble": NONCE},
    "SSLRequest": {"client_flag": KEEP, "max_packet_size": KEEP, "character_set": KEEP, "filler": FILLER},
    "SSLRequest320": {"client_flag": KEEP, "max_packet_size": KEEP},
    "HandshakeResponse41": {
        **dict.fromkeys(
            (
                *("client_flag", "max_packet_size", "character_set", "auth_response_length", "attributes_length"),
                "zstd_compression_level",
            ),
            KEEP,
        ),
        "filler": FILLER,
        "username": USER,
        "auth_response": NONCE,
        "database": SCHEMA,
        "client_plugin_name": PLUGIN,
        "attribute_name": ATTRIBUTE_NAME,
        "attribute_value": ATTRIBUTE_VALUE,
    },
    "HandshakeResponse320": {
        "client_flag": KEEP,
        "max_packet_size": KEEP,
        "username": USER,
        "auth_response": NONCE,
        "database": SCHEMA,
    },
    "ComChangeUser": {
        **dict.fromkeys(("auth_response_len", "character_set", "attributes_length"), KEEP),
        "user": USER,
        "auth_response": NONCE,
        "database": SCHEMA,
        "auth_plugin_name": PLUGIN,
        "attribute_name": ATTRIBUTE_NAME,
        "attribute_value": ATTRIBUTE_VALUE,
    },
    "AuthSwitchRequest": {"plugin_name": PLUGIN, "plugin_provided_data": NONCE},
    "AuthNextFactor": {"plugin_name": PLUGIN, "plugin_provided_data": NONCE},
    "AuthMoreData": {"authentication_method_data": NONCE},
    "AuthResponse": {"data": NONCE},
    "OKPacket": {
        **dict.fromkeys(("affected_rows", "status_flags", "warnings"), KEEP),
        **dict.fromkeys(
            ("session_state_info_length", "session_track_type", "session_track_length", "session_track_encoding"), KEEP
        ),
        "last_insert_id": NUMBER,
        "info": STATUS,
        "session_track_variable": VARIABLE,
        "session_track_value": TRACKED,
    },
    "ErrPacket": {"error_code": KEEP, "sql_state_marker": KEEP, "sql_state": STATE, "error_message": ERROR},
    "ProgressReport": {
        **dict.fromkeys(("error_code", "strings", "stage", "max_stage", "progress"), KEEP),
        "info": STATUS,
    },
    "EOFPacket": {"warnings": KEEP, "status_flags": KEEP},
    "ColumnCount": {"column_count": KEEP, "metadata_follows": KEEP},
    "LocalInfileRequest": {"filename": FILE},
    "StmtPrepareOK": dict.fromkeys(
        ("status", "statement_id", "num_columns", "num_params", "warning_count", "metadata_follows"), KEEP
    ),
    "Statistics": {"message": STATUS},
    "ColumnDefinition41": {
        "catalog": SCHEMA,
        "schema": SCHEMA,
        "table": NAME,
        "org_table": NAME,
        "name": COLUMN,
        "org_name": NAME,
        "extended_metadata_length": KEEP,
        "extended_metadata_type": KEEP,
        "extended_metadata_value": TYPE_NAME,
        **dict.fromkeys(("length_of_fixed_fields", "column_length", "flags", "decimals"), KEEP),
        "character_set": COLLATION,
        "type": TYPES,
        "default_value": VALUE,
    },
    "ColumnDefinition320": {
        "table": NAME,
        "name": COLUMN,
        **dict.fromkeys(
            (
                *("length_of_column_length", "column_length", "length_of_type", "type", "length_of_flags"),
                *("flags", "decimals"),
            ),
            KEEP,
        ),
        "default_value": VALUE,
    },
    "ComInitDb": {"schema_name": SCHEMA},
    "ComCreateDb": {"schema_name": SCHEMA},
    "ComDropDb": {"schema_name": SCHEMA},
    "ComFieldList": {"table": NAME, "wildcard": FILE},
    "ComRefresh": {"sub_command": KEEP},
    "ComShutdown": {"shutdown_type": KEEP},
    "ComProcessKill": {"connection_id": KEEP},
    "ComSetOption": {"operation": KEEP},
    "ComQuery": {
        **dict.fromkeys(("parameter_count", "parameter_set_count", "null_bitmap", "new_params_bind_flag"), KEEP),
        "parameter_type": BOUND_TYPES,
        "parameter_name": ATTRIBUTE_NAME,
        "parameter_value": PARAMETER,
        "query": SQL,
    },
    "ComStmtPrepare": {"query": SQL},
    "ComStmtExecute": {
        **dict.fromkeys(("statement_id", "flags", "parameter_count", "null_bitmap", "new_params_bind_flag"), KEEP),
        "parameter_type": BOUND_TYPES,
        "iteration_count": ONE,
        "parameter_name": ATTRIBUTE_NAME,
        "parameter_value": PARAMETER,
    },
    "ComStmtBulkExecute": {
        **dict.fromkeys(("statement_id", "bulk_flags", "parameter_indicator"), KEEP),
        "parameter_type": BOUND_TYPES,
        "parameter_value": PARAMETER,
    },
    "ComStmtSendLongData": {"statement_id": KEEP, "param_id": KEEP, "data": CONTENT},
    "ComStmtClose": {"statement_id": KEEP},
    "ComStmtReset": {"statement_id": KEEP},
    "ComStmtFetch": {"statement_id": KEEP, "num_rows": KEEP},
    "ComMulti": {"length": KEEP, "command": COMMANDS},
    "ComBinlogDump": {"binlog_pos": KEEP, "flags": KEEP, "server_id": KEEP, "binlog_filename": FILE},
    "ComBinlogDumpGtid": {
        **dict.fromkeys(("flags", "server_id", "binlog_filename_len", "binlog_pos", "data_size"), KEEP),
        "binlog_filename": FILE,
        "data": GTIDS,
    },
    "ComTableDump": {"database_len": KEEP, "database_name": SCHEMA, "table_len": KEEP, "table_name": NAME},
    "ComRegisterSlave": {
        **dict.fromkeys(
            (
                *("server_id", "slaves_hostname_len", "slaves_user_len", "slaves_password_len"),
                *("slaves_mysql_port", "replication_rank", "master_id"),
            ),
            KEEP,
        ),
        "slaves_hostname": HOST,
        "slaves_user": USER,
        "slaves_password": NONCE,
    },
    "CloneCommand": {"command_code": KEEP},
    "CloneResponse": {"response_code": KEEP},
    "CloneError": {"response_code": KEEP, "error_code": KEEP, "error_message": ERROR},
    "SemiSyncAck": {"log_pos": KEEP, "log_filename": FILE},
    "BinlogEvent": {
        **dict.fromkeys(
            (
                *("semi_sync_magic", "semi_sync_flags", "timestamp", "event_type", "server_id", "event_size"),
                *("log_pos", "event_flags", "position", "binlog_version", "create_timestamp", "event_header_length"),
                *("checksum_algorithm", "field_type", "incident", "message_length"),
                *("file_length", "query_length", "scheme", "key_version", "gtid_flags", "gno", "lt_type"),
                *("last_committed", "sequence_number", "immediate_commit_timestamp", "original_commit_timestamp"),
                *("transaction_length", "immediate_server_version", "original_server_version"),
                *("commit_group_ticket", "serialization_version_number", "serializable_size"),
                *("last_non_ignorable_field_id", "field_id", "flags", "n_sids", "tag_length", "n_intervals"),
                *("start", "end", "domain_id", "commit_id", "xa_format_id", "xa_gtrid_length", "xa_bqual_length"),
                *("flags_extra", "extra_engines", "start_alter_sequence", "thread_id", "gtid_count"),
                *("gtid_server_id", "table_id", "table_flags", "schema_length", "schema_end", "table_length"),
                *("table_end", "column_count", "column_metadata", "null_bits", "metadata_type"),
                *("rows_flags", "extra_data_length", "columns_present", "columns_present_after"),
                *("execution_time", "error_code", "status_variables_length", "status_variable", "intvar_type"),
                *("name_length", "is_null", "value_type", "collation", "value_length", "xid", "one_phase"),
                *("format_id", "gtrid_length", "bqual_length", "file_id", "name_start", "name_end", "duplicates"),
                "field_length",
            ),
            KEEP,
        ),
        "file": FILE,
        "column_types": TYPES,
        "post_header_lengths": LENGTHS,
        "server_version": VERSION,
        "field_data": FILE,
        "message": ERROR,
        "query": SQL,
        "nonce": NOISE,
        "sid": UUID,
        "tag": HOST,
        "gtid_tag": HOST,
        "xa_gtrid": CONTENT,
        "xa_bqual": CONTENT,
        "gtrid": CONTENT,
        "bqual": CONTENT,
        "schema": SCHEMA,
        "table": NAME,
        "metadata_value": METADATA,
        "value": CELL,
        "status_value": STATUS_VALUE,
        "intvar_value": INTEGER,
        "name": NAME,
        "file_data": CONTENT,
    },
    # Records of auth plugins: what is not here is a NONCE.
    "auth": {
        **dict.fromkeys(
            (
                *("status", "request", "tag", "capability", "number_of_assertions", "question_type", "kdf"),
                *("iteration_factor", "nul", "service_principal_name_length", "realm_length"),
            ),
            KEEP,
        ),
        "pem": PEM,
        "server_principal_name": HOST,
        "service_principal_name": HOST,
        "realm": HOST,
        "relying_party_id": HOST,
        "prompt": STATUS,
        "rest": ZERO,
    },
}
# Their first byte says what they are, and nothing else.
MARKED: Final = frozenset({"command", "header"})
