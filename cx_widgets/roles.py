"""What a stage is for the loyalty figures, and how a name tells it (``js/roles.js`` guesses the same)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES = ("aware", "consider", "evaluate", "buy", "enjoy", "advocate", "bond")

ROLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "aware": ("aware", "awareness", "attention", "discover", "discovery", "reach"),
    "consider": ("consider", "consideration", "interest", "interested", "browse", "browsing", "research"),
    "evaluate": ("evaluate", "evaluation", "compare", "comparison", "desire", "insight", "trial"),
    "buy": (
        *("buy", "purchase", "purchased", "order", "ordered", "payment", "decision", "decide"),
        *("action", "adoption", "adopt", "convert", "conversion", "repurchase"),
    ),
    "enjoy": ("enjoy", "use", "usage", "experience", "onboarding", "service", "support"),
    "advocate": ("advocate", "advocacy", "recommend", "recommendation", "refer", "referral"),
    "bond": ("bond", "bonding", "loyal", "loyalty", "membership"),
}
NO_ROLE_WORDS = frozenset(
    ("pre", "post", "before", "after", "no", "non", "not", "without", "abandoned", "cancelled")
)


def guess_role(name: str) -> str | None:
    """Return the role a stage's name suggests, or None.

    A role is guessed when the words of the name point to exactly one role, and none of them says
    before, after, without or the like.

    Parameters
    ----------
    name : str
        The name of a stage.

    Returns
    -------
    str or None
        One of ``ROLES``.

    Examples
    --------
    >>> guess_role("Buy"), guess_role("Loyalty programme"), guess_role("Post-purchase"), guess_role("Cart")
    ('buy', 'bond', None, None)
    """
    words = set(re.findall(r"[^\W\d_]+", name.casefold()))
    if words & NO_ROLE_WORDS:
        return None
    roles = [role for role, known in ROLE_WORDS.items() if words & set(known)]
    return roles[0] if len(roles) == 1 else None
