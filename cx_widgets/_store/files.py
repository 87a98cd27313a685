"""Files are written, and mapped into memory: an array is checked when it is read for the first time."""

from __future__ import annotations

import json
import mmap
import os
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cx_widgets._store import columns as _columns
from cx_widgets._store import header as _header
from cx_widgets._store.columns import Reader, Writer
from cx_widgets._store.header import Facts, Fields, Section, facts_of, section_of
from cx_widgets._store.layout import (
    CHUNK,
    HEAD,
    MAGIC,
    READ,
    VERSION,
    WRONG,
    Array,
    aligned,
    brief,
    checksum,
    damaged,
    refuse_what_cannot_be,
    shown,
)
from cx_widgets.errors import CXError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]


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
    refuse_what_cannot_be(path)
    target = Path(path)
    if target.is_dir():
        raise CXError(f"{shown(path)} is a folder. Give the name of a file, such as 'events.cxlog'.")
    if target.exists() and not overwrite:
        raise CXError(
            f"{shown(path)} exists already. Pass overwrite=True to replace it, or take another name."
        )
    writer = Writer()
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
            "crc32": checksum(array),
        }
        offset = aligned(offset + array.nbytes)
    text = json.dumps(header | {"arrays": table, "bytes": offset}).encode("ascii")
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(HEAD.pack(MAGIC, VERSION, zlib.crc32(text), len(text)))
                file.write(text)
                for array in writer.arrays.values():
                    file.write(bytes(aligned(file.tell()) - file.tell()))
                    file.write(array.view(np.uint8).data)
                file.write(bytes(aligned(file.tell()) - file.tell()))
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


@dataclass(slots=True, eq=False)
class Stored(Mapping[str, pd.Series]):
    """An opened file: facts at once, arrays and columns when they are read; as a mapping, its columns.

    An array is checked against its checksum once, before it is read for the first time.
    """

    path: str
    facts: Facts
    n_customers: int
    _sections: dict[str, Section]
    _columns: dict[str, Fields]
    _ids: Fields
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

    def unread(self, name: str) -> npt.NDArray[np.integer]:
        """Return an array of packed rows: for its length and type, until `check` was called."""
        return self._sections[name].array  # type: ignore[return-value] # the header was refused otherwise

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
        codes, ticks = self.unread("codes"), self.unread("ticks")
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
            if checksum(part.array) != part.crc32:
                raise self._damaged(f"the checksum of {name!r} does not match")
            part.checked = True
        return part.array

    def _damaged(self, what: str) -> CXError:
        return damaged(self.path, what)

    def _read(self, called: str, spec: Fields, rows: slice) -> pd.Series:
        try:
            found = Reader(self._array).column(spec, rows)
        except CXError:
            raise
        except WRONG as error:
            raise self._damaged(f"{called} cannot be read ({brief(error)})") from error
        return found


def _times_in(offsets: Int64s, ticks: npt.NDArray[np.integer]) -> tuple[bool, bool]:
    """Return whether the times of every customer are in order, and whether any are equal."""
    first = np.zeros(len(ticks) + 1, np.bool_)
    first[offsets] = True
    tied = False
    for start in range(0, len(ticks) - 1, CHUNK):
        here = ticks[start : start + CHUNK + 1]
        inside = ~first[start + 1 : start + len(here)]
        if bool((inside & (here[1:] < here[:-1])).any()):
            return False, tied
        tied = tied or bool((inside & (here[1:] == here[:-1])).any())
    return True, tied


def read(path: str | Path) -> Stored:
    """Map a file into memory; read and check its header."""
    refuse_what_cannot_be(path)
    name = shown(path)
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(HEAD.size)
            _known(name, head)
            _, version, crc32, length = HEAD.unpack(head)
            if length > size - HEAD.size:
                raise damaged(name, f"its header should have {length:,} bytes, and it ends before")
            text = file.read(length)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise CXError(
            f"{name} could not be opened: {error.strerror or error}."
            " Give the path of a file that log.save(path) wrote."
        ) from error
    if zlib.crc32(text) != crc32:
        raise damaged(name, "the checksum of its header does not match")
    try:
        return _stored(name, version, Fields(json.loads(text)), mapped, aligned(HEAD.size + length))
    except CXError:
        raise
    except WRONG as error:
        raise damaged(name, f"its header makes no sense ({brief(error)})") from error


def _known(name: str, head: bytes) -> None:
    if len(head) < HEAD.size or not head.startswith(MAGIC):
        what = "is empty" if not head else f"begins with {head[: len(MAGIC)]!r}"
        if head.startswith(MAGIC):
            raise damaged(name, f"it has {len(head)} bytes only")
        raise CXError(
            f"{name} is no saved log: it {what}. Give the path of a file that log.save(path) wrote."
        )
    version = int(HEAD.unpack(head)[1])
    if version not in READ:
        raise CXError(
            f"{name} is a saved log of version {version}, and this cx_widgets reads versions"
            f" {READ[0]} to {READ[-1]}."
            " Update cx_widgets, or save the log again with this one."
        )


def _stored(path: str, version: int, header: Fields, mapped: mmap.mmap, start: int) -> Stored:
    wanted = start + header.number("bytes")
    if len(mapped) != wanted:
        raise damaged(path, f"it should have {wanted:,} bytes and has {len(mapped):,}")
    sections = {name: section_of(name, spec, mapped, start) for name, spec in header.inner("arrays").items()}
    columns = {}
    for pair in header.listed("columns"):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):  # noqa: PLR2004 - a pair
            raise ValueError("columns hold more than pairs")
        columns[pair[0]] = Fields(pair[1])
    stored = Stored(
        path,
        facts_of(header, version),
        len(sections["offsets"].array) - 1,
        sections,
        columns,
        header.inner("ids"),
    )
    _header.fit(stored.facts, version, sections, columns)
    _columns.fit(columns, stored.facts.roles, sections)
    return stored
