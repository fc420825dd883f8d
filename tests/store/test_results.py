"""What calls return: ids are UUIDs, money is Decimal to the last digit, nothing can be changed."""

import asyncio
import dataclasses
import uuid
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.results import BatchInserted, RejectedRecord
from campaigndb.tables import api_costs, campaigns


async def call_everything(call):
    """Each of the eight functions once, successfully; `call(name, *arguments)` does one."""
    created = await call("create_campaign_with_coverage", {"name": "Helsinki"}, ["00100"])
    owner = created.campaign_id
    record = {"place_id": f"place-{owner}", "name": "Kauppahalli", "email": "a@b.fi"}
    record["facebook_url"] = "https://www.facebook.com/kauppahalli"
    inserted = await call("insert_businesses_batch", owner, "00100", [record, {}])
    queue = await call("get_businesses_for_enrichment", owner, "facebook")
    [business] = queue
    return {
        "create_campaign_with_coverage": created,
        "insert_businesses_batch": inserted,
        "get_businesses_for_enrichment": business,
        "update_email_verification": await call(
            "update_email_verification", business.business_id, "a@b.fi", {"status": "deliverable"}
        ),
        "update_enrichment_batch": await call(
            "update_enrichment_batch",
            "facebook",
            [{"business_id": business.business_id, "title": "Hall"}, {}],
        ),
        "update_coverage_status": await call("update_coverage_status", owner, "00100", 1, 1, "0.5"),
        "track_campaign_cost": await call("track_campaign_cost", owner, "bouncer", 1, "0.1234"),
        "update_campaign_statistics": await call("update_campaign_statistics", owner),
    }


@pytest.fixture
def results(store: CampaignStore):
    async def call(name, *arguments):
        return getattr(store, name)(*arguments)

    return asyncio.run(call_everything(call))


@pytest.fixture
def async_results(app_url):
    async def run():
        engine = create_async_engine(app_url)
        store = AsyncCampaignStore(engine, schema="public")

        async def call(name, *arguments):
            return await getattr(store, name)(*arguments)

        try:
            return await call_everything(call)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def without_ids(result):
    return {
        name: value
        for name, value in dataclasses.asdict(result).items()
        if not isinstance(value, uuid.UUID) and name != "place_id"
    }


def test_every_async_method_returns_what_its_twin_returns(results, async_results, subtests) -> None:
    assert len(results) == 8
    for function, result in results.items():
        with subtests.test(function):
            assert type(async_results[function]) is type(result)
            assert without_ids(async_results[function]) == without_ids(result)


def test_every_result_is_a_success_with_typed_values(results, subtests) -> None:
    for function, result in results.items():
        with subtests.test(function):
            for field in dataclasses.fields(result):
                value = getattr(result, field.name)
                assert not isinstance(value, float), field.name
                if field.name in ("campaign_id", "business_id", "cost_id"):
                    assert type(value) is uuid.UUID, field.name
            if function != "get_businesses_for_enrichment":
                assert result.success is True
    assert type(results["track_campaign_cost"].new_total) is Decimal


def test_no_result_can_be_changed(results, subtests) -> None:
    nested = [*results["insert_businesses_batch"].rejected]
    nested += results["update_enrichment_batch"].failures
    assert len(nested) == 2
    for result in [*results.values(), *nested]:
        for field in dataclasses.fields(result):
            with subtests.test(type(result).__name__, field=field.name):
                with pytest.raises(dataclasses.FrozenInstanceError):
                    setattr(result, field.name, None)
                assert not isinstance(getattr(result, field.name), list)


def test_money_keeps_digits_that_no_float_holds(store: CampaignStore, row, rows) -> None:
    amounts = [Decimal("999999.9999"), "0.1", Decimal("0.2"), 3, "0.0001"]
    campaign = store.create_campaign_with_coverage(
        {"name": "Exact", "estimated_cost": Decimal("99999999999999.9999")}
    )
    totals = [
        store.track_campaign_cost(campaign.campaign_id, "bouncer", 1, amount).new_total
        for amount in amounts
    ]

    expected = Decimal(0)
    for amount, total in zip(amounts, totals, strict=True):
        expected += Decimal(amount)
        assert (type(total), total) == (Decimal, expected)
    stored = row(campaigns)
    assert stored.estimated_cost == Decimal("99999999999999.9999")
    assert stored.actual_cost == expected == sum(cost.cost_usd for cost in rows(api_costs))
    # With floats that many digits would be gone.
    assert Decimal(float(stored.estimated_cost)) != stored.estimated_cost


def test_a_result_is_readable_as_the_envelope_is(results) -> None:
    tracked = results["track_campaign_cost"]
    assert tracked["new_total"] is tracked.new_total
    assert tracked["success"] is True
    assert tracked.get("nothing") is None
    assert dict(tracked) == {"success": True, **dataclasses.asdict(tracked)}
    assert results["get_businesses_for_enrichment"]["name"] == "Kauppahalli"
    with pytest.raises(KeyError):
        tracked["from_mapping"]


def test_fields_of_a_newer_release_are_ignored() -> None:
    envelope = {
        "success": True,
        "inserted": 0,
        "updated": 0,
        "skipped": 1,
        "total": 1,
        "skipped_other_campaign": 0,
        "rejected": [{"index": 0, "reason": "no name", "hint": "new"}],
        "new": 1,
    }
    read = BatchInserted.from_mapping(envelope)
    assert read.rejected == (RejectedRecord(index=0, reason="no name"),)
    assert "new" not in read
