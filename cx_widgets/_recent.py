"""What was computed before, the latest of it kept: for any thread."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Recent:
    """Results by key; of more than ``size`` the one not asked for the longest goes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what was computed for a key before, or compute it."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]  # type: ignore[return-value] # the key says of which type
        # Not under the lock: what is computed may ask for other keys.
        result = compute()
        with self._lock:
            self._found[key] = result
            self._found.move_to_end(key)
            while len(self._found) > self._size:
                self._found.popitem(last=False)
        return result
