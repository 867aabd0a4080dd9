"""Tasks on a Dask cluster, one that runs or one that is started here; what goes wrong with it is said in a sentence."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

from analyzer.errors import AnalyzerError
from analyzer.tables.arrays import LibraryMissing

LOCAL: Final = "local"
# How long a scheduler may be silent before it is given up.
SILENCE_SECONDS: Final = 30
# How often it is asked whether it is there, while tasks run.
ASK_SECONDS: Final = 2.0


class ClusterError(AnalyzerError):
    """The cluster can not be reached, or is gone."""


class Cluster:
    """A Dask cluster by its address, or `local`: one that is started here, with so many workers, and ended again."""

    def __init__(
        self, address: str, workers: int | None = None, memory: int | None = None, silence: float = SILENCE_SECONDS
    ) -> None:
        try:
            import dask
            import distributed
        except ImportError:
            raise LibraryMissing("--cluster needs dask and distributed: pip install 'handshark[cluster]'") from None
        self.address = address
        self._silence = silence
        self._distributed: Any = distributed
        self._local: Any = None
        # What the program has to say it says itself, in a line.
        for name in ("distributed", "tornado", "asyncio", "bokeh"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        timeouts = {
            "distributed.comm.timeouts.connect": f"{silence}s",
            "distributed.scheduler.allowed-failures": 5,
            "distributed.logging.distributed": "critical",
            "distributed.admin.low-level-log-length": 100,
        }
        dask.config.set(timeouts)
        try:
            if address == LOCAL:
                self._local = self._distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=memory or "auto",
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
                self.client: Any = self._distributed.Client(self._local)
            else:
                self.client = self._distributed.Client(address, timeout=silence, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            raise ClusterError(f"{address}: no Dask scheduler answers ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        client = getattr(self, "client", None)
        if client is not None:
            client.close(timeout=2)
        if self._local is not None:
            self._local.close(timeout=10)

    @property
    def threads(self) -> int:
        """How many tasks run at a time."""
        with self.telling():
            return int(max(1, sum(self.client.nthreads().values())))

    def everywhere(self, value: Any) -> Any:
        """A value that all workers have: it is given to tasks in place of it."""
        with self.telling():
            return self.client.scatter(value, broadcast=True, hash=False)

    def each(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """What a function gives for each of several arguments, as it comes. Tasks whose worker dies run again.

        Raises ClusterError where the scheduler is gone, or a task keeps ending its worker; else what the task raised.
        """
        with self.telling():
            futures = [self.client.submit(function, *one, pure=False) for one in arguments]
            waiting = set(futures)
            try:
                while waiting:
                    done = self._some(waiting)
                    waiting -= done
                    for future in done:
                        yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def _some(self, waiting: set[Any]) -> set[Any]:
        """Futures that are done: at least one."""
        silent = time.monotonic()
        while True:
            done = {future for future in waiting if future.done()}
            if done:
                return done
            if self.client.status in ("closed", "closing") or not self._answers():
                if time.monotonic() - silent > self._silence or self.client.status in ("closed", "closing"):
                    raise ClusterError(self._gone())
            else:
                silent = time.monotonic()
            self._pause(waiting)

    def _pause(self, waiting: set[Any]) -> None:
        try:
            self._distributed.wait(list(waiting), timeout=ASK_SECONDS, return_when="FIRST_COMPLETED")
        except (TimeoutError, self._distributed.TimeoutError):
            return

    def _answers(self) -> bool:
        comm = self.client.scheduler_comm
        return self.client.status == "running" and comm is not None and not comm.comm.closed()

    def _gone(self) -> str:
        return (
            f"{self.address}: the scheduler does not answer any more: start it, and run this again. What the store "
            "held before is as it was"
        )

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Makes Dask's errors ours."""
        distributed = self._distributed
        from concurrent.futures import CancelledError

        from distributed.comm.core import CommClosedError

        try:
            yield
        except distributed.scheduler.KilledWorker as error:
            raise ClusterError(
                f"{self.address}: workers ended again and again at the same task ({error.task}): "
                "have they enough memory?"
            ) from None
        except (CommClosedError, CancelledError, TimeoutError) as error:
            raise ClusterError(f"{self._gone()} ({type(error).__name__})") from None
        except OSError as error:
            raise ClusterError(f"{self.address}: {error}") from None
