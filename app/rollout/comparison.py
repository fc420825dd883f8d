"""Comparing what both ways read: how their answers differ, told without what they say."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from app.calls import Call
from app.results import BusinessForEnrichment, QueuePage

logger = logging.getLogger("app.rollout")


def log_comparison(call: Call[Any], differences: Sequence[str]) -> None:
    """A warning for an answer that differs, a line for debugging for one that does not.

    The two were read one after the other: what somebody wrote in between differs as well.
    """
    name = call.function.name
    campaign_id = call.values["p_campaign_id"]
    fields = {"stored_function": name, "campaign_id": campaign_id, "differences": differences}
    if differences:
        logger.warning(
            "%s answers otherwise than the old way for campaign %s: %s",
            name,
            campaign_id,
            "; ".join(differences),
            extra=fields,
        )
    else:
        logger.debug("%s answers as the old way does", name, extra=fields)


def queue_differences(old: Any, new: Any) -> list[str]:
    """How two answers of a queue differ; businesses by id, fields by name, never their values."""
    olds, news = _rows(old), _rows(new)
    old_by_id, new_by_id = ({row.business_id: row for row in rows} for rows in (olds, news))
    differences = []
    if only_old := [id_ for id_ in old_by_id if id_ not in new_by_id]:
        differences.append(f"only the old way has {_listed(only_old)}")
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
    # A page may have a thousand rows, and all of them the same difference.
    differences.extend(f"{_listed(ids)} differs in {names}" for names, ids in by_fields.items())
    return differences


def _rows(answer: Any) -> Sequence[BusinessForEnrichment]:
    return answer.businesses if isinstance(answer, QueuePage) else answer


def _listed(ids: Sequence[Any], most: int = 5) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(map(str, ids[:most])) + more
