"""A value with its bounds, quotients that may be undefined, and sums of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

# Variances are sums of products of counts; below this share of their size they are rounding, not spread.
ROUNDING = 1e-9


class Estimate(NamedTuple):
    """A value with its confidence bounds; each is NaN where it is undefined."""

    value: float
    lower: float
    upper: float


def normal_quantile(level: float) -> float:
    """Return how many standard errors reach to both sides of a normal value."""
    from statistics import NormalDist  # noqa: PLC0415 - brings much along that only this line wants

    return NormalDist().inv_cdf(0.5 + level / 2)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> FloatArray:
    """Return numerator / denominator, NaN where the denominator is 0.

    Examples
    --------
    >>> ratio([1, 0], [4, 0]).tolist()
    [0.25, nan]
    """
    top = np.asarray(numerator, dtype=np.float64)
    bottom = np.asarray(denominator, dtype=np.float64)
    out = np.full(np.broadcast(top, bottom).shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Return the correlation of two influence arrays (each sums to 0); 0 where one does not vary.

    Examples
    --------
    >>> correlation(np.array([1.0, -1.0, 0.0]), np.array([1.0, 0.0, -1.0]))
    0.5
    """
    size = float(np.sqrt(dot(first, first) * dot(second, second)))
    return dot(first, second) / size if size > 0 else 0.0


def dot(first: FloatArray, second: FloatArray) -> float:
    """Return the sum of products.

    Not ``@``: on a busy machine its threads wait for each other a hundred times longer than it computes.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float((first * second).sum())
