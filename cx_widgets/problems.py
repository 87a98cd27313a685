"""What can be wrong with a definition, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from cx_widgets.errors import CXError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition, and where.

    Parameters
    ----------
    kind : str
        What sort of problem: on a log ``"unknown_event"``, ``"unmatched_pattern"``, ``"empty_stage"``,
        ``"unknown_column"`` or ``"condition_type"``; in the definition itself ``"name"``,
        ``"duplicate_stage"``, ``"duplicate_event"``, ``"no_stages"``, ``"field"``, ``"rules"`` or
        ``"malformed"``; and ``"overlap"`` for a note that stops nothing.
    message : str
        The whole sentence: what is wrong, the value, what would be right.
    stage, event, field : str, optional
        The stage, the event name or the field it is about, where it is about one.

    Examples
    --------
    >>> Problem("unknown_event", "unknown event 'viewed'. Did you mean 'view'?", stage="Buy").stage
    'Buy'
    """

    kind: str
    message: str
    stage: str | None = None
    event: str | None = None
    field: str | None = None


class DefinitionError(CXError):
    """A definition that cannot be made or does not fit a log; ``problem`` tells where it is wrong.

    Parameters
    ----------
    message : str
        The whole sentence.
    kind, stage, event, field
        As in `Problem`.

    Examples
    --------
    >>> DefinitionError("stage name is empty", kind="name").problem.kind
    'name'
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "malformed",
        stage: str | None = None,
        event: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(kind, message, stage, event, field)
