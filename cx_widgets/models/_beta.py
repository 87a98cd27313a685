"""Gaussian quadrature for a beta distribution."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@lru_cache(maxsize=512)
def beta_nodes(a: float, b: float, n: int) -> tuple[Floats, Floats]:
    """Return the points and weights that give the mean of a smooth function of a beta(a, b) variable.

    Golub and Welsch (1969): the eigenvalues of the three-term recurrence of the Jacobi polynomials on (0,
    1), here from the weight function's own normalisation, so that a or b in the thousands do not overflow.
    """
    from scipy.linalg import eigh_tridiagonal  # noqa: PLC0415 - SciPy is slow to load and only needed here

    # Jacobi polynomials have the weight (1-z)^first (1+z)^second on (-1, 1).
    first, second = b - 1.0, a - 1.0
    total = first + second
    k = np.arange(1.0, n)
    centre = np.empty(n)
    centre[0] = (second - first) / (total + 2)
    centre[1:] = (second - first) * total / ((2 * k + total) * (2 * k + total + 2))
    beside = np.empty(n - 1)
    beside[0] = 4 * (1 + first) * (1 + second) / ((total + 2) ** 2 * (total + 3))
    k = k[1:]
    beside[1:] = (
        4
        * k
        * (k + first)
        * (k + second)
        * (k + total)
        / ((2 * k + total) ** 2 * (2 * k + total + 1) * (2 * k + total - 1))
    )
    roots, vectors = eigh_tridiagonal(centre, np.sqrt(beside))
    nodes = np.clip((roots + 1) / 2, np.finfo(np.float64).tiny, 1.0)
    weights = vectors[0] ** 2
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
