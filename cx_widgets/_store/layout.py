"""A file of a log from outside: first bytes, places, checksums, and the sentences about what is none."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cx_widgets.errors import CXError

Array = npt.NDArray[np.generic]

# Like PNG's: a transfer that takes it for text changes the line end, and is found out.
MAGIC = b"CXLOG\r\n\x1a"
VERSION = 2
# Until version 2 every file had the rows, of 64 bits, and none said how its table was read.
READ = (1, 2)
HEAD = struct.Struct("<8sIIQ")
ALIGNED = 64
CHUNK = 1 << 24
INT64 = np.iinfo(np.int64)
DTYPE = re.compile(r"\|[biu]1|<[iuf][248]")
_CHARACTERS = 80
_AGAIN = "Copy it again from where it was whole, or save the log again from its table"
# The ways in which a header that somebody else wrote can be wrong, where it passes its checksum.
WRONG = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, OSError)


def aligned(place: int) -> int:
    """Return the next place at which an array may begin."""
    return -(-place // ALIGNED) * ALIGNED


def checksum(array: Array) -> int:
    """Return the CRC-32 of an array's bytes."""
    data = array.view(np.uint8)
    found = 0
    for start in range(0, len(data), CHUNK):
        # In pieces: between them the notebook's interrupt is heard.
        found = zlib.crc32(data[start : start + CHUNK].data, found)
    return found


def shown(path: str | Path) -> str:
    """Return a path as a sentence shows it."""
    return repr(str(path))


def refuse_what_cannot_be(path: object) -> None:
    """Refuse what is no path, and machines whose bytes stand the other way round."""
    if not isinstance(path, (str, Path)) or "\0" in str(path):
        raise CXError(f"path must be the name of a file, as text or a Path; got {path!r}.")
    if sys.byteorder != "little":
        raise CXError(
            f"{shown(path)}: saved logs are little-endian, and this machine is big-endian."
            " Make the log from its table."
        )


def brief(error: BaseException) -> str:
    """Return what an error says, in one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 3] + "..."


def damaged(path: str, what: str) -> CXError:
    """Return the error about a file that is not as it was written."""
    return CXError(f"{path} is damaged: {what}. {_AGAIN}.")
