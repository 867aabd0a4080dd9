"""The command `handshark`, also as `python -m analyzer`."""

import signal
import sys

# Until there is somebody to say so, Ctrl-C ends the program in silence.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> int:
    """Runs the command; returns its exit code."""
    from analyzer.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
