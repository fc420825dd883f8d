"""Reconciling finds every total that is not the sum of its ledger entries, and nothing else."""

import uuid
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.reconciliation import reconcile
from campaigndb.tables.campaigns import COST_TOTALS, SERVICE_COST_COLUMNS


def change(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def test_an_empty_database_is_clean(owner_engine: Engine) -> None:
    found = reconcile(owner_engine, "public")
    assert (found.campaigns, found.costs, found.discrepancies) == (0, 0, ())
    assert str(found.discrepancy) == "0.0000"


def test_tracked_costs_are_clean(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, other_campaign_id: uuid.UUID
) -> None:
    for service in SERVICE_COST_COLUMNS:
        store.track_campaign_cost(campaign_id, service, 1, "0.00015")
        store.track_campaign_cost(campaign_id, service, 1, "999999.9999")
    store.track_campaign_cost(other_campaign_id, "facebook", 1, 0)

    found = reconcile(owner_engine, "public")

    assert (found.campaigns, found.costs, found.discrepancies) == (2, 9, ())
    assert str(found.discrepancy) == "0.0000"


@pytest.mark.parametrize("column", COST_TOTALS)
def test_a_total_that_is_off_by_the_least_amount_is_found(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, column: str
) -> None:
    store.track_campaign_cost(campaign_id, "google_maps", 1, "12.3456")
    change(owner_engine, f"update gmaps_campaigns set {column} = {column} + 0.0001")

    reconciled = reconcile(owner_engine, "public")
    found = {item.what: item for item in reconciled.discrepancies}

    # The actual cost is then no longer the sum of the services either, which is shown, and not
    # added to what is off.
    assert set(found) == {column, "sum of the services"}
    assert [item.what for item in reconciled.independent] == [column]
    assert reconciled.discrepancy == Decimal("0.0001")
    assert found[column].campaign_id == campaign_id
    assert found[column].campaign == "Helsinki"
    assert found[column].difference == Decimal("0.0001")
    assert found[column].total - found[column].ledger == Decimal("0.0001")


def test_a_cost_of_no_known_service_is_counted(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    for table, column in (("api_costs", "service"), ("campaigns", "facebook_cost")):
        change(owner_engine, f"alter table gmaps_{table} alter {column} drop not null")
    change(owner_engine, "update gmaps_api_costs set service = null")
    change(owner_engine, "update gmaps_campaigns set facebook_cost = 0")

    found = reconcile(owner_engine, "public")

    # Each total is its ledger's sum; that the services' are not all of it follows from nothing.
    assert [item.what for item in found.independent] == ["sum of the services"]
    assert found.discrepancy == 3


def test_a_cost_that_is_missing_in_the_totals_is_found(
    owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    change(
        owner_engine,
        "insert into gmaps_api_costs (campaign_id, service, cost_usd) values (:id, 'bouncer', 2.5)",
        id=campaign_id,
    )

    found = reconcile(owner_engine, "public")

    assert [(item.what, item.total, item.ledger) for item in found.discrepancies] == [
        ("actual_cost", Decimal("0.0000"), Decimal("2.5000")),
        ("bouncer_verification_cost", Decimal("0.0000"), Decimal("2.5000")),
    ]
    assert found.costs == 1
    assert str(found.discrepancy) == "5.0000"


def test_a_cost_booked_to_the_wrong_service_is_found(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    change(owner_engine, "update gmaps_api_costs set service = 'linkedin'")

    found = reconcile(owner_engine, "public").discrepancies

    assert {item.what: item.difference for item in found} == {
        "facebook_cost": Decimal(3),
        "linkedin_enrichment_cost": Decimal(-3),
    }


def test_nan_never_passes_as_clean(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    """To PostgreSQL NaN equals NaN: totals and ledger would agree."""
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    for table, name, checked in (
        ("api_costs", "cost_usd", "cost_usd"),
        ("campaigns", "actual_cost", "cost_totals"),
    ):
        constraint = f"ck_gmaps_{table}_{checked}_range"
        change(owner_engine, f"alter table gmaps_{table} drop constraint {constraint}")
        change(owner_engine, f"update gmaps_{table} set {name} = 'NaN'")

    found = reconcile(owner_engine, "public")

    assert {item.what for item in found.discrepancies} == {
        "actual_cost",
        "facebook_cost",
        "sum of the services",
    }
    assert found.discrepancy.is_nan()


def test_costs_of_no_campaign_are_found(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    change(
        owner_engine,
        "alter table gmaps_api_costs drop constraint fk_gmaps_api_costs_campaign_id",
    )
    change(owner_engine, "delete from gmaps_campaigns")

    found = reconcile(owner_engine, "public")

    assert found.campaigns == 0
    assert {(item.campaign_id, item.campaign, item.what) for item in found.discrepancies} == {
        (campaign_id, None, "actual_cost"),
        (campaign_id, None, "facebook_cost"),
    }


def test_only_the_campaign_that_is_off_is_named(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, other_campaign_id: uuid.UUID
) -> None:
    for campaign in (campaign_id, other_campaign_id):
        store.track_campaign_cost(campaign, "facebook", 1, 3)
    change(
        owner_engine,
        "update gmaps_campaigns set facebook_cost = 2, linkedin_enrichment_cost = 1 where id = :id",
        id=other_campaign_id,
    )

    found = reconcile(owner_engine, "public").discrepancies

    assert {item.campaign_id for item in found} == {other_campaign_id}
    assert {item.what for item in found} == {"facebook_cost", "linkedin_enrichment_cost"}
