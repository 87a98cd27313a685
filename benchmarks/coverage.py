"""How often 95 % intervals hold the truth: `python benchmarks/coverage.py [logs]` writes docs/intervals.md.

Logs of customers whose journeys are known (`coverage_world.py`) are drawn again and again, every function of
the package that shows an interval is asked, and the truth is the same figure over very many such customers.
Formulas whose truth is known on paper are measured on their own (`coverage_formulas.py`). What was measured
lies in coverage.json: with `--only PART` the families with that in their name are measured anew and stand
beside the others; with `--size N` what is outside 93 to 97 % is printed and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import coverage_formulas
import coverage_world
import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets.metrics.figures import conversion
from cx_widgets.metrics.purchase_gaps import gaps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cx_widgets.metrics._figure import Figure

MEASURED = Path(__file__).with_name("coverage.json")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "intervals.md"
BEGIN = "<!-- made by benchmarks/coverage.py: begin -->"
END = "<!-- made by benchmarks/coverage.py: end -->"
SIZES = (300, 60)
LARGER = 1200
"""Customers of logs that revenue is measured on too: bootstraps ask for more of them than other intervals."""
SHARE = {300: 1.0, 60: 0.3, LARGER: 0.5}
MANY = 200_000
DRAWN = 2000
"""Samples of a formula where it is not measured anew."""
ENOUGH = 10
"""Successes and failures, trials that count differently, or customers behind a mean or a median, from which
on an interval has to hold."""
WINDOW, SHORT = "30D", "7D"
PLAIN = coverage_world.journey(window=WINDOW)
NARROW = cx.Definition(
    {"Look": ["look", "compare"], "Buy": ["order"], "Advocate": ["review"]},
    window=SHORT,
    retention_period="30D",
    observation_end=coverage_world.END,
)
ATTEMPTS = coverage_world.journey(window=WINDOW, count="attempts")
JOURNEYS = coverage_world.journey(unit="journey")
TWO = cx.Definition(
    {"Look": ["look", "compare"], "Buy": ["order"]}, window=WINDOW, observation_end=coverage_world.END
)


LOWEST, HIGHEST = 0.93, 0.97
NOTHING = "\N{EN DASH}"


class Cell(NamedTuple):
    """One interval: where it stands, the value, the bounds, and how much there was on both sides."""

    name: str
    value: float
    lower: float
    upper: float
    enough: float


def cells(
    frame: pd.DataFrame,
    *,
    at: str = "",
    names: tuple[str, ...] = ("value", "lower", "upper"),
    of: tuple[str, str] | str = ("numerator", "denominator"),
) -> Iterator[Cell]:
    """Return the intervals of a frame; ``of`` are the columns of successes and trials, or of a size."""
    columns = [frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in names]
    if isinstance(of, str):
        enough = frame[of].to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        top, bottom = (frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in of)
        enough = np.minimum(top, bottom - top)
    labels = [" ".join(map(str, label)) if isinstance(label, tuple) else str(label) for label in frame.index]
    for label, *numbers in zip(labels, *columns, enough, strict=True):
        yield Cell(f"{at}{label}", *numbers)


def _funnel(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.funnel(log, PLAIN).frame.iloc[1:]
    yield from cells(
        frame, names=("conversion", "conversion_lower", "conversion_upper"), of=("reach", "entrants")
    )
    yield from cells(
        frame, at="step ", names=("step_conversion", "step_lower", "step_upper"), of=("reach", "previous")
    )


def _clustered_funnel(log: cx.EventLog) -> Iterator[Cell]:
    for word, asked in (("attempts ", ATTEMPTS), ("journeys ", JOURNEYS)):
        frame = cx.funnel(log, asked).frame.iloc[1:]
        yield from cells(
            frame,
            at=word,
            names=("conversion", "conversion_lower", "conversion_upper"),
            of=("reach", "entrants"),
        )


def _figures(log: cx.EventLog, *keys: str) -> Iterator[Cell]:
    strip, loyal = cx.figures(log, PLAIN), cx.loyalty(log, PLAIN)
    for key in keys:
        figure = loyal[key] if key in loyal.keys() else strip[key]  # noqa: SIM118 - keys of a result
        plenty = figure.denominator if figure.unit == "money" else figure.numerator
        if figure.unit in ("share", "ratio"):
            plenty = min(plenty, figure.denominator - (figure.numerator if figure.unit == "share" else 0))
        yield Cell(key, figure.value, figure.lower, figure.upper, plenty)


def _transitions(log: cx.EventLog, column: str) -> Iterator[Cell]:
    frame = cx.transitions(log, PLAIN).frame.set_index(["from", "to"])
    total = frame["count"].sum()
    if column == "share":
        yield from cells(frame, names=("share", "lower", "upper"), of=("count", "denominator"))
    else:
        yield from cells(
            frame.assign(all=total),
            of=("count", "all"),
            names=("share_of_all", "share_of_all_lower", "share_of_all_upper"),
        )


def _moves(log: cx.EventLog) -> Iterator[Cell]:
    result = cx.transitions(log, PLAIN)
    for figure in (result.skip_share, result.back_share):
        yield Cell(
            figure.key,
            figure.value,
            figure.lower,
            figure.upper,
            min(figure.numerator, figure.denominator - figure.numerator),
        )


def _flow(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.flow(log, PLAIN).frame.set_index(["position", "stage"])
    yield from cells(frame, names=("share", "lower", "upper"), of=("count", "denominator"))


def _variants(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.variants(log, PLAIN, top=1000).frame.set_index("variant")
    yield from cells(frame, names=("share", "lower", "upper"), of=("customers", "denominator"))
    yield from cells(
        frame,
        at="conversion ",
        of=("converted", "entrants"),
        names=("conversion", "conversion_lower", "conversion_upper"),
    )


def _reasons(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.reasons(log, PLAIN).frame
    yield from cells(frame, names=("share", "lower", "upper"), of=("customers", "losses"))


def _trend(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.trend(log, PLAIN, period="M").frame
    yield from cells(
        frame[frame["ripe"]], names=("conversion", "lower", "upper"), of=("converted", "entrants")
    )


def _trend_change(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.trend(log, PLAIN, period="M").frame
    misses = frame["entrants"] - frame["converted"]
    both = np.minimum(frame["converted"], misses)
    frame["both"] = np.minimum(both, both.shift())
    yield from cells(frame[frame["ripe"]], names=("change", "change_lower", "change_upper"), of="both")


def _breakdown(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.breakdown(log, PLAIN, "channel").frame
    yield from cells(frame, names=("conversion", "lower", "upper"), of=("converted", "entrants"))


def _breakdown_difference(log: cx.EventLog, asked: cx.Definition = PLAIN) -> Iterator[Cell]:
    frame = cx.breakdown(log, asked, "channel").frame
    frame["both"] = np.minimum.reduce(
        [
            frame["converted"],
            frame["entrants"] - frame["converted"],
            frame["other_converted"],
            frame["other_entrants"] - frame["other_converted"],
        ]
    )
    yield from cells(frame, names=("difference", "difference_lower", "difference_upper"), of="both")


def _time_curve(log: cx.EventLog) -> Iterator[Cell]:
    asked = coverage_world.journey(window="60D")
    frame = cx.time_to_convert(log, asked, from_stage="Consider", to_stage="Buy").frame
    yield from _band(frame, "share", frame["at_risk"], days=(3, 7, 14, 28))


def _time_median(log: cx.EventLog) -> Iterator[Cell]:
    median = cx.time_to_convert(
        log, coverage_world.journey(window="60D"), from_stage="Evaluate", to_stage="Buy"
    ).median
    yield Cell("median", median.value, median.lower, median.upper, median.numerator)


def _second_curve(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.loyalty(log, PLAIN).second_purchase
    yield from _band(frame, "share_repeated", frame["at_risk"], days=(7, 14, 30, 60, 90))


def _band(frame: pd.DataFrame, share: str, at_risk: pd.Series, days: tuple[int, ...]) -> Iterator[Cell]:
    """Return a curve with its band at some days: what holds since the last time at or before each of them."""
    seconds = pd.to_timedelta(frame["time"]).dt.total_seconds().to_numpy()
    for day in days:
        place = int(np.searchsorted(seconds, day * 86_400, side="right")) - 1
        if place >= 0:
            line = frame.iloc[place]
            yield Cell(f"day {day}", line[share], line["lower"], line["upper"], float(at_risk.iloc[place]))


def _retention_curve(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.loyalty(log, PLAIN).retention.set_index("period").iloc[1:]
    yield from cells(frame, names=("rate", "lower", "upper"), of=("retained", "mature"))


def _cohorts(log: cx.EventLog, **asked: str) -> Iterator[Cell]:
    frame = cx.retention(log, PLAIN, start="Buy", period="M", **asked).frame.set_index(["cohort", "period"])
    yield from cells(frame)


def _cohort_curve(log: cx.EventLog, **asked: str) -> Iterator[Cell]:
    yield from cells(
        cx.retention(log, PLAIN, start="Buy", period="M", **asked).curve.set_index("period").iloc[1:]
    )


def _flags(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.retention_flags(log, PLAIN).frame.iloc[1:])


def _lifecycle(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.lifecycle(log, PLAIN, period="M").frame.set_index("start"))


def _stickiness(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.stickiness(log, PLAIN, period="M").frame
    yield from cells(frame)
    yield from cells(
        frame.iloc[1:],
        at="at least ",
        of=("at_least", "denominator"),
        names=("share_at_least", "at_least_lower", "at_least_upper"),
    )


def _daily_over_monthly(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.stickiness(log, PLAIN, active="Consider").ratio.set_index("start")
    # Everybody counted was active on one day: what tells are the others.
    yield from cells(frame.assign(more=frame["numerator"] - frame["customers"]), of="more")


def _chain(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.stage_chain(log, PLAIN).frame)


def _attitude(log: cx.EventLog, measure: str) -> Iterator[Cell]:
    result = cx.attitude(log, PLAIN, measure=measure, scale=(0, 10))
    for at, frame in (("", result.frame), ("same customers ", result.same_customers)):
        if measure == "nps":
            tone = result.tone["numerator"].drop("neutral", level="tone").groupby("stage").min()
            few = tone.reindex(frame.index).fillna(0) if not at else frame["denominator"] / 10
            yield from cells(frame.assign(few=few), at=at, of="few")
        else:
            yield from cells(
                frame, at=at, of=("numerator", "denominator") if measure == "csat" else "denominator"
            )


def _responses(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.attitude(log, PLAIN).frame
    yield from cells(
        frame, names=("response", "response_lower", "response_upper"), of=("denominator", "customers")
    )


def _tones(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.attitude(log, PLAIN).tone)


def _peak_end(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.attitude(log, PLAIN).peak_end, of="denominator")


def _differing(first: Figure, second: Figure) -> float:
    """Return how many trials count differently in two shares of the same customers."""
    if first.influence is None or second.influence is None:
        return 0.0
    return float(np.abs(first.influence - second.influence).sum())


def _changes(log: cx.EventLog, *, units: tuple[str, ...]) -> Iterator[Cell]:
    frame = cx.compare(log, PLAIN, NARROW).frame
    before, now = cx.figures(log, PLAIN), cx.figures(log, NARROW)
    frame["size"] = [
        _differing(before[key], now[key])
        if before[key].unit == "share"
        else min(before[key].numerator, now[key].numerator)
        for key in frame.index
    ]
    yield from cells(frame[frame["unit"].isin(units)], names=("delta", "lower", "upper"), of="size")


def _steps(log: cx.EventLog) -> Iterator[Cell]:
    result = cx.explain_difference(log, PLAIN, NARROW)
    frame = result.frame
    moved = np.maximum(frame["gained"], frame["lost"])
    yield from cells(frame.assign(moved=moved), at="step ", names=("delta", "lower", "upper"), of="moved")
    yield from cells(
        frame.assign(moved=moved), at="alone ", of="moved", names=("alone", "alone_lower", "alone_upper")
    )


def _rule_sets(log: cx.EventLog, sets: dict[str, cx.Definition]) -> Iterator[Cell]:
    frame = cx.compare_rules(log, sets).frame
    counted = [conversion(log, definition) for definition in sets.values()]
    frame["differing"] = [_differing(figure, counted[0]) for figure in counted]
    yield from cells(frame)
    names = ("delta", "delta_lower", "delta_upper")
    yield from cells(frame.iloc[1:], at="delta ", names=names, of="differing")


def _preview(log: cx.EventLog) -> Iterator[Cell]:
    """Return how far the bounds of half of the log lie off the figures of the whole log: 0 is the truth."""
    exact, rough = cx.figures(log, PLAIN), cx.preview(log, PLAIN, one_in=2)
    for key in ("conversion", "repeat_rate", "retention"):
        half, whole = rough[key], exact[key]
        plenty = min(half.numerator, half.denominator - half.numerator)
        yield Cell(key, 0.0, half.lower - whole.value, half.upper - whole.value, plenty)


def _grid(log: cx.EventLog) -> Iterator[Cell]:
    yield from cells(cx.rfm(log, PLAIN).grid)


def _frame(
    of: Callable[[cx.EventLog], cx.metrics.Result], *, size: str | None = None
) -> Callable[[cx.EventLog], Iterator[Cell]]:
    """Return what gives the intervals of a frame of shares, or of something else with a column of sizes."""

    def found(log: cx.EventLog) -> Iterator[Cell]:
        frame = of(log).frame
        if size is None and "unit" in frame:
            share = frame["unit"] == "share"
            yield from cells(frame[share])
            yield from cells(frame[~share & frame["denominator"].notna()], of="denominator")
        else:
            yield from cells(frame, of=("numerator", "denominator") if size is None else size)

    return found


def _bad(log: cx.EventLog, *, stratified: bool) -> Iterator[Cell]:
    frame = cx.bad_experience(log, PLAIN).frame
    frame["few"] = np.minimum.reduce(
        [
            frame["numerator"],
            frame["denominator"] - frame["numerator"],
            frame["other_numerator"],
            frame["other_denominator"] - frame["other_numerator"],
        ]
    )
    names = (
        ("stratified", "stratified_lower", "stratified_upper") if stratified else ("value", "lower", "upper")
    )
    yield from cells(frame, names=names, of="few")


def _pain(log: cx.EventLog) -> Iterator[Cell]:
    frame = cx.pain_points(log, PLAIN).frame
    yield from cells(frame)
    yield from cells(frame, at="rating ", names=("rating", "rating_lower", "rating_upper"), of="answers")


def _gaps(log: cx.EventLog) -> Iterator[Cell]:
    """Return the medians; where not even the band comes down to one half, a median is longer than all seen.

    Left out these logs would be chosen by what they show: all of them have too few purchases.
    """
    frame = cx.purchase_gaps(log, PLAIN).frame
    for column in ("value", "lower", "upper"):
        frame[column] = pd.to_timedelta(frame[column]).dt.total_seconds()
    every = gaps_of(log, PLAIN)
    for number, name in enumerate(frame.index[:-2], 1):
        longest = every.length[every.number == number].max(initial=0)
        if np.isnan(frame.loc[name, "lower"]):
            frame.loc[name, "lower"] = log.durations([longest]).total_seconds()[0]
    yield from cells(frame, of="numerator")


def _gap_of_channels(log: cx.EventLog) -> cx.metrics.Result:
    return cx.experience_gap(log, PLAIN, "channel", digital=["search", "social"])


def _kinds(log: cx.EventLog) -> cx.metrics.Result:
    kinds = {"search": "earned", "social": "paid", "mail": "owned", "shop": "partner"}
    return cx.channels(log, PLAIN, "channel", kinds=kinds)


class Family(NamedTuple):
    """Intervals that are made alike: what they are of, how they are made, and where they come from.

    Those ``on_request`` nothing shows unless it is asked for them. Revenue has more ``sizes`` than others.
    """

    shown: str
    method: str
    measure: Callable[[cx.EventLog], Iterator[Cell]]
    on_request: bool = False
    sizes: tuple[int, ...] = SIZES


FAMILIES = (
    Family("`funnel`: conversion and step conversion", "Wilson", _funnel),
    Family("`funnel` of attempts and of journeys", "Wilson, effective number by customer", _clustered_funnel),
    Family(
        "`figures`: median time to convert",
        "interpolated order statistics",
        lambda log: _figures(log, "time_to_convert"),
    ),
    Family("`time_to_convert`: the curve", "Kaplan-Meier, log-log", _time_curve),
    Family("`time_to_convert`: its median", "Kaplan-Meier, log-log", _time_median),
    Family("`reasons`", "Wilson", _reasons),
    Family("`trend`: conversion by month", "Wilson", _trend),
    Family("`trend`: change from month to month", "Newcombe", _trend_change),
    Family("`breakdown`: conversion of a group", "Wilson", _breakdown),
    Family("`breakdown`: group against the others", "Newcombe", _breakdown_difference),
    Family(
        "`breakdown` of attempts: the same",
        "Newcombe, effective numbers by customer",
        lambda log: _breakdown_difference(log, ATTEMPTS),
    ),
    Family(
        "`transitions`: share of the exits of a stage",
        "Wilson, effective number by customer",
        lambda log: _transitions(log, "share"),
    ),
    Family(
        "`transitions`: share of all",
        "Wilson, effective number by customer",
        lambda log: _transitions(log, "all"),
    ),
    Family("`transitions`: skips, back-steps", "Wilson, effective number by customer", _moves),
    Family("`stage_chain`: share of visits", "Wilson, effective number by customer", _chain),
    Family("`flow`", "Wilson", _flow),
    Family("`variants`: share, conversion", "Wilson", _variants),
    Family(
        "`compare`: differences of shares",
        "MOVER, paired by customer; linearised",
        lambda log: _changes(log, units=("share",)),
    ),
    Family(
        "`compare`: differences of medians",
        "MOVER, paired by customer",
        lambda log: _changes(log, units=("seconds",)),
    ),
    Family(
        "`compare`: differences of ratios",
        "MOVER, paired by customer",
        lambda log: _changes(log, units=("ratio",)),
    ),
    Family("`explain_difference`: steps, alone", "MOVER, paired by customer; linearised", _steps),
    Family(
        "`compare_rules`: values and differences",
        "Wilson; MOVER, paired by customer; linearised",
        lambda log: _rule_sets(log, {"plain": PLAIN, "narrow": NARROW, "attempts": ATTEMPTS}),
    ),
    Family(
        "`compare_rules`: two stages, customers, attempts, sessions, all",
        "Wilson, effective number by customer; linearised",
        lambda log: _rule_sets(
            log,
            {
                "plain": TWO,
                "attempts": TWO.with_rules(count="attempts"),
                "sessions": TWO.with_rules(unit="5D"),
                "all": TWO.with_rules(denominator="all"),
            },
        ),
    ),
    Family("`preview`: for the whole log", "Wilson, finite population", _preview),
    Family(
        "`loyalty`: repeat rate, retention", "Wilson", lambda log: _figures(log, "repeat_rate", "retention")
    ),
    Family("`loyalty`: retention curve", "Wilson", _retention_curve),
    Family(
        "`loyalty`: loyalty loop",
        "Wilson, effective number by customer",
        lambda log: _figures(log, "loyalty_loop"),
    ),
    Family("`loyalty`: active : passive", "odds of Wilson", lambda log: _figures(log, "active_passive")),
    Family("`loyalty`: curve to the second purchase", "Kaplan-Meier, log-log", _second_curve),
    Family(
        "`loyalty`: revenue per customer",
        "mean, t widened for skewness",
        lambda log: _figures(log, "revenue_per_customer"),
    ),
    Family("`retention`: cells", "Wilson", _cohorts),
    Family("`retention`: cells on or after", "Wilson", lambda log: _cohorts(log, kind="on or after")),
    Family("`retention`: curve", "Wilson", _cohort_curve),
    Family(
        "`retention`: curve of recurring cohorts",
        "Wilson, effective number by customer",
        lambda log: _cohort_curve(log, cohort="recurring"),
    ),
    Family("`retention_flags`", "Wilson", _flags),
    Family("`lifecycle`: share kept", "Wilson", _lifecycle),
    Family("`stickiness`: exactly, at least", "Wilson", _stickiness),
    Family("`stickiness`: DAU / MAU", "Wilson, effective number by customer", _daily_over_monthly),
    Family("`attitude`: NPS", "adjusted Wald", lambda log: _attitude(log, "nps")),
    Family("`attitude`: CSAT", "Wilson", lambda log: _attitude(log, "csat")),
    Family(
        "`attitude`: CES and mean scores", "mean, t widened for skewness", lambda log: _attitude(log, "ces")
    ),
    Family("`attitude`: response", "Wilson", _responses),
    Family("`attitude`: tones", "Wilson", _tones),
    Family("`attitude`: peak-end", "mean, t widened for skewness", _peak_end),
    Family("`loyalists`", "Wilson", _frame(lambda log: cx.loyalists(log, PLAIN))),
    Family("`loops`", "Wilson, effective number by customer", _frame(lambda log: cx.loops(log, PLAIN))),
    Family(
        "`advocacy`",
        "Wilson; mean, t widened for skewness; Newcombe",
        _frame(lambda log: cx.advocacy(log, PLAIN, referred_by="from", joined="compare")),
    ),
    Family(
        "`revenue`",
        "linearised, t widened for skewness",
        _frame(lambda log: cx.revenue(log, PLAIN)),
        sizes=tuple(SHARE),
    ),
    Family(
        '`revenue`, `method="t"`',
        "bootstrap, t",
        _frame(lambda log: cx.revenue(log, PLAIN, method="t")),
        on_request=True,
        sizes=tuple(SHARE),
    ),
    Family(
        '`revenue`, `method="percentile"`',
        "bootstrap, percentile",
        _frame(lambda log: cx.revenue(log, PLAIN, method="percentile")),
        on_request=True,
        sizes=tuple(SHARE),
    ),
    Family(
        '`revenue`, `method="bca"`',
        "bootstrap, BCa",
        _frame(lambda log: cx.revenue(log, PLAIN, method="bca")),
        on_request=True,
        sizes=tuple(SHARE),
    ),
    Family(
        "`churn` by silence",
        "Wilson; Kaplan-Meier, log-log",
        _frame(lambda log: cx.churn(log, PLAIN, silence="30D")),
    ),
    Family("`purchase_gaps`: medians", "Kaplan-Meier, log-log, by customer", _gaps),
    Family(
        "`rfm`: segments",
        "linearised with its cut points, t widened for skewness",
        _frame(lambda log: cx.rfm(log, PLAIN)),
    ),
    Family("`rfm`: grid of scores", "linearised with its cut points, t widened for skewness", _grid),
    Family("`bad_experience`", "Newcombe", lambda log: _bad(log, stratified=False)),
    Family(
        "`bad_experience`, stratified", "Mantel-Haenszel, Klingenberg", lambda log: _bad(log, stratified=True)
    ),
    Family("`pain_points`: customers lost, ratings", "Wilson; mean, t widened for skewness", _pain),
    Family(
        "`experience_gap`",
        "linearised by customer, t widened for skewness",
        _frame(_gap_of_channels, size="denominator"),
    ),
    Family("`channels`", "Wilson, effective number by customer", _frame(_kinds)),
    Family(
        "`consideration`",
        "Wilson by customer; linearised, t widened for skewness; MOVER",
        _frame(lambda log: cx.consideration(log, PLAIN, "channel")),
    ),
    Family(
        "`claims`",
        "as each claim says",
        _frame(lambda log: cx.claims(log, PLAIN, brand="channel", channel="channel"), size="n"),
    ),
)


class Held(NamedTuple):
    """How often an interval held the truth, in how many logs it was there, and how much stood behind it."""

    share: float
    defined: int
    below: float
    above: float
    enough: float


Truths = dict[str, dict[str, float]]
Measured = dict[str, dict[str, Held]]


def measured(families: tuple[Family, ...], size: int, replicates: int, truths: Truths) -> Measured:
    """Return for each family and cell what was seen in so many logs of so many customers."""
    seen: dict[str, dict[str, list[tuple[float, float, float]]]] = {
        family.shown: defaultdict(list) for family in families
    }
    begun = time.perf_counter()
    for replicate in range(replicates):
        log = coverage_world.customers(np.random.default_rng([11, size, replicate]), size)
        for family in families:
            for cell in family.measure(log):
                seen[family.shown][cell.name].append(cell[2:])
        done = replicate + 1
        if done % 200 == 0 or done in (10, replicates):
            print(
                f"  {done} of {replicates} logs of {size}: {time.perf_counter() - begun:.0f} s",
                file=sys.stderr,
            )
    return judged(seen, truths, replicates)


def judged(
    seen: dict[str, dict[str, list[tuple[float, float, float]]]], truths: Truths, replicates: int
) -> Measured:
    """Return what was seen, of the cells that have a truth and were there in half of the logs."""
    return {
        shown: {
            name: held(np.array(lines), truths[shown][name])
            for name, lines in found.items()
            if np.isfinite(truths[shown].get(name, np.nan)) and len(lines) >= replicates / 2
        }
        for shown, found in seen.items()
    }


def held(lines: np.ndarray, truth: float) -> Held:
    """Return how often bounds held the truth; an open side reaches as far as it has to."""
    lower, upper, enough = lines.T
    # Undefined, or of two definitions that are one for everybody, and so exactly 0 from 0 to 0.
    there = ~(np.isnan(lower) & np.isnan(upper)) & ~((lower == upper) & (lower == truth))
    slack = 1e-9 * max(abs(truth), 1)
    below, above = upper[there] < truth - slack, lower[there] > truth + slack
    n = int(there.sum())
    if not n:
        return Held(np.nan, 0, np.nan, np.nan, float(np.nanmedian(enough)) if len(enough) else 0.0)
    return Held(
        1 - float((below | above).mean()),
        n,
        float(below.mean()),
        float(above.mean()),
        float(np.nanmean(enough)),
    )


def truths_of(families: tuple[Family, ...]) -> Truths:
    """Return the truth of each cell: the same figure over very many customers."""
    print(f"truth from {MANY:,} customers", file=sys.stderr)
    log = coverage_world.customers(np.random.default_rng(5), MANY)
    return {family.shown: {cell.name: cell.value for cell in family.measure(log)} for family in families}


def summary(found: dict[str, Held], replicates: int) -> tuple[str, str, str]:
    """Return the coverage of a family's cells in words: with enough behind them, the mean, with less."""
    told = [cell for cell in found.values() if cell.defined >= replicates / 2]
    plenty = [cell.share for cell in told if cell.enough >= ENOUGH]
    few = [cell.share for cell in told if not cell.enough >= ENOUGH]
    mean = f"{np.mean(plenty):.1%}" if plenty else NOTHING
    return span(plenty), mean, span(few)


def span(shares: list[float]) -> str:
    """Return the lowest and the highest of some shares, and how many there are."""
    if not shares:
        return NOTHING
    one = f"{min(shares):.1%}"
    return one if len(shares) == 1 else f"{one} to {max(shares):.1%} ({len(shares)})"


def lines_of(kept: Kept) -> Iterator[str]:
    """Return the table of the figures, a line for each family."""
    large, small = (kept[str(size)] for size in SIZES)
    for family in FAMILIES:
        if family.shown in large and not family.on_request:
            logs, cells_ = large[family.shown]
            told = summary(cells_, logs)
            few, fewer = small.get(family.shown, (1, {}))
            small_span, small_mean, _ = summary(fewer, few)
            columns = (family.shown, family.method, *told[:2], small_span, small_mean, told[2])
            yield f"| {' | '.join(columns)} |"


def lines_by_size(kept: Kept) -> Iterator[str]:
    """Return the table of the figures that are measured on more sizes, a line for each figure."""
    sizes = sorted(SHARE, reverse=True)
    for family in FAMILIES:
        if family.sizes != SIZES:
            found = [kept[str(size)].get(family.shown, (0, {}))[1] for size in sizes]
            for name in found[0]:
                shares = [f"{by[name].share:.1%}" if name in by else NOTHING for by in found]
                yield f"| {' | '.join((family.shown, family.method, f'`{name}`', *shares))} |"


def known(kept: Kept, size: int, *, on_request: bool = False) -> dict[tuple[str, str], Held]:
    """Return what is shown with enough behind it, or what is not shown unless it is asked for."""
    families = {family.shown for family in FAMILIES if family.on_request == on_request}
    return {
        (shown, name): cell
        for shown, (logs, cells_) in kept[str(size)].items()
        for name, cell in cells_.items()
        if shown in families and cell.enough >= ENOUGH and cell.defined >= logs / 2
    }


def outside(kept: Kept, size: int, *, on_request: bool = False) -> list[str]:
    """Return a line for each interval with enough behind it that is outside 93 to 97 %."""
    return [
        f"{shown}, {name}: {cell.share:.1%} of {cell.defined:,} logs (too low in {cell.below:.1%}, "
        f"too high in {cell.above:.1%})"
        for (shown, name), cell in known(kept, size, on_request=on_request).items()
        if not LOWEST <= cell.share <= HIGHEST
    ]


def page(kept: Kept, formulas: list[str], drawn: int) -> str:
    """Return the part of the page that is made here."""
    many, few = (min(logs for logs, _ in kept[str(size)].values()) for size in SIZES)
    shares = [[cell.share for cell in known(kept, size).values()] for size in SIZES]
    without = {size: outside(kept, size) for size in SIZES}
    inside = [len(of) - len(out) for of, out in zip(shares, without.values(), strict=True)]
    listed = [f"- outside with {size} customers: {line}" for size in SIZES for line in without[size]]
    error = [100 * float(np.sqrt(0.95 * 0.05 / n)) for n in (many, few)]
    told = (
        f"{many:,} logs of {SIZES[0]} customers or more and {few:,} of {SIZES[1]} or more; "
        f"Monte-Carlo error of a share (one standard error) "
        f"{error[0]:.1f} and {error[1]:.1f} points. Of {len(shares[0])} intervals shown with enough "
        f"behind them among {SIZES[0]} customers, {inside[0]} hold the truth in 93 to 97 %, of "
        f"{len(shares[1])} among {SIZES[1]} customers {inside[1]}; the means are "
        f"{np.mean(shares[0]):.1%} and {np.mean(shares[1]):.1%}."
    )
    sizes = [part for size in SIZES for part in (f"{size} customers", "mean")]
    heads = ("figure", "interval", *sizes, f"{SIZES[0]}, too little behind it")
    by_size = [f"{size:,} customers" for size in sorted(SHARE, reverse=True)]
    return "\n".join(
        [
            BEGIN,
            "",
            told,
            "",
            *([*listed, ""] if listed else []),
            f"| {' | '.join(heads)} |",
            "|---|---|---|---|---|---|---|",
            *lines_of(kept),
            "",
            "### Revenue, and its bootstraps on request",
            "",
            f"| figure | interval | key | {' | '.join(by_size)} |",
            "|---|---|---|---|---|---|",
            *lines_by_size(kept),
            "",
            "### Formulas whose truth is known on paper",
            "",
            f"*Exact* sums over all samples there are; *drawn* counts {drawn:,} or more of each setting.",
            "",
            "| formula | setting | holds the truth | mean | how |",
            "|---|---|---|---|---|",
            *formulas,
            "",
            END,
        ]
    )


Kept = dict[str, dict[str, tuple[int, dict[str, Held]]]]


def main() -> None:
    """Measure, print, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("replicates", nargs="?", type=int, default=2000)
    asked.add_argument("--only", default="", help="families with this in their name")
    asked.add_argument("--names", nargs="+", help="families of exactly these names")
    asked.add_argument(
        "--size", type=int, choices=tuple(SHARE), help="logs of this many customers; not written"
    )
    asked.add_argument(
        "--formulas", nargs="?", const="", help="measure formulas with this in their name anew"
    )
    options = asked.parse_args()
    names = options.names or [family.shown for family in FAMILIES if options.only in family.shown]
    families = tuple(family for family in FAMILIES if family.shown in names)
    sizes = tuple(SHARE) if options.size is None else (options.size,)
    truths = truths_of(families) if families else {}
    found: Kept = {}
    for size in sizes:
        chosen = tuple(family for family in families if size in family.sizes)
        if chosen:
            logs = max(int(options.replicates * SHARE[size]), 1)
            print(f"{size} customers", file=sys.stderr)
            of = measured(chosen, size, logs, truths)
            found[str(size)] = {shown: (logs, cells_) for shown, cells_ in of.items()}
            for on_request in (False, True):
                for line in outside(found, size, on_request=on_request):
                    print(f"{size} customers{', on request' if on_request else ''}, outside: {line}")
    if options.size:
        return
    every = families == FAMILIES
    formulas: list[str] = []
    if options.formulas is not None or every:
        formulas = coverage_formulas.table(options.replicates, options.formulas or "")
    kept, told = joined(found, formulas, afresh=every)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(
        before + page(kept, told, options.replicates if formulas else DRAWN) + rest.partition(END)[2],
        encoding="utf-8",
    )
    print(f"wrote {PAGE}")


def joined(found: Kept, formulas: list[str], *, afresh: bool) -> tuple[Kept, list[str]]:
    """Return what was measured now beside what was measured before, and keep it."""
    kept: Kept = {str(size): {} for size in SHARE}
    told: list[str] = []
    if MEASURED.exists() and not afresh:
        said = json.loads(MEASURED.read_text(encoding="utf-8"))
        told = said["formulas"]
        for size, families in said["figures"].items():
            kept[size] = {
                shown: (logs, {name: Held(*cell) for name, cell in cells_.items()})
                for shown, (logs, cells_) in families.items()
            }
    there = {family.shown for family in FAMILIES}
    for size, families in found.items():
        kept[size] |= families
    kept = {size: {shown: of for shown, of in by.items() if shown in there} for size, by in kept.items()}
    anew = {line.partition(" | ")[0] for line in formulas}
    told = [*(line for line in told if line.partition(" | ")[0] not in anew), *formulas]
    keep(kept, told)
    return kept, told


def keep(kept: Kept, formulas: list[str]) -> None:
    """Write what was measured, a family on a line."""
    sizes = []
    for size, families in kept.items():
        lines = (
            f"{json.dumps(shown)}: "
            + json.dumps([logs, {name: [round(part, 5) for part in cell] for name, cell in cells_.items()}])
            for shown, (logs, cells_) in families.items()
        )
        sizes.append(f"{json.dumps(size)}: {{\n" + ",\n".join(lines) + "\n}")
    told = ",\n".join(json.dumps(line, ensure_ascii=False) for line in formulas)
    text = '{"figures": {\n' + ",\n".join(sizes) + '\n},\n"formulas": [\n' + told + "\n]}\n"
    MEASURED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
