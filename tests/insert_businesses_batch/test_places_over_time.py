"""What a later record changes: identity, status, page, the day it was seen."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.tables import businesses
from tests.migrations.catalog import connect


def test_a_place_id_that_comes_later_is_given_to_the_place_of_that_cid(
    store: CampaignStore, campaign_id, row
) -> None:
    store.insert_businesses_batch(campaign_id, None, [{"title": "Bar", "cid": "142473"}])
    first = row(businesses)
    assert (first.place_id, first.cid) == ("cid:142473", "142473")
    result = store.insert_businesses_batch(
        campaign_id, None, [{"title": "Bar", "placeId": "ChIJ", "data_id": "0x89:0x22c89"}]
    )
    assert (result.inserted, result.updated) == (0, 1)
    assert (row(businesses).id, row(businesses).place_id) == (first.id, "ChIJ")
    again = store.insert_businesses_batch(
        campaign_id, None, [{"title": "Bar", "cid": 142473, "phone": "1"}]
    )
    assert (again.inserted, again.updated) == (0, 1)
    assert (row(businesses).place_id, row(businesses).phone) == ("ChIJ", "1")


def test_both_in_one_batch_are_one_place(store: CampaignStore, campaign_id, row) -> None:
    batch = [
        {"title": "Bar", "cid": "7", "phone": "1"},
        {"title": "Bar", "placeId": "x", "cid": "7", "city": "Oulu"},
    ]
    result = store.insert_businesses_batch(campaign_id, None, batch)
    assert (result.inserted, result.updated, result.skipped) == (1, 0, 1)
    business = row(businesses)
    assert (business.place_id, business.phone, business.city) == ("x", "1", "Oulu")


def test_places_of_several_place_ids_are_several_whatever_their_cid(
    store: CampaignStore, campaign_id, rows
) -> None:
    batch = [{"title": "Bar", "placeId": f"p{n}", "cid": "7"} for n in range(50)]
    assert store.insert_businesses_batch(campaign_id, None, batch).inserted == 50
    assert store.insert_businesses_batch(campaign_id, None, batch).skipped == 50


def test_a_place_without_a_cid_is_known_by_its_data_id(
    store: CampaignStore, campaign_id, row
) -> None:
    record = {"title": "Bar", "data_id": "0x89:0xfedcba9876543210"}
    store.insert_businesses_batch(campaign_id, None, [record])
    assert (row(businesses).place_id, row(businesses).cid) == (
        "0x89:0xfedcba9876543210",
        str(0xFEDCBA9876543210),
    )


def test_what_changed_in_a_re_scrape_is_told(store: CampaignStore, campaign_id) -> None:
    places = [{"placeId": f"p{n}", "title": "Bar", "categoryName": "Bar"} for n in range(4)]
    store.insert_businesses_batch(campaign_id, None, places)
    places[0]["permanentlyClosed"] = True
    places[1]["emails"] = ["a@x.fi", "b@x.fi"]
    places[2]["reviewsCount"] = 1
    result = store.insert_businesses_batch(campaign_id, None, places)
    assert (result.updated, result.closed, result.first_emails, result.new_emails) == (3, 1, 1, 2)
    places[0]["permanentlyClosed"] = False
    places[1]["emails"] = ["c@x.fi", "a@x.fi"]
    result = store.insert_businesses_batch(campaign_id, None, places)
    assert (result.updated, result.closed, result.first_emails, result.new_emails) == (2, 0, 0, 1)


def test_a_page_that_arrives_puts_the_business_into_the_queue(
    store: CampaignStore, campaign_id, row
) -> None:
    record = {"place_id": "a", "name": "x"}
    store.insert_businesses_batch(campaign_id, None, [record])
    assert (row(businesses).enrichment_status, row(businesses).needs_enrichment) == (
        "no_facebook",
        False,
    )
    record["facebook_url"] = "https://facebook.com/a"
    store.insert_businesses_batch(campaign_id, None, [record])
    assert (row(businesses).enrichment_status, row(businesses).needs_enrichment) == (
        "pending",
        True,
    )


def test_an_unchanged_record_moves_last_seen_once_a_day_and_nothing_else(
    store: CampaignStore, owner_engine, campaign_id, row, nothing_changes
) -> None:
    record = {"place_id": "a", "name": "x", "email": "a@x.fi"}
    store.insert_businesses_batch(campaign_id, None, [record])
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update gmaps_businesses set last_seen_at = now() - interval '2 days'"
        )
    before = row(businesses)
    result = store.insert_businesses_batch(campaign_id, None, [record])
    after = row(businesses)
    assert (result.updated, result.skipped) == (0, 1)
    assert after.last_seen_at > before.last_seen_at
    assert after.updated_at == before.updated_at
    with nothing_changes():
        store.insert_businesses_batch(campaign_id, None, [record])


@pytest.mark.parametrize("plan", ["auto", "force_generic_plan"])
def test_a_batch_sent_again_reads_its_own_rows_only(
    database_url: URL, store: CampaignStore, campaign_id, plan: str
) -> None:
    places = [{"placeId": f"p{n}", "title": "Bar", "categoryName": "Bar"} for n in range(3000)]
    for start in range(0, 3000, 500):
        store.insert_businesses_batch(campaign_id, None, places[start : start + 500])
    read = (
        "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        " where relname = 'gmaps_businesses'"
    )
    changed = [{**place, "city": "Oulu"} for place in places[:100]]
    with connect(database_url) as connection:
        connection.execute(f"set plan_cache_mode to {plan}".encode())

        def rows_read() -> int:
            connection.execute("select pg_stat_force_next_flush()")
            [(number,)] = connection.execute(read.encode()).fetchall()
            return int(number)

        for batch, most in ((places[:500], 1_500), (changed + places[100:500], 3_000)):
            before = rows_read()
            [(envelope,)] = connection.execute(
                "select insert_businesses_batch(%s, null, %s::jsonb)",
                [campaign_id, json.dumps(batch)],
            ).fetchall()
            assert (envelope["success"], envelope["inserted"]) == (True, 0)
            assert 500 <= rows_read() - before < most
