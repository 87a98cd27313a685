"""Customers side by side: who stands beside whom, and their ticks and stages laid out for vectors."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import finalize

import numpy as np

from cx_widgets import _library
from cx_widgets._library import at, whole
from cx_widgets.engine._memory import Scratch, table

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cx_widgets.engine._protocol import Bytes, StagedRows
    from cx_widgets.engine._workers import Workers
    from cx_widgets.log import Packed

    Int64s = NDArray[np.int64]

T = TypeVar("T")

GROUP = 16
"""Customers side by side, as in native/lanes.h."""
LONGEST_GROUP = 4096
"""Events of the longest customer who stands beside others."""
NEAR = 2**15
"""Customers among whom those with nearly as many events are looked for, so that theirs lie close by."""
LANE_TICKS = 2**30
"""Ticks that lie beside each other are below this."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which customers stand side by side: those with nearly as many events."""

    customer: NDArray[np.int32]
    first_row: Int64s
    alone: NDArray[np.int32]

    @classmethod
    def of(cls, offsets: Int64s) -> Plan:
        """Return the plan for the customers of a log."""
        lengths = np.diff(offsets)
        alone = np.flatnonzero(lengths > LONGEST_GROUP).astype(np.int32)
        # Sixteen bits sort in linear time.
        left = (LONGEST_GROUP - lengths).astype(np.uint16)
        order = np.concatenate(
            [
                begin + np.argsort(left[begin : begin + NEAR], kind="stable")
                for begin in range(0, max(len(left), 1), NEAR)
            ]
        )
        order = order[lengths[order] <= LONGEST_GROUP] if len(alone) else order
        groups = -(-len(order) // GROUP)
        customer = np.full(groups * GROUP, -1, np.int32)
        customer[: len(order)] = order
        first_row = np.zeros(groups + 1, np.int64)
        np.cumsum(lengths[order[::GROUP]], out=first_row[1:])
        return cls(customer, first_row, alone)

    def places(self) -> tuple[int, int]:
        """Return where the kernels find who stands where."""
        return at(self.customer), at(self.first_row)


class Lanes:
    """Customers side by side, and the stages of their rows; the arrays live as long as it does."""

    def __init__(self, plan: Plan, ticks: NDArray[np.int32], stage: Bytes) -> None:
        self.plan = plan
        self.seen: NDArray[np.uint32] | None = None
        self._arrays: list[NDArray[Any]] = [plan.first_row, plan.customer, ticks, stage]
        self._lanes = _library.Lanes(*map(at, self._arrays))

    def asked(self) -> object:
        """Return the lanes for a kernel."""
        return byref(self._lanes)


class _Latest(Generic[T]):
    """What was made for the edit asked about last."""

    def __init__(self) -> None:
        self._kept: tuple[object, T] | None = None

    def get(self, key: object, compute: Callable[[], T]) -> T:
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        # Given up first, so that there are never two of them.
        self._kept = None
        made = compute()
        self._kept = key, made
        return made


def staged_lanes(cx: ctypes.CDLL, workers: Workers, rows: StagedRows) -> Lanes | None:
    """Return the customers side by side with the stages of their rows; None where ticks are too wide."""
    packed = rows.packed
    if packed.ticks.dtype != np.int32 or packed.end_tick >= LANE_TICKS - 1:
        return None
    # All that is asked about an edit needs the same stages: they are kept until the next one.
    latest: _Latest[Lanes] = rows.keep(("engine", "lanes", "latest"), _Latest)
    in_order = packed.has_ties and not rows.by_row
    key = rows.stage_of_code.tobytes(), rows.key, in_order
    return latest.get(key, lambda: _Layout(cx, workers).staged(rows, in_order=in_order))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Lays rows out."""

    cx: ctypes.CDLL
    workers: Workers

    def staged(self, rows: StagedRows, *, in_order: bool) -> Lanes:
        packed = rows.packed
        plan = rows.keep(("engine", "lanes", "plan"), lambda: Plan.of(packed.offsets))
        ticks = rows.keep(("engine", "lanes", "ticks"), lambda: self.ticks(packed, plan))
        # Codes of conditions are as many as there are edits of conditions: the last ones are kept.
        conditions: _Latest[NDArray[Any]] = rows.keep(("engine", "lanes", "conditions"), _Latest)
        codes = (
            rows.keep(("engine", "lanes", "codes"), lambda: self.codes(rows, plan))
            if rows.key is None
            else conditions.get(rows.key, lambda: self.codes(rows, plan))
        )
        tied = rows.keep(("engine", "lanes", "tied"), lambda: self.tied(ticks, plan)) if in_order else None
        stage_of_code = table(rows.stage_of_code, codes.dtype)
        scratch = rows.keep(("engine", "scratch"), Scratch)
        taken = scratch.take(len(codes))
        stage = taken[: len(codes)]

        def fill(low: int, high: int) -> None:
            self.cx.cx_stages_of_lanes(
                *(at(plan.first_row), codes.itemsize, at(codes), None if tied is None else at(tied)),
                *(at(stage_of_code), low, high, at(stage)),
            )

        self._everywhere(fill, plan)
        lanes = Lanes(plan, ticks, stage)
        # The next edit writes where this one did, once nobody reads it any more.
        finalize(lanes, scratch.give_back, [taken])
        return lanes

    def ticks(self, packed: Packed, plan: Plan) -> NDArray[np.int32]:
        given = whole(packed.ticks, np.int32)
        laid = np.empty(int(plan.first_row[-1]) * GROUP, np.int32)

        def fill(low: int, high: int) -> None:
            self.cx.cx_lay_out_ticks(at(packed.offsets), at(given), *plan.places(), low, high, at(laid))

        self._everywhere(fill, plan)
        return laid

    def tied(self, ticks: NDArray[np.int32], plan: Plan) -> NDArray[np.uint16]:
        """Return for each row a bit for each place: whether its tick is that of the row before."""
        made = np.empty(int(plan.first_row[-1]), np.uint16)

        def fill(low: int, high: int) -> None:
            self.cx.cx_ties_in_lanes(at(plan.first_row), at(ticks), low, high, at(made))

        self._everywhere(fill, plan)
        return made

    def codes(self, rows: StagedRows, plan: Plan) -> NDArray[Any]:
        given, offsets = rows.codes, rows.packed.offsets
        if given.dtype == np.uint8 and len(rows.stage_of_code) > np.iinfo(np.uint8).max:
            # Padding needs a code of its own.
            given = given.astype(np.uint16)
        given = whole(given, given.dtype)
        laid = np.empty(int(plan.first_row[-1]) * GROUP, given.dtype)

        def fill(low: int, high: int) -> None:
            self.cx.cx_lay_out_codes(
                given.itemsize, at(offsets), at(given), *plan.places(), low, high, at(laid)
            )

        self._everywhere(fill, plan)
        return laid

    def _everywhere(self, fill: Callable[[int, int], None], plan: Plan) -> None:
        self.workers.each(fill, self.workers.parts(plan.first_row, GROUP))
