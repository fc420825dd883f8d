"""Records go in as their sources send them, and every column that they know is filled."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import business_emails, businesses
from tests.insert_businesses_batch.sources import SAMPLES


def as_text(record) -> str:
    return json.dumps(record, sort_keys=True)


def differences(business, expected: dict[str, Any], emails: list[str]) -> dict[str, Any]:
    stored = {**business._mapping, "emails": emails}
    return {
        name: (stored[name], value)
        for name, value in expected.items()
        if (float(stored[name]) if isinstance(stored[name], Decimal) else stored[name]) != value
    }


def emails_of(rows, business_id) -> list[str]:
    known = rows(business_emails, business_id=business_id)
    return [e.email for e in sorted(known, key=lambda email: email.first_seen_at)]


@pytest.mark.parametrize("name", SAMPLES)
def test_alone(store: CampaignStore, campaign_id, row, rows, name: str) -> None:
    record, expected = SAMPLES[name]
    result = store.insert_businesses_batch(campaign_id, None, [record])
    assert (result.inserted, result.rejected) == (1, ())
    business = row(businesses)
    emails = emails_of(rows, business.id)
    assert differences(business, expected, emails) == {}
    assert business.raw_data == record
    assert business.email == (emails[0] if emails else None)
    assert result.new_emails == len(emails)


def test_all_in_one_batch_and_sent_again(
    store: CampaignStore, campaign_id, rows, nothing_changes
) -> None:
    batch = [record for record, _ in SAMPLES.values()]
    assert store.insert_businesses_batch(campaign_id, None, batch).inserted == len(batch)
    stored = {as_text(business.raw_data): business for business in rows(businesses)}
    for record, expected in SAMPLES.values():
        business = stored[as_text(record)]
        assert differences(business, expected, emails_of(rows, business.id)) == {}
    with nothing_changes():
        again = store.insert_businesses_batch(campaign_id, None, batch)
    assert (again.skipped, again.new_emails) == (len(batch), 0)
