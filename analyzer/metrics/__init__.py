"""Numbers of a live capture, for systems that watch: Prometheus asks for them, OpenTelemetry gets them."""
