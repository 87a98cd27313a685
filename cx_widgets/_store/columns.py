"""Columns taken apart into arrays and put together again: one place for each kind, both ways."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _frames
from cx_widgets._store.layout import DTYPE, Array
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from cx_widgets._store.header import Fields, Section

    Int64s = npt.NDArray[np.int64]

_UNITS = ("s", "ms", "us", "ns")
# Gaps in a column of objects keep what they were.
GAPS: tuple[object, ...] = (None, np.nan, pd.NA, pd.NaT)
_PARSE: dict[str, Callable[[str], object]] = {
    "str": str,
    "bool": lambda text: {"True": True, "False": False}[text],
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "date": dt.date.fromisoformat,
}


class Writer:
    """Columns taken apart into arrays, gathered under their names."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def add(self, name: str, array: Array) -> str:
        """Gather an array under a name."""
        self.arrays[name] = np.ascontiguousarray(array)
        return name

    def column(self, column: pd.Series, key: str, called: str) -> dict[str, object]:
        """Return what the header says about a column; its arrays are added."""
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            codes = column.cat.codes.to_numpy()
            categories = self.column(pd.Series(dtype.categories), f"{key}/categories", called)
            return {
                "kind": "category",
                "codes": self.add(f"{key}/codes", codes),
                "categories": categories,
                "ordered": bool(dtype.ordered),
            }
        if isinstance(dtype, pd.DatetimeTZDtype):
            return self._zoned(column, dtype, key, called)
        if isinstance(dtype, pd.StringDtype):
            return self._strings(column, dtype, key)
        if isinstance(dtype, np.dtype):
            return self._plain(column, dtype, key, called)
        numpy_dtype = getattr(dtype, "numpy_dtype", None)
        if isinstance(numpy_dtype, np.dtype) and DTYPE.fullmatch(numpy_dtype.str):
            zero = numpy_dtype.type(0)
            return {
                "kind": "nullable",
                "dtype": str(dtype),
                "values": self.add(key, column.to_numpy(dtype=numpy_dtype, na_value=zero)),
                "missing": self.add(f"{key}/missing", column.isna().to_numpy(dtype=bool)),
            }
        raise _refused(called, f"values of type {dtype}")

    def _strings(self, column: pd.Series, dtype: pd.StringDtype, key: str) -> dict[str, object]:
        codes, table = pd.factorize(column)
        na = "NA" if dtype.na_value is pd.NA else "nan"
        # pandas before 2.3 calls the storage of text with NaN by another name.
        storage = "pyarrow" if dtype.storage.startswith("pyarrow") else "python"
        return self._coded(codes, list(table), key) | {"kind": "string", "storage": storage, "na": na}

    def _plain(
        self, column: pd.Series, dtype: np.dtype[np.generic], key: str, called: str
    ) -> dict[str, object]:
        if dtype.kind in "mM":
            unit = np.datetime_data(dtype.str)[0]
            values = column.to_numpy().view(np.int64)
            kind = "time" if dtype.kind == "M" else "duration"
            return {"kind": kind, "unit": unit, "zone": None, "values": self.add(key, values)}
        if DTYPE.fullmatch(dtype.str):
            return {"kind": "plain", "values": self.add(key, column.to_numpy())}
        if dtype.kind == "O":
            return self._objects(column, key, called)
        raise _refused(called, f"values of type {dtype}")

    def _zoned(
        self, column: pd.Series, dtype: pd.DatetimeTZDtype, key: str, called: str
    ) -> dict[str, object]:
        zone = str(dtype.tz)
        try:
            same = pd.DatetimeTZDtype(dtype.unit, zone) == dtype
        except (TypeError, ValueError, KeyError, OSError):
            same = False
        if not same:
            raise _refused(called, f"times in {dtype.tz!r}, a zone without a name")
        values = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().view(np.int64)
        return {"kind": "time", "unit": dtype.unit, "zone": zone, "values": self.add(key, values)}

    def _objects(self, column: pd.Series, key: str, called: str) -> dict[str, object]:
        missing = column.isna().to_numpy(dtype=bool)
        values = column.to_numpy()
        kinds = {type(value) for value in values[~missing]}
        names = sorted(kind.__name__ for kind in kinds)
        if len(kinds) > 1:
            raise _refused(called, f"values of several kinds ({', '.join(names)})")
        of = names[0] if names else "str"
        if kinds and (of not in _PARSE or kinds != {type(_PARSE[of](_EXAMPLES[of]))}):
            raise _refused(called, f"values of type {of}")
        codes = np.full(len(values), -1, np.int64)
        texts = values[~missing] if of == "str" else np.array([str(v) for v in values[~missing]], object)
        codes[~missing], table = pd.factorize(texts)
        codes[missing] = [-1 - _gap(value) for value in values[missing]]
        return self._coded(codes, list(table), key) | {"kind": "object", "of": of}

    def _coded(self, codes: npt.NDArray[np.integer], table: list[str], key: str) -> dict[str, object]:
        data = [text.encode("utf-8", "surrogatepass") for text in table]
        ends = np.zeros(len(data) + 1, np.int64)
        np.cumsum([len(text) for text in data], out=ends[1:])
        self.add(f"{key}/ends", ends)
        self.add(f"{key}/text", np.frombuffer(b"".join(data), np.uint8))
        # Text that never repeats, such as ids, needs no codes.
        if len(codes) == len(table) and bool((codes == np.arange(len(codes))).all()):
            return {"codes": None, "table": key}
        smallest = np.min_scalar_type(-max(len(table), len(GAPS)) - 1)
        return {"codes": self.add(f"{key}/codes", codes.astype(smallest)), "table": key}


def _gap(value: object) -> int:
    # Any other NaN, such as numpy's, is a NaN.
    return next((place for place, gap in enumerate(GAPS) if value is gap), 1)


_EXAMPLES = {
    "str": "",
    "bool": "True",
    "int": "1",
    "float": "1.0",
    "Decimal": "1",
    "date": "2024-01-01",
}


def _refused(called: str, what: str) -> CXError:
    return CXError(
        f"{called} holds {what}, and a saved log keeps numbers, times, true and false, text and categories"
        " of these. Convert it before the log is made, for example with .astype(str), or leave it out."
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """Columns put together from the arrays of a file, which are checked when they are asked for."""

    _array: Callable[[str], Array]

    def column(self, spec: Fields, rows: slice) -> pd.Series:
        """Return some rows of the column that the header describes so."""
        readers = {
            "plain": self._plain,
            "time": self._moments,
            "duration": self._moments,
            "nullable": self._nullable,
            "string": self._strings,
            "object": self._objects,
            "category": self._categories,
        }
        return readers[spec.text("kind")](spec, rows)

    def _plain(self, spec: Fields, rows: slice) -> pd.Series:
        return pd.Series(self._array(spec.text("values"))[rows], copy=False)

    def _categories(self, spec: Fields, rows: slice) -> pd.Series:
        categories = pd.Index(self.column(spec.inner("categories"), slice(None)))
        wanted = pd.CategoricalDtype(categories, ordered=spec.flag("ordered"))
        codes = self._array(spec.text("codes"))[rows]
        # pandas' stubs know categories of integers only.
        found = pd.Categorical.from_codes(codes.copy(), dtype=wanted)  # type: ignore[arg-type]
        return pd.Series(found)

    def _moments(self, spec: Fields, rows: slice) -> pd.Series:
        values = self._array(spec.text("values"))[rows]
        unit, zone = spec.text("unit"), spec.optional_text("zone")
        if unit not in _UNITS or values.dtype != np.int64:
            raise ValueError(f"unit {unit!r}")
        if spec.text("kind") == "duration":
            return pd.Series(values.view(f"m8[{unit}]"), copy=False)
        found = pd.Series(values.view(f"M8[{unit}]"), copy=False)
        return found if zone is None else found.dt.tz_localize("UTC").dt.tz_convert(zone)

    def _nullable(self, spec: Fields, rows: slice) -> pd.Series:
        values = self._array(spec.text("values"))[rows]
        missing = self._array(spec.text("missing"))[rows] != 0
        made = {
            "b": pd.arrays.BooleanArray,
            "i": pd.arrays.IntegerArray,
            "u": pd.arrays.IntegerArray,
            "f": pd.arrays.FloatingArray,
        }[values.dtype.kind](values, missing)
        if str(made.dtype) != spec.text("dtype"):
            raise ValueError(f"type {spec.text('dtype')!r}")
        return pd.Series(made, copy=False)

    def _codes(self, spec: Fields, rows: slice, n_table: int, n_gaps: int) -> Int64s:
        if spec.optional_text("codes") is None:
            return np.arange(n_table, dtype=np.int64)[rows]
        codes = self._array(spec.text("codes"))[rows].astype(np.int64)
        if len(codes) and not -n_gaps <= int(codes.min()) <= int(codes.max()) < n_table:
            raise ValueError("a value outside its table")
        return codes

    def _texts(self, spec: Fields, rows: slice) -> tuple[Int64s, npt.NDArray[np.uint8]]:
        if rows == slice(0, 0):
            return np.zeros(1, np.int64), np.zeros(0, np.uint8)
        key = spec.text("table")
        ends, text = self._array(f"{key}/ends").view(np.int64), self._array(f"{key}/text").view(np.uint8)
        if ends[0] != 0 or ends[-1] != len(text) or not (ends[1:] >= ends[:-1]).all():
            raise ValueError("a table of text that does not hold together")
        return ends, text

    def _strings(self, spec: Fields, rows: slice) -> pd.Series:
        ends, text = self._texts(spec, rows)
        na = spec.text("na")
        arrow = spec.text("storage") == "pyarrow" and find_spec("pyarrow") is not None
        codes = self._codes(spec, rows, len(ends) - 1, 1)
        if na == "nan" and not _frames.COPY_ON_WRITE:
            texts = np.array([*_decoded(ends, text), np.nan], dtype=object)
            return pd.Series(texts[codes], dtype=object)
        storage = "pyarrow" if arrow else "python"
        # pandas' stubs know no storage that is chosen at run time.
        dtype: pd.StringDtype = (
            pd.StringDtype(storage) if na == "NA" else pd.StringDtype(storage, na_value=np.nan)  # type: ignore[call-overload]
        )
        table = pd.Series(_arrow(ends, text) if arrow else _decoded(ends, text), dtype=dtype).array
        if spec.optional_text("codes") is None:
            return pd.Series(table[rows])
        return pd.Series(table.take(codes, allow_fill=True))

    def _objects(self, spec: Fields, rows: slice) -> pd.Series:
        ends, text = self._texts(spec, rows)
        parse = _PARSE[spec.text("of")]
        values = [parse(value) for value in _decoded(ends, text)]
        table = np.empty(len(values) + len(GAPS), dtype=object)
        table[:] = [*values, *reversed(GAPS)]
        return pd.Series(table[self._codes(spec, rows, len(values), len(GAPS))], dtype=object)


def _decoded(ends: Int64s, text: npt.NDArray[np.uint8]) -> list[str]:
    data, places = text.tobytes(), ends.tolist()
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(places)]


def _arrow(ends: Int64s, text: npt.NDArray[np.uint8]) -> object:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    found = pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(text))
    found.validate(full=True)
    return found


def fit(columns: Mapping[str, Fields], roles: Mapping[str, str], sections: Mapping[str, Section]) -> None:
    """Refuse columns that are not as long as the log, and roles of numbers that hold others."""
    n = len(sections["codes"].array)
    for name, spec in columns.items():
        _fit_rows(name, spec, sections, n)
    for role in {"value", "score"} & set(roles):
        spec = columns[roles[role]]
        if spec.text("kind") != "plain" or sections[spec.text("values")].array.dtype.str != "<f8":
            raise ValueError(f"the {role} are no numbers")


def _fit_rows(name: str, spec: Fields, sections: Mapping[str, Section], n: int) -> None:
    keys: dict[str, tuple[str, ...]] = dict.fromkeys(("plain", "time", "duration"), ("values",))
    keys |= dict.fromkeys(("category", "string", "object"), ("codes",))
    keys["nullable"] = ("values", "missing")
    for key in keys[spec.text("kind")]:
        array = spec.optional_text(key)
        length = len(sections[f"{spec.text('table')}/ends"].array) - 1 if array is None else 0
        if array is not None:
            length = len(sections[array].array)
        if length != n:
            raise ValueError(f"column {name!r} is not as long as the log")
