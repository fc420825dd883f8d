"""Decides which campaigns a function serves, by its percentage and the campaign's bucket."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from campaigndb.calling.catalogue import FUNCTIONS, GET_BUSINESSES_FOR_ENRICHMENT
from campaigndb.settings import get_settings
from campaigndb.tables import rollout_percentages

# Stands for all functions without their own percentage.
ALL = "all"
# The iterator's pages are routed like the queue function.
_PAGES = ("get_businesses_for_enrichment_after", "get_enrichment_queue_page")
FUNCTION_NAMES = tuple(f.name for f in FUNCTIONS.values() if f.name not in _PAGES)


class RolloutSettingsError(ValueError):
    """An invalid percentage, or an unknown function."""


@dataclass(frozen=True)
class Percentages:
    """Percentages by function name, or for `all`, from the table and the settings.

    The table overrides the settings. In both, a function's own value overrides `all`. The default
    is 0, the fallback.
    """

    in_table: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    in_settings: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        # Only the settings are checked. Rows that were written by hand must not stop a running
        # caller, so unknown names in the table are ignored.
        for name, percentage in self.in_settings.items():
            check_name(name)
            check_percentage(percentage)

    def of(self, function_name: str) -> int:
        """The percentage of campaigns that a function serves."""
        return self.with_source(function_name)[0]

    def with_source(self, function_name: str) -> tuple[int, str]:
        """The percentage and its source: `table`, `settings` or `default`."""
        if function_name in _PAGES:
            function_name = GET_BUSINESSES_FOR_ENRICHMENT.name
        for source, said in (("table", self.in_table), ("settings", self.in_settings)):
            for name in (function_name, ALL):
                if name in said:
                    return said[name], source
        return 0, "default"


def from_settings() -> Percentages:
    """Only the percentages of `CAMPAIGNDB_ROLLOUT`."""
    try:
        return Percentages(in_settings=get_settings().rollout)
    except RolloutSettingsError as error:
        raise RolloutSettingsError(f"CAMPAIGNDB_ROLLOUT: {error}") from None


def bucket_of(campaign_id: uuid.UUID) -> int:
    """The campaign's bucket, 0 to 99. A function serves it from `bucket + 1` percent on.

    The bucket is a hash, the same for every function. Raising a percentage only adds campaigns, and
    functions with the same percentage serve the same campaigns.
    """
    return int.from_bytes(hashlib.sha256(campaign_id.bytes).digest()[:8]) % 100


def is_served(percentage: int, campaign_ids: Iterable[uuid.UUID]) -> bool:
    """Whether the function serves a call for these campaigns, which requires that it serves each.

    Calls without a known campaign move to the function last.
    """
    return percentage > max((bucket_of(campaign_id) for campaign_id in campaign_ids), default=99)


def check_name(name: str) -> str:
    """Raises RolloutSettingsError for an unknown function."""
    if name != ALL and name not in FUNCTION_NAMES:
        raise RolloutSettingsError(
            f"there is no function {name!r}: {ALL}, {', '.join(FUNCTION_NAMES)}"
        )
    return name


def check_percentage(percentage: int) -> int:
    """Raises RolloutSettingsError for an invalid percentage."""
    whole = isinstance(percentage, int) and not isinstance(percentage, bool)
    if not whole or not 0 <= percentage <= 100:
        raise RolloutSettingsError(f"a percentage is a whole number from 0 to 100: {percentage}")
    return percentage


# Reading and writing the table. The connections translate the schema's name.


def read_table(connection: Connection) -> dict[str, int]:
    """The percentages in the database, by function."""
    columns = rollout_percentages.c
    rows = connection.execute(select(columns.function_name, columns.percentage))
    return {row.function_name: row.percentage for row in rows}


def write(connection: Connection, name: str, percentage: int) -> None:
    """Sets a percentage in the table. `all` also removes those of single functions."""
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
