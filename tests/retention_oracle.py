"""Retention, lifecycle and stickiness the slow and obvious way, with the standard library alone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Calendar:
    """Days, weeks, months or quarters of a zone; ``unit`` is "W", "M", "Q" or a number of days."""

    unit: object
    zone: ZoneInfo | None
    first_day: dt.date
    weekday: int = 0
    origin: dt.date | None = None

    def day(self, moment):
        return moment.date() if self.zone is None else moment.astimezone(self.zone).date()

    def begin(self, day):
        """The first day of the period of a day."""
        if self.unit == "W":
            return day - dt.timedelta(days=(day.weekday() - self.weekday) % 7)
        if self.unit == "M":
            return day.replace(day=1)
        if self.unit == "Q":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        anchor = self.origin or self.first_day
        return day - dt.timedelta(days=(day - anchor).days % self.unit)

    def following(self, begin):
        """The first day of the next period."""
        day = begin
        while self.begin(day) == begin:
            day += dt.timedelta(days=1)
        return day

    def moment(self, day):
        """When a day begins: at the first of two midnights, or when clocks skip it, then."""
        midnight = dt.datetime.combine(day, dt.time())
        return midnight if self.zone is None else midnight.replace(tzinfo=self.zone).astimezone(dt.UTC)

    def ahead(self, begin, k):
        for _ in range(k):
            begin = self.following(begin)
        return begin

    def all_until(self, last):
        """The first days of the periods from that of the first day to that of the last moment."""
        found = [self.begin(self.first_day)]
        while found[-1] != self.begin(self.day(last)):
            found.append(self.following(found[-1]))
        return found


def by_customer(rows):
    people = defaultdict(list)
    for customer, time in sorted(rows):
        people[customer].append(time)
    return people


def entries(starts, calendar, *, recurring):
    """Pairs of a customer and a start; one for each customer, or for each customer and period."""
    found = []
    for customer, times in by_customer(starts).items():
        seen = set()
        for time in times:
            period = calendar.begin(calendar.day(time)) if recurring else None
            if period not in seen:
                seen.add(period)
                found.append((customer, time))
    return found


def place(calendar, length, start, time):
    """In which period since the start a later time lies."""
    if length is not None:
        return int((time - start) // length)
    k, begin = 0, calendar.begin(calendar.day(start))
    while begin != calendar.begin(calendar.day(time)):
        begin, k = calendar.following(begin), k + 1
    return k


def over(calendar, length, start, k, end):
    """Whether period k since the start was wholly observed."""
    if length is not None:
        return start + (k + 1) * length <= end
    return calendar.moment(calendar.ahead(calendar.begin(calendar.day(start)), k + 1)) <= end


def came_back(kind, periods, first, last):
    if kind == "on or after":
        return any(k >= first for k in periods)
    if kind == "streak":
        return all(k in periods for k in range(1, first + 1))
    return any(first <= k <= last for k in periods)


def retention(starts, backs, *, kind, calendar, groups, length, recurring, columns, end):
    """For each cohort and column (first and last period): size, returned, numerator, denominator, ripe."""
    began = entries(starts, calendar, recurring=recurring)
    later = by_customer(backs)
    people = [
        (
            customer,
            groups.begin(groups.day(start)),
            start,
            {place(calendar, length, start, time) for time in later.get(customer, []) if time >= start},
        )
        for customer, start in began
    ]
    cells, pooled = {}, {}
    for first, last in columns:
        total = []
        for cohort in {who[1] for who in people}:
            mine = [who for who in people if who[1] == cohort]
            hits = [came_back(kind, periods, first, last) for _, _, _, periods in mine]
            mature = [over(calendar, length, start, last, end) for _, _, start, _ in mine]
            both = [hit and known for hit, known in zip(hits, mature, strict=True)]
            cells[cohort, first] = (len(mine), sum(hits), sum(both), sum(mature), all(mature))
            total += [
                (who[0], hit, known) for who, hit, known in zip(mine, hits, mature, strict=True) if known
            ]
        pooled[first] = total
    return cells, pooled


def lifecycle(rows, calendar, last):
    """For each period: new, returning, resurrecting, dormant, as lists of customers."""
    periods = calendar.all_until(last)
    active = [set() for _ in periods]
    for customer, time in rows:
        active[periods.index(calendar.begin(calendar.day(time)))].add(customer)
    table = []
    for number, here in enumerate(active):
        before = active[number - 1] if number else set()
        ever = set().union(*active[:number])
        table.append(
            {
                "new": here - ever,
                "returning": here & before,
                "resurrecting": (here & ever) - before,
                "dormant": before - here,
            }
        )
    return periods, table


def stickiness(rows, calendar, last):
    """How many customers were active in exactly 1, 2, ... of the periods."""
    days = defaultdict(set)
    for customer, time in rows:
        days[customer].add(calendar.begin(calendar.day(time)))
    counts = [len(seen) for seen in days.values()]
    return [counts.count(number) for number in range(1, len(calendar.all_until(last)) + 1)]
