"""Feed the kernels and the reader of saved logs with what nobody would write by hand.

    python tools/fuzz.py --seconds 600             # five minutes for each of the two
    python tools/fuzz.py --only files --seconds 60 --seed 4
    python tools/fuzz.py --only kernels --case 1234  # one again
    python tools/sanitize.py --run tools/fuzz.py --seconds 600

``kernels``: random tables to read, and random logs of every width, with long and short customers, ties,
windows, conditions and up to 250 stages, and funnels under random rules. Each compiled engine, on one
thread and on three, must answer as numpy does, and so must the figures. The run fails where a compiled
function was never called: each new kernel must be reached by some case.

``files``: saved logs that were cut, overwritten, or given other headers with right checksums: huge and
negative counts, sections that overlap, wrong types. Opening and counting must give a log that holds
together or a CXError that names the file.

The cases follow from the seed alone. A finding names its case; a crash leaves its number in the last line.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import faulthandler
import json
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import cx_widgets as cx
from cx_widgets import engine
from cx_widgets._store import layout
from cx_widgets.engine import _attempts, _choice, _workers

# What the tests ask of engines, and a test sees to it that they ask everything.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from random_rules import answers_under_rules, random_rules
from random_tables import SMALL, random_table, read
from test_engines_agree import answers, different

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 120
"""Seconds after which one case is taken to hang."""

library = _choice._library  # noqa: SLF001 - which module has it is the engine's matter

# Who was called


called: set[str] = set()
"""The compiled functions that were."""


class Heard(ctypes.CDLL):
    """A library that remembers which of its functions were called."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        plain = self._FuncPtr

        class Function(plain):
            _flags_ = plain._flags_
            _restype_ = plain._restype_

            def __call__(self, *given: object) -> object:
                called.add(self.__name__)
                return super().__call__(*given)

        self._FuncPtr = Function


class Holding(Heard, ctypes.PyDLL):
    """The same, where functions hold the interpreter."""

    _func_flags_ = ctypes.PyDLL._func_flags_


class _Listening:
    """The module ctypes, but for its libraries."""

    CDLL = Heard
    PyDLL = Holding

    def __getattr__(self, name: str) -> object:
        return getattr(ctypes, name)


def exported() -> set[str]:
    """Return the functions that the compiled library has, as its own table of symbols says."""
    kernels = library.load()
    names = set()
    data = Path(kernels.path).read_bytes()
    place = data.find(b"\0cx_")
    while place >= 0:
        end = data.index(b"\0", place + 1)
        with contextlib.suppress(UnicodeDecodeError, AttributeError):
            name = data[place + 1 : end].decode("ascii")
            if name.isidentifier() and hasattr(kernels.kernels, name):
                names.add(name)
        place = data.find(b"\0cx_", end)
    return names


# Logs for kernels


def some_customers(rng: np.random.Generator) -> np.ndarray:
    """Return how many events each customer has."""
    kind = rng.integers(6)
    if kind == 0:
        return np.ones(rng.integers(1, 400), np.int64)
    if kind == 1:
        return rng.integers(1, 30, rng.integers(1, 60))
    if kind == 2:  # noqa: PLR2004 - one of six
        # Longer than what stands side by side.
        return np.append(rng.integers(1, 9, rng.integers(0, 50)), rng.integers(4_000, 4_300))
    if kind == 3:  # noqa: PLR2004 - one of six
        return np.full(rng.integers(1, 40), rng.integers(1, 40))
    if kind == 4:  # noqa: PLR2004 - one of six
        return np.minimum(np.exp(rng.normal(1, 1.5, rng.integers(1, 200))).astype(np.int64) + 1, 3_000)
    return rng.integers(1, 4, rng.integers(1, 3))


SPANS = (1, 2, 7, 60, 10**4, 2**30 - 2, 2**30 - 1, 2**30, 2**31 - 2, 2**31 - 1, 2**31, 2**32, 2**33)
STAGES = (1, 2, 3, 5, 6, 7, 8, 9, 12, 40, 100, 250)
NAMES = (1, 2, 3, 9, 60, 254, 255, 256, 257, 300, 2_000)


def some_log(rng: np.random.Generator) -> tuple[cx.EventLog, cx.Definition]:
    """Return a log and a definition of it."""
    sizes = some_customers(rng)
    n, span = int(sizes.sum()), int(rng.choice(SPANS))
    who = rng.permutation(len(sizes))[np.repeat(np.arange(len(sizes)), sizes)]
    if rng.random() < 0.5:  # noqa: PLR2004 - every other
        who = rng.permutation(who)
    at = rng.integers(0, span, n)
    if rng.random() < 0.7:  # noqa: PLR2004 - most
        # The first and the last tick there can be.
        at[rng.integers(n)], at[rng.integers(n)] = 0, span - 1
    unit = str(rng.choice(["s", "ms", "us", "ns"]))
    names = np.array([f"event {i:04}" for i in range(int(rng.choice(NAMES)))])
    what = rng.choice(len(names), n)
    if rng.random() < 0.3:  # noqa: PLR2004 - some
        what = np.sort(what)
    # No later than 2261.
    origins = ["1925-01-01", "1969-12-31", "2101-05-05"][: 1 if span > 2**32 else 3]
    origin = np.datetime64(str(rng.choice(origins)), unit)
    frame = pd.DataFrame(
        {
            "who": who.astype(str(rng.choice(["int64", "int32", "uint16"]))),
            "at": origin + at.astype(f"m8[{unit}]"),
            "what": pd.Categorical.from_codes(what, names),
            "worth": rng.normal(0, 5, n).round(),
            "place": rng.choice(["web", "shop", "phone"], n),
        }
    )
    roles = {"value": "worth"} if rng.random() < 0.5 else {}  # noqa: PLR2004 - every other
    log = cx.EventLog(frame, customer="who", time="at", event="what", **roles)
    if rng.random() < 0.15:  # noqa: PLR2004 - some
        log = log.until(log.start + (log.end - log.start) * rng.random())
    return log, some_definition(rng, log, unit, span)


ROLES = (None, "consider", "evaluate", "buy", "advocate")


def some_definition(rng: np.random.Generator, log: cx.EventLog, unit: str, span: int) -> cx.Definition:
    """Return a definition whose stages have events in the log."""
    there = rng.permutation(np.array(log.event_names, object))
    n_stages = min(int(rng.choice(STAGES)), len(there))
    used = there[: max(n_stages, int(len(there) * rng.random()))]
    stages = []
    for number, part in enumerate(np.array_split(used, n_stages)):
        where = [cx.Condition("place", "!=", "web")] if rng.random() < 0.03 else []  # noqa: PLR2004 - few
        nth = None if rng.random() > 0.03 else str(rng.choice(["1", "2+", "3"]))  # noqa: PLR2004 - few
        role = ROLES[rng.integers(len(ROLES))]
        stages.append(
            cx.Stage(
                f"Stage {number}",
                part.tolist(),
                role=role,
                where=where,
                nth=int(nth) if nth and nth.isdigit() else nth,
            )
        )
    ticks = int(rng.choice([0, 1, 2, span // 3, span - 1, span, 2 * span]))
    window = None
    if rng.random() < 0.8 and ticks > 0:  # noqa: PLR2004 - most
        ns = min(ticks * int(np.timedelta64(1, unit) / np.timedelta64(1, "ns")), 2**62)
        window = pd.Timedelta(ns, unit="ns")
    return cx.Definition(stages, window=window)


# Answers of kernels


def different_frames(ours: object, theirs: object) -> str | None:
    """Return the first column in which two frames differ, or that errors do."""
    if not isinstance(ours, pd.DataFrame) or not isinstance(theirs, pd.DataFrame):
        same = isinstance(ours, str) and ours == theirs
    elif list(ours) == list(theirs):
        return next((name for name in theirs if not ours[name].equals(theirs[name])), None)
    else:
        same = False
    return None if same else "its kind"


def figures(one: engine.Engine, log: cx.EventLog, definition: cx.Definition) -> Iterator[object]:
    """Yield the figures that metrics make of an engine's answers, as columns."""
    fresh = cx.EventLog._of(log._held)  # noqa: SLF001 - the same log without the answers it keeps
    with engine.counting_with(one):
        for metric in (cx.funnel, cx.transitions, cx.flow, cx.loyalty, cx.figures, cx.retention, cx.reasons):
            try:
                yield metric(fresh, definition).frame
            except cx.CXError as error:
                yield str(error)


def numbers(one: engine.Engine, rng: np.random.Generator) -> Iterator[object]:
    """Yield what an engine says about numbers of every width."""
    kind = np.dtype(str(rng.choice(["int32", "int64"])))
    most = int(rng.choice([0, 1, 9, 2_000, 2**24 + 3, 2**31 - 1]))
    least = -int(rng.choice([0, 0, 0, 5]))
    sizes = rng.integers(1, int(rng.choice([2, 10, 3_000])), rng.integers(1, 9))
    values = rng.integers(least, most, int(sizes.sum()), endpoint=True).astype(kind)[
        :: int(rng.choice([1, 1, -1]))
    ]
    n = len(values)
    yield one.ranked(values, np.unique(rng.integers(0, n, rng.integers(1, 9)))).tolist()
    groups = np.split(values, np.cumsum(sizes)[:-1])
    yield [part.tolist() for part in one.middles(groups)]
    yield [part.tolist() for part in one.in_order(groups)]


def kernels_case(rng: np.random.Generator) -> None:
    """Compare the compiled engines with numpy's, or fail."""
    log, definition = some_log(rng)
    plain = engine.NumpyEngine()
    compiled = [
        engine.NativeEngine(library.load(level), threads) for level in library.levels() for threads in (1, 3)
    ]
    # One instruction set and a number of threads for each case: more cases instead.
    one = compiled[rng.integers(len(compiled))]
    name = f"{one.library.level}, {one.threads} threads"
    table, without = random_table(rng)
    if read(table, without, f"native-{one.library.level}") != read(table, without, "numpy"):
        raise AssertionError(f"{name}: a table is read otherwise")
    where = different(answers(one, log, definition), answers(plain, log, definition))
    if where is not None:
        raise AssertionError(f"{name}: answer {where}")
    ruled = random_rules(rng, int(rng.choice([10, 30, 200])))
    ours, theirs = (answers_under_rules(which, *ruled) for which in (one, plain))
    where = different(ours, theirs)
    if where is not None:
        raise AssertionError(f"{name}: {where} under {ruled[1].to_code()}")
    seed = int(rng.integers(2**32))
    ours, theirs = (list(numbers(which, np.random.default_rng(seed))) for which in (one, plain))
    if ours != theirs:
        raise AssertionError(f"{name}: numbers of seed {seed}")
    if len(definition.stages) <= 12 and rng.random() < 0.2:  # noqa: PLR2004 - the table of moves is square
        pairs = zip(figures(one, log, definition), figures(plain, log, definition), strict=True)
        for number, pair in enumerate(pairs):
            where = different_frames(*pair)
            if where is not None:
                raise AssertionError(f"{name}: figure {number}, {where}")


# Files


def whole_files() -> list[bytes]:
    """Return saved logs of several kinds."""
    who = ["b", "a", "b", "b", "c"]
    at = pd.to_datetime(
        ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-01 12:00", "2024-02-01"], format="ISO8601"
    )
    base = pd.DataFrame({"who": who, "at": at, "what": ["buy", "view", "view", "ask", "view"]})
    rich = base.assign(
        n=[1, 2, 3, 4, 5],
        s=list("wxyxx"),
        o=pd.Series([True, None, False, True, None], dtype=object),
        c=pd.Categorical(list("xyxxy")),
        z=pd.Series(at).dt.tz_localize("Europe/Berlin"),
        i=pd.Series([1, None, 3, 4, 5], dtype="Int64"),
        d=pd.to_timedelta([1, 2, 3, 4, 5], unit="s"),
        f=[1.5, np.nan, 2, 3, 4],
    )
    names = [f"event {i:03}" for i in range(300)]
    many = pd.DataFrame({"who": np.arange(300) % 7, "at": at[0], "what": names})
    fine = base.assign(at=at + pd.to_timedelta(range(5), unit="ns"), who=[3, 1, 3, 3, 2])
    roles = {"customer": "who", "time": "at", "event": "what"}
    logs = [
        *(cx.EventLog(frame, **roles) for frame in (base, rich, many, fine, base.iloc[:0], base.iloc[:1])),
        cx.EventLog(rich, **roles, value="f", channel="s"),
        cx.EventLog(rich, **roles).until("2024-01-01 18:00"),
    ]
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for number, log in enumerate(logs):
            path = Path(folder) / f"{number}.cxlog"
            log.save(path)
            made.append(path.read_bytes())
    return made


def taken_apart(whole: bytes) -> tuple[dict, bytearray]:
    """Return the header and the arrays of a file."""
    size = layout.HEAD.size
    length = layout.HEAD.unpack(whole[:size])[3]
    return json.loads(whole[size : size + length]), bytearray(whole[layout.aligned(size + length) :])


def put_together(header: object, body: bytes) -> bytes:
    """Return a file of a header and arrays, all checksums right."""
    arrays = header.get("arrays") if isinstance(header, dict) else None
    for spec in arrays.values() if isinstance(arrays, dict) else ():
        with contextlib.suppress(TypeError, ValueError, LookupError, OverflowError, SyntaxError):
            size = spec["shape"][0] * np.dtype(spec["dtype"]).itemsize
            spec["crc32"] = zlib.crc32(body[spec["offset"] : spec["offset"] + size])
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    head = layout.HEAD.pack(layout.MAGIC, layout.VERSION, zlib.crc32(text), len(text)) + text
    return head + bytes(layout.aligned(len(head)) - len(head)) + bytes(body)


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Yield the way to every value inside a header."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


HUGE = (0, 1, -1, 2, 3, 64, 128, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63), 2**63, 2**70)
WORDS = (
    *(
        "",
        "x",
        "<i8",
        "<i4",
        "<u2",
        "|u1",
        "|O",
        "<f8",
        "<U9",
        "offsets",
        "codes",
        "ticks",
        "rows",
        "ids",
        "utc",
    ),
    *(
        "Europe/Berlin",
        "Mars/Olympus",
        "plain",
        "string",
        "object",
        "category",
        "nullable",
        "time",
        "duration",
    ),
    *("bool", "Int64", "Decimal", "date", "customer", "\0", "\ud800", "a" * 3_000, "../etc", "{", "ns"),
)
OTHERS = (
    None,
    True,
    False,
    0.5,
    1e308,
    [],
    {},
    [1],
    ["x"],
    [[]],
    [2**63],
    {"kind": "plain", "values": "codes"},
)


def garbled(rng: np.random.Generator, header: object, body: bytearray) -> bytes:
    """Return a file whose header and arrays were changed, all checksums right."""
    for _ in range(rng.integers(0, 4)):
        ways = list(places(header))
        if not ways:
            break
        *way, last = ways[rng.integers(len(ways))]
        inner = header
        for key in way:
            inner = inner[key]
        kind = rng.integers(5)
        if kind == 0 and isinstance(inner, dict):
            del inner[last]
        elif kind == 1 and isinstance(inner[last], int):
            inner[last] += int(rng.choice([-64, -1, 1, 8, 64]))
        elif kind == 2:  # noqa: PLR2004 - one of five
            # Such as the place of another array: two that overlap.
            other = ways[rng.integers(len(ways))]
            value: object = header
            with contextlib.suppress(LookupError, TypeError):
                for key in other:
                    value = value[key]
                inner[last] = json.loads(json.dumps(value))
        else:
            pool = (HUGE, WORDS, OTHERS)[rng.integers(3)]
            inner[last] = pool[rng.integers(len(pool))]
    if len(body):
        for _ in range(rng.integers(0, 4)):
            start = int(rng.integers(len(body)))
            some = rng.integers(0, 256, rng.integers(1, 17), np.uint8).tobytes()
            some = (some, b"\xff" * 8, bytes(8))[rng.integers(3)]
            body[start : start + len(some)] = some[: len(body) - start]
    return put_together(header, bytes(body))


def broken(rng: np.random.Generator, whole: bytes) -> bytes:
    """Return a file that was damaged on its way, or by somebody who knows the format."""
    if rng.random() < 0.7:  # noqa: PLR2004 - most
        return garbled(rng, *taken_apart(whole))
    changed = bytearray(whole)
    for _ in range(rng.integers(0, 4)):
        changed[rng.integers(len(changed))] ^= int(rng.integers(1, 256))
    kind = rng.integers(4)
    if kind == 0:
        return bytes(changed[: rng.integers(len(changed) + 1)])
    if kind == 1:
        start, end = sorted(rng.integers(0, len(changed) + 1, 2).tolist())
        return bytes(changed[:start] + changed[end:])
    if kind == 2:  # noqa: PLR2004 - one of four
        start = int(rng.integers(len(changed) + 1))
        return bytes(changed[:start] + bytes(int(rng.choice([1, 8, 64, 4_096]))) + changed[start:])
    return bytes(changed)


def use(path: Path, rng: np.random.Generator) -> None:
    """Open a file and do with it what people do."""
    log = cx.EventLog.open(path, verify=bool(rng.integers(2)))
    names = log.event_names
    stages = {f"Stage {i}": [name] for i, name in enumerate(names[:3])}
    definition = cx.Definition(stages or {"Nothing": ["nothing"]}, window="3D")
    whole = [
        lambda: str(log),
        lambda: [log.column(name) for name in log.columns],
        lambda: log.customer_ids,
        lambda: (log.values, log.scores, log.event_customers),  # noqa: PD011 - of a log
        lambda: log.until("2024-01-01 12:00").n_events,
        lambda: cx.funnel(log, definition).frame,
        lambda: cx.transitions(log, definition).frame,
        lambda: cx.loyalty(log, definition).frame,
        lambda: cx.funnel(log, definition).matches,
        lambda: log.save(path.with_suffix(".again"), overwrite=True),
    ]
    for place in rng.permutation(len(whole)).tolist():
        whole[place]()
    packed = log.packed
    n = len(packed.codes)
    if n and not 0 <= int(packed.codes.max()) < len(names):
        raise AssertionError("a row has an event without a name")
    if packed.offsets[0] != 0 or packed.offsets[-1] != n or (np.diff(packed.offsets) < 1).any():
        raise AssertionError("the customers' rows do not follow one another")
    if n and not 0 <= int(packed.ticks.min()) <= int(packed.ticks.max()) <= packed.end_tick:
        raise AssertionError("a tick lies outside the log")


def files_case(rng: np.random.Generator, folder: Path, wholes: list[bytes]) -> bool:
    """Return whether a broken file gave a log; anything but a log or a CXError about it fails."""
    path = folder / "broken.cxlog"
    path.write_bytes(broken(rng, wholes[rng.integers(len(wholes))]))
    try:
        use(path, rng)
    except cx.CXError as error:
        if len(str(error)) < 20:  # noqa: PLR2004 - shorter is no sentence
            raise
        return False
    return True


# Running


def run(
    name: str, case: Callable[[np.random.Generator], object], seed: int, seconds: float, cases: range
) -> int:
    """Run cases until the time is over; return how many there were, or stop at the first finding."""
    stop = time.monotonic() + seconds
    done = 0
    for number in cases:
        if time.monotonic() >= stop:
            break
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            case(np.random.default_rng([seed, number]))
        except Exception:
            print(f"\nFINDING: python tools/fuzz.py --only {name} --seed {seed} --case {number}", flush=True)
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()
        done += 1
        # Without an end of line: what a crash leaves behind is the case before.
        print(f"\r{name} {number}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def fuzz_kernels(seed: int, seconds: float, cases: range) -> None:
    """Run cases of kernels and look which were called."""
    _attempts.PART = 50
    _workers.WORTH_SHARING = 100  # small parts for many threads
    for module, attribute, value in SMALL:
        setattr(module, attribute, value)
    library.ctypes = _Listening()
    for kept in (library.load, library._opened):  # noqa: SLF001 - opened without ears
        kept.cache_clear()
    if not library.levels():
        print("kernels: none were built for this machine")
        return
    done = run("kernels", kernels_case, seed, seconds, cases)
    there = exported() - {"cx_interface", "cx_cpu_level"}
    silent = sorted(there - called)
    levels = ", ".join(library.levels())
    print(f"kernels ({levels}): {done:,} cases, {len(there)} functions called, no finding", flush=True)
    if silent and len(cases) > 1:
        raise SystemExit(f"No case reached {', '.join(silent)}. Give tools/fuzz.py one that does.")


def fuzz_files(seed: int, seconds: float, cases: range) -> None:
    """Run cases of files."""
    wholes = whole_files()
    opened = [0]
    with tempfile.TemporaryDirectory() as folder:

        def case(rng: np.random.Generator) -> None:
            opened[0] += files_case(rng, Path(folder), wholes)

        done = run("files", case, seed, seconds, cases)
    print(f"files: {done:,} cases, {opened[0]:,} of them logs all the same, no finding")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["kernels", "files"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=10**9, help="how many of each, at the most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="this one alone")
    asked = parser.parse_args()
    faulthandler.enable()
    cases = range(asked.cases) if asked.case is None else range(asked.case, asked.case + 1)
    todo = [
        what for what in (fuzz_kernels, fuzz_files) if asked.only in (None, what.__name__.partition("_")[2])
    ]
    for what in todo:
        what(asked.seed, asked.seconds / len(todo), cases)


if __name__ == "__main__":
    main()
