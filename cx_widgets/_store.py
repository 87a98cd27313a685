"""A packed log as one file: a header in JSON, then its arrays, mapped into memory when it is opened."""

from __future__ import annotations

import datetime as dt
import json
import mmap
import os
import re
import secrets
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets import _frames, _ticks, _times
from cx_widgets._held import Held
from cx_widgets._ingest import Options
from cx_widgets._packed import Packed, placed
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Array = npt.NDArray[np.generic]
    Int64s = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

# Like PNG's: a transfer that takes it for text changes the line end, and is found out.
MAGIC = b"CXLOG\r\n\x1a"
VERSION = 2
# Until version 2 every file had the rows, of 64 bits, and none said how its table was read.
_READ = (1, 2)
_HEAD = struct.Struct("<8sIIQ")
_ALIGNED = 64
_CHUNK = 1 << 24
_INT64 = np.iinfo(np.int64)
_DTYPE = re.compile(r"\|[biu]1|<[iuf][248]")
_UNITS = ("s", "ms", "us", "ns")
_AGAIN = "Copy it again from where it was whole, or save the log again from its table"
# The ways in which a header that somebody else wrote can be wrong, where it passes its checksum.
_WRONG = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, OSError)

# Gaps in a column of objects keep what they were.
_GAPS: tuple[object, ...] = (None, np.nan, pd.NA, pd.NaT)
_PARSE: dict[str, Callable[[str], object]] = {
    "str": str,
    "bool": lambda text: {"True": True, "False": False}[text],
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "date": dt.date.fromisoformat,
}


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
class _Fields:
    """An object of the header, whose fields are taken by type: what has another is refused."""

    found: object

    def _get(self, key: str) -> object:
        if not isinstance(self.found, dict) or key not in self.found:
            raise ValueError(f"{key} is missing")
        return self.found[key]

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str):
            raise TypeError(f"{key} is no text")
        return value

    def number(self, key: str) -> int:
        return _number(self._get(key), key)

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise TypeError(f"{key} is neither true nor false")
        return value

    def found_none(self, key: str) -> bool:
        return self._get(key) is None

    def optional_text(self, key: str) -> str | None:
        return None if self._get(key) is None else self.text(key)

    def optional_number(self, key: str) -> int | None:
        return None if self._get(key) is None else self.number(key)

    def listed(self, key: str) -> list[object]:
        value = self._get(key)
        if not isinstance(value, list):
            raise TypeError(f"{key} is no list")
        return value

    def texts(self, key: str) -> list[str]:
        values = self.listed(key)
        if not all(isinstance(value, str) for value in values):
            raise TypeError(f"{key} holds more than text")
        return [str(value) for value in values]

    def inner(self, key: str) -> _Fields:
        value = self._get(key)
        if not isinstance(value, dict):
            raise TypeError(f"{key} is no object")
        return _Fields(value)

    def items(self) -> Iterator[tuple[str, _Fields]]:
        if isinstance(self.found, dict):
            for key in self.found:
                yield str(key), self.inner(key)


def _number(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not _INT64.min <= value <= _INT64.max:
        raise TypeError(f"{key} is no whole number of 64 bits")
    return value


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("checks hold something else than text")
    # Half a character, which a text of Arrow cannot hold, is an error here and not where it is shown.
    value.encode()
    return value


# Writing


class _Writer:
    """Columns taken apart into arrays, gathered under their names."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def add(self, name: str, array: Array) -> str:
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
        if isinstance(numpy_dtype, np.dtype) and _DTYPE.fullmatch(numpy_dtype.str):
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
        if _DTYPE.fullmatch(dtype.str):
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
        smallest = np.min_scalar_type(-max(len(table), len(_GAPS)) - 1)
        return {"codes": self.add(f"{key}/codes", codes.astype(smallest)), "table": key}


def _gap(value: object) -> int:
    # Any other NaN, such as numpy's, is a NaN.
    return next((place for place, gap in enumerate(_GAPS) if value is gap), 1)


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


def write(
    path: str | Path,
    facts: Facts,
    arrays: Mapping[str, Array],
    ids: pd.Series,
    columns: Mapping[str, pd.Series],
    *,
    overwrite: bool,
) -> None:
    """Write a log into a file: first beside its place, then at once into it."""
    _refuse_what_cannot_be(path)
    target = Path(path)
    if target.is_dir():
        raise CXError(f"{shown(path)} is a folder. Give the name of a file, such as 'events.cxlog'.")
    if target.exists() and not overwrite:
        raise CXError(
            f"{shown(path)} exists already. Pass overwrite=True to replace it, or take another name."
        )
    writer = _Writer()
    for name, array in arrays.items():
        writer.add(name, array)
    header: dict[str, object] = {
        **{name: getattr(facts, name) for name in Facts.__slots__},
        "options": None if facts.options is None else asdict(facts.options),
        "ids": writer.column(ids, "ids", f"the customer column {ids.name!r}"),
        # A list: the order of the columns is part of the log.
        "columns": [
            [name, writer.column(column, f"column {place}", f"column {name!r}")]
            for place, (name, column) in enumerate(columns.items())
        ],
    }
    table: dict[str, object] = {}
    offset = 0
    for name, array in writer.arrays.items():
        table[name] = {
            "dtype": array.dtype.str,
            "shape": [len(array)],
            "offset": offset,
            "crc32": _checksum(array),
        }
        offset = _aligned(offset + array.nbytes)
    text = json.dumps(header | {"arrays": table, "bytes": offset}).encode("ascii")
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(_HEAD.pack(MAGIC, VERSION, zlib.crc32(text), len(text)))
                file.write(text)
                for array in writer.arrays.values():
                    file.write(bytes(_aligned(file.tell()) - file.tell()))
                    file.write(array.view(np.uint8).data)
                file.write(bytes(_aligned(file.tell()) - file.tell()))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CXError(
            f"{shown(path)} could not be written: {error.strerror or error}. Look at the folder, its rights"
            " and the space left, or take another place."
        ) from error


def _aligned(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED


def _checksum(array: Array) -> int:
    data = array.view(np.uint8)
    found = 0
    for start in range(0, len(data), _CHUNK):
        # In pieces: between them the notebook's interrupt is heard.
        found = zlib.crc32(data[start : start + _CHUNK].data, found)
    return found


def shown(path: str | Path) -> str:
    """Return a path as a sentence shows it."""
    return repr(str(path))


def _refuse_what_cannot_be(path: object) -> None:
    if not isinstance(path, (str, Path)) or "\0" in str(path):
        raise CXError(f"path must be the name of a file, as text or a Path; got {path!r}.")
    if sys.byteorder != "little":
        raise CXError(
            f"{shown(path)}: saved logs are little-endian, and this machine is big-endian."
            " Make the log from its table."
        )


# Reading


@dataclass(slots=True)
class _Section:
    array: Array
    crc32: int
    checked: bool = False


@dataclass(slots=True, eq=False)
class Stored(Mapping[str, pd.Series]):
    """An opened file: facts at once, arrays and columns when they are read; as a mapping, its columns.

    An array is checked against its checksum once, before it is read for the first time.
    """

    path: str
    facts: Facts
    n_customers: int
    _sections: dict[str, _Section]
    _columns: dict[str, _Fields]
    _ids: _Fields
    _sound: bool = field(default=False)
    _whose: pd.Index | None = field(default=None)

    def __getitem__(self, name: str) -> pd.Series:
        found = self._read(f"column {name!r}", self._columns[name], slice(None))
        # Not by rename(), which copies the values before pandas 3.
        found.name = name
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def dtype_of(self, name: str) -> object:
        """Return the type of a column, without its values."""
        return self._read(f"column {name!r}", self._columns[name], slice(0, 0)).dtype

    def ids(self) -> pd.Index:
        """Return the ids of the customers, read once."""
        if self._whose is None:
            found = self._read("the customers' ids", self._ids, slice(None))
            if len(found) != self.n_customers:
                raise self._damaged("the customers' ids are not as many as the customers")
            self._whose = pd.Index(found, name=self.facts.roles["customer"])
        return self._whose

    def column_bytes(self) -> int:
        """Return the bytes of all columns in the file."""
        return sum(part.array.nbytes for name, part in self._sections.items() if name.startswith("column "))

    def unread(self, name: str) -> Array:
        """Return an array that is not checked yet: for its length and type, until `check` was called."""
        return self._sections[name].array

    def integers(self, name: str) -> npt.NDArray[np.integer]:
        """Return an array of packed rows, none of which is checked yet."""
        return self._sections[name].array  # type: ignore[return-value]

    def has(self, name: str) -> bool:
        """Return whether the file has an array of this name."""
        return name in self._sections

    def rows(self) -> npt.NDArray[np.int32] | Int64s:
        """Return the rows' positions in the table the log was made from, checked when first asked for."""
        found = self._array("rows")
        return found.view(np.int32) if found.itemsize == 4 else found.view(np.int64)  # noqa: PLR2004 - bytes

    def verify(self) -> None:
        """Compare every array with its checksum."""
        for name in self._sections:
            self._array(name)
        self.check()

    def check(self) -> None:
        """Make sure, once, that the packed rows are those that were written and hold together."""
        if self._sound:
            return
        for name in ("offsets", "codes", "ticks", "customers"):
            if name in self._sections:
                self._array(name)
        for fault in self._faults():
            raise self._damaged(fault)
        self._sound = True

    def _faults(self) -> Iterator[str]:
        # Compiled kernels trust these, whoever wrote the file.
        facts = self.facts
        offsets: Int64s = self.unread("offsets").view(np.int64)
        codes, ticks = self.integers("codes"), self.integers("ticks")
        n = len(codes)
        if offsets[0] != 0 or offsets[-1] != n or not (offsets[1:] > offsets[:-1]).all():
            yield "the customers' rows do not follow one another"
        if n and int(codes.max()) >= len(facts.names):
            yield "a row has an event without a name"
        if n and (int(ticks.min()) < 0 or int(ticks.max()) != facts.last_tick):
            yield "a time lies outside the log"
        ordered, tied = _times_in(offsets, ticks)
        if not ordered:
            yield "the times of a customer are not in order"
        if tied != facts.has_ties:
            yield "what it says about equal times does not hold"
        if "customers" in self._sections:
            whose: Int64s = self.unread("customers").view(np.int64)
            if len(whose) and (whose[0] < 0 or not (whose[1:] > whose[:-1]).all()):
                yield "the numbers of the customers are not in order"

    def _array(self, name: str) -> Array:
        part = self._sections[name]
        if not part.checked:
            if _checksum(part.array) != part.crc32:
                raise self._damaged(f"the checksum of {name!r} does not match")
            part.checked = True
        return part.array

    def _damaged(self, what: str) -> CXError:
        return _damaged(self.path, what)

    def _read(self, called: str, spec: _Fields, rows: slice) -> pd.Series:
        try:
            found = self._column(spec, rows)
        except CXError:
            raise
        except _WRONG as error:
            raise self._damaged(f"{called} cannot be read ({_brief(error)})") from error
        return found

    def _column(self, spec: _Fields, rows: slice) -> pd.Series:
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

    def _plain(self, spec: _Fields, rows: slice) -> pd.Series:
        return pd.Series(self._array(spec.text("values"))[rows], copy=False)

    def _categories(self, spec: _Fields, rows: slice) -> pd.Series:
        categories = pd.Index(self._column(spec.inner("categories"), slice(None)))
        wanted = pd.CategoricalDtype(categories, ordered=spec.flag("ordered"))
        codes = self._array(spec.text("codes"))[rows]
        # pandas' stubs know categories of integers only.
        found = pd.Categorical.from_codes(codes.copy(), dtype=wanted)  # type: ignore[arg-type]
        return pd.Series(found)

    def _moments(self, spec: _Fields, rows: slice) -> pd.Series:
        values = self._array(spec.text("values"))[rows]
        unit, zone = spec.text("unit"), spec.optional_text("zone")
        if unit not in _UNITS or values.dtype != np.int64:
            raise ValueError(f"unit {unit!r}")
        if spec.text("kind") == "duration":
            return pd.Series(values.view(f"m8[{unit}]"), copy=False)
        found = pd.Series(values.view(f"M8[{unit}]"), copy=False)
        return found if zone is None else found.dt.tz_localize("UTC").dt.tz_convert(zone)

    def _nullable(self, spec: _Fields, rows: slice) -> pd.Series:
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

    def _codes(self, spec: _Fields, rows: slice, n_table: int, n_gaps: int) -> Int64s:
        if spec.optional_text("codes") is None:
            return np.arange(n_table, dtype=np.int64)[rows]
        codes = self._array(spec.text("codes"))[rows].astype(np.int64)
        if len(codes) and not -n_gaps <= int(codes.min()) <= int(codes.max()) < n_table:
            raise ValueError("a value outside its table")
        return codes

    def _texts(self, spec: _Fields, rows: slice) -> tuple[Int64s, npt.NDArray[np.uint8]]:
        if rows == slice(0, 0):
            return np.zeros(1, np.int64), np.zeros(0, np.uint8)
        key = spec.text("table")
        ends, text = self._array(f"{key}/ends").view(np.int64), self._array(f"{key}/text").view(np.uint8)
        if ends[0] != 0 or ends[-1] != len(text) or not (ends[1:] >= ends[:-1]).all():
            raise ValueError("a table of text that does not hold together")
        return ends, text

    def _strings(self, spec: _Fields, rows: slice) -> pd.Series:
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

    def _objects(self, spec: _Fields, rows: slice) -> pd.Series:
        ends, text = self._texts(spec, rows)
        parse = _PARSE[spec.text("of")]
        values = [parse(value) for value in _decoded(ends, text)]
        table = np.empty(len(values) + len(_GAPS), dtype=object)
        table[:] = [*values, *reversed(_GAPS)]
        return pd.Series(table[self._codes(spec, rows, len(values), len(_GAPS))], dtype=object)


def _decoded(ends: Int64s, text: npt.NDArray[np.uint8]) -> list[str]:
    data, places = text.tobytes(), ends.tolist()
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(places)]


def _arrow(ends: Int64s, text: npt.NDArray[np.uint8]) -> object:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

    found = pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(text))
    found.validate(full=True)
    return found


def _times_in(offsets: Int64s, ticks: npt.NDArray[np.integer]) -> tuple[bool, bool]:
    """Return whether the times of every customer are in order, and whether any are equal."""
    first = np.zeros(len(ticks) + 1, np.bool_)
    first[offsets] = True
    tied = False
    for start in range(0, len(ticks) - 1, _CHUNK):
        here = ticks[start : start + _CHUNK + 1]
        inside = ~first[start + 1 : start + len(here)]
        if bool((inside & (here[1:] < here[:-1])).any()):
            return False, tied
        tied = tied or bool((inside & (here[1:] == here[:-1])).any())
    return True, tied


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 3] + "..."


_CHARACTERS = 80


def _damaged(path: str, what: str) -> CXError:
    return CXError(f"{path} is damaged: {what}. {_AGAIN}.")


def read(path: str | Path) -> Stored:
    """Map a file into memory; read and check its header."""
    _refuse_what_cannot_be(path)
    name = shown(path)
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD.size)
            _known(name, head)
            _, version, crc32, length = _HEAD.unpack(head)
            if length > size - _HEAD.size:
                raise _damaged(name, f"its header should have {length:,} bytes, and it ends before")
            text = file.read(length)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise CXError(
            f"{name} could not be opened: {error.strerror or error}."
            " Give the path of a file that log.save(path) wrote."
        ) from error
    if zlib.crc32(text) != crc32:
        raise _damaged(name, "the checksum of its header does not match")
    try:
        return _stored(name, version, _Fields(json.loads(text)), mapped, _aligned(_HEAD.size + length))
    except CXError:
        raise
    except _WRONG as error:
        raise _damaged(name, f"its header makes no sense ({_brief(error)})") from error


def _known(name: str, head: bytes) -> None:
    if len(head) < _HEAD.size or not head.startswith(MAGIC):
        what = "is empty" if not head else f"begins with {head[: len(MAGIC)]!r}"
        if head.startswith(MAGIC):
            raise _damaged(name, f"it has {len(head)} bytes only")
        raise CXError(
            f"{name} is no saved log: it {what}. Give the path of a file that log.save(path) wrote."
        )
    version = int(_HEAD.unpack(head)[1])
    if version not in _READ:
        raise CXError(
            f"{name} is a saved log of version {version}, and this cx_widgets reads versions"
            f" {_READ[0]} to {_READ[-1]}."
            " Update cx_widgets, or save the log again with this one."
        )


def _stored(path: str, version: int, header: _Fields, mapped: mmap.mmap, start: int) -> Stored:
    wanted = start + header.number("bytes")
    if len(mapped) != wanted:
        raise _damaged(path, f"it should have {wanted:,} bytes and has {len(mapped):,}")
    sections = {name: _section(name, spec, mapped, start) for name, spec in header.inner("arrays").items()}
    columns = {}
    for pair in header.listed("columns"):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):  # noqa: PLR2004 - a pair
            raise ValueError("columns hold more than pairs")
        columns[pair[0]] = _Fields(pair[1])
    stored = Stored(
        path,
        _facts(header, version),
        len(sections["offsets"].array) - 1,
        sections,
        columns,
        header.inner("ids"),
    )
    _fits(stored.facts, version, sections, columns)
    return stored


def _section(name: str, spec: _Fields, mapped: mmap.mmap, start: int) -> _Section:
    dtype, shape, offset = spec.text("dtype"), spec.listed("shape"), spec.number("offset")
    if not _DTYPE.fullmatch(dtype) or len(shape) != 1 or offset % _ALIGNED:
        raise ValueError(f"array {name!r}")
    length = _number(shape[0], "shape")
    size = length * np.dtype(dtype).itemsize
    if length < 0 or offset < 0 or start + offset + size > len(mapped):
        raise ValueError(f"array {name!r} lies outside the file")
    array: Array = np.zeros(0, dtype)
    if length:
        array = np.frombuffer(mapped, dtype, length, start + offset)
    array.flags.writeable = False
    return _Section(array, spec.number("crc32"))


def _options(header: _Fields) -> Options | None:
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


def _facts(header: _Fields, version: int) -> Facts:
    checks = []
    for line in header.listed("checks"):
        if not isinstance(line, list) or len(line) != 3:  # noqa: PLR2004 - check, rows, detail
            raise ValueError("checks")
        checks.append((_words(line[0]), _number(line[1], "checks"), _words(line[2])))
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


def _fits(
    facts: Facts, version: int, sections: Mapping[str, _Section], columns: Mapping[str, _Fields]
) -> None:
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
        and facts.origin_ns + max(facts.end_tick, facts.last_tick) * facts.tick_ns <= _INT64.max,
        "tick size": kinds["ticks"] == "<i8" or facts.end_tick <= np.iinfo(np.int32).max,
        "roles": needed <= set(facts.roles) <= needed | optional
        and len(set(facts.roles.values())) == len(facts.roles)
        and {facts.roles[role] for role in optional & set(facts.roles)} <= set(columns)
        and not {facts.roles[role] for role in needed} & set(columns),
    }
    for what, holds in rules.items():
        if not holds:
            raise ValueError(f"its {what} do not fit together")
    for name, spec in columns.items():
        _fits_rows(name, spec, sections, n)
    for role in {"value", "score"} & set(facts.roles):
        spec = columns[facts.roles[role]]
        if spec.text("kind") != "plain" or kinds[spec.text("values")] != "<f8":
            raise ValueError(f"the {role} are no numbers")


def _fits_rows(name: str, spec: _Fields, sections: Mapping[str, _Section], n: int) -> None:
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


def save(path: str | Path, held: Held, *, overwrite: bool) -> None:
    """Write what a log holds into a file."""
    packed = held.rows
    arrays: dict[str, Array] = {"offsets": packed.offsets, "codes": packed.codes, "ticks": packed.ticks}
    rows = placed(packed.places)
    if rows is not None:
        arrays["rows"] = rows
    if held.customers is not None:
        arrays["customers"] = held.customers
    facts = Facts(
        roles=held.roles,
        names=held.names,
        zone=held.zone,
        tick_ns=packed.tick_ns,
        origin_ns=packed.origin_ns,
        end_tick=packed.end_tick,
        last_tick=held.last_tick,
        has_ties=packed.has_ties,
        table_rows=held.table_rows,
        options=held.options,
        until_ns=None if held.until is None else held.until.value,
        checks=held.checks,
    )
    ids = pd.Series(held.customer_ids, name=held.roles["customer"])
    write(path, facts, arrays, ids, {name: held.column(name) for name in held.columns}, overwrite=overwrite)


def opened(path: str | Path, *, verify: bool) -> Held:
    """Return what the log holds that a file keeps."""
    stored = read(path)
    if verify:
        stored.verify()
    facts = stored.facts
    packed = Packed(
        offsets=stored.unread("offsets").view(np.int64),
        codes=stored.unread("codes"),  # type: ignore[arg-type]
        ticks=stored.unread("ticks"),  # type: ignore[arg-type]
        places=stored.rows if stored.has("rows") else None,
        tick_ns=facts.tick_ns,
        origin_ns=facts.origin_ns,
        end_tick=facts.end_tick,
        has_ties=facts.has_ties,
    )
    return Held(
        roles=facts.roles,
        columns=stored,
        places=None,
        ids=stored.ids,
        names=facts.names,
        zone=facts.zone,
        packed=packed,
        last_tick=facts.last_tick,
        checks=facts.checks,
        table_rows=facts.table_rows,
        options=facts.options,
        stored=stored,
        until=None if facts.until_ns is None else _ticks.timestamp(facts.until_ns, facts.zone),
        customers=stored.unread("customers").view(np.int64) if stored.has("customers") else None,
    )
