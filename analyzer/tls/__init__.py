"""TLS record layer. Pure: sans-IO, knows nothing of MySQL."""
