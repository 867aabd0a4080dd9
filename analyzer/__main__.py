"""`python -m analyzer` is the command `handshark`."""

import sys

from analyzer.cli import main

sys.exit(main())
