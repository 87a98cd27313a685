"""Channels: whose the touchpoints are that customers meet, by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _numbers, stats
from cx_widgets.engine import assigned_events, staged_rows
from cx_widgets.errors import CXError, unknown
from cx_widgets.metrics import _columns, _result
from cx_widgets.metrics._channel_names import KIND_OF_NAME, KINDS, plain
from cx_widgets.metrics._customers import by_customer, customer_table
from cx_widgets.metrics._figure import CLUSTERED, WILSON
from cx_widgets.metrics._result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cx_widgets.definition import Definition
    from cx_widgets.engine import Bytes
    from cx_widgets.log import EventLog

    Floats = NDArray[np.float64]
    Longs = NDArray[np.int64]

ALL_STAGES = "(all stages)"
UNKNOWN = "(unknown)"
LINES = (*KINDS, UNKNOWN)
OF = ("touchpoints", "customers")
# Counts of a few customers at a time, so that they stay in the fast memory of the processor.
_BLOCK = 400_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Channels(Result):
    """Touchpoints by whose channel they are, from `channels`.

    Attributes
    ----------
    frame
        One line for each stage (and one for all), kind, and what is counted; see `channels`.
    column
        The column of channels.
    without_channel
        Rows in stages without a value in the column: no touchpoints here.
    """

    column: str
    without_channel: int
    _kinds: tuple[str, ...]

    @property
    def names(self) -> pd.DataFrame:
        """The channels: indexed by ``channel``, with ``kind`` and ``touchpoints`` (rows in any stage)."""
        codes, names = _columns.texts(self._log, self.column)
        staged = staged_rows(self._log, self.definition)
        inside = staged.stage_of_code[staged.codes] > 0
        touches = np.bincount(codes[inside & (codes >= 0)], minlength=len(names))
        return pd.DataFrame(
            {"kind": self._kinds, "touchpoints": touches[: len(names)]},
            index=pd.Index(names, name="channel", dtype=str),
        )

    def customers(self, stage: str, kind: str) -> pd.DataFrame:
        """Return the customers with a touchpoint of a kind in a stage, one line each.

        Parameters
        ----------
        stage
            A stage, or ``"(all stages)"``.
        kind
            ``"owned"``, ``"earned"``, ``"paid"``, ``"partner"`` or ``"(unknown)"``.

        Returns
        -------
        pandas.DataFrame
            The columns of `Funnel.customers`.

        Raises
        ------
        CXError
            For an unknown stage or kind.

        Examples
        --------
        >>> import cx_widgets as cx, pandas as pd
        >>> df = pd.DataFrame({"who": ["a", "b"], "when": "2026-01-01", "what": "see",
        ...                    "channel": ["TV", "E-Mail"]})
        >>> log = cx.EventLog(df, customer="who", time="when", event="what")
        >>> result = cx.channels(log, cx.Definition({"Aware": ["see"]}), "channel")
        >>> list(result.customers("Aware", "paid").index)
        ['a']
        """
        names = (*self.definition.names, ALL_STAGES)
        if stage not in names:
            raise unknown("stage", stage, names)
        if kind not in LINES:
            raise unknown("kind", kind, LINES)
        codes, _ = _columns.texts(self._log, self.column)
        of_kind = np.array([*(each == kind for each in self._kinds), False])
        staged = staged_rows(self._log, self.definition)
        at = staged.stage_of_code[staged.codes]
        there = at > 0 if stage == ALL_STAGES else at == names.index(stage) + 1
        chosen = np.unique(self._log.packed.customers[there & of_kind[codes]])
        return customer_table(self._log, by_customer(self.definition), chosen.astype(np.int64))

    def _table(self) -> Table:
        touched, met = (self._frame.xs(what, level="of") for what in OF)
        rows = []
        for place, (stage, kind) in enumerate(touched.index.tolist()):
            line, by = touched.iloc[place], met.iloc[place]
            if line["numerator"]:
                rows.append(
                    (
                        str(stage),
                        str(kind),
                        _numbers.count(line["numerator"]),
                        _numbers.percent(line["value"]),
                        _numbers.span(line["lower"], line["upper"]),
                        _numbers.percent(by["value"]),
                        _numbers.span(by["lower"], by["upper"]),
                    )
                )
        notes = ["Share of the touchpoints of the stage; met by: share of the customers with any there."]
        if self.without_channel:
            notes.append(f"Without {self.column}: {self.without_channel:,} of the events in stages.")
        _, names = _columns.texts(self._log, self.column)
        unknown_names = [name for name, kind in zip(names, self._kinds, strict=True) if kind == UNKNOWN]
        if unknown_names:
            shown = ", ".join(unknown_names[:10]) + (" …" if len(unknown_names) > 10 else "")  # noqa: PLR2004 - ten names are read
            notes.append(f'Of unknown kind: {shown}. Say kinds={{"name": "owned"}} and the like.')
        notes.append(_result.unassigned_note(self.unassigned_events))
        columns = ("Stage", "Kind", "Touchpoints", "Share", "95 %", "Met by", "95 %")
        return Table(f"Channels by {self.column}", columns, tuple(rows), tuple(notes), words=(0, 1))


def channels(
    log: EventLog, definition: Definition, column: str, *, kinds: Mapping[str, str] | None = None
) -> Channels:
    """Return whose the touchpoints of each stage are: owned, earned, paid, or a partner's.

    A **touchpoint** is a row in a stage with a value in the column of channels. Its **kind** is what
    ``kinds`` says of the channel, else what its name commonly means (case, dashes and underscores do not
    matter): a website, a store and e-mail are owned, reviews and organic search earned, advertising paid,
    marketplaces and affiliates a partner's. Names that mean several things, such as "social", are
    ``(unknown)`` until ``kinds`` says.

    - Of touchpoints: those of the kind / touchpoints of the stage; Wilson's interval on the effective
      number, by customer.
    - Of customers: those with a touchpoint of the kind in the stage / those with any there; Wilson. These
      need not add up to one: customers meet several kinds.

    **Ties** do not matter. **Repeats.** Each row is a touchpoint, each customer counts once in shares of
    customers. **Censoring.** None. **Empty.** A stage without touchpoints is 0 of 0, NaN. Rows without a
    value are left out and counted in ``without_channel``. No window applies.

    Parameters
    ----------
    log
        The event log.
    definition
        The stages.
    column
        The column of channels.
    kinds
        ``{"channel": "owned"}`` and so on, for some of the channels or all.

    Returns
    -------
    Channels
        ``frame`` is indexed by ``stage`` (``(all stages)`` last), ``kind`` (``"owned"``, ``"earned"``,
        ``"paid"``, ``"partner"``, ``"(unknown)"``) and ``of`` (``"touchpoints"``, ``"customers"``), with
        the columns ``numerator``, ``denominator``, ``value``, ``lower``, ``upper`` and ``method``.

    Raises
    ------
    CXError
        For an unknown column, for a channel in ``kinds`` that is not in the column or a kind there is not,
        and when the definition does not fit the log.

    Examples
    --------
    >>> import cx_widgets as cx, pandas as pd
    >>> df = pd.DataFrame({
    ...     "who": ["a", "a", "b", "b"], "when": "2026-01-01", "what": ["see", "see", "see", "order"],
    ...     "channel": ["TV", "E-Mail", "tv", "website"],
    ... })
    >>> log = cx.EventLog(df, customer="who", time="when", event="what")
    >>> frame = channels(log, cx.Definition({"Aware": ["see"], "Buy": ["order"]}), "channel").frame
    >>> frame.loc["Aware"].loc[["owned", "paid"], ["numerator", "denominator", "value"]].round(2)
                       numerator  denominator  value
    kind  of
    owned touchpoints          1            3   0.33
          customers            1            2   0.50
    paid  touchpoints          2            3   0.67
          customers            2            2   1.00
    """
    log, definition = _result.check(log, definition)
    _columns.known_column(log, column)
    told = _told(log, column, kinds)
    return log.memo(
        ("channels", definition, column, tuple(sorted(told.items()))),
        lambda: _channels(log, definition, column, told),
    )


def _told(log: EventLog, column: str, kinds: object) -> dict[str, str]:
    if kinds is None:
        return {}
    if not isinstance(kinds, Mapping):
        raise CXError(
            f"kinds must say of channels whose they are, not {kinds!r}. Say kinds={{'email': 'owned'}}."
        )
    _, names = _columns.texts(log, column)
    known = set(names)
    for name, kind in kinds.items():
        if str(name) not in known:
            raise unknown("channel", name, names, then=f"Column {column!r} holds these.")
        if not isinstance(kind, str) or kind not in KINDS:
            raise unknown(f"kind of channel {name!r}", kind, KINDS)
    return {str(name): str(kind) for name, kind in kinds.items()}


def _channels(log: EventLog, definition: Definition, column: str, told: dict[str, str]) -> Channels:
    codes, names = _columns.texts(log, column)
    kind_of = [told.get(name) or KIND_OF_NAME.get(plain(name), UNKNOWN) for name in names]
    number = np.array([*(LINES.index(kind) for kind in kind_of), len(LINES)], dtype=np.uint8)
    kind = log.memo(("kinds of channels", column, tuple(kind_of)), lambda: number[codes])
    staged = staged_rows(log, definition)
    stage = staged.stage_of_code[staged.codes]
    counted = _Counted(log, stage, kind, len(definition.stages))
    return Channels(
        definition=definition,
        n_customers=log.n_customers,
        unassigned_events=log.n_events - assigned_events(log, definition),
        column=column,
        without_channel=assigned_events(log, definition) - int(counted.touches[-1].sum()),
        _kinds=tuple(kind_of),
        _frame=counted.frame([*definition.names, ALL_STAGES]),
        _log=log,
    )


class _Counted:
    """Touchpoints by stage (all of them last) and kind, with what the intervals need.

    Attributes
    ----------
    touches, squares, products
        Sums over customers of their touchpoints, of these squared, and times all theirs in the stage.
    customers
        How many customers have any.
    of_all, visitors
        For each stage the sum over customers of all their touchpoints squared, and how many have any.
    """

    def __init__(self, log: EventLog, stage: Bytes, kind: Bytes, n_stages: int) -> None:
        width = len(LINES)
        shape = n_stages + 1, width
        self.touches, self.squares, self.products, self.customers = (
            np.zeros(shape, dtype=np.int64) for _ in range(4)
        )
        self.of_all, self.visitors = (np.zeros(n_stages + 1, dtype=np.int64) for _ in range(2))
        cells = n_stages * width
        packed = log.packed
        step = max(_BLOCK // cells, 1)
        for begin in range(0, log.n_customers, step):
            end = min(begin + step, log.n_customers)
            rows = slice(int(packed.offsets[begin]), int(packed.offsets[end]))
            here = np.flatnonzero((stage[rows] > 0) & (kind[rows] < width))
            owner = packed.customers[rows][here].astype(np.int64) - begin
            cell = (stage[rows][here].astype(np.int64) - 1) * width + kind[rows][here]
            size = end - begin
            table = np.bincount(cell * size + owner, minlength=cells * size).reshape(n_stages, width, size)
            self._add(table, slice(0, n_stages))
            self._add(table.sum(axis=0, keepdims=True), slice(n_stages, n_stages + 1))

    def _add(self, table: Longs, lines: slice) -> None:
        every = table.sum(axis=1)
        self.touches[lines] += table.sum(axis=2)
        self.squares[lines] += np.einsum("skc,skc->sk", table, table)
        self.products[lines] += np.einsum("skc,sc->sk", table, every)
        self.customers[lines] += np.count_nonzero(table, axis=2)
        self.of_all[lines] += np.einsum("sc,sc->s", every, every)
        self.visitors[lines] += np.count_nonzero(every, axis=1)

    def frame(self, stages: list[str]) -> pd.DataFrame:
        """Return the shares with their intervals."""
        total = np.broadcast_to(self.touches.sum(axis=1, keepdims=True), self.touches.shape)
        visitors = np.broadcast_to(self.visitors[:, None], self.touches.shape)
        clustered = stats.clustered_wilson(
            self.touches,
            total,
            success_squares=self.squares,
            products=self.products,
            trial_squares=self.of_all[:, None],
            clusters=self.visitors[:, None],
        )
        plainly = stats.wilson(self.customers, visitors)
        index = pd.MultiIndex.from_product([stages, LINES, OF], names=["stage", "kind", "of"])
        hits, trials = (
            np.stack(pair, axis=-1) for pair in ((self.touches, self.customers), (total, visitors))
        )
        return pd.DataFrame(
            {
                "numerator": hits.ravel(),
                "denominator": trials.ravel(),
                "value": stats.ratio(hits, trials).ravel(),
                "lower": np.stack((clustered[0], plainly[0]), axis=-1).ravel(),
                "upper": np.stack((clustered[1], plainly[1]), axis=-1).ravel(),
                "method": np.tile([CLUSTERED, WILSON], hits.size // len(OF)),
            },
            index=index,
        )
