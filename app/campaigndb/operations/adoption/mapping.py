"""One row of a table of the older design as a row of ours, with what had to be changed."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ARRAY, Boolean, Column, Double, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from campaigndb.calling.json_codec import load_json
from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from campaigndb.tables.metadata import (
    CAMPAIGN_STATUSES,
    COVERAGE_PROFILES,
    EMAIL_SOURCES,
    ENRICHMENT_STATUSES,
    LINKEDIN_EMAIL_SOURCES,
    LINKEDIN_PROFILE_TYPES,
    SERVICES,
)

# Parents before children.
TABLES: tuple[Table, ...] = (
    campaigns,
    campaign_coverage,
    businesses,
    facebook_enrichments,
    linkedin_enrichments,
    email_verifications,
    api_costs,
)
# Where a table keeps what has no column of its own.
KEPT_IN = {
    businesses.name: "raw_data",
    facebook_enrichments.name: "raw_data",
    linkedin_enrichments.name: "raw_data",
    email_verifications.name: "raw_response",
    api_costs.name: "metadata",
}
KEPT_AS = "adopted"
WORDS = {
    (campaigns.name, "status"): CAMPAIGN_STATUSES,
    (campaigns.name, "coverage_profile"): COVERAGE_PROFILES,
    (businesses.name, "email_source"): EMAIL_SOURCES,
    (businesses.name, "enrichment_status"): ENRICHMENT_STATUSES,
    (linkedin_enrichments.name, "profile_type"): LINKEDIN_PROFILE_TYPES,
    (linkedin_enrichments.name, "email_source"): LINKEDIN_EMAIL_SOURCES,
    (api_costs.name, "service"): SERVICES,
}
SYNONYMS = {
    "active": "running", "in_progress": "running", "done": "completed", "complete": "completed",
    "error": "failed", "cancelled": "paused", "canceled": "paused", "success": "enriched",
    "no_facebook_page": "no_facebook", "none": "not_found", "person": "personal",
    "linkedin_public": "linkedin_direct", "guessed": "generated", "pattern": "pattern_match",
    "apify": "google_maps", "google": "google_maps",
}  # fmt: skip
# What a row cannot be without, beside its id.
NEEDED = {
    campaign_coverage.name: ("campaign_id", "zip_code"),
    businesses.name: ("campaign_id", "place_id", "name"),
    facebook_enrichments.name: ("business_id",),
    linkedin_enrichments.name: ("business_id",),
    email_verifications.name: ("business_id", "email"),
    api_costs.name: ("campaign_id", "service", "cost_usd"),
}
# Of these the newest row says what is current.
MOMENTS = ("updated_at", "enriched_at", "scraped_at", "verified_at", "incurred_at", "created_at")
_LIMITS = {"latitude": 90, "longitude": 180}
_MOST_PERCENT = 100


class ValueProblem(Exception):
    """A value that the column cannot hold; the message is why."""


@dataclass
class Mapped:
    """A row for our table.

    Attributes:
        values: by column; a column that is not in it gets its default.
        changed: column -> why its value is not the one that was there.
        kept: what has no place in a column, by the older column's name.
        problem: why the row cannot be taken; None where it can.
    """

    values: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def moment(self) -> datetime.datetime:
        """When the row was last written, as far as it says so."""
        known = [self.values[name] for name in MOMENTS if self.values.get(name) is not None]
        return max(known, default=datetime.datetime.min.replace(tzinfo=datetime.UTC))


def map_row(table: Table, row: Mapping[str, Any]) -> Mapped:
    """The row with every value as its column takes it; what none takes is kept beside."""
    mapped = Mapped()
    for name, value in row.items():
        column = table.columns.get(name)
        if column is None or column.computed is not None:
            if value is not None:
                mapped.kept[name] = _document(value)
            continue
        try:
            mapped.values[name] = _converted(table, column, value)
        except ValueProblem as problem:
            mapped.changed[name] = str(problem)
            mapped.kept[name] = _document(value)
            mapped.values[name] = None
    if table is businesses:
        _complete_business(mapped)
    elif table is campaigns and mapped.values.get("name") is None:
        mapped.values["name"] = "Campaign without a name"
        mapped.changed["name"] = "is missing"
    elif table is email_verifications and mapped.values.get("status") is None:
        mapped.values["status"] = "unknown"
    for name in ("id", *NEEDED.get(table.name, ())):
        if mapped.values.get(name) is None:
            mapped.problem = f"{name} {mapped.changed.get(name, 'is missing')}"
            return mapped
    # A column that may not be null has its default.
    for column in table.columns:
        if not column.nullable and mapped.values.get(column.name, "") is None:
            del mapped.values[column.name]
    where = KEPT_IN.get(table.name)
    if where is not None and mapped.kept:
        document = mapped.values.get(where)
        if document is not None and not isinstance(document, dict):
            document = {where: document}
        mapped.values[where] = {**(document or {}), KEPT_AS: mapped.kept}
    return mapped


def _complete_business(mapped: Mapped) -> None:
    values = mapped.values
    record = values.get("raw_data")
    record = record if isinstance(record, dict) else {}
    if values.get("place_id") is None:
        place_id, cid = record.get("placeId") or record.get("place_id"), record.get("cid")
        values["place_id"] = place_id or (f"cid:{cid}" if cid else None)
    if values.get("email_source") is None:
        values["email_source"] = "not_found" if values.get("email") is None else "google_maps"
    # Paid for, by a release that noted no more than that.
    if values.get("email_verified") and values.get("bouncer_status") is None:
        values["bouncer_status"] = "deliverable"


def _converted(table: Table, column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    kind = column.type
    if isinstance(kind, JSONB):
        return _document(value)
    if isinstance(kind, ARRAY):
        return _texts(value)
    if isinstance(kind, UUID):
        return _uuid(value)
    if isinstance(kind, Boolean):
        return _boolean(value)
    if isinstance(kind, Text):
        return _text(value, WORDS.get((table.name, column.name)))
    if isinstance(kind, (Integer, Numeric, Double)):
        return _number(column, value)
    return _time(value)


def _document(value: Any) -> Any:
    """JSON with its numbers as numbers again: they were read as Decimal."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _document(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_document(item) for item in value]
    return value


def _uuid(value: Any) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise ValueProblem("is not a UUID") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "t", "yes", "y", "1"):
        return True
    if word in ("false", "f", "no", "n", "0", ""):
        return False
    raise ValueProblem("is neither true nor false")


def _text(value: Any, words: tuple[str, ...] | None) -> str | None:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text.strip(" \t\r\n")
    if not text or words is None:
        return text or None
    word = text.lower().replace(" ", "_").replace("-", "_")
    for known in (word, SYNONYMS.get(word)):
        if known in words:
            return known
    raise ValueProblem(f"is none of {', '.join(words)}")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        value = value.strip()
        if value.startswith("["):
            try:
                value = load_json(value)
            except ValueError:
                raise ValueProblem("is no list") from None
        else:
            value = value.split(",")
    if not isinstance(value, list):
        raise ValueProblem("is no list")
    texts = [item if isinstance(item, str) else str(item) for item in value if item is not None]
    return [text.strip() for text in texts if text.strip()]


def _number(column: Column[Any], value: Any) -> Any:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueProblem("is not a number") from None
    if not number.is_finite():
        raise ValueProblem("is not a finite number")
    limit = _LIMITS.get(column.name)
    if limit is not None:
        if abs(number) > limit:
            raise ValueProblem(f"is not between -{limit} and {limit}")
        return number
    if number < 0:
        raise ValueProblem("is negative")
    if column.name == "coverage_percentage" and number > _MOST_PERCENT:
        raise ValueProblem("is more than 100")
    kind = column.type
    if isinstance(kind, Integer):
        if number != number.to_integral_value():
            raise ValueProblem("is not a whole number")
        if number >= (2**63 if kind.__class__.__name__ == "BigInteger" else 2**31):
            raise ValueProblem("is too large")
        return int(number)
    if isinstance(kind, Numeric) and kind.precision is not None:
        number = round(number, kind.scale or 0)
        if number >= Decimal(10) ** (kind.precision - (kind.scale or 0)):
            raise ValueProblem("is too large")
    return number


def _time(value: Any) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueProblem("is not a time") from None
    # Times without a zone are UTC, as Supabase's servers have them.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
