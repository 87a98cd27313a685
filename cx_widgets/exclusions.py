"""Exclusions: events that must not happen on the way from one stage to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cx_widgets._fields import read_fields
from cx_widgets.condition import Condition, conditions
from cx_widgets.errors import listing, unknown
from cx_widgets.problems import DefinitionError
from cx_widgets.stages import event_entries

if TYPE_CHECKING:
    from collections.abc import Iterable

EFFECTS = ("stop", "reset", "remove")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Exclusion:
    """Events that must not happen after one stage and before another.

    An attempt meets the exclusion if such a row lies after the attempt first reached the stage ``after``,
    before it reached the stage ``before``, and inside the window. Rows at the very time of either do not
    count.

    Parameters
    ----------
    events : iterable of str
        Event names, or patterns with ``*``, ``?`` and ``[..]``. One string is one name.
    after, before : str, optional
        Names of stages; the first and the last one by default.
    where : iterable of Condition
        All must hold for a row.
    effect : str
        ``"stop"``: the attempt keeps what it had reached and goes no further. ``"reset"``: it counts for
        nothing, not even as entered; another attempt may count. ``"remove"``: whoever makes such an attempt
        leaves the funnel, with all their attempts.

    Examples
    --------
    >>> Exclusion("refund", after="Buy", effect="remove")
    Exclusion(['refund'], after='Buy', effect='remove')
    """

    events: tuple[str, ...]
    after: str | None
    before: str | None
    where: tuple[Condition, ...]
    effect: str

    def __init__(
        self,
        events: Iterable[str],
        *,
        after: str | None = None,
        before: str | None = None,
        where: Iterable[Condition] | Condition = (),
        effect: object = "stop",
    ) -> None:
        try:
            entries = event_entries(events, "(exclusion)")
            holds = conditions(where, "(exclusion)")
        except DefinitionError as error:
            message = str(error).replace("stage '(exclusion)'", "an exclusion")
            raise DefinitionError(message, kind="rules", field="exclusions") from None
        if not entries:
            raise _refused("an exclusion has no events. Give at least one, e.g. Exclusion(['refund']).")
        ends: tuple[tuple[str, object], ...] = (("after", after), ("before", before))
        for field, name in ends:
            if name is not None and (not isinstance(name, str) or not name.strip()):
                raise _refused(
                    f"an exclusion's {field} is the name of a stage, not {name!r}. "
                    f"Leave it out for the {'first' if field == 'after' else 'last'} stage."
                )
        if not isinstance(effect, str) or effect not in EFFECTS:
            raise _refused(str(unknown("effect", effect, EFFECTS, then="It is the effect of an exclusion.")))
        put = object.__setattr__
        put(self, "events", entries)
        put(self, "after", None if after is None else after.strip())
        put(self, "before", None if before is None else before.strip())
        put(self, "where", holds)
        put(self, "effect", str(effect))

    def replace(self, **changes: object) -> Exclusion:
        """Return the exclusion with some fields changed.

        Parameters
        ----------
        **changes
            Fields and their new values.

        Returns
        -------
        Exclusion

        Examples
        --------
        >>> Exclusion("refund").replace(effect="reset")
        Exclusion(['refund'], effect='reset')
        """
        fields = {name: getattr(self, name) for name in self.__slots__}
        for name in changes:
            if name not in fields:
                raise unknown("field of an exclusion", name, sorted(fields))
        return Exclusion(**{**fields, **changes})

    def to_dict(self) -> dict[str, object]:
        """Return the exclusion as a dict ready for JSON; what has its default is left out.

        Returns
        -------
        dict

        Examples
        --------
        >>> Exclusion("refund", after="Buy").to_dict()
        {'events': ['refund'], 'after': 'Buy'}
        """
        parts: dict[str, object] = {"events": list(self.events)}
        for field in ("after", "before"):
            if getattr(self, field) is not None:
                parts[field] = getattr(self, field)
        if self.where:
            parts["where"] = [condition.to_dict() for condition in self.where]
        if self.effect != "stop":
            parts["effect"] = self.effect
        return parts

    @classmethod
    def from_dict(cls, data: object) -> Exclusion:
        """Return the exclusion written in a dict.

        Parameters
        ----------
        data : Mapping
            ``events``, and any of ``after``, ``before``, ``where``, ``effect``.

        Returns
        -------
        Exclusion

        Examples
        --------
        >>> Exclusion.from_dict({"events": ["refund"]})
        Exclusion(['refund'])
        """
        fields = read_fields("exclusion", data, ("events",), ("after", "before", "where", "effect"))
        where = fields.get("where", ())
        if isinstance(where, (list, tuple)):
            fields["where"] = [Condition.from_dict(condition) for condition in where]
        return cls(**fields)  # type: ignore[arg-type] # each field is checked there

    def __str__(self) -> str:
        between = ""
        if self.after is not None or self.before is not None:
            between = f" from {self.after or 'entry'} to {self.before or 'the last stage'}"
        holds = "".join(f"; {condition}" for condition in self.where)
        return f"{listing(self.events)}{holds}{between}: {self.effect}"

    def __repr__(self) -> str:
        parts = [listing(self.events, len(self.events))]
        parts += [
            f"{field}={getattr(self, field)!r}" for field in ("after", "before") if getattr(self, field)
        ]
        if self.where:
            parts.append(f"where={list(self.where)!r}")
        if self.effect != "stop":
            parts.append(f"effect={self.effect!r}")
        return f"Exclusion({', '.join(parts)})"


def exclusions_of(given: object) -> tuple[Exclusion, ...]:
    """Return the exclusions of the rules, or refuse them; what `Exclusion.to_dict` writes is read too."""
    if isinstance(given, Exclusion):
        return (given,)
    if not isinstance(given, (tuple, list)):
        raise _refused(f"exclusions are {given!r}. Give exclusions=[Exclusion(['refund'])].")
    found = []
    for one in given:
        if not isinstance(one, (Exclusion, dict)):
            raise _refused(f"exclusions hold {one!r}. Write exclusions=[Exclusion([{str(one)!r}])].")
        found.append(Exclusion.from_dict(one) if isinstance(one, dict) else one)
    for place, exclusion in enumerate(found):
        if exclusion in found[:place]:
            raise _refused(f"the exclusion {exclusion!r} stands twice. Write it once.")
    return tuple(found)


def _refused(message: str) -> DefinitionError:
    return DefinitionError(message, kind="rules", field="exclusions")
