"""Pages by key: none is missed and none comes twice."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from campaigndb import InvalidInputError

PAGE_SIZE = 25


def fill(engine, campaign_id, count, safe=True) -> None:
    """Straight into the table: many rows of equal and of different ages."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                insert into gmaps_businesses
                  (campaign_id, place_id, name, email, email_source, is_safe, email_verified,
                   created_at)
                select
                  cast(:campaign_id as uuid), :campaign_id || ' place ' || number, 'Business',
                  number || '@kauppahalli.fi', 'google_maps', cast(:safe as boolean), true,
                  timestamptz '2026-01-01' + number / 7 * interval '1 microsecond'
                from generate_series(1, :count) as series(number)
            """),
            {"campaign_id": str(campaign_id), "count": count, "safe": safe},
        )


def test_leads_of_any_number_come_to_their_end(store, owner_engine, subtests) -> None:
    for count in (0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE):
        with subtests.test(count=count):
            campaign_id = store.create_campaign_with_coverage({"name": str(count)}).campaign_id
            fill(owner_engine, campaign_id, count)
            found = list(store.iter_leads(campaign_id, page_size=PAGE_SIZE))
            assert len({lead.business_id for lead in found}) == len(found) == count
            assert found == sorted(found, key=lambda lead: (lead.created_at, lead.business_id))


async def test_the_asynchronous_store_reads_the_same(
    store, async_store, owner_engine, campaign_id
) -> None:
    fill(owner_engine, campaign_id, 60)
    found = [lead async for lead in async_store.iter_leads(campaign_id, page_size=PAGE_SIZE)]
    assert found == list(store.iter_leads(campaign_id))


def test_none_is_missed_while_leads_become_unsafe_and_new_ones_arrive(
    store, owner_engine, campaign_id
) -> None:
    fill(owner_engine, campaign_id, 20 * PAGE_SIZE)
    expected = {lead.business_id for lead in store.iter_leads(campaign_id)}
    seen = []
    pages = store.iter_leads(campaign_id, page_size=PAGE_SIZE)

    def spoil(ids: list[uuid.UUID]) -> None:
        with owner_engine.begin() as connection:
            connection.execute(
                text("update gmaps_businesses set is_safe = false where id = any (:ids)"),
                {"ids": ids},
            )

    with ThreadPoolExecutor(2) as threads:
        for lead in pages:
            seen.append(lead.business_id)
            if len(seen) % 10 == 0:
                threads.submit(spoil, seen[-10:]).result(30)
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


def test_a_position_of_another_campaign_is_refused(
    store, owner_engine, campaign_id, other_campaign_id
) -> None:
    fill(owner_engine, campaign_id, 3)
    fill(owner_engine, other_campaign_id, 3)
    first, *_ = store.get_campaign_leads(campaign_id)
    with pytest.raises(InvalidInputError, match="p_after_id is a business of another campaign"):
        store.get_campaign_leads(other_campaign_id, None, 10, first.created_at, first.business_id)


def test_a_position_stays_good_when_its_business_is_deleted(
    store, owner_engine, campaign_id
) -> None:
    fill(owner_engine, campaign_id, 3)
    first, *rest = store.get_campaign_leads(campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(
            text("delete from gmaps_businesses where id = :id"), {"id": first.business_id}
        )
    found = store.get_campaign_leads(campaign_id, None, 10, first.created_at, first.business_id)
    assert list(found) == rest


def test_half_a_position_and_no_page_are_refused(store, owner_engine, campaign_id) -> None:
    fill(owner_engine, campaign_id, 1)
    [lead] = store.get_campaign_leads(campaign_id)
    for created_at, business_id in ((lead.created_at, None), (None, lead.business_id)):
        with pytest.raises(InvalidInputError, match="belong together"):
            store.get_campaign_leads(campaign_id, None, 10, created_at, business_id)
    with pytest.raises(InvalidInputError, match="p_limit is less than 1"):
        store.get_campaign_leads(campaign_id, None, 0)


@pytest.mark.parametrize("emails", ["safe", "any"])
def test_the_last_page_costs_what_the_first_one_costs(
    store, owner_engine, campaign_id, other_campaign_id, emails
) -> None:
    """No plan reads the leads before the position, nor another campaign's."""
    fill(owner_engine, campaign_id, 5000)
    fill(owner_engine, other_campaign_id, 5000, safe=False)
    leads = list(store.iter_leads(campaign_id, page_size=5000))
    position = leads[-11]

    def read(connection) -> int:
        return connection.execute(
            text(
                "select sum(pg_stat_get_xact_tuples_returned(oid)"
                " + pg_stat_get_xact_tuples_fetched(oid))"
                " from pg_class where relnamespace = 'public'::regnamespace"
                " and relkind in ('r', 'i')"
            )
        ).scalar_one()

    with owner_engine.connect() as connection:
        before = read(connection)
        for _ in range(7):  # past the plans that are made for given parameters
            found = connection.execute(
                text(
                    "select business_id from get_campaign_leads(:campaign,"
                    " jsonb_build_object('emails', cast(:emails as text)), 100, :at, :id)"
                ),
                {
                    "campaign": campaign_id,
                    "emails": emails,
                    "at": position.created_at,
                    "id": position.business_id,
                },
            ).all()
            assert len(found) == 10
        assert (read(connection) - before) / 7 < 200
