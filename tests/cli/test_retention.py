"""Campaigns are deleted, and old raw data dropped, in pieces and while others work."""

from __future__ import annotations

import json
import threading
import time

import pytest
from sqlalchemy import select, text, update

from campaigndb import CampaignStore
from campaigndb.operations import retention
from campaigndb.tables import (
    api_costs,
    business_emails,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    metadata,
)


def fill(store: CampaignStore, campaign, name: str, count: int) -> None:
    for start in range(0, count, 1000):
        store.insert_businesses_batch(
            campaign,
            "00100",
            [
                {"place_id": f"{name}{n}", "name": "Hall", "email": f"{name}{n}@shop.fi"}
                for n in range(start, min(start + 1000, count))
            ],
        )


def test_a_deleted_campaign_leaves_nothing_and_others_stay(
    campaigndb, store, campaign_id, other_campaign_id, owner_engine, rows
) -> None:
    for campaign, name in ((campaign_id, "a"), (other_campaign_id, "b")):
        fill(store, campaign, name, 150)
        store.track_campaign_cost(campaign, "bouncer", 1, "0.1")
        store.claim_emails_for_verification(campaign, 10)
    refused = campaigndb("campaign", "delete", campaign_id)
    assert refused.exit_code == 2
    assert "Helsinki with 150 businesses: --yes deletes it" in refused.stderr
    done = campaigndb("campaign", "delete", campaign_id, "--yes")
    assert (done.exit_code, done.stdout) == (0, "Helsinki with 150 businesses is deleted.\n")
    with owner_engine.connect() as connection:
        for table in metadata.tables.values():
            if "campaign_id" in table.c:
                left = connection.execute(
                    select(table).where(table.c.campaign_id == campaign_id).limit(1)
                ).first()
                assert left is None, table.name
    assert [row.id for row in rows(campaigns)] == [other_campaign_id]
    assert len(rows(business_emails)) == 150
    assert len(rows(api_costs)) == 1
    missing = campaigndb("campaign", "delete", campaign_id, "--yes")
    assert (missing.exit_code, "there is no campaign" in missing.stderr) == (2, True)


def test_an_interrupted_deletion_goes_on(store, campaign_id, owner_engine, rows) -> None:
    fill(store, campaign_id, "a", 300)

    def interrupt(deleted: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.delete_campaign(owner_engine, campaign_id, on_progress=interrupt)
    assert 0 < len(rows(businesses)) < 300
    assert [row.status for row in rows(campaigns)] == ["completed"]
    retention.delete_campaign(owner_engine, campaign_id)
    assert (rows(businesses), rows(campaigns), rows(campaign_coverage)) == ([], [], [])


def test_a_business_that_somebody_holds_goes_when_it_is_free(
    store, campaign_id, owner_engine, rows
) -> None:
    fill(store, campaign_id, "a", 30)
    with owner_engine.connect() as holder, holder.begin():
        holder.execute(select(businesses).where(businesses.c.place_id == "a7").with_for_update())
        deletion = threading.Thread(
            target=retention.delete_campaign, args=(owner_engine, campaign_id)
        )
        deletion.start()
        until = time.monotonic() + 20
        while len(rows(businesses)) > 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert [row.place_id for row in rows(businesses)] == ["a7"]
    deletion.join(20)
    assert rows(campaigns) == []


def test_others_work_on_the_while(store, campaign_id, other_campaign_id, owner_engine, row) -> None:
    """The same places, verdicts of the same addresses, costs: all succeed."""
    fill(store, campaign_id, "a", 3000)
    deletion = threading.Thread(target=retention.delete_campaign, args=(owner_engine, campaign_id))
    deletion.start()
    slowest = 0.0
    while deletion.is_alive():
        began = time.monotonic()
        store.insert_businesses_batch(
            other_campaign_id, "1", [{"place_id": "a2999", "name": "Hall", "email": "b@shop.fi"}]
        )
        store.track_campaign_cost(other_campaign_id, "bouncer", 1, "0.01")
        slowest = max(slowest, time.monotonic() - began)
    deletion.join()
    # Measured alone it is a tenth of that; here others share the processors.
    assert slowest < 3
    store.insert_businesses_batch(other_campaign_id, "1", [{"place_id": "a2999", "name": "Hall"}])
    assert row(businesses).campaign_id == other_campaign_id


@pytest.fixture
def old(store, campaign_id, add_business, owner_engine):
    """A campaign that was completed forty days ago, with raw data of each kind."""
    business = add_business("place", email="a@shop.fi")
    store.update_enrichment_batch("facebook", [{"business_id": business, "page_name": "Hall"}])
    store.update_enrichment_batch("linkedin", [{"business_id": business, "company_name": "Hall"}])
    store.update_email_verification(
        business, "a@shop.fi", {"status": "deliverable", "idempotency_key": "one", "x": 1}
    )
    store.update_campaign_status(campaign_id, "completed")
    with owner_engine.begin() as connection:
        connection.execute(
            update(campaigns).values(completed_at=text("now() - interval '40 days'"))
        )
    return business


def test_cleanup_drops_raw_data_and_no_column(
    campaigndb, store, old, other_campaign_id, row, rows, monkeypatch
) -> None:
    store.insert_businesses_batch(other_campaign_id, "1", [{"place_id": "b", "name": "B"}])
    before = row(businesses, place_id="place")
    monkeypatch.setenv("CAMPAIGNDB_RAW_DATA_DAYS", "30")
    dry = json.loads(campaigndb("cleanup", "--dry-run", "--json").stdout)
    assert {table: found["rows"] for table, found in dry.items()} == {
        "gmaps_businesses": 1,
        "gmaps_facebook_enrichments": 1,
        "gmaps_linkedin_enrichments": 1,
        "gmaps_email_verifications": 1,
    }
    assert dry["gmaps_businesses"]["bytes"] > 0
    assert "gmaps_businesses: 1 row, about 0.0 MB" in campaigndb("cleanup", "--dry-run").stdout
    assert row(businesses, place_id="place") == before
    done = campaigndb("cleanup")
    assert (done.exit_code, "gmaps_email_verifications: 1 row emptied" in done.stdout) == (0, True)
    after = row(businesses, place_id="place")
    assert dict(after._mapping) == dict(before._mapping) | {"raw_data": None}
    assert row(facebook_enrichments).raw_data is None
    assert row(facebook_enrichments).page_name == "Hall"
    assert row(email_verifications).raw_response == {"idempotency_key": "one"}
    assert row(businesses, place_id="b").raw_data is not None
    assert set(json.loads(campaigndb("cleanup", "--json").stdout).values()) == {0}


@pytest.mark.parametrize("days", ["41", "400"])
def test_a_younger_campaign_keeps_its_raw_data(campaigndb, old, row, days) -> None:
    assert campaigndb("cleanup", "--days", days).exit_code == 0
    assert row(businesses).raw_data is not None


def test_without_an_age_nothing_is_dropped(campaigndb, old, row) -> None:
    done = campaigndb("cleanup")
    assert (done.exit_code, "CAMPAIGNDB_RAW_DATA_DAYS" in done.stderr) == (2, True)
    assert row(businesses).raw_data is not None


def test_the_application_s_role_may_neither_delete_nor_clean_up(
    campaigndb, app_url, campaign_id, old, monkeypatch, row
) -> None:
    url = app_url.set(drivername="postgresql")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    for arguments in (("cleanup", "--days", "1"), ("campaign", "delete", campaign_id, "--yes")):
        done = campaigndb(*arguments)
        assert done.exit_code == 2
        assert "connect as the role that owns the tables" in done.stderr
    assert row(businesses).raw_data is not None
