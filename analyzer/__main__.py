"""The command `handshark`, also as `python -m analyzer`."""

import signal
import sys

# Until there is somebody to say so, Ctrl-C ends the program in silence.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> int:
    """Runs the command; returns its exit code."""
    try:
        from analyzer.cli import main as run

        return run()
    except (ImportError, AttributeError, TypeError, ValueError):
        from analyzer.compiled import stale

        old = stale()
        if not old:
            raise
        print(
            f"handshark: what was compiled is older than its sources ({', '.join(old)}): pip install -e .",
            file=sys.stderr,
        )
        return 3


if __name__ == "__main__":
    sys.exit(main())
