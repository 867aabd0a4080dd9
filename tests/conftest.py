"""Settings of all tests: patience on busy machines, the same examples in every CI run; fixtures that rooms share."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from analyzer.protocol.machine.state import State
from tests.tls.live import Bench

# A machine that stalls for a second while examples are made is no fault of the test.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Its examples are the same each time: more of them say little more, and it has twenty minutes.
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True, max_examples=60)
# An event that the state machine's table does not know is a mistake of ours: it raises here.
State.strict = True
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


# Files of a minute and more, the longest first: last, one would leave the other workers idle.
LONG = (
    *("tests/secrets/test_outputs.py", "tests/drivers/test_drivers.py", "tests/matrix/test_other_servers.py"),
    *("tests/test_compiled.py", "tests/report/test_turn_lines.py", "tests/tables/test_sql.py"),
    *("tests/cluster/test_cluster.py", "tests/analysis/conversation/test_login_shapes.py", "tests/tui/test_app.py"),
    *("tests/test_hostile_traps.py", "tests/matrix/test_boxes.py", "tests/tui/test_hostile.py"),
    *("tests/report/html/test_browser.py", "tests/cli/test_tshark_switches.py", "tests/serve/test_browser.py"),
    *("tests/sharing/test_redact.py", "tests/capture/live/test_live.py", "tests/test_recipes.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files come first; xdist deals files out in this order (`--no-loadscope-reorder`)."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONG)))


def pytest_collection_finish() -> None:
    """Fifteen thousand tests stay to the end: without this each collection of garbage would walk over all of them."""
    gc.freeze()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Certificates of every kind and an OpenSSL server for each, made once."""
    return Bench(tmp_path_factory.mktemp("tls"))
