"""Commands with their responses."""
