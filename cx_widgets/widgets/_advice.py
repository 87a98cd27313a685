"""What to do about figures that cannot be: the sentence that follows the reason."""

from __future__ import annotations

_ROLE = "Give a stage the role {} on the board."
_SCORES = "name a column of scores: cx.EventLog(..., score=)."
NO_BUY = "No stage has the role 'buy'. Give one that role on the board."
_STEPS = (
    ("'buy'", _ROLE.format("'buy'")),
    ("'advocate'", _ROLE.format("'advocate'")[:-1] + f", or {_SCORES}"),
    ("'consider'", _ROLE.format("'consider'")),
    ("'evaluate'", _ROLE.format("'evaluate'")),
    ("score column", _SCORES[:1].upper() + _SCORES[1:]),
    ("value column", "Name the column of amounts: cx.EventLog(..., value=)."),
    ("two periods", "A shorter retention period, among the counting rules, may be over for some."),
)


def with_advice(note: str) -> str:
    """Return the reason and the next step, or the reason alone where there is nothing to do."""
    step = next((step for words, step in _STEPS if words in note), "")
    return f"{note} {step}".strip()
