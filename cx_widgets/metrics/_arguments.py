"""Arguments that several metrics take, checked in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cx_widgets.errors import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

PURCHASES = ("all", "first", "repeat")
"""Which purchases are meant: all, the first of each customer, the later ones."""


def one_of(field: str, value: object, words: Sequence[str]) -> str:
    """Return one of some words, or refuse what is none of them."""
    if not isinstance(value, str) or value not in words:
        raise unknown(field, value, words)
    return value
