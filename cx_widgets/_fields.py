"""Fields of the values a definition is made of: read from a dict, set once, shown in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError


def read_fields(
    kind: str, data: object, required: Iterable[str], optional: Iterable[str]
) -> dict[str, object]:
    """Return a dict's fields, or refuse what is missing or unknown."""
    if not isinstance(data, Mapping):
        raise DefinitionError(f"a {kind} is an object with fields {listing(required)}, not {shown(data)}.")
    known = [*required, *optional]
    for name in data:
        if name not in known:
            article = "an" if kind.startswith("e") else "a"
            raise DefinitionError(str(unknown(f"field of {article} {kind}", name, known)))
    for name in required:
        if name not in data:
            raise DefinitionError(
                f"a {kind} has no field {name!r}: {shown(dict(data))}. Needed: {listing(required)}."
            )
    return dict(data)


def shown(value: object, limit: int = 60) -> str:
    """Return a value as a sentence shows it."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def put(frozen: object, field: str, content: object) -> None:
    """Set a field of a frozen value that is being made."""
    object.__setattr__(frozen, field, content)
