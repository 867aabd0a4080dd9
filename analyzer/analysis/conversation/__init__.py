"""The bytes of one TCP connection, to packets and facts."""
