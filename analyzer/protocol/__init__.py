"""The MySQL client/server protocol, sans-IO: records, framing, state, auth plugins."""
