"""No cost, parameter or row is in a log record, a span or a metric, whatever fails."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row

from app import CampaignStore, StoredFunctionError
from app.calls import ALL_FUNCTIONS
from app.tables import businesses
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
    with caplog.at_level(logging.DEBUG, logger="app"):
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
            assert failures == 8

    functions = {record.stored_function for record in caplog.records}
    assert functions >= {function.name for function in ALL_FUNCTIONS}
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
