"""What may be shown of a packet."""
