"""No message repeats a given text with control characters, or more than 80 characters of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.calling.json_codec import dump_json

FORGED = "1\n2026-01-01 CRITICAL root \x1b[31m\u2028\x85" + "x" * 200


def test_of_any_parameter(store: CampaignStore, campaign_id: uuid.UUID) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: store.update_coverage_status(campaign_id, FORGED[:100], 1, 1, 1),
        lambda: store.track_campaign_cost(campaign_id, FORGED, 1, 1),
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, FORGED),
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1, {FORGED: object()}),
        lambda: store.track_campaign_costs_batch([{"campaign_id": FORGED}]),
        lambda: store.update_campaign_statistics(FORGED),
        lambda: store.update_email_verification(uuid.uuid4(), FORGED, {"status": FORGED}),
        lambda: store.update_enrichment_batch(FORGED, []),
        lambda: store.insert_businesses_batch(campaign_id, "1", [{FORGED: float("inf")}]),
        lambda: store.create_campaign_with_coverage({"name": "x", "status": FORGED}),
        lambda: store.create_campaign_with_coverage({"name": "x"}, [{FORGED: float("nan")}]),
        lambda: store.get_businesses_for_enrichment(campaign_id, FORGED),
    ]
    for call in calls:
        with pytest.raises(StoredFunctionError) as caught:
            call()
        for text in (str(caught.value), caught.value.error, caught.value.detail):
            assert text.isprintable(), ascii(text)
            assert "x" * 80 not in text


@pytest.mark.parametrize("amount", ["1E+2", "1e-3", " 1.5 ", ".5", Decimal("1E+2"), 7])
def test_a_single_cost_and_a_batch_take_the_same_forms_of_money(
    store: CampaignStore, campaign_id: uuid.UUID, amount: Any
) -> None:
    single = store.track_campaign_cost(campaign_id, "bouncer", 1, amount)
    cost = {
        "campaign_id": campaign_id,
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": amount,
    }
    [batched] = store.track_campaign_costs_batch([cost]).costs
    assert single.new_total == Decimal(str(amount).strip())
    assert batched.new_total == 2 * single.new_total


@pytest.mark.parametrize("amount", [1.5, True, "1_0", "0x10", "one", [1]])
def test_and_refuse_the_same(store: CampaignStore, campaign_id: uuid.UUID, amount: Any) -> None:
    cost = {
        "campaign_id": campaign_id,
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": amount,
    }
    with pytest.raises(StoredFunctionError, match="p_cost_usd is"):
        store.track_campaign_cost(campaign_id, "bouncer", 1, amount)
    with pytest.raises(StoredFunctionError, match=r"p_costs\[0\]\.cost_usd is"):
        store.track_campaign_costs_batch([cost])


def test_a_key_of_json_is_quoted_on_one_line() -> None:
    with pytest.raises(StoredFunctionError) as caught:
        dump_json({"a": [{FORGED: object()}]}, "p_metadata")
    assert caught.value.detail.isprintable()
    assert "p_metadata.a[0].1 2026" in caught.value.detail
