"""Text made safe for HTML."""

from __future__ import annotations


def escape(text: object) -> str:
    """Return the text with everything escaped that HTML would read as markup."""
    # Imported here: the table of entities it brings along is a tenth of the package's import.
    from html import escape as escaped  # noqa: PLC0415

    return escaped(str(text), quote=True)
