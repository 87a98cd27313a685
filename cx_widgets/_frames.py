"""Any table a user hands us, as named columns: pandas, polars, pyarrow, DuckDB, whatever speaks Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import narwhals as nw
    import pyarrow as pa
    from narwhals.typing import IntoSeries

# From pandas 3 on a shallow copy is safe: whoever writes, writes into a copy of their own.
COPY_ON_WRITE = int(pd.__version__.split(".", 1)[0]) >= 3  # noqa: PLR2004 - a version, not a tuning value

# What pandas itself makes of text, kept in Arrow's memory: no Python object for each row.
_TEXT = "str" if COPY_ON_WRITE else "string[pyarrow]"


@dataclass(frozen=True, slots=True)
class Frame:
    """The columns of a table by name, all with the index 0 .. n_rows - 1.

    Parameters
    ----------
    names : tuple of str
        The column names in the table's order.
    n_rows : int
        Rows of the table.
    index_names : tuple of str
        Names of the index levels of a pandas frame: not columns, but what users sometimes mean.
    load : Mapping
        From column name to a function that returns the column.
    """

    names: tuple[str, ...]
    n_rows: int
    index_names: tuple[str, ...]
    load: Mapping[str, Callable[[], pd.Series]]

    def column(self, name: str) -> pd.Series:
        """Return one column as a Series, which may share memory with the caller's table."""
        return self.load[name]()


def read(data: object) -> Frame:
    """Return the columns of any table; refuse what is not one."""
    if isinstance(data, pd.DataFrame):
        return _from_pandas(data)
    if isinstance(data, (pd.Series, pd.Index, np.ndarray, dict, list, tuple, str, bytes)):
        raise _not_a_table(data)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        if find_spec("pyarrow") is not None:
            return _from_capsule(data)
        if not type(data).__module__.startswith("polars"):
            raise CXError(
                f"reading {_kind(data)} needs pyarrow. Install it with: pip install 'cx_widgets[arrow]',"
                " or pass a pandas DataFrame."
            )
    return _from_narwhals(data)


def _kind(data: object) -> str:
    kind = type(data)
    package = kind.__module__.split(".")[0].strip("_")
    return kind.__name__ if package == "builtins" else f"{package} {kind.__name__}"


def shown(value: object) -> str:
    """Return a value as a sentence shows it: numpy's numbers like Python's."""
    return repr(value.item() if isinstance(value, (np.number, np.bool_)) else value)


def _not_a_table(data: object) -> CXError:
    steps: dict[type, str] = {
        pd.Series: "Pass the whole DataFrame and name its columns.",
        str: "If it is a path, read the file first, for example with pd.read_csv(path).",
        dict: "Build one first: pd.DataFrame(data).",
        list: "Build one first: pd.DataFrame(data).",
        np.ndarray: "Build one first: pd.DataFrame(data, columns=[...]).",
    }
    step = next((text for kind, text in steps.items() if isinstance(data, kind)), "Build a DataFrame first.")
    return CXError(
        f"data must be a table (pandas, polars or Arrow; a DuckDB relation); got {_kind(data)}. {step}"
    )


def _named(names: list[str]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CXError(f"two columns are named {name!r}. Rename one of them, or drop it.")
        seen.add(name)
    return tuple(names)


def _from_pandas(data: pd.DataFrame) -> Frame:
    if data.columns.nlevels > 1:
        raise CXError(
            f"the column names have {data.columns.nlevels} levels, as in {data.columns[0]!r}."
            " Flatten them first: df.columns = ['_'.join(map(str, name)) for name in df.columns]"
        )
    names = _named([str(name) for name in data.columns])

    def loader(position: int) -> Callable[[], pd.Series]:
        return lambda: plain(data.iloc[:, position].reset_index(drop=True))

    return Frame(
        names=names,
        n_rows=len(data),
        index_names=tuple(str(name) for name in data.index.names if name is not None),
        load={name: loader(position) for position, name in enumerate(names)},
    )


def plain(series: pd.Series) -> pd.Series:
    """Return an Arrow-backed Series (``pd.ArrowDtype``) in the dtypes pandas has itself, others as is."""
    if isinstance(series.dtype, pd.ArrowDtype):
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency, here for certain

        array = pa.array(series.array)
        chunks = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
        return _from_arrow(chunks, str(series.name))
    return series


def _from_capsule(data: object) -> Frame:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError):
        raise _not_a_table(data) from None
    names = _named(table.column_names)

    def loader(name: str) -> Callable[[], pd.Series]:
        return lambda: _from_arrow(table.column(name), name)

    return Frame(names, table.num_rows, (), {name: loader(name) for name in names})


def _from_arrow(array: pa.ChunkedArray, name: str) -> pd.Series:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    kind = array.type
    if pa.types.is_dictionary(kind):
        if _is_text(kind.value_type):
            return pd.Series(_from_dictionary(array), name=name)
        array = array.cast(kind.value_type)
        kind = array.type
    if _is_text(kind):
        try:
            array = array.cast(pa.large_string())
        except pa.ArrowNotImplementedError:
            # pyarrow 20 and before cannot cast polars' string_view: the slow way round.
            array = pa.chunked_array([pa.array(array.to_pylist(), pa.large_string())])
        return pd.Series(pd.array(array, dtype=_TEXT), name=name)
    if pa.types.is_decimal(kind):
        array = _from_decimal(array)
        kind = array.type
    if pa.types.is_date(kind):
        array = array.cast(pa.timestamp("s"))
    nullable: dict[pa.DataType, object] = {}
    if array.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        nullable = {
            pa.int8(): pd.Int8Dtype(),
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
            pa.uint8(): pd.UInt8Dtype(),
            pa.uint16(): pd.UInt16Dtype(),
            pa.uint32(): pd.UInt32Dtype(),
            pa.uint64(): pd.UInt64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }
    series: pd.Series = array.to_pandas(types_mapper=nullable.get)
    return series.rename(name)


def _from_dictionary(array: pa.ChunkedArray) -> pd.Categorical:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    # By hand: pyarrow 20 and before cannot convert the unsigned codes of polars.
    chunks = array.unify_dictionaries().chunks
    codes = [chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    categories = pd.Index(chunks[0].dictionary.to_pylist() if chunks else [])
    numbers = np.concatenate([np.zeros(0, np.int64), *codes])
    return pd.Categorical.from_codes(numbers, categories, ordered=array.type.ordered)


def _from_decimal(array: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    try:
        # Databases give sums and wide ids as decimals without a fraction: integers, kept exact.
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.float64())


def _is_text(kind: pa.DataType) -> bool:
    return str(kind) in {"string", "large_string", "string_view"}


def _from_narwhals(data: object) -> Frame:
    import narwhals as nw  # noqa: PLC0415 - 30 ms that only these tables cost

    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        return read(nw.to_native(frame.collect()))
    if not isinstance(frame, nw.DataFrame):
        raise _not_a_table(data)
    if not frame.implementation.is_polars():
        return _from_pandas(frame.to_pandas())
    names = _named(frame.columns)

    def loader(name: str) -> Callable[[], pd.Series]:
        return lambda: _from_narwhals_column(frame.get_column(name)).rename(name)

    return Frame(names, len(frame), (), {name: loader(name) for name in names})


def _from_narwhals_column(column: nw.Series[IntoSeries]) -> pd.Series:
    # polars without pyarrow: numpy for what numpy has, Python objects for the rest.
    import narwhals as nw  # noqa: PLC0415 - loaded by whoever calls

    dtype = column.dtype
    if isinstance(dtype, nw.Date):
        column = column.cast(nw.Datetime("ms"))
        dtype = column.dtype
    if isinstance(dtype, nw.Datetime):
        naive = column if dtype.time_zone is None else column.dt.convert_time_zone("UTC")
        stamps = np.asarray(naive.dt.replace_time_zone(None).to_numpy())
        series = pd.Series(stamps.astype(f"datetime64[{dtype.time_unit}]"))
        return (
            series if dtype.time_zone is None else series.dt.tz_localize("UTC").dt.tz_convert(dtype.time_zone)
        )
    if dtype.is_numeric() and not isinstance(dtype, nw.Decimal) and not column.is_null().any():
        return pd.Series(column.to_numpy())
    if isinstance(dtype, nw.Boolean) or dtype.is_integer():
        values = pd.Series(column.to_list(), dtype=object)
        return values.astype("boolean" if isinstance(dtype, nw.Boolean) else "Int64")
    if dtype.is_numeric():
        return pd.Series(column.cast(nw.Float64()).to_numpy())
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        return pd.Series(column.cast(nw.String()).to_list(), dtype=object)
    return pd.Series(column.to_list(), dtype=object)
