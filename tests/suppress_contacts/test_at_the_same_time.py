"""A suppression and the writers of addresses, in known orders and in processes of their own."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from campaigndb import ConflictError
from campaigndb.tables import businesses, suppressions
from tests.concurrency.conftest import crew, pool  # noqa: F401
from tests.support.waiting import wait_until_blocked

RECORD = {"place_id": "p0", "name": "Hall", "email": "a@shop.fi", "phone": "512 555 0100"}
LIST = ["a@shop.fi", {"phone": "512 555 0100"}]


def in_background(call, *arguments):
    results = []
    thread = threading.Thread(target=lambda: results.append(call(*arguments)))
    thread.start()
    return thread, results


def test_a_writer_that_came_first_is_waited_for(
    store, app_engine, owner_engine, campaign_id, rows
) -> None:
    with app_engine.connect() as connection, connection.begin():
        store.bind(connection).insert_businesses_batch(campaign_id, "1", [RECORD])
        thread, results = in_background(store.suppress_contacts, LIST)
        wait_until_blocked(owner_engine)
    thread.join()
    assert results[0].businesses == 2
    [business] = rows(businesses)
    assert (business.email, business.business_status) == (None, "suppressed")


def test_a_writer_that_comes_later_sees_it(
    store, app_engine, owner_engine, campaign_id, rows
) -> None:
    store.suppress_contacts(["z@shop.fi"])  # planned in this session before: the list is not empty
    with app_engine.connect() as connection, connection.begin():
        store.bind(connection).suppress_contacts(LIST)
        thread, results = in_background(store.insert_businesses_batch, campaign_id, "1", [RECORD])
        wait_until_blocked(owner_engine)
    thread.join()
    assert results[0].inserted == 1
    [business] = rows(businesses)
    assert (business.email, business.business_status) == (None, "suppressed")


@pytest.mark.parametrize("known", ["an empty list", "a list"])
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_writer_with_an_older_snapshot_fails_and_is_tried_again(
    store, app_engine, campaign_id, rows, level, known
) -> None:
    if known == "a list":
        store.suppress_contacts(["z@shop.fi"])
    with app_engine.connect() as connection:
        connection = connection.execution_options(isolation_level=level)
        with connection.begin():
            connection.execute(text("select count(*) from pg_class"))
            store.suppress_contacts(LIST)
            with pytest.raises(ConflictError):
                store.bind(connection).insert_businesses_batch(campaign_id, "1", [RECORD])
            connection.rollback()
    assert rows(businesses) == []


def test_a_dump_that_runs_for_hours_does_not_matter(store, owner_engine) -> None:
    with owner_engine.connect() as dump, dump.begin():
        dump.execute(text("lock table gmaps_suppressions, gmaps_businesses in access share mode"))
        assert store.suppress_contacts(LIST).suppressed == 2


def test_a_writer_that_never_ends_makes_it_busy_and_nobody_waits_longer(
    store, app_engine, campaign_id, rows
) -> None:
    with app_engine.connect() as connection, connection.begin():
        store.bind(connection).insert_businesses_batch(campaign_id, "1", [RECORD])
        begin = time.monotonic()
        with app_engine.connect() as other, other.begin():
            answer = other.execute(text("select suppress_contacts('[\"a@shop.fi\"]')")).scalar_one()
        assert answer["error_code"] == "55P03"
        assert answer["retry_recommended"] is True
        assert 4 < time.monotonic() - begin < 20
    assert rows(suppressions) == []


def test_importers_enrichers_and_verifiers_never_bring_a_suppressed_contact_back(
    crew,  # noqa: F811
    store,
    campaign_id,
    other_campaign_id,
    rows,
    rng,
) -> None:
    places = 30
    emails = [f"a{number}@shop{number % 7}.fi" for number in range(places)]
    phones = [f"512 555 01{number:02}" for number in range(places)]

    def records():
        return [
            {
                "place_id": f"p{number:02}",
                "name": "Shop",
                "phone": phones[number],
                "emails": rng.sample(emails, 3),
                "rating": rng.choice([1, 2, 3, 4, 5]),
            }
            for number in rng.sample(range(places), 20)
        ]

    store.insert_businesses_batch(
        campaign_id,
        "1",
        [{"place_id": f"p{n:02}", "name": "Shop", "email": emails[n]} for n in range(0, places, 2)],
    )
    ids = [business.id for business in rows(businesses)]

    def imports(campaign):
        return [("insert_businesses_batch", (campaign, "1", records())) for _ in range(8)]

    def enrichments():
        return [
            (
                "update_enrichment_batch",
                (
                    "facebook",
                    [{"business_id": i, "emails": rng.sample(emails, 3)} for i in ids],
                ),
            )
            for _ in range(8)
        ]

    def verdicts():
        return [
            ("update_enrichment_batch", ("linkedin", [{"business_id": i, "emails": emails}]))
            for i in ids[:2]
        ] + [
            ("update_email_verification", (ids[0], email, {"status": "deliverable"}))
            for email in rng.sample(emails, 10)
        ]

    listed = [*emails[:8], {"domain": "shop6.fi"}, *[{"phone": phone} for phone in phones[20:24]]]
    suppressing = [("update_campaign_statistics", (campaign_id,))] + [
        ("suppress_contacts", ([contact],)) for contact in rng.sample(listed, len(listed))
    ]
    results = crew.work(
        imports(campaign_id), imports(other_campaign_id), enrichments(), verdicts(), suppressing
    )
    assert all(result.success for done in results for result in done)

    gone = {*emails[:8], *[email for email in emails if email.endswith("@shop6.fi")]}
    held = {business.email for business in rows(businesses)}
    assert held - {None}, "the others are still chosen"
    assert not held & gone
    for business in rows(businesses):
        assert (business.business_status == "suppressed") is (business.phone in phones[20:24])
