"""Python source for values: one line where it fits, else one item per line, as common formatters do."""

from __future__ import annotations

from dataclasses import dataclass

_INDENT = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Items between an opening and a closing text, each with what stands before it (a key or a keyword)."""

    opening: str
    items: tuple[tuple[str, str | Group], ...]
    closing: str


def literal(value: str | float | None) -> str:
    """Return a value as source, text in double quotes where that needs no escape."""
    text = repr(value)
    if isinstance(value, str) and '"' not in value:
        # repr then uses single quotes, or double ones around single ones.
        return text if text.startswith('"') else f'"{text[1:-1]}"'
    return text


def source(node: str | Group, width: int, *, indent: int = 0, lead: int = 0, tail: int = 0) -> str:
    """Return the source of a node that starts in column ``lead`` of a line indented by ``indent``."""
    if isinstance(node, str):
        return node
    line = _flat(node)
    if not node.items or lead + len(line) + tail <= width:
        return line
    inner = indent + _INDENT
    lines = [
        " " * inner + before + source(item, width, indent=inner, lead=inner + len(before), tail=1) + ","
        for before, item in node.items
    ]
    return "\n".join([node.opening, *lines, " " * indent + node.closing])


def _flat(node: str | Group) -> str:
    if isinstance(node, str):
        return node
    return node.opening + ", ".join(before + _flat(item) for before, item in node.items) + node.closing
