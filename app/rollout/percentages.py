"""Which campaigns a function serves: a percentage for each function, and each campaign's place."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.calls import ALL_FUNCTIONS, GET_BUSINESSES_FOR_ENRICHMENT
from app.settings import get_settings
from app.tables import rollout_percentages

# Stands for every function that has no percentage of its own.
ALL = "all"
# The iterator's page function goes where the queue function goes.
_PAGES = "get_businesses_for_enrichment_after"
FUNCTION_NAMES = tuple(f.name for f in ALL_FUNCTIONS if f.name != _PAGES)


class RolloutSettingsError(ValueError):
    """A percentage that is none, or of a function that there is not."""


@dataclass(frozen=True)
class Percentages:
    """Percentages by function name, or by `all`, as the table and the settings say.

    The table counts before the settings, in either of them a function's own value before `all`;
    where nothing is said, 0: the old way.
    """

    in_table: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    in_settings: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        # Rows that somebody wrote by hand must not stop a running caller: unknown names in the
        # table mean nothing.
        for name, percentage in self.in_settings.items():
            check_name(name)
            check_percentage(percentage)

    def of(self, function_name: str) -> int:
        return self.with_source(function_name)[0]

    def with_source(self, function_name: str) -> tuple[int, str]:
        """The percentage, and who said so: `table`, `settings` or `default`."""
        if function_name == _PAGES:
            function_name = GET_BUSINESSES_FOR_ENRICHMENT.name
        for source, said in (("table", self.in_table), ("settings", self.in_settings)):
            for name in (function_name, ALL):
                if name in said:
                    return said[name], source
        return 0, "default"


def from_settings() -> Percentages:
    """The percentages of `CAMPAIGNDB_ROLLOUT` alone."""
    try:
        return Percentages(in_settings=get_settings().rollout)
    except RolloutSettingsError as error:
        raise RolloutSettingsError(f"CAMPAIGNDB_ROLLOUT: {error}") from None


def place_of(campaign_id: uuid.UUID) -> int:
    """The campaign's place, 0 to 99: it is served by a function from `place + 1` percent on.

    A hash, and the same one for every function: raising a percentage only ever adds campaigns, and
    functions with the same percentage serve the same campaigns.
    """
    return int.from_bytes(hashlib.sha256(campaign_id.bytes).digest()[:8]) % 100


def is_served(percentage: int, campaign_ids: Iterable[uuid.UUID]) -> bool:
    """Whether the function serves a call for these campaigns: when it serves each of them.

    A call whose campaign nobody knows moves last.
    """
    return percentage > max((place_of(campaign_id) for campaign_id in campaign_ids), default=99)


def check_name(name: str) -> str:
    if name != ALL and name not in FUNCTION_NAMES:
        raise RolloutSettingsError(
            f"there is no function {name!r}: {ALL}, {', '.join(FUNCTION_NAMES)}"
        )
    return name


def check_percentage(percentage: int) -> int:
    whole = isinstance(percentage, int) and not isinstance(percentage, bool)
    if not whole or not 0 <= percentage <= 100:
        raise RolloutSettingsError(f"a percentage is a whole number from 0 to 100: {percentage}")
    return percentage


# What is read and written of the table. The connections translate the schema's name.


def read_table(connection: Connection) -> dict[str, int]:
    columns = rollout_percentages.c
    rows = connection.execute(select(columns.function_name, columns.percentage))
    return {row.function_name: row.percentage for row in rows}


def write(connection: Connection, name: str, percentage: int) -> None:
    """Sets one percentage in the table; `all` also removes those of single functions."""
    if name == ALL:
        connection.execute(delete(rollout_percentages))
    statement = insert(rollout_percentages).values(
        function_name=check_name(name), percentage=check_percentage(percentage)
    )
    changed = {"percentage": statement.excluded.percentage, "changed_at": func.now()}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["function_name"],
            set_={**changed, "changed_by": func.session_user()},
        )
    )
