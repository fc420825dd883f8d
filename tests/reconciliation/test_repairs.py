"""Repairing sets exactly the totals that are off to their ledger's sum, and writes down each."""

import threading
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb import CampaignStore, ConflictError
from campaigndb.calling.gate import gate_statements
from campaigndb.calling.retries import NO_RETRY
from campaigndb.operations.owner_reading import TableAccessError
from campaigndb.operations.reconciliation import Repair, reconcile, repair
from campaigndb.tables import campaigns, cost_repairs
from campaigndb.tables.campaigns import COST_TOTALS
from tests.support.waiting import wait_until_blocked

NOTHING_OFF = ()


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def repaired(engine: Engine) -> list[Repair]:
    return list(repair(engine, reconcile(engine, "public"), "public"))


@pytest.fixture
def _costs(store: CampaignStore, campaign_id: uuid.UUID, other_campaign_id: uuid.UUID) -> None:
    for campaign in (campaign_id, other_campaign_id):
        store.track_campaign_cost(campaign, "facebook", 1, "3.0001")
        store.track_campaign_cost(campaign, "bouncer", 1, "0.5")


@pytest.mark.usefixtures("_costs")
def test_what_is_clean_is_left_as_it_is(
    owner_engine: Engine, nothing_changes: Callable[[], Any]
) -> None:
    with nothing_changes():
        assert repaired(owner_engine) == []


@pytest.mark.usefixtures("_costs")
@pytest.mark.parametrize("column", COST_TOTALS)
def test_one_total_that_is_off_is_set_and_nothing_else(
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    row: Callable[..., Any],
    rows: Callable[..., Any],
    column: str,
) -> None:
    before = row(campaigns, id=campaign_id)
    [other] = (each for each in rows(campaigns) if each.id != campaign_id)
    change(
        owner_engine,
        f"update gmaps_campaigns set {column} = {column} + 12.3456 where id = '{campaign_id}'",
    )

    [done] = repaired(owner_engine)

    exact = getattr(before, column)
    assert done == Repair(
        campaign_id=campaign_id,
        campaign="Helsinki",
        total=column,
        amount_before=exact + Decimal("12.3456"),
        amount_after=exact,
    )
    now = row(campaigns, id=campaign_id)
    assert now.updated_at > before.updated_at
    assert now._asdict() | {"updated_at": before.updated_at} == before._asdict()
    assert row(campaigns, id=other.id) == other
    written = row(cost_repairs)
    assert (written.campaign_id, written.total) == (campaign_id, column)
    assert (written.amount_before, written.amount_after) == (done.amount_before, exact)
    assert written.repaired_by == owner_engine.url.username
    assert written.repaired_at == now.updated_at
    assert reconcile(owner_engine, "public").discrepancies == NOTHING_OFF
    assert repaired(owner_engine) == []


@pytest.mark.usefixtures("_costs")
def test_every_campaign_and_total_that_is_off_is_repaired(
    owner_engine: Engine, rows: Callable[..., Any]
) -> None:
    before = {each.id: each for each in rows(campaigns)}
    changes = ", ".join(f"{column} = {n}.5" for n, column in enumerate(COST_TOTALS, start=7))
    change(owner_engine, f"update gmaps_campaigns set {changes}")

    assert len(repaired(owner_engine)) == len(rows(cost_repairs)) == 10

    for each in rows(campaigns):
        for column in COST_TOTALS:
            assert getattr(each, column) == getattr(before[each.id], column)
    assert repaired(owner_engine) == []


def test_costs_after_a_repair_add_to_it(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 2)
    change(owner_engine, "update gmaps_campaigns set actual_cost = 0")
    repaired(owner_engine)
    assert store.track_campaign_cost(campaign_id, "facebook", 1, 1).new_total == 3
    assert reconcile(owner_engine, "public").discrepancies == NOTHING_OFF


@pytest.mark.usefixtures("_costs")
def test_a_difference_that_is_gone_by_then_is_not_repaired(
    owner_engine: Engine, nothing_changes: Callable[[], Any]
) -> None:
    change(owner_engine, "update gmaps_campaigns set facebook_cost = facebook_cost + 1")
    found = reconcile(owner_engine, "public")
    change(owner_engine, "update gmaps_campaigns set facebook_cost = facebook_cost - 1")
    with nothing_changes():
        assert list(repair(owner_engine, found, "public")) == []


@pytest.mark.usefixtures("_costs")
def test_a_campaign_that_is_gone_by_then_is_no_error(
    owner_engine: Engine, nothing_changes: Callable[[], Any]
) -> None:
    change(owner_engine, "update gmaps_campaigns set facebook_cost = facebook_cost + 1")
    found = reconcile(owner_engine, "public")
    change(owner_engine, "delete from gmaps_campaigns")
    with nothing_changes():
        assert list(repair(owner_engine, found, "public")) == []


def test_a_total_that_is_nan_is_repaired_and_a_ledger_that_is_nan_is_not(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    change(
        owner_engine,
        "alter table gmaps_campaigns drop constraint ck_gmaps_campaigns_cost_totals_range",
    )
    change(owner_engine, "update gmaps_campaigns set actual_cost = 'NaN'")
    [done] = repaired(owner_engine)
    assert (done.total, done.amount_before.is_nan(), done.amount_after) == ("actual_cost", True, 3)
    assert reconcile(owner_engine, "public").discrepancies == NOTHING_OFF

    change(
        owner_engine,
        "alter table gmaps_api_costs drop constraint ck_gmaps_api_costs_cost_usd_range",
    )
    change(owner_engine, "update gmaps_api_costs set cost_usd = 'NaN'")
    assert repaired(owner_engine) == []
    assert reconcile(owner_engine, "public").discrepancies != NOTHING_OFF


def test_costs_of_no_campaign_have_no_total_to_repair(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 3)
    change(
        owner_engine, "alter table gmaps_api_costs drop constraint fk_gmaps_api_costs_campaign_id"
    )
    change(owner_engine, "delete from gmaps_campaigns")
    assert repaired(owner_engine) == []


@pytest.mark.usefixtures("_costs")
def test_it_waits_at_the_gate_and_then_sees_what_the_one_before_wrote(
    app_engine: Engine, owner_engine: Engine, campaign_id: uuid.UUID, row: Callable[..., Any]
) -> None:
    change(owner_engine, f"update gmaps_campaigns set actual_cost = 0 where id = '{campaign_id}'")
    found = reconcile(owner_engine, "public")
    done: list[Repair] = []

    def work() -> None:
        # One attempt: a snapshot from before the wait would fail it.
        done.extend(repair(owner_engine, found, "public", policy=NO_RETRY))

    repairer = threading.Thread(target=work)
    with app_engine.connect() as connection:
        connection.execution_options(isolation_level="SERIALIZABLE")
        bound = CampaignStore(app_engine, schema="public").bind(connection)
        bound.wait_at_cost_gates(campaign_id)
        repairer.start()
        wait_until_blocked(owner_engine)
        bound.track_campaign_cost(campaign_id, "linkedin", 1, 10)
        connection.commit()
    repairer.join(30)
    [only] = done
    assert (only.amount_before, only.amount_after) == (10, Decimal("13.5001"))
    assert row(campaigns, id=campaign_id).actual_cost == Decimal("13.5001")


@pytest.mark.usefixtures("_costs")
def test_it_does_not_wait_for_ever_and_says_what_it_could_not_repair(
    database_url: URL, owner_engine: Engine, campaign_id: uuid.UUID, rows: Callable[..., Any]
) -> None:
    change(owner_engine, f"update gmaps_campaigns set actual_cost = 0 where id = '{campaign_id}'")
    impatient = create_engine(database_url, connect_args={"options": "-c lock_timeout=50ms"})
    with owner_engine.connect() as holder:
        for statement in gate_statements("public", [campaign_id]):
            holder.exec_driver_sql(statement)
        # Comparing needs no gate.
        found = reconcile(impatient, "public")
        assert found.discrepancies != NOTHING_OFF
        with pytest.raises(ConflictError, match=f"repair of campaign {campaign_id}") as caught:
            list(repair(impatient, found, "public", policy=NO_RETRY))
        assert caught.value.error_code == "55P03"
    impatient.dispose()
    assert rows(cost_repairs) == []
    assert len(repaired(owner_engine)) == 1


@pytest.mark.usefixtures("_costs")
def test_a_role_that_may_only_read_repairs_nothing(
    owner_engine: Engine, app_engine: Engine, nothing_changes: Callable[[], Any]
) -> None:
    change(owner_engine, "update gmaps_campaigns set actual_cost = 0")
    found = reconcile(owner_engine, "public")
    tables = "gmaps_campaigns, gmaps_api_costs"
    change(owner_engine, f"grant select on {tables} to {app_engine.url.username}")
    with (
        nothing_changes(),
        pytest.raises(TableAccessError, match="connect as the role that owns the tables"),
    ):
        list(repair(app_engine, found, "public"))
