"""Runs of equal values in rows that are sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def begins(*keys: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return where a row differs from the one before it in any key; the first row does."""
    first, *others = keys
    found = np.ones(len(first), dtype=np.bool_)
    np.not_equal(first[1:], first[:-1], out=found[1:])
    for key in others:
        found[1:] |= key[1:] != key[:-1]
    return found
