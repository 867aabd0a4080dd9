"""From frames to TCP segments, whatever the link layer and the tunnels."""
