"""A role that cannot see every row is told so: clean over nothing would be a lie."""

import uuid

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.owner_reading import TableAccessError, reading_tables
from campaigndb.operations.reconciliation import reconcile


def application_role(engine: Engine) -> str:
    name = engine.url.username
    assert name is not None
    return name


def test_the_application_role_may_not_read_the_tables(app_engine: Engine) -> None:
    with pytest.raises(TableAccessError, match="connect as the role that owns the tables"):
        reconcile(app_engine, "public")


def test_rows_that_row_security_hides_are_an_error(
    store: CampaignStore, owner_engine: Engine, app_engine: Engine, campaign_id: uuid.UUID
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, 1)
    with owner_engine.begin() as connection:
        tables = "gmaps_campaigns, gmaps_api_costs"
        connection.execute(text(f"grant select on {tables} to {application_role(app_engine)}"))
    with app_engine.connect() as connection:
        # Without an error it would look like this.
        assert connection.execute(text("select count(*) from gmaps_campaigns")).scalar_one() == 0

    with pytest.raises(TableAccessError, match="row-level security"):
        reconcile(app_engine, "public")


def test_it_is_an_error_also_where_a_policy_shows_some_rows(
    owner_engine: Engine, app_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        for table in ("gmaps_campaigns", "gmaps_api_costs"):
            connection.execute(text(f"grant select on {table} to {application_role(app_engine)}"))
            connection.execute(text(f"create policy own on {table} for select using (true)"))

    with pytest.raises(TableAccessError, match="row-level security"):
        reconcile(app_engine, "public")


def test_reading_changes_nothing(owner_engine: Engine, campaign_id: uuid.UUID) -> None:
    with (
        pytest.raises(Exception, match="read-only transaction"),
        reading_tables(owner_engine, "public") as connection,
    ):
        connection.execute(text("delete from gmaps_campaigns"))
