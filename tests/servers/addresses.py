"""Loopback addresses that the servers listen at."""

from __future__ import annotations

import os
from typing import Final

HOST: Final = "127.0.0.1"
IPV6_HOST: Final = "::1"
# 127.0.0.3 is where PROXY headers come from (`boxes`).
QUIET_HOSTS: Final = tuple(f"127.0.0.{number}" for number in (2, 4, 5, 6, 7, 8, 9, 10))
# Where connections go to which somebody listens: each process of a test run has an address of its own.
QUIET_HOST: Final = QUIET_HOSTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % len(QUIET_HOSTS)]
