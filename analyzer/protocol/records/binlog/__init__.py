"""Events of a binary log, as a source sends them to a replica. One event is one packet: `event.BinlogEvent`."""
