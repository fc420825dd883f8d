"""A ZIP code's results, and that it was scraped."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, func, update

from app.application_path.checks import MISSING_REFERENCE, refuse
from app.application_path.money import LARGEST_TOTAL, read_money, rounded
from app.application_path.scraped_values import scraped_text
from app.tables import campaign_coverage

_SHOWN_OF_ZIP_CODE = 100


def update_coverage_status(
    connection: Connection,
    campaign_id: uuid.UUID | None,
    zip_code: str | None,
    businesses_found: int | None,
    emails_found: int | None,
    actual_cost: str | None,
) -> dict[str, Any]:
    amount = read_money(connection, actual_cost)
    zip_code = scraped_text(zip_code)
    if zip_code is None:
        refuse("p_zip_code is missing or blank")
    if businesses_found is None or businesses_found < 0:
        refuse("p_businesses_found is missing or negative")
    if emails_found is None or emails_found < 0:
        refuse("p_emails_found is missing or negative")
    if amount is None or not amount.is_finite() or amount < 0 or rounded(amount) > LARGEST_TOTAL:
        refuse(f"p_actual_cost is not between 0 and {LARGEST_TOTAL}")

    # Sets, never adds: a repeated call changes nothing.
    coverage = campaign_coverage.c
    result = connection.execute(
        update(campaign_coverage)
        .where(coverage.campaign_id == campaign_id, coverage.zip_code == zip_code)
        .values(
            scraped=True,
            scraped_at=func.now(),
            businesses_found=businesses_found,
            emails_found=emails_found,
            actual_cost=rounded(amount),
            updated_at=func.now(),
        )
    )
    if result.rowcount == 0:
        refuse(
            f"campaign {campaign_id or 'null'} has no coverage of ZIP code "
            f"{zip_code[:_SHOWN_OF_ZIP_CODE]}",
            MISSING_REFERENCE,
        )
    return {
        "success": True,
        "campaign_id": str(campaign_id),
        "zip_code": zip_code,
        "businesses_found": businesses_found,
        "emails_found": emails_found,
    }
