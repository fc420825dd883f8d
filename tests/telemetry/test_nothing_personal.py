"""No cost, parameter or row is in a log record, a span or a metric, whatever fails."""

from __future__ import annotations

import datetime
import itertools
import logging
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.tables import businesses
from tests.telemetry.conftest import Told

# Each value is recognised wherever it turns up.
EMAIL = "anna.virtanen@kahvila.example"
PHONE = "+358405550123"
NAME = "Anna Virtanen"
COST = Decimal("7391.2846")
SECRETS = (EMAIL, "anna.virtanen", PHONE, NAME, str(COST), "sesame")


def test_all_functions_tell_nothing_of_what_they_are_given(
    store: CampaignStore,
    row: Callable[..., Row[Any]],
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, logger="campaigndb"):
        campaign = store.create_campaign_with_coverage(
            {"name": NAME, "description": PHONE, "estimated_cost": COST}, ["00100"]
        ).campaign_id
        store.insert_businesses_batch(
            campaign,
            "00100",
            [{"placeId": "p", "title": NAME, "phone": PHONE, "emails": [EMAIL]}],
        )
        business = row(businesses).id
        cost = {"campaign_id": campaign, "service": "bouncer", "items_processed": 1}
        for in_a_block in (False, True):
            calls = [
                lambda s: s.track_campaign_cost(campaign, "bouncer", 1, COST, {"note": "sesame"}),
                lambda s: s.track_campaign_costs_batch([{**cost, "cost_usd": COST}]),
                lambda s: s.update_coverage_status(campaign, "00100", 1, 1, COST),
                lambda s: s.update_enrichment_batch(
                    "facebook", [{"business_id": business, "primary_email": EMAIL}]
                ),
                lambda s: s.update_email_verification(
                    business, EMAIL, {"status": "deliverable", "reason": NAME}
                ),
                lambda s: s.update_email_verifications_batch(
                    [{"business_id": business, "email": EMAIL, "status": "risky", "reason": NAME}]
                ),
                lambda s: s.claim_businesses_for_enrichment(campaign, "linkedin", worker=NAME),
                lambda s: s.claim_emails_for_verification(campaign, worker=NAME),
                lambda s: s.claim_coverage(campaign, worker=NAME, unit_cost_usd=COST),
                lambda s: s.extend_claims(campaign, NAME, 60),
                lambda s: s.release_claims(campaign, NAME),
                lambda s: s.retry_failed_lookups(campaign, "linkedin"),
                lambda s: s.update_campaign_budget(campaign, COST),
                lambda s: s.update_campaign_status(campaign, "running"),
                lambda s: s.get_work_status(campaign),
                lambda s: s.get_campaign(campaign),
                lambda s: s.list_campaigns(),
                lambda s: list(s.iter_leads(campaign, {"emails": "any", "categories": [NAME]})),
                lambda s: s.set_lead_texts([{"business_id": business, "icebreaker": NAME}]),
                lambda s: s.log_export(
                    campaign,
                    uuid.uuid4(),
                    datetime.datetime.now(datetime.UTC),
                    1,
                    "csv",
                    filter={"categories": [NAME]},
                    exported_by=EMAIL,
                ),
                lambda s: s.suppress_contacts([{"email": f"x{EMAIL}", "reason": NAME}, PHONE]),
                lambda s: s.unsuppress_contacts([f"x{EMAIL}", PHONE]),
                lambda s: s.check_contacts([EMAIL, PHONE]),
                lambda s: s.list_suppressions(),
                lambda s: s.get_contact(EMAIL),
                # New on the list outside of the block only.
                lambda s: s.erase_contact(f"y{EMAIL}"),
                lambda s: s.get_businesses_for_enrichment(campaign, "facebook"),
                lambda s: list(s.iter_businesses_for_enrichment(campaign, "linkedin")),
                lambda s: s.update_campaign_statistics(campaign),
                # Each of these fails, in its own way.
                lambda s: s.track_campaign_cost(campaign, NAME, 1, COST),
                lambda s: s.track_campaign_cost(campaign, "bouncer", 1, f"x{COST}"),
                lambda s: s.update_email_verification(business, f"x{EMAIL}", {"status": "sesame"}),
                lambda s: s.update_email_verification(business, EMAIL, {"score": NAME}),
                lambda s: s.update_coverage_status(campaign, PHONE, 1, 1, COST),
                lambda s: s.create_campaign_with_coverage({"name": NAME, "status": EMAIL}),
                lambda s: s.insert_businesses_batch(campaign, "00100", {"email": EMAIL}),
                lambda s: s.get_businesses_for_enrichment(campaign, NAME),
            ]
            failures = 0
            for call in calls:
                try:
                    if in_a_block:
                        store.run_in_transaction(call, cost_campaigns=[campaign])
                    else:
                        call(store)
                except StoredFunctionError:
                    failures += 1
            # In a block with costs, which is SERIALIZABLE, the list cannot be changed.
            assert failures == (10 if in_a_block else 8)

    functions = {record.stored_function for record in caplog.records}
    # The store calls all but one: the iterator has a newer page function.
    missing = set(FUNCTIONS) - {"get_businesses_for_enrichment_after"} - functions
    assert not missing, f"add a call of {missing}"
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    spans = [span.to_json() for span in told.spans]
    points = [
        str(point.attributes)
        for name in ("call.duration", "calls", "retries")
        for point in told.points(f"campaigndb.client.{name}")
    ]
    assert len(spans) > len(calls)
    assert points
    for text_, secret in itertools.product((*logged, *spans, *points), SECRETS):
        assert secret not in text_
