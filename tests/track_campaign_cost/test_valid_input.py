"""A cost goes into the ledger and, in the same transaction, into the campaign's totals."""

from decimal import Decimal

from sqlalchemy import Engine, select

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.tables import api_costs, campaigns
from campaigndb.tables.campaigns import SERVICE_COST_COLUMNS
from tests.support.wild_texts import KB_64, WILD_TEXTS


def test_the_ledger_and_both_totals_get_the_same_amount(
    store: CampaignStore, owner_engine: Engine
) -> None:
    campaign_id = store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id

    tracked = store.track_campaign_cost(campaign_id, "facebook", 7, Decimal("1.23456"))

    assert tracked.new_total == Decimal("1.2346")
    with owner_engine.connect() as connection:
        entry = connection.execute(select(api_costs)).one()
        campaign = connection.execute(select(campaigns)).one()
    assert (entry.id, entry.cost_usd, entry.items_processed) == (
        tracked.cost_id,
        Decimal("1.2346"),
        7,
    )
    assert campaign.actual_cost == campaign.facebook_cost == Decimal("1.2346")


async def test_the_async_store_does_the_same(async_store: AsyncCampaignStore) -> None:
    created = await async_store.create_campaign_with_coverage({"name": "Helsinki"})
    await async_store.track_campaign_cost(created.campaign_id, "bouncer", 1, "0.0001")
    tracked = await async_store.track_campaign_cost(created.campaign_id, "linkedin", 1, 2)
    assert tracked.new_total == Decimal("2.0001")


def test_each_service_has_its_own_total(store: CampaignStore, campaign_id, row) -> None:
    for number, service in enumerate(SERVICE_COST_COLUMNS, 1):
        store.track_campaign_cost(campaign_id, service, 1, Decimal(number))
        tracked = store.track_campaign_cost(campaign_id, service, 1, Decimal("0.0001"))
        assert (tracked.service, tracked.replayed) == (service, False)
    campaign = row(campaigns)
    for number, column in enumerate(SERVICE_COST_COLUMNS.values(), 1):
        assert getattr(campaign, column) == number + Decimal("0.0001")
    assert campaign.actual_cost == tracked.new_total == Decimal("10.0004")


def test_only_the_campaign_that_pays_is_charged(
    store: CampaignStore, campaign_id, other_campaign_id, row
) -> None:
    before = row(campaigns, id=other_campaign_id)
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert row(campaigns, id=other_campaign_id) == before


def test_totals_are_the_exact_sum_of_what_the_ledger_holds(
    store: CampaignStore, campaign_id, row, rows
) -> None:
    """Rounding each write by itself would let total and ledger part."""
    for cost in ("0.00005", "0.00004", "0.33335", "1e-9", "0.12344999999999999999999999"):
        store.track_campaign_cost(campaign_id, "linkedin", 1, cost)
    ledger = sum(entry.cost_usd for entry in rows(api_costs))
    assert ledger == Decimal("0.4569")
    assert row(campaigns).actual_cost == row(campaigns).linkedin_enrichment_cost == ledger


def test_amounts_and_counts_at_their_limits(store: CampaignStore, campaign_id, subtests) -> None:
    total = Decimal(0)
    for items, cost, rounded in [
        (0, 0, "0"),
        (2**31 - 1, "999999.9999", "999999.9999"),
        (1, "999999.99994", "999999.9999"),
        (1, Decimal("-0"), "0"),
        (1, "1e3", "1000"),
        (1, Decimal("1E+2"), "100"),
        (1, " 5 ", "5"),
    ]:
        with subtests.test(cost=cost):
            total += Decimal(rounded)
            assert store.track_campaign_cost(campaign_id, "bouncer", items, cost).new_total == total


def test_metadata_is_kept_as_it_is(store: CampaignStore, campaign_id, row, subtests) -> None:
    for number, text in enumerate(WILD_TEXTS):
        metadata = {"idempotency_key": str(number), "text": text, text: [{"deep": [None, 1]}]}
        with subtests.test(text=text[:20]):
            tracked = store.track_campaign_cost(campaign_id, "bouncer", 1, 1, metadata)
            assert row(api_costs, id=tracked.cost_id).metadata == metadata


def test_without_metadata_the_ledger_holds_an_empty_object(raw_call, campaign_id, rows) -> None:
    for metadata in (None, "null", {}):
        envelope = raw_call(
            "track_campaign_cost",
            p_campaign_id=campaign_id,
            p_service="bouncer",
            p_items_processed=1,
            p_cost_usd="0.5",
            p_metadata=metadata,
        )
        assert envelope["success"] is True
    assert [entry.metadata for entry in rows(api_costs)] == [{}, {}, {}]


def test_p_metadata_may_be_left_out(raw_call, campaign_id) -> None:
    envelope = raw_call(
        "track_campaign_cost",
        p_campaign_id=campaign_id,
        p_service="bouncer",
        p_items_processed=1,
        p_cost_usd="0.5",
    )
    assert envelope["new_total"] == Decimal("0.5")
    assert str(envelope["new_total"]) == "0.5000"


def test_a_64_kb_value_in_the_metadata_fits(store: CampaignStore, campaign_id, row) -> None:
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1, {KB_64: KB_64})
    assert row(api_costs).metadata[KB_64] == KB_64
