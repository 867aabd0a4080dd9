"""`python -m live_client` is `handshark-client`."""

from __future__ import annotations

import sys

from live_client.cli import main

sys.exit(main())
