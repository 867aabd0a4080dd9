"""Types of session state changes in an OK packet.

Sources: MySQL source documentation, "OK_Packet" (mysql_com.h: enum_session_state_type); MariaDB Server documentation,
"OK_Packet" (session state info). Type 6 and those after it: MariaDB's mysql_com.h under USER_VAR_TRACKING.
"""

from __future__ import annotations

from typing import Final

SESSION_TRACK_SYSTEM_VARIABLES: Final = 0
SESSION_TRACK_SCHEMA: Final = 1
SESSION_TRACK_STATE_CHANGE: Final = 2
SESSION_TRACK_GTIDS: Final = 3
SESSION_TRACK_TRANSACTION_CHARACTERISTICS: Final = 4
SESSION_TRACK_TRANSACTION_STATE: Final = 5

SESSION_TRACK_TYPES: Final[dict[int, str]] = {
    0: "SESSION_TRACK_SYSTEM_VARIABLES",
    1: "SESSION_TRACK_SCHEMA",
    2: "SESSION_TRACK_STATE_CHANGE",
    3: "SESSION_TRACK_GTIDS",
    4: "SESSION_TRACK_TRANSACTION_CHARACTERISTICS",
    5: "SESSION_TRACK_TRANSACTION_STATE",
    6: "SESSION_TRACK_MYSQL_RESERVED1",
    7: "SESSION_TRACK_MYSQL_RESERVED2",
    8: "SESSION_TRACK_MYSQL_RESERVED3",
    9: "SESSION_TRACK_MYSQL_RESERVED4",
    10: "SESSION_TRACK_MYSQL_RESERVED5",
    11: "SESSION_TRACK_MYSQL_RESERVED6",
    12: "SESSION_TRACK_USER_VARIABLES",
}
