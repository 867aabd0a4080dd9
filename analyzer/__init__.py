"""handshark: what happened on the MySQL and MariaDB connections of a packet capture, and why."""

__version__ = "0.1.0"
