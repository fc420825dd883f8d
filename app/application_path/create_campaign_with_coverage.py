"""A campaign and its coverage: two inserts in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from app.application_path import checks
from app.application_path.checks import OUT_OF_RANGE, count_in, first_problem, number_in, refuse
from app.application_path.json_values import as_text
from app.application_path.money import LARGEST_TOTAL, rounded
from app.application_path.scraped_values import scraped_text, text_list
from app.json_codec import load_json
from app.tables import campaign_coverage, campaigns
from app.tables.metadata import CAMPAIGN_STATUSES, COVERAGE_PROFILES

_LONGEST_ZIP_CODE = 100
_DEFAULT_MAX_RESULTS = 200

_CAMPAIGN_CHECKS = {
    "name": checks.text,
    "id": checks.uuid_text,
    "description": checks.text,
    "keywords": checks.texts,
    "location": checks.text,
    "coverage_profile": checks.one_of(*COVERAGE_PROFILES),
    "custom_zip_codes": checks.texts,
    "status": checks.one_of(*CAMPAIGN_STATUSES),
    "target_zip_count": checks.count,
    "coverage_percentage": checks.percentage,
    "estimated_cost": checks.money,
    "organization_id": checks.uuid_text,
    "created_by": checks.uuid_text,
}
_ZIP_NAME_CHECKS = {"zip_code": checks.text, "zip": checks.text}
_ZIP_CHECKS = {
    "keywords": checks.texts,
    "max_results": checks.count,
    "estimated_cost": checks.money,
}


def create_campaign_with_coverage(
    connection: Connection, campaign_data: str, zip_codes: str
) -> dict[str, Any]:
    campaign = load_json(campaign_data)
    if not isinstance(campaign, dict):
        refuse("p_campaign_data is not a JSON object")
    problem = _missing_name(campaign) or first_problem(campaign, _CAMPAIGN_CHECKS)
    if problem is not None:
        refuse(f"p_campaign_data.{problem}")
    given_zips = load_json(zip_codes)
    if given_zips is None:
        given_zips = []
    if not isinstance(given_zips, list):
        refuse("p_zip_codes is not a JSON array")

    # The same id again is the same campaign: a retry after an unknown outcome makes no second one.
    # Its ZIP codes are not even looked at, so what is wrong with them waits until it is known.
    zip_problem = _zip_problem(given_zips)
    coverage = {} if zip_problem else _coverage(given_zips, text_list(campaign.get("keywords")))
    estimated_cost = _estimated_cost(coverage.values())
    campaign_id = uuid.UUID(campaign["id"]) if campaign.get("id") else uuid.uuid4()
    row = _campaign_row(campaign) | {"id": campaign_id, "actual_zip_count": len(coverage)}
    if row["target_zip_count"] is None:
        row["target_zip_count"] = len(coverage)
    if row["estimated_cost"] is None and estimated_cost <= LARGEST_TOTAL:
        row["estimated_cost"] = estimated_cost
    created = connection.execute(
        insert(campaigns)
        .values(row)
        .on_conflict_do_nothing(index_elements=[campaigns.c.id])
        .returning(campaigns.c.id)
    ).first()
    if created is None:
        return _envelope(campaign_id, _count_zips(connection, campaign_id), replayed=True)

    # The first bad ZIP fails the whole campaign: half of a coverage is worse than none.
    if zip_problem is not None:
        refuse(zip_problem)
    if estimated_cost > LARGEST_TOTAL:
        refuse(f"p_zip_codes: the sum of estimated_cost is more than {LARGEST_TOTAL}", OUT_OF_RANGE)
    if coverage:
        # With RETURNING, SQLAlchemy sends many rows in a statement.
        connection.execute(
            insert(campaign_coverage).returning(campaign_coverage.c.id),
            [{"campaign_id": campaign_id, **zip_} for zip_ in coverage.values()],
        )
    return _envelope(
        campaign_id, len(coverage), duplicates=len(given_zips) - len(coverage), replayed=False
    )


def _envelope(
    campaign_id: uuid.UUID, zip_count: int, *, duplicates: int = 0, replayed: bool
) -> dict[str, Any]:
    return {
        "success": True,
        "campaign_id": str(campaign_id),
        "zip_count": zip_count,
        "duplicate_zip_count": duplicates,
        "replayed": replayed,
    }


def _missing_name(campaign: dict[str, Any]) -> str | None:
    return "name is missing" if scraped_text(as_text(campaign.get("name"))) is None else None


def _campaign_row(campaign: dict[str, Any]) -> dict[str, Any]:
    custom_zip_codes = campaign.get("custom_zip_codes")
    return {
        "name": scraped_text(campaign["name"]),
        "description": scraped_text(campaign.get("description")),
        "keywords": text_list(campaign.get("keywords")),
        "location": scraped_text(campaign.get("location")),
        "coverage_profile": campaign.get("coverage_profile") or "balanced",
        "custom_zip_codes": None if custom_zip_codes is None else text_list(custom_zip_codes),
        "status": campaign.get("status") or "draft",
        "target_zip_count": count_in(campaign, "target_zip_count"),
        "coverage_percentage": number_in(campaign, "coverage_percentage"),
        "estimated_cost": number_in(campaign, "estimated_cost"),
        "organization_id": campaign.get("organization_id"),
        "created_by": campaign.get("created_by"),
    }


def _zip_problem(zip_codes: list[Any]) -> str | None:
    for index, entry in enumerate(zip_codes):
        if isinstance(entry, str):
            problem = _text_problem(entry)
        elif isinstance(entry, dict):
            problem = _object_problem(entry)
        else:
            problem = " is neither a text nor an object (a number would lose its leading zeros)"
        if problem is not None:
            return f"p_zip_codes[{index}]{problem}"
    return None


def _text_problem(entry: str) -> str | None:
    zip_code = scraped_text(entry)
    if zip_code is None:
        return " is blank"
    if len(zip_code) > _LONGEST_ZIP_CODE:
        return f" is longer than {_LONGEST_ZIP_CODE} characters"
    return None


def _object_problem(entry: dict[str, Any]) -> str | None:
    problem = first_problem(entry, _ZIP_NAME_CHECKS)
    if problem is None:
        problem = _zip_code_problem(entry) or first_problem(entry, _ZIP_CHECKS)
    return None if problem is None else f".{problem}"


def _zip_code_problem(entry: dict[str, Any]) -> str | None:
    zip_code = _zip_code(entry)
    if zip_code is None:
        return "zip_code is missing"
    if len(zip_code) > _LONGEST_ZIP_CODE:
        return f"zip_code is longer than {_LONGEST_ZIP_CODE} characters"
    return None


def _zip_code(entry: dict[str, Any]) -> str | None:
    return scraped_text(entry.get("zip_code")) or scraped_text(entry.get("zip"))


def _coverage(zip_codes: list[Any], keywords: list[str]) -> dict[str | None, dict[str, Any]]:
    """The rows by ZIP code. The last of several entries for one ZIP code wins."""
    rows: dict[str | None, dict[str, Any]] = {}
    for entry in zip_codes:
        if isinstance(entry, str):
            # A plain text is an entry with nothing but a ZIP code.
            entry = {"zip_code": entry}
        zip_code = _zip_code(entry)
        own_keywords = entry.get("keywords")
        max_results = count_in(entry, "max_results")
        rows[zip_code] = {
            "zip_code": zip_code,
            "keywords": keywords if own_keywords is None else text_list(own_keywords),
            "max_results": _DEFAULT_MAX_RESULTS if max_results is None else max_results,
            "estimated_cost": number_in(entry, "estimated_cost"),
        }
    return rows


def _estimated_cost(coverage: Iterable[Mapping[str, Any]]) -> Decimal:
    costs = (zip_["estimated_cost"] for zip_ in coverage)
    return sum((rounded(cost) for cost in costs if cost is not None), Decimal(0))


def _count_zips(connection: Connection, campaign_id: uuid.UUID) -> int:
    return connection.execute(
        select(func.count()).where(campaign_coverage.c.campaign_id == campaign_id)
    ).scalar_one()
