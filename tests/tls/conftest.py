"""Fixtures of the TLS tests."""

from __future__ import annotations

import pytest

from .live import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("tls"))
