"""Installing drivers: test processes that want the same wait for one another."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.drivers import install


def test_one_installs_while_others_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held: list[bool] = []

    def part() -> None:
        with (tmp_path / "c.lock").open("w") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(True)
            else:
                held.append(False)

    monkeypatch.setattr(install, "HOME", tmp_path)
    monkeypatch.setitem(install.PARTS, "c", part)
    install.install("c")
    install.install("c")
    assert held == [True]
