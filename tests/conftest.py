"""Settings of all tests: property tests on busy machines, and the same examples in every CI run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A machine that stalls for a second while examples are made is no fault of the test.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")
