"""Work shared among threads: ranges of customers of about as many rows, and what was made of each."""

from __future__ import annotations

from collections import deque
from concurrent.futures import wait
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cx_widgets._library import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")

WORTH_SHARING = 200_000
"""Rows, or numbers, below which a second thread costs more than it saves."""
# More pieces than threads, so that none waits long for the slowest.
_PIECES = 4


@dataclass(frozen=True, slots=True)
class Workers:
    """So many threads."""

    threads: int

    def parts(self, offsets: NDArray[np.int64], rows_of_one: int = 1) -> list[tuple[int, int]]:
        """Return ranges of customers, or groups, of about as many rows; one where there is little to do."""
        n, rows = len(offsets) - 1, int(offsets[-1]) * rows_of_one
        parts = _PIECES * self.threads if self.shares(rows) else 1
        wanted = np.arange(1, parts) * int(offsets[-1]) // parts
        edges = np.unique([0, *np.searchsorted(offsets, wanted).tolist(), n]).tolist()
        return list(pairwise(edges)) if n else [(0, 0)]

    def halves(self, n: int) -> list[tuple[int, int]]:
        """Return ranges of so many numbers, one for each thread if they are worth it."""
        edges = np.linspace(0, n, (self.threads if self.shares(n) else 1) + 1).astype(np.int64).tolist()
        return list(pairwise(edges))

    def shares(self, numbers: int) -> bool:
        """Return whether so many rows, or numbers, are better shared."""
        return self.threads > 1 and numbers >= WORTH_SHARING

    def each(self, work: Callable[..., T], parts: Sequence[tuple[object, ...]]) -> list[T]:
        """Return what a function gave for each of some arguments; several are worked on at once.

        Who asks works, too, and each takes the next part when it is done with one: a thread is woken once.
        """
        others = min(self.threads, len(parts)) - 1
        if others < 1:
            return [work(*part) for part in parts]
        made: dict[int, T] = {}
        left = deque(enumerate(parts))

        def take() -> None:
            while True:
                try:
                    number, part = left.popleft()
                except IndexError:
                    return
                made[number] = work(*part)

        helping = [pool(self.threads).submit(take) for _ in range(others)]
        try:
            take()
        finally:
            # Nobody writes to memory of an answer that was given up.
            left.clear()
            wait(helping)
        for other in helping:
            other.result()
        return [made[number] for number in range(len(parts))]
