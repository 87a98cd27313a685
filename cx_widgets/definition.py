"""Definitions: the ordered stages and the counting rules, as frozen values; an edit returns a new one."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cx_widgets import _edits, _text
from cx_widgets import binding as _binding
from cx_widgets._fields import read_fields
from cx_widgets._well_formed import MOST_STAGES, given_rules, given_stages, well_formed
from cx_widgets.condition import Condition
from cx_widgets.errors import CXError, unknown
from cx_widgets.problems import DefinitionError
from cx_widgets.roles import ROLES
from cx_widgets.rules import Rules
from cx_widgets.stages import LONGEST_NAME, Stage, stage_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from cx_widgets.binding import Binding, StageNumbers
    from cx_widgets.log import EventLog
    from cx_widgets.problems import Problem
    from cx_widgets.rules import RuleFields
    from cx_widgets.windows import Window

__all__ = ["Condition", "Definition", "DefinitionError", "Rules", "Stage"]

_SCHEMA = 1
_OTHERS = "(all others)"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Definition:
    """The ordered stages and the rules by which they count; a value, never changed.

    Parameters
    ----------
    stages : Mapping of str to iterable of str, or iterable of Stage
        Names and their events, in order; or stages, where conditions, occurrences or roles matter.
    rules : Rules, optional
        Or the fields of the rules, one by one.
    **rule_fields
        ``window="30D"``, ``retention_period="7D"`` and the other fields of `Rules`.

    Examples
    --------
    >>> journey = Definition({"Consider": ["ad", "search"], "Buy": ["order"]}, window="30D")
    >>> journey
    Definition: 2 stages
      1. Consider (consider): ad, search
      2. Buy (buy): order
      ordered, best entry, closed reach; window 30D from entry; ties in stage order
      each customer once; shares of entrants; retention by 30D
    >>> journey.assign("search", to="Buy")["Buy"].events
    ('order', 'search')
    """

    stages: tuple[Stage, ...]
    rules: Rules

    def __init__(
        self,
        stages: Mapping[str, Iterable[str]] | Iterable[Stage],
        rules: Rules | None = None,
        **rule_fields: Unpack[RuleFields],
    ) -> None:
        chosen = given_rules(rules, rule_fields)
        object.__setattr__(self, "stages", well_formed(given_stages(stages), chosen))
        object.__setattr__(self, "rules", chosen)

    @classmethod
    def of_events(
        cls, log: EventLog, *, top: int | None = None, **rule_fields: Unpack[RuleFields]
    ) -> Definition:
        """Return a definition in which every event name of a log is a stage of its own.

        With it the metrics of stages answer for events: `transitions`, `flow` and `variants` above all. Rows
        at one time are read as they stand in the frame (``ties="row"``), for the order of the stages means
        nothing here.

        Parameters
        ----------
        log : EventLog
            Where the event names come from.
        top : int, optional
            How many names have a stage: the most frequent ones, of equally frequent ones the first by name.
            The others share a last stage, ``(all others)``. All names by default.
        **rule_fields
            Fields of `Rules`.

        Returns
        -------
        Definition
            The stages are sorted by name. A stage is called like its event; a name that no stage can have, or
            that one has already, stands in quotes, is cut or numbered.

        Raises
        ------
        CXError
            For what is no log or a log without events, for more names than a definition has stages, and where
            ``top`` is no whole number from 1.

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 1, 2, 2], "at": "2024-01-01", "what": ["ad", "order", "ad", "chat"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> Definition.of_events(log).names
        ('ad', 'chat', 'order')
        >>> Definition.of_events(log, top=1).to_code()
        'cx.Definition({"ad": ["ad"], "(all others)": ["chat", "order"]}, ties="row")'
        """
        events = _binding.as_log(log).event_names
        if not events:
            raise CXError("the log has no events to make stages of. Give a log with at least one row.")
        chosen = set(events)
        if top is not None:
            # Sorted by count alone, the names stay in their order where counts are equal.
            frequent = sorted(zip(-log.event_counts, events, strict=True), key=lambda pair: pair[0])
            chosen = {event for _, event in frequent[: _whole_top(top)]}
        if len(chosen) > MOST_STAGES:
            raise CXError(
                f"the log has {len(events)} event names, and a definition at most {MOST_STAGES} stages. "
                "Say Definition.of_events(log, top=50) for the most frequent ones."
            )
        stages: dict[str, tuple[str, ...]] = {}
        for event in events:
            if event in chosen:
                stages[_free_name(event, stages)] = (event,)
        others = tuple(event for event in events if event not in chosen)
        if others:
            stages[_free_name(_OTHERS, stages)] = others
        return cls(stages, Rules().replace({"ties": "row", **rule_fields}))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(stage.name for stage in self.stages)

    @property
    def window(self) -> Window | None:
        """How far from entry any later stage may be; None for no limit."""
        return self.rules.window

    def role(self, name: str) -> str | None:
        """Return what a stage is for the loyalty figures, guessed from its name where it is ``"auto"``.

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
        >>> Definition({"Look": ["view"], "Purchase": ["order"]}).role("Purchase")
        'buy'
        """
        return self[name].resolved_role

    def stages_with_role(self, role: str) -> tuple[str, ...]:
        """Return the names of the stages that play a role, in order.

        Parameters
        ----------
        role : str
            One of ``ROLES``.

        Returns
        -------
        tuple of str

        Examples
        --------
        >>> Definition({"Purchase": ["order"], "Repurchase": ["reorder"]}).stages_with_role("buy")
        ('Purchase', 'Repurchase')
        """
        if role not in ROLES:
            raise unknown("role", role, ROLES)
        return tuple(stage.name for stage in self.stages if stage.resolved_role == role)

    # Edits

    def assign(self, *events: str, to: str) -> Definition:
        """Return the definition with events moved to a stage, at its end.

        They leave every other stage that names them, unless that stage has conditions. An event that only a
        pattern of another stage matches needs no more: its exact name beats the pattern.

        Parameters
        ----------
        *events : str
            Event names or patterns.
        to : str
            The stage they move to.

        Returns
        -------
        Definition

        Examples
        --------
        >>> journey = Definition({"Consider": ["ad", "search"], "Buy": ["order"]})
        >>> journey.assign("search", to="Buy").to_dict()["stages"]
        [{'name': 'Consider', 'events': ['ad']}, {'name': 'Buy', 'events': ['order', 'search']}]
        """
        return self._with(_edits.assign(self.stages, events, to=to))

    def share(self, *events: str, to: str) -> Definition:
        """Return the definition with events also in one more stage, at its end; they leave no other.

        Parameters
        ----------
        *events : str
            Event names or patterns.
        to : str
            The stage that gets them as well. Under ``reuse="never"`` an event stands in two stages only
            where conditions tell them apart.

        Returns
        -------
        Definition

        Examples
        --------
        >>> journey = Definition({"Consider": ["ad", "search"], "Buy": ["order"]}, reuse="distinct")
        >>> journey.share("search", to="Buy").to_dict()["stages"]
        [{'name': 'Consider', 'events': ['ad', 'search']}, {'name': 'Buy', 'events': ['order', 'search']}]
        """
        return self._with(_edits.share(self.stages, events, to=to))

    def unassign(self, *events: str) -> Definition:
        """Return the definition with events taken out of every stage that names them.

        Parameters
        ----------
        *events : str
            Event names or patterns, as a stage holds them.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Consider": ["ad", "search"], "Buy": ["order"]}).unassign("ad")["Consider"].events
        ('search',)
        """
        return self._with(_edits.unassign(self.stages, events))

    def add(
        self,
        name: str,
        events: Iterable[str] = (),
        *,
        at: int | None = None,
        where: Iterable[Condition] | Condition = (),
        nth: int | str | None = None,
        role: str | None = "auto",
    ) -> Definition:
        """Return the definition with one more stage.

        Parameters
        ----------
        name : str
            The new stage's name.
        events : iterable of str
            Its events; an event that another stage names is refused, `assign` moves it.
        at : int, optional
            Its place, 0 for the first; the last by default.
        where, nth, role
            As in `Stage`.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Buy": ["order"]}).add("Consider", ["ad"], at=0).names
        ('Consider', 'Buy')
        """
        stage = Stage(name, events, where=where, nth=nth, role=role)
        return self._with(_edits.add(self.stages, stage, at))

    def rename(self, old: str, new: str) -> Definition:
        """Return the definition with one stage under another name.

        The role stays: one guessed from the old name is written down where the new name suggests none.

        Parameters
        ----------
        old, new : str
            The names.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Buy": ["order"]}).rename("Buy", "Kaufen").stages
        (Stage('Kaufen', ['order'], role='buy'),)
        """
        return Definition(*_edits.rename(self.stages, self.rules, old, new))

    def remove(self, name: str) -> Definition:
        """Return the definition without one stage; its events are then unassigned.

        Parameters
        ----------
        name : str
            The stage.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Consider": ["ad"], "Buy": ["order"]}).remove("Consider").names
        ('Buy',)
        """
        return self._with(_edits.remove(self.stages, name))

    def merge(self, *names: str, name: str | None = None) -> Definition:
        """Return the definition with several stages as one, in the place of the first one given.

        The first one's name and role stay; with ``name`` it is then renamed.

        Parameters
        ----------
        *names : str
            Two stages or more, with the same conditions and occurrence.
        name : str, optional
            The name of the merged stage.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Search": ["search"], "Compare": ["compare"]}).merge("Search", "Compare").stages
        (Stage('Search', ['search', 'compare']),)
        """
        merged = Definition(*_edits.merge(self.stages, self.rules, names))
        return merged if name is None else merged.rename(names[0], name)

    def split(self, name: str, parts: Mapping[str, Iterable[str]]) -> Definition:
        """Return the definition with one stage as several, in its place.

        Each part has the conditions and the role of the whole.

        Parameters
        ----------
        name : str
            The stage to split.
        parts : Mapping of str to iterable of str
            New names (one may be the old one) and their events: each event of the stage in exactly one part.

        Returns
        -------
        Definition

        Examples
        --------
        >>> journey = Definition({"Consider": ["ad", "search"], "Buy": ["order"]})
        >>> journey.split("Consider", {"See": ["ad"], "Look": ["search"]}).names
        ('See', 'Look', 'Buy')
        """
        return self._with(_edits.split(self.stages, name, parts))

    def move(self, name: str, *, to: int) -> Definition:
        """Return the definition with one stage at another place.

        Parameters
        ----------
        name : str
            The stage.
        to : int
            Its new place, 0 for the first.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Buy": ["order"], "Consider": ["ad"]}).move("Consider", to=0).names
        ('Consider', 'Buy')
        """
        return self._with(_edits.move(self.stages, name, to=to))

    def set_role(self, name: str, role: str | None) -> Definition:
        """Return the definition with another role for one stage.

        Parameters
        ----------
        name : str
            The stage.
        role : str or None
            One of the roles, None for none, ``"auto"`` to read it off the name.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Kasse": ["order"]}).set_role("Kasse", "buy").stages_with_role("buy")
        ('Kasse',)
        """
        stage = self[name]
        return self._with(_edits.replaced(self.stages, stage, stage.replace(role=role)))

    def with_stage(self, name: str, /, **changes: object) -> Definition:
        """Return the definition with a stage's own conditions and rules changed.

        Parameters
        ----------
        name : str
            The stage.
        **changes
            Fields of `Stage` and their new values: ``where``, ``nth``, ``optional``, ``window`` and the rest;
            `rename` gives it another name.

        Returns
        -------
        Definition

        Examples
        --------
        >>> journey = Definition({"Look": ["view"], "Buy": ["order"]})
        >>> journey.with_stage("Buy", where=Condition("channel", "==", "web")).stages[1]
        Stage('Buy', ['order'], where=[Condition('channel', '==', 'web')])
        """
        return self._with(_edits.with_stage(self.stages, name, changes))

    def with_rules(self, **rule_fields: Unpack[RuleFields]) -> Definition:
        """Return the definition with some rules changed.

        Parameters
        ----------
        **rule_fields
            Fields of `Rules` and their new values.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition({"Buy": ["order"]}).with_rules(window="7D").window
        Timedelta('7 days 00:00:00')
        """
        return Definition(self.stages, self.rules.replace(rule_fields))

    def expand(self, log: EventLog) -> Definition:
        """Return the definition with each pattern replaced by the event names it stands for in a log.

        A pattern that matches nothing stays, so that its problem stays visible.

        Parameters
        ----------
        log : EventLog
            Where the event names come from.

        Returns
        -------
        Definition
            Each row of the log belongs to the same stage as before.

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 2], "at": ["2024-01-01"] * 2, "what": ["view_a", "view_b"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> Definition({"Look": ["view_*"]}).expand(log)["Look"].events
        ('view_a', 'view_b')
        """
        return self._with(_edits.expand(self.stages, self.rules, log))

    # On a log

    def bind(self, log: EventLog) -> Binding:
        """Return which event name of a log belongs to which stage, and what does not fit.

        Parameters
        ----------
        log : EventLog
            The log.

        Returns
        -------
        Binding

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": "2024-01-01", "what": ["ad", "order", "ad"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> Definition({"Look": ["a*"], "Buy": ["order"]}).bind(log).stage_events
        (('ad',), ('order',))
        """
        return _binding.bind(self.stages, log, self.rules)

    def problems(self, log: EventLog) -> tuple[Problem, ...]:
        """Return what makes the definition unfit for a log, in stage order.

        Parameters
        ----------
        log : EventLog
            The log.

        Returns
        -------
        tuple of Problem
            Empty when all is well: unknown events, patterns that match nothing, stages without events,
            conditions on unknown columns or of the wrong kind.

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": "2024-01-01", "what": ["ad", "order", "ad"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> [problem.kind for problem in Definition({"Look": ["add"], "Buy": []}).problems(log)]
        ['unknown_event', 'empty_stage']
        """
        return self.bind(log).problems

    def require(self, log: EventLog) -> None:
        """Return None if the definition fits a log, else raise its first problem.

        Parameters
        ----------
        log : EventLog
            The log.

        Raises
        ------
        DefinitionError
            The first problem's sentence, and how many there are.

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": "2024-01-01", "what": ["ad", "order", "ad"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> Definition({"Look": ["ad"], "Buy": []}).require(log)
        Traceback (most recent call last):
            ...
        cx_widgets.problems.DefinitionError: stage 'Buy' has no events. Assign one, or remove the stage.
        """
        problems = self.problems(log)
        if not problems:
            return
        first = problems[0]
        more = (
            f" ({len(problems)} problems in all; definition.problems(log) lists them.)"
            if len(problems) > 1
            else ""
        )
        raise DefinitionError(
            first.message + more, kind=first.kind, stage=first.stage, event=first.event, field=first.field
        )

    def stage_of_rows(self, log: EventLog) -> StageNumbers:
        """Return the number of the stage of each row of a log, 0 for none.

        A row belongs to one stage: of those that ask for its event, first those that name it exactly, in
        stage order, then those whose patterns match, in stage order; the first whose conditions hold takes
        it. Occurrences (``nth``) count each customer's rows that match the stage's events and conditions,
        also those another stage takes; rows at one time in the order of the frame.

        Parameters
        ----------
        log : EventLog
            The log.

        Returns
        -------
        numpy.ndarray
            uint8, in the packed order of the log, read-only.

        Examples
        --------
        >>> import pandas as pd
        >>> from cx_widgets.log import EventLog
        >>> df = pd.DataFrame({"id": [1, 1, 2], "at": "2024-01-01", "what": ["ad", "order", "ad"]})
        >>> log = EventLog(df, customer="id", time="at", event="what")
        >>> Definition({"Look": ["ad"], "Buy": ["order"]}).stage_of_rows(log)
        array([1, 2, 1], dtype=uint8)
        """
        return _binding.stage_of_rows(self.stages, log)

    # As text

    def to_dict(self) -> dict[str, object]:
        """Return the definition as a dict ready for JSON; what has its default is left out.

        Returns
        -------
        dict
            ``schema``, ``stages`` and, if any differ from the default, ``rules``.

        Examples
        --------
        >>> Definition({"Buy": ["order"]}, window="7D").to_dict()
        {'schema': 1, 'stages': [{'name': 'Buy', 'events': ['order']}], 'rules': {'window': '7D'}}
        """
        data: dict[str, object] = {"schema": _SCHEMA, "stages": [stage.to_dict() for stage in self.stages]}
        if rules := self.rules.to_dict():
            data["rules"] = rules
        return data

    @classmethod
    def from_dict(cls, data: object) -> Definition:
        """Return the definition written in a dict.

        Parameters
        ----------
        data : Mapping
            As `to_dict` writes it.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition.from_dict({"schema": 1, "stages": [{"name": "Buy", "events": ["order"]}]}).names
        ('Buy',)
        """
        fields = read_fields("definition", data, ("schema", "stages"), ("rules",))
        schema, stages, rules = fields["schema"], fields["stages"], fields.get("rules", {})
        if schema != _SCHEMA or isinstance(schema, bool):
            raise DefinitionError(
                f"a definition of schema {schema!r} cannot be read; this version reads schema {_SCHEMA}. "
                "If a newer cx_widgets wrote it, upgrade: pip install -U cx_widgets."
            )
        if not isinstance(stages, (list, tuple)):
            raise DefinitionError(f"the stages of a definition are a list, not {stages!r}.", field="stages")
        if not isinstance(rules, Mapping):
            raise DefinitionError(f"the rules of a definition are an object, not {rules!r}.", field="rules")
        return cls([Stage.from_dict(stage) for stage in stages], Rules.from_dict(rules))

    def to_json(self) -> str:
        """Return the definition as JSON for files under version control: one event per line.

        Returns
        -------
        str
            Ends with a line break.

        Examples
        --------
        >>> Definition.from_json(Definition({"Buy": ["order"]}).to_json()).names
        ('Buy',)
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Definition:
        """Return the definition written in JSON.

        Parameters
        ----------
        text : str
            As `to_json` writes it.

        Returns
        -------
        Definition

        Examples
        --------
        >>> Definition.from_json('{"schema": 1, "stages": [{"name": "Buy", "events": ["order"]}]}').names
        ('Buy',)
        """
        return cls.from_dict(_text.parsed(text))

    def to_code(self) -> str:
        """Return the definition as Python: with ``import cx_widgets as cx`` it evaluates to an equal one.

        Returns
        -------
        str

        Examples
        --------
        >>> print(Definition({"Consider": ["ad", "search"], "Buy": ["order"]}, window="30D").to_code())
        cx.Definition({"Consider": ["ad", "search"], "Buy": ["order"]}, window="30D")
        """
        return _text.code_of(self.stages, self.rules)

    def __getitem__(self, name: str) -> Stage:
        return _edits.named(self.stages, name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __repr__(self) -> str:
        return _text.lines_of(self.stages, self.rules)

    def _repr_html_(self) -> str:
        return _text.table_of(self.stages, self.rules)

    def _with(self, stages: Iterable[Stage]) -> Definition:
        return Definition(tuple(stages), self.rules)


def _whole_top(top: object) -> int:
    if isinstance(top, bool) or not isinstance(top, int) or not 0 < top < MOST_STAGES:
        raise CXError(f"top must be a whole number from 1 to {MOST_STAGES - 1}, not {top!r}. Say top=50.")
    return top


def _free_name(event: str, taken: Container[str]) -> str:
    """Return a name for the stage of an event that a stage can have and none has yet."""
    try:
        base = stage_name(event if len(event) <= LONGEST_NAME else event[: LONGEST_NAME // 2].strip() + "...")
    except DefinitionError:
        base = repr(event)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return name
