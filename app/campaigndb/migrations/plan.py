"""The steps of an Alembic command, and how it continues after a lock conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep

Decide = Callable[[Any, MigrationContext], Iterable[MigrationStep]]


class Plan:
    """The steps that Alembic chose at the first call.

    They are not chosen again. After a failure, a relative target such as `-1` would count from the
    revision of the committed steps.
    """

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._steps: list[MigrationStep] | None = None

    def __call__(self, heads: Any, context: MigrationContext) -> list[MigrationStep]:
        """The steps from these heads. Later calls return the remaining ones."""
        if self._steps is None:
            self._steps = list(self._decide(heads, context))
            return self._steps
        return self._left(tuple(heads))

    def _left(self, heads: tuple[str, ...]) -> list[MigrationStep]:
        steps = self._steps or []
        for number, step in enumerate(steps):
            if step.from_revisions_no_deps == heads:
                return steps[number:]
        return []
