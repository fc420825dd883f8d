"""Compares the results of a read from the function and the fallback, without values."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from campaigndb.calling.arguments import Call
from campaigndb.calling.results import BusinessForEnrichment, QueuePage

logger = logging.getLogger("campaigndb.rollout")

_IDS_SHOWN = 5


def log_comparison(call: Call[Any], differences: Sequence[str]) -> None:
    """Logs a warning if the results differ, else a debug message.

    The two were read one after the other, so writes in between also appear as differences.
    """
    name = call.function.name
    campaign_id = call.values["p_campaign_id"]
    fields = {"stored_function": name, "campaign_id": campaign_id, "differences": differences}
    if differences:
        logger.warning(
            "%s differs from the fallback for campaign %s: %s",
            name,
            campaign_id,
            "; ".join(differences),
            extra=fields,
        )
    else:
        logger.debug("%s answers as the fallback does", name, extra=fields)


def queue_differences(fallback: Any, function: Any) -> list[str]:
    """The differences of two queue results: ids of businesses and names of fields, no values."""
    olds, news = _rows(fallback), _rows(function)
    old_by_id, new_by_id = ({row.business_id: row for row in rows} for rows in (olds, news))
    differences = []
    if only_old := [id_ for id_ in old_by_id if id_ not in new_by_id]:
        differences.append(f"only the fallback has {_listed(only_old)}")
    if only_new := [id_ for id_ in new_by_id if id_ not in old_by_id]:
        differences.append(f"only the function has {_listed(only_new)}")
    if not differences and [*old_by_id] != [*new_by_id]:
        differences.append("the order differs")
    by_fields = defaultdict(list)
    for id_, row in old_by_id.items():
        other = new_by_id.get(id_)
        if other is not None and other != row:
            names = [
                field.name
                for field in dataclasses.fields(row)
                if getattr(row, field.name) != getattr(other, field.name)
            ]
            by_fields[", ".join(names)].append(id_)
    # A thousand rows of a page may all have the same difference.
    differences.extend(f"{_listed(ids)} differs in {names}" for names, ids in by_fields.items())
    return differences


def _rows(answer: Any) -> Sequence[BusinessForEnrichment]:
    return answer.businesses if isinstance(answer, QueuePage) else answer


def _listed(ids: Sequence[Any]) -> str:
    more = f" and {len(ids) - _IDS_SHOWN} more" if len(ids) > _IDS_SHOWN else ""
    return ", ".join(map(str, ids[:_IDS_SHOWN])) + more
