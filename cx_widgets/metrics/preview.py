"""The figures strip from a sixteenth of the customers: at once, for logs that take long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cx_widgets.errors import CXError
from cx_widgets.metrics import _result
from cx_widgets.metrics._figure import FigureResult, frame_of
from cx_widgets.metrics.compare import compare
from cx_widgets.metrics.figures import figures

if TYPE_CHECKING:
    import pandas as pd

    from cx_widgets._sampling import Sample
    from cx_widgets.definition import Definition
    from cx_widgets.log import EventLog
    from cx_widgets.metrics._figure import Figure
    from cx_widgets.metrics._result import Table

FINITE = "of the log, from a sample"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Preview(FigureResult):
    """The figures strip of a sample, from `preview`; ``result["conversion"]`` is one figure.

    Attributes
    ----------
    frame
        One line for each figure, see `preview`.
    sample
        Which part of the log was counted.
    """

    sample: Sample

    def _table(self) -> Table:
        notes = (
            f"Counted: {self.sample}. Intervals are for the figures of the whole log.",
            _result.funnel_rules_note(self.definition),
        )
        return self._figure_table("Preview of the figures", notes)


def preview(log: EventLog, definition: Definition, *, one_in: int = 16) -> Preview:
    """Return the figures strip of a fixed sample of the customers, with intervals for the whole log.

    **Value** = the figure of `figures`, counted on ``log.sample(one_in)``. ``numerator`` and ``denominator``
    are those of the sample.

    **Interval.** How far the figure of the *whole log* may lie from it, 95 %. The interval of the figure on
    the sample is for "customers like these", of which there may be any number. The log has so many, and the
    sample has seen a share of them: with the finite population correction both ends move towards the value by
    the factor sqrt(1 - n / N), n of N customers in the sample (0.968 for one in 16). Customers are chosen by
    a hash of their number, so the sample is as good as a random one.

    **Ties, repeats, censoring, empty input** are those of `figures`; a sample without entrants has NaN.

    Parameters
    ----------
    log
        The event log; no sample itself.
    definition
        The stages, their roles, and the rules.
    one_in
        One customer in so many is counted.

    Returns
    -------
    Preview
        ``frame`` has the lines and columns of `figures`.

    Raises
    ------
    CXError
        When the definition does not fit the log, when ``one_in`` is no whole number from 1, or the log is a
        sample.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., sections 2.6 and 3.3.

    Examples
    --------
    >>> import cx_widgets as cx
    >>> log = cx.datasets.cdnow_log()
    >>> journey = cx.datasets.cdnow_definition()
    >>> rough, exact = preview(log, journey, one_in=4)["repeat_rate"], cx.figures(log, journey)["repeat_rate"]
    >>> rough.lower < exact.value < rough.upper
    True
    """
    _result.check(log, definition)
    if log.sampled is not None:
        raise CXError(f"the log is a sample already ({log.sampled}). Give the whole log.")
    number = _result.whole("one_in", one_in, 16)
    return preview_of(log.memo(("sample", number), lambda: log.sample(number)), definition)


def preview_of(part: EventLog, definition: Definition) -> Preview:
    """Return what `preview` does, from a sample that is there already."""
    counted, sample = figures(part, definition), _sample(part)
    narrowed = tuple(_of_the_log(counted[key], sample) for key in counted)
    return Preview(
        definition=definition,
        n_customers=counted.n_customers,
        unassigned_events=counted.unassigned_events,
        sample=sample,
        _figures=narrowed,
        _frame=frame_of(narrowed),
        _log=part,
    )


def changes_in(part: EventLog, baseline: Definition, definition: Definition) -> pd.DataFrame:
    """Return the table of `compare` on a sample, with the intervals for the changes in the whole log."""
    changes, share = compare(part, baseline, definition).frame, _sample(part).correction
    for bound in ("lower", "upper"):
        changes[bound] = changes["delta"] + share * (changes[bound] - changes["delta"])
    changes["method"] = [f"{method}, {FINITE}" if method else "" for method in changes["method"]]
    return changes


def _sample(part: EventLog) -> Sample:
    if part.sampled is None:
        raise CXError("the log is no sample. Take one: log.sample(16).")
    return part.sampled


def _of_the_log(figure: Figure, sample: Sample) -> Figure:
    """Return a figure of a sample with the interval for that of the whole log."""
    share = sample.correction
    return replace(
        figure,
        lower=figure.value + share * (figure.lower - figure.value),
        upper=figure.value + share * (figure.upper - figure.value),
        method=f"{figure.method}, {FINITE}" if figure.method else "",
    )
