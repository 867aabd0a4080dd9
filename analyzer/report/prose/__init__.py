"""What things mean, in sentences: one text for every output."""
