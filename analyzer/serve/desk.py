"""Questions that processes answer, of which few work at one time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from analyzer.engine.background import Background, WorkAnswer, WorkFailed

T = TypeVar("T")

# Processes that work at one time.
MOST_READING: Final = 4


class Desk:
    """Asks `background`; who asks while many work waits for one to end. `close` ends all of them."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._working = threading.BoundedSemaphore(MOST_READING)

    @contextmanager
    def asked(self, question: object) -> Iterator[WorkAnswer]:
        """The answer to a question; left, its process ends. Raises WorkFailed."""
        with self._working:
            answer = self._background.ask(question)
            try:
                yield answer
            finally:
                answer.close()

    def first(self, question: object, kind: type[T]) -> T:
        """The first item of a kind in the answer to a question. Raises WorkFailed."""
        with self.asked(question) as answer:
            for item in answer:
                if isinstance(item, kind):
                    return item
        raise WorkFailed("there is no answer")

    def close(self) -> None:
        """Nothing is asked any more."""
        self._background.close()
