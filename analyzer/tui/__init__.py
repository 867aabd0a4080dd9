"""The terminal interface: looks around in a capture, or in what is captured right now. Needs Textual (extra `tui`)."""
