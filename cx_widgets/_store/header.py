"""The header of a file: taken by type, never trusted, and refused where its parts do not fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cx_widgets import _times
from cx_widgets._ingest import Options
from cx_widgets._store.layout import ALIGNED, DTYPE, INT64, Array

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the header says about a log besides its arrays and columns."""

    roles: dict[str, str]
    names: tuple[str, ...]
    zone: str | None
    tick_ns: int
    origin_ns: int
    end_tick: int
    last_tick: int
    has_ties: bool
    table_rows: int | None
    options: Options | None
    until_ns: int | None
    checks: tuple[tuple[str, int, str], ...]


@dataclass(slots=True)
class Fields:
    """An object of the header, whose fields are taken by type: what has another is refused."""

    found: object

    def _get(self, key: str) -> object:
        if not isinstance(self.found, dict) or key not in self.found:
            raise ValueError(f"{key} is missing")
        return self.found[key]

    def text(self, key: str) -> str:
        """Return a field that is text."""
        value = self._get(key)
        if not isinstance(value, str):
            raise TypeError(f"{key} is no text")
        return value

    def number(self, key: str) -> int:
        """Return a field that is a whole number of 64 bits."""
        return number_of(self._get(key), key)

    def flag(self, key: str) -> bool:
        """Return a field that is true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise TypeError(f"{key} is neither true nor false")
        return value

    def found_none(self, key: str) -> bool:
        """Return whether a field is null."""
        return self._get(key) is None

    def optional_text(self, key: str) -> str | None:
        """Return a field that is text or null."""
        return None if self._get(key) is None else self.text(key)

    def optional_number(self, key: str) -> int | None:
        """Return a field that is a number or null."""
        return None if self._get(key) is None else self.number(key)

    def listed(self, key: str) -> list[object]:
        """Return a field that is a list."""
        value = self._get(key)
        if not isinstance(value, list):
            raise TypeError(f"{key} is no list")
        return value

    def texts(self, key: str) -> list[str]:
        """Return a field that is a list of texts."""
        values = self.listed(key)
        if not all(isinstance(value, str) for value in values):
            raise TypeError(f"{key} holds more than text")
        return [str(value) for value in values]

    def inner(self, key: str) -> Fields:
        """Return a field that is an object."""
        value = self._get(key)
        if not isinstance(value, dict):
            raise TypeError(f"{key} is no object")
        return Fields(value)

    def items(self) -> Iterator[tuple[str, Fields]]:
        """Yield the fields, all of which are objects."""
        if isinstance(self.found, dict):
            for key in self.found:
                yield str(key), self.inner(key)


def number_of(value: object, key: str) -> int:
    """Return a whole number of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or not INT64.min <= value <= INT64.max:
        raise TypeError(f"{key} is no whole number of 64 bits")
    return value


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("checks hold something else than text")
    # Half a character, which a text of Arrow cannot hold, is an error here and not where it is shown.
    value.encode()
    return value


@dataclass(slots=True)
class Section:
    """An array of a file, and whether it was compared with its checksum."""

    array: Array
    crc32: int
    checked: bool = False


def section_of(name: str, spec: Fields, mapped: mmap.mmap, start: int) -> Section:
    """Return an array that the header places in the file."""
    dtype, shape, offset = spec.text("dtype"), spec.listed("shape"), spec.number("offset")
    if not DTYPE.fullmatch(dtype) or len(shape) != 1 or offset % ALIGNED:
        raise ValueError(f"array {name!r}")
    length = number_of(shape[0], "shape")
    size = length * np.dtype(dtype).itemsize
    if length < 0 or offset < 0 or start + offset + size > len(mapped):
        raise ValueError(f"array {name!r} lies outside the file")
    array: Array = np.zeros(0, dtype)
    if length:
        array = np.frombuffer(mapped, dtype, length, start + offset)
    array.flags.writeable = False
    return Section(array, spec.number("crc32"))


def _options(header: Fields) -> Options | None:
    """Return how the table was read; None where the log was opened from a file that does not say it."""
    if header.found_none("options"):
        return None
    said = header.inner("options")
    unit, zone = said.optional_text("time_unit"), said.optional_text("time_zone")
    if unit is not None and unit not in _times.UNIT_NS:
        raise ValueError(f"time_unit {unit!r}")
    _times.check_zone(zone)
    flags = {name: said.flag(name) for name in ("drop_nulls", "drop_duplicates", "keep_rows")}
    return Options(time_unit=unit, time_zone=zone, **flags)


def facts_of(header: Fields, version: int) -> Facts:
    """Return what the header says about the log."""
    checks = []
    for line in header.listed("checks"):
        if not isinstance(line, list) or len(line) != 3:  # noqa: PLR2004 - check, rows, detail
            raise ValueError("checks")
        checks.append((_words(line[0]), number_of(line[1], "checks"), _words(line[2])))
    zone = header.optional_text("zone")
    roles = header.inner("roles")
    facts = Facts(
        roles={key: roles.text(key) for key in roles.found} if isinstance(roles.found, dict) else {},
        names=tuple(header.texts("names")),
        zone=zone,
        tick_ns=header.number("tick_ns"),
        origin_ns=header.number("origin_ns"),
        end_tick=header.number("end_tick"),
        last_tick=header.number("last_tick"),
        has_ties=header.flag("has_ties"),
        table_rows=header.optional_number("table_rows") if version > 1 else None,
        options=_options(header) if version > 1 else None,
        until_ns=header.optional_number("until_ns"),
        checks=tuple(checks),
    )
    _times.check_zone(zone)
    return facts


def fit(facts: Facts, version: int, sections: Mapping[str, Section], columns: Mapping[str, Fields]) -> None:
    """Refuse a header whose parts do not fit together."""
    kinds = {name: section.array.dtype.str for name, section in sections.items()}
    n, n_customers = len(sections["codes"].array), len(sections["offsets"].array) - 1
    last = facts.last_tick if facts.until_ns is None else (facts.until_ns - facts.origin_ns) // facts.tick_ns
    needed = {"customer", "time", "event"}
    optional = {"value", "score", "channel"}
    rules = {
        "arrays": kinds["offsets"] == "<i8"
        and kinds.get("rows", "<i4") in ("<i4", "<i8")
        and kinds["codes"] in ("|u1", "<u2", "<u4")
        and kinds["ticks"] in ("<i4", "<i8")
        and kinds.get("customers", "<i8") == "<i8",
        "rows": (facts.table_rows is None or n <= facts.table_rows)
        and (version > 1 or kinds.get("rows") == "<i8"),
        "lengths": len(sections["ticks"].array) == n
        and ("rows" not in sections or len(sections["rows"].array) == n)
        and 0 <= n_customers <= n
        and ("customers" not in sections or len(sections["customers"].array) == n_customers),
        "names": list(facts.names) == sorted(set(facts.names)),
        "times": facts.tick_ns in _times.UNIT_NS.values()
        and facts.end_tick == last
        and facts.last_tick >= 0
        and (n == 0 or facts.last_tick <= facts.end_tick)
        and facts.origin_ns + max(facts.end_tick, facts.last_tick) * facts.tick_ns <= INT64.max,
        "tick size": kinds["ticks"] == "<i8" or facts.end_tick <= np.iinfo(np.int32).max,
        "roles": needed <= set(facts.roles) <= needed | optional
        and len(set(facts.roles.values())) == len(facts.roles)
        and {facts.roles[role] for role in optional & set(facts.roles)} <= set(columns)
        and not {facts.roles[role] for role in needed} & set(columns),
    }
    for what, holds in rules.items():
        if not holds:
            raise ValueError(f"its {what} do not fit together")
