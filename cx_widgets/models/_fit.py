"""Maximum likelihood over positive parameters: one way for all models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Evaluate = Callable[[Floats, "Rows"], tuple[float, Floats]]

OnStep = Callable[[int, float], object]
"""Called with the number of the step and the log-likelihood there; a true answer cancels the fit."""

Progress = Callable[[float], object]
"""Called with the share that is done, an estimate that rises from 0 to 1; what it raises ends the fit."""

Z95 = 1.959963984540054

_THIN = 2000
_FAR = 12.0
_LEFT = 1e-6
_NEWTON = 20
_GUESSED = 8
_ALONG = 0.1
_SETTLED = 1e-9
_DIFFERENCE = 1e-4
_LONGEST_STEP = 2.0
# How many evaluations a search from a start, and one for a maximum nearby, usually take.
_USUAL_SEARCH, _USUAL_NEWTON = 18, 6


class Cancelled(CXError):  # noqa: N818 - it says what happened, not that something is wrong
    """The caller stopped a fit."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What maximum likelihood found.

    Attributes
    ----------
    names, estimates
        The parameters, in the model's order.
    standard_errors
        From the observed information (the second derivatives of the log-likelihood at its maximum).
    lower, upper
        95 % intervals, made on the scale of the logarithm, so that they stay positive.
    log_likelihood
        At the maximum.
    n_customers, n_rows
        Customers, and distinct rows among them.
    steps
        Evaluations of the log-likelihood.
    converged
        Whether the maximum was reached and is one.
    reason
        Why it was not; empty where it was.
    loose
        The parameters that the data do not hold: they ran off, or may do so at no cost.
    """

    names: tuple[str, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    log_likelihood: float
    n_customers: int
    n_rows: int
    steps: int
    converged: bool
    reason: str = ""
    loose: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Distinct rows and how often each occurs."""

    columns: tuple[Floats, ...]
    weight: Floats
    place: Ints
    """For each given row, its distinct one."""

    def thinned(self, limit: int) -> Rows:
        """Return the rows of about ``limit`` customers, every so-manieth in order; all where few."""
        if len(self.weight) <= limit:
            return self
        total = np.cumsum(self.weight)
        taken = np.searchsorted(total, (np.arange(limit) + 0.5) * total[-1] / limit)
        kept, weight = np.unique(taken, return_counts=True)
        return Rows(tuple(column[kept] for column in self.columns), weight.astype(np.float64), self.place[:0])


def distinct(*columns: ArrayLike) -> Rows:
    """Return the distinct rows of some columns, in order."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    code = np.zeros(arrays[0].shape, dtype=np.int64)
    for array in arrays:
        values, place = np.unique(array, return_inverse=True)
        # Renumbered after every column, so that the product stays far from the end of 64 bits.
        code = np.unique(code * len(values) + place.reshape(array.shape), return_inverse=True)[1]
    count = np.bincount(code)
    first = np.empty(len(count), dtype=np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return Rows(tuple(array[first] for array in arrays), count.astype(np.float64), code)


def together(*parts: ArrayLike) -> tuple[Floats, ...]:
    """Return numbers and columns of numbers as arrays of one shape."""
    return np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in parts))


def by_count(rows: Rows) -> tuple[Floats, Floats, float]:
    """Return the values of the first column with the customers that have each, and all customers.

    What depends on that column alone is computed once for each value.
    """
    counts, place = np.unique(rows.columns[0], return_inverse=True)
    weight = np.asarray(np.bincount(place, weights=rows.weight), dtype=np.float64)
    return counts, weight, float(weight.sum())


def fit_histories(
    evaluate: Evaluate,
    histories: tuple[ArrayLike, ArrayLike, ArrayLike],
    starts: Callable[[float], list[tuple[float, ...]]],
    names: tuple[str, ...],
    *,
    on_step: OnStep | None,
    progress: Progress | None,
) -> Fit:
    """Return the parameters for histories in time; ``starts`` is given their mean age, the scale of time."""
    x, t_x, age = checked(*histories)
    scale = max(float(age.mean()), float(np.finfo(float).tiny))
    rows = distinct(x, t_x, age)
    return maximise(evaluate, rows, starts(scale), names, on_step=on_step, progress=progress)


def checked(counts: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return x, t_x and T as arrays of one length, or refuse what no customer can have done."""
    x, t_x, age = together(counts, recency, age)
    if x.ndim != 1 or not len(x):
        raise CXError(f"a customer base is a list of customers; got the shape {x.shape}.")
    wrong = ~(
        (x >= 0) & (x == np.floor(x)) & (t_x >= 0) & (t_x <= age) & np.isfinite(age) & ((x > 0) | (t_x == 0))
    )
    if wrong.any():
        at = int(np.argmax(wrong))
        raise CXError(
            f"customer {at} has frequency {x[at]:g}, recency {t_x[at]:g} and age {age[at]:g}. Frequency "
            "counts repeat purchases (0, 1, 2, ...), recency is the last one's time (0 without), at most age."
        )
    return x, t_x, age


def numeric(log_likelihood: Callable[[Floats, Rows], float]) -> Evaluate:
    """Return a log-likelihood together with its gradient by central differences on the log scale."""

    def evaluate(parameters: Floats, rows: Rows) -> tuple[float, Floats]:
        gradient = np.empty(len(parameters))
        for i in range(len(parameters)):
            high, low = parameters.copy(), parameters.copy()
            high[i] *= np.exp(_DIFFERENCE)
            low[i] *= np.exp(-_DIFFERENCE)
            rise = log_likelihood(high, rows) - log_likelihood(low, rows)
            gradient[i] = rise / (2 * _DIFFERENCE * parameters[i])
        return log_likelihood(parameters, rows), gradient

    return evaluate


def maximise(
    evaluate: Evaluate,
    rows: Rows,
    starts: Iterable[Sequence[float]],
    names: tuple[str, ...],
    *,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Return the positive parameters at which the log-likelihood is largest.

    The best of several starts is found on a part of the rows (L-BFGS-B on the logarithms of the
    parameters), then Newton's method goes on with all of them. It has converged when what another step
    could add to the log-likelihood is below 1e-6 and the second derivatives say that this is a maximum.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - SciPy is slow to load and only needed here

    thin, starts = rows.thinned(_THIN), list(starts)
    meter = _Meter(progress, len(starts), len(thin.weight), len(rows.weight))
    search = _Search(evaluate, on_step, meter)
    guess: Floats | None = None
    tried = []
    for start in starts:
        meter.next()
        logs = np.log(np.asarray(start, dtype=np.float64))
        bounds = [(log - _FAR, log + _FAR) for log in logs]
        tried.append((minimize(search.loss(thin), logs, jac=True, method="L-BFGS-B", bounds=bounds), bounds))
    found, bounds = min(tried, key=lambda one: float(one[0].fun))
    logs = np.asarray(found.x, dtype=np.float64)
    if thin is not rows:
        # The curvature of a part of the rows, blown up to all of them, saves most steps with all.
        meter.next()
        guess = search.newton(logs, thin).information * (rows.weight.sum() / thin.weight.sum())
    meter.next()
    peak = search.newton(logs, rows, guess)
    meter.end()
    spread = peak.spread()
    low, high = np.array(bounds).T
    far = ~((low + 1 < logs) & (logs < high - 1))
    loose = far if peak.loose is None else far | peak.loose
    given = [name for name, free in zip(names, loose, strict=True) if free]
    reason = "" if peak.settled else "the search did not settle"
    if given:
        reason = f"the data do not hold {' and '.join(given)}"
    values = np.exp(logs)
    with np.errstate(over="ignore"):
        lower, upper = np.exp(logs - Z95 * spread), np.exp(logs + Z95 * spread)
    return Fit(
        names=names,
        estimates=tuple(values.tolist()),
        standard_errors=tuple((values * spread).tolist()),
        lower=tuple(lower.tolist()),
        upper=tuple(upper.tolist()),
        log_likelihood=peak.value,
        n_customers=int(rows.weight.sum()),
        n_rows=len(rows.weight),
        steps=search.steps,
        converged=not reason,
        reason=reason,
        loose=tuple(given),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Peak:
    """Where a search ended: the log-likelihood, minus its second derivatives, and whether it is a maximum."""

    value: float
    information: Floats
    settled: bool = False
    loose: Bools | None = None
    """Which parameters may move without a change of the likelihood."""

    def spread(self) -> Floats:
        """Return the standard errors of the logarithms of the parameters; NaN where there is no maximum."""
        if not self.settled:
            return np.full(len(self.information), np.nan)
        spread: Floats = np.sqrt(np.diag(np.linalg.inv(self.information)))
        return spread


def _flat(information: Floats) -> Bools:
    """Return which parameters the likelihood does not hold: those along a direction without curvature."""
    if not np.isfinite(information).all():
        return np.ones(len(information), dtype=bool)
    roots, directions = np.linalg.eigh(information)
    flat = directions[:, roots <= _SETTLED * max(float(roots[-1]), 1.0)]
    found: Bools = (np.abs(flat) > _ALONG).any(axis=1)
    return found


class _Meter:
    """How far a fit has come: each search has a part of the whole, each of its evaluations a part of that."""

    def __init__(self, progress: Progress | None, starts: int, thin: int, rows: int) -> None:
        self._progress = progress
        searches = [(_USUAL_SEARCH, thin)] * starts
        if thin != rows:
            searches.append((_USUAL_NEWTON, thin))
        searches.append((_USUAL_NEWTON, rows))
        # Few rows cost what the calls themselves do.
        work = [usual * (size + _THIN) for usual, size in searches]
        self._ahead = [(usual, part / sum(work)) for (usual, _), part in zip(searches, work, strict=True)]
        self._before = self._part = 0.0
        self._usual, self._number = 1, 0

    def next(self) -> None:
        """Begin the next search."""
        self._before += self._part
        self._usual, self._part = self._ahead.pop(0)
        self._number = 0

    def tell(self) -> None:
        """Say that one more evaluation was made."""
        self._number += 1
        if self._progress is not None:
            done = self._before + self._part * min(self._number / self._usual, 1.0)
            self._progress(min(done, 1.0))

    def end(self) -> None:
        """Say that all is done."""
        if self._progress is not None:
            self._progress(1.0)


class _Search:
    """The way to the maximum, step by step."""

    def __init__(self, evaluate: Evaluate, on_step: OnStep | None, meter: _Meter) -> None:
        self._evaluate, self._on_step, self._meter = evaluate, on_step, meter
        self.steps = 0

    def at(self, logs: Floats, rows: Rows) -> tuple[float, Floats]:
        """Return the log-likelihood and its gradient by the logarithms of the parameters."""
        parameters = np.exp(logs)
        # A step too far is taken back; what it overflows is nobody's worry.
        with np.errstate(all="ignore"):
            value, gradient = self._evaluate(parameters, rows)
        self.steps += 1
        if self._on_step is not None and self._on_step(self.steps, value):
            raise Cancelled(f"the fit was cancelled at step {self.steps}.")
        self._meter.tell()
        return value, gradient * parameters

    def loss(self, rows: Rows) -> Callable[[Floats], tuple[float, Floats]]:
        """Return what SciPy makes small: minus the mean log-likelihood."""
        total = float(rows.weight.sum())

        def at(logs: Floats) -> tuple[float, Floats]:
            value, gradient = self.at(logs, rows)
            return -value / total, -gradient / total

        return at

    def newton(self, logs: Floats, rows: Rows, guess: Floats | None = None) -> _Peak:
        """Go to the maximum nearby, in place; the first steps may be laid by a guess of the information."""
        value, gradient = self.at(logs, rows)
        for number in range(_NEWTON):
            exact = guess is None or number >= _GUESSED
            information = self._information(logs, gradient, rows) if exact or guess is None else guess
            flat = _flat(information)
            if flat.any():
                if exact:
                    return _Peak(value, information, loose=flat)
                guess = None
                continue
            step = np.linalg.solve(information, gradient)
            if gradient @ step / 2 < _LEFT:
                if exact:
                    return _Peak(value, information, settled=True)
                guess = None
                continue
            step *= min(1.0, _LONGEST_STEP / float(np.abs(step).max()))
            for _ in range(_NEWTON):
                ahead, slope = self.at(logs + step, rows)
                if ahead >= value - _LEFT:
                    break
                step /= 2
            logs += step
            value, gradient = ahead, slope
        return _Peak(value, np.full((len(logs), len(logs)), np.nan))

    def _information(self, logs: Floats, gradient: Floats, rows: Rows) -> Floats:
        lines = []
        for i in range(len(logs)):
            apart = np.zeros(len(logs))
            apart[i] = _DIFFERENCE
            lines.append((gradient - self.at(logs + apart, rows)[1]) / _DIFFERENCE)
        table = np.array(lines)
        return (table + table.T) / 2
