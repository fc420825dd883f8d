"""What sources send, with the columns that are to be filled from it: `records.json`.

Each has a `kind` (place, facebook, linkedin, verification), the `record` and what is `expected` of
it: `"*"` is anything but null, a list is any of its texts, and `emails` are all addresses of the
business. The shapes are those of the sources' documentation and published output; every name is
invented. One record of each source of places is `listed` in docs/functions.md.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from campaigndb.tables import (
    business_emails,
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from tests.vectors.vectors import Caller

RECORDS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("records.json").read_text(encoding="utf-8")
)
_ANSWERS: dict[str, Table] = {
    "facebook": facebook_enrichments,
    "linkedin": linkedin_enrichments,
    "verification": email_verifications,
}


def send(call: Caller, connection: Connection, sent: Mapping[str, Any]) -> uuid.UUID:
    """Sends one through `call`, to a campaign of its own; the business that it is of."""
    kind, record = sent["kind"], sent["record"]
    campaign = call(
        "create_campaign_with_coverage", {"p_campaign_data": {"name": kind}, "p_zip_codes": []}
    )
    place = {"placeId": f"ChIJ{uuid.uuid4().hex}", "title": "A", "email": "john@acme.example"}
    answer = call(
        "insert_businesses_batch",
        {
            "p_campaign_id": campaign["campaign_id"],
            "p_zip_code": None,
            "p_businesses": [record if kind == "place" else place],
        },
    )
    assert (answer["inserted"], answer["rejected"]) == (1, [])
    business_id: uuid.UUID = connection.execute(
        select(businesses.c.id).where(businesses.c.campaign_id == campaign["campaign_id"])
    ).scalar_one()
    if kind == "verification":
        call(
            "update_email_verification",
            {
                "p_business_id": str(business_id),
                "p_email": "john@acme.example",
                "p_verification_data": record,
            },
        )
    elif kind != "place":
        item = {**record, "business_id": str(business_id)}
        call(
            "update_enrichment_batch",
            {"p_enrichment_type": kind, "p_enrichments": [item]},
        )
    return business_id


def differences(
    connection: Connection, sent: Mapping[str, Any], business_id: uuid.UUID
) -> dict[str, tuple[Any, Any]]:
    """The columns that hold something else than is expected: what is there, what should be."""
    table = _ANSWERS.get(sent["kind"], businesses)
    key = table.c.id if table is businesses else table.c.business_id
    stored = dict(
        connection.execute(select(table).where(key == business_id)).mappings().one(),
        emails=list(
            connection.execute(
                select(business_emails.c.email)
                .where(business_emails.c.business_id == business_id)
                .order_by(business_emails.c.first_seen_at)
            ).scalars()
        ),
    )
    return {
        name: (stored[name], expected)
        for name, expected in sent["expected"].items()
        if not _is(stored[name], expected)
    }


def _is(value: Any, expected: Any) -> bool:
    if expected == "*":
        return value is not None and value != []
    if isinstance(expected, list) and not isinstance(value, list):
        return any(_is(value, each) for each in expected)
    if isinstance(value, (Decimal, int, float)) and not isinstance(value, bool):
        try:
            return Decimal(str(value)) == Decimal(str(expected))
        except InvalidOperation:
            return False
    return value == expected or str(value) == expected
