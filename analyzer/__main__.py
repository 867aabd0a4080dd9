"""The command `handshark`, also as `python -m analyzer`."""

import os
import signal
import sys

# NumPy, which comes with Arrow, would start threads for linear algebra that nobody asks it for: they spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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
