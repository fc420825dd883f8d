"""Two queues: what Facebook has to be asked for, and what LinkedIn has to be asked for."""

import uuid

import pytest
from sqlalchemy import update

from campaigndb import AsyncCampaignStore, CampaignStore, InvalidInputError, MissingReferenceError
from campaigndb.calling.results import BusinessForEnrichment
from campaigndb.tables import businesses


def places(queue):
    return [business.place_id for business in queue]


def fill(store, campaign_id, count=10):
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            {"place_id": f"{number:04}", "name": "x", "facebook_url": "f/x"}
            for number in range(count)
        ],
    )


def test_a_row_has_what_an_enricher_needs(store: CampaignStore, campaign_id, add_business) -> None:
    business_id = add_business(
        "a",
        address="Eteläranta 1",
        city="Helsinki",
        state="Uusimaa",
        postal_code="00130",
        phone="+358",
        website="https://example.com",
        email="a@example.com",
        facebook_url="f",
        linkedin_url="l",
    )
    assert store.get_businesses_for_enrichment(campaign_id, "facebook") == (
        BusinessForEnrichment(
            business_id=business_id,
            campaign_id=campaign_id,
            place_id="a",
            name="Kauppahalli",
            address="Eteläranta 1",
            city="Helsinki",
            state="Uusimaa",
            postal_code="00130",
            phone="+358",
            website="https://example.com",
            email="a@example.com",
            facebook_url="f",
            linkedin_url="l",
            enrichment_status="pending",
            enrichment_attempts=0,
            needs_enrichment=True,
        ),
    )


def test_facebooks_queue_is_what_is_pending_and_needs_it(
    store: CampaignStore, campaign_id, add_business
) -> None:
    ids = {name: add_business(name) for name in ("pending", "enriched", "failed", "none", "not")}
    add_business("needless", needs_enrichment=False)
    store.update_enrichment_batch(
        "facebook",
        [
            {"business_id": ids["enriched"]},
            {"business_id": ids["failed"], "success": False},
            {"business_id": ids["none"], "enrichment_status": "no_facebook"},
        ],
    )
    store.update_enrichment_batch("linkedin", [{"business_id": ids["not"]}])
    queue = store.get_businesses_for_enrichment(campaign_id, "facebook")
    assert sorted(places(queue)) == ["not", "pending"]


def test_linkedins_queue_is_what_it_was_not_asked_for_and_what_failed_waits(
    store: CampaignStore, campaign_id, add_business
) -> None:
    ids = {name: add_business(name) for name in ("new", "done", "failed", "facebook")}
    add_business("needless", needs_enrichment=False)
    store.update_enrichment_batch("facebook", [{"business_id": ids["facebook"]}])
    store.update_enrichment_batch(
        "linkedin",
        [{"business_id": ids["done"]}, {"business_id": ids["failed"], "success": False}],
    )
    queue = store.get_businesses_for_enrichment(campaign_id, "linkedin")
    assert sorted(places(queue)) == ["facebook", "needless", "new"]


def test_another_campaigns_businesses_are_not_in_the_queue(
    store: CampaignStore, campaign_id, other_campaign_id, add_business
) -> None:
    add_business("mine")
    add_business("theirs", other_campaign_id)
    for queue in ("facebook", "linkedin"):
        assert places(store.get_businesses_for_enrichment(campaign_id, queue)) == ["mine"]


def test_the_earliest_transaction_comes_first_and_the_id_decides_among_equals(
    store: CampaignStore, campaign_id, rows, owner_engine, subtests
) -> None:
    fill(store, campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(
            update(businesses).where(businesses.c.place_id > "0006").values(queue_position=0)
        )
    order = sorted(
        rows(businesses), key=lambda business: (business.queue_position, business.id.bytes)
    )
    assert {business.place_id for business in order[:3]} == {"0007", "0008", "0009"}
    for queue in ("facebook", "linkedin"):
        with subtests.test(queue):
            assert places(store.get_businesses_for_enrichment(campaign_id, queue)) == places(order)
            assert places(store.iter_businesses_for_enrichment(campaign_id, queue, 3)) == places(
                order
            )


def test_limit_and_offset_cut_pages_out(store: CampaignStore, campaign_id) -> None:
    fill(store, campaign_id)
    everything = store.get_businesses_for_enrichment(campaign_id, "facebook")
    assert len(everything) == 10

    def page(*arguments):
        return store.get_businesses_for_enrichment(campaign_id, "facebook", *arguments)

    assert page(3) == everything[:3]
    assert page(3, 3) == everything[3:6]
    assert page(3, 9) == everything[9:]
    assert page(3, 10) == ()
    assert page(2**31 - 1, 0) == everything
    assert page(2**31 - 1, 2**31 - 1) == ()


def test_a_page_has_100_rows_by_default(store: CampaignStore, raw_rows, campaign_id) -> None:
    fill(store, campaign_id, 101)
    assert len(store.get_businesses_for_enrichment(campaign_id, "facebook")) == 100
    assert len(raw_rows(p_campaign_id=campaign_id, p_enrichment_type="linkedin")) == 100
    nulls = raw_rows(
        p_campaign_id=campaign_id, p_enrichment_type="linkedin", p_limit=None, p_offset=None
    )
    assert len(nulls) == 100


@pytest.fixture
def raw_rows(app_engine):
    def read(**parameters):
        arguments = ", ".join(f"{name} => %({name})s" for name in parameters)
        with app_engine.connect() as connection:
            return connection.exec_driver_sql(
                f"select * from get_businesses_for_enrichment({arguments})", parameters
            ).all()

    return read


def test_the_columns_are_those_of_the_contract(app_engine, campaign_id) -> None:
    with app_engine.connect() as connection:
        result = connection.exec_driver_sql(
            "select * from get_businesses_for_enrichment(%s, 'facebook')", (campaign_id,)
        )
        assert list(result.keys()) == [
            "business_id", "campaign_id", "place_id", "name", "address", "city", "state",
            "postal_code", "phone", "website", "email", "facebook_url", "linkedin_url",
            "enrichment_status", "enrichment_attempts", "needs_enrichment",
        ]  # fmt: skip


def test_reading_changes_nothing_and_runs_in_a_read_only_transaction(
    store: CampaignStore, app_engine, campaign_id, nothing_changes
) -> None:
    fill(store, campaign_id)
    with nothing_changes(), app_engine.connect() as connection:
        connection.execution_options(postgresql_readonly=True)
        assert len(store.bind(connection).get_businesses_for_enrichment(campaign_id, "facebook"))


def test_bad_parameters_raise_with_the_envelopes_codes(
    store: CampaignStore, campaign_id, subtests
) -> None:
    for arguments, detail in [
        ((campaign_id, "twitter"), "p_enrichment_type is not one of facebook, linkedin"),
        ((campaign_id, "Facebook"), "p_enrichment_type is not one of facebook, linkedin"),
        ((campaign_id, None), "p_enrichment_type is not one of facebook, linkedin"),
        ((campaign_id, "f" * 65536), "p_enrichment_type is not one of facebook, linkedin"),
        ((campaign_id, "facebook", 0), "p_limit is less than 1"),
        ((campaign_id, "facebook", -1), "p_limit is less than 1"),
        ((campaign_id, "facebook", 2**31), "p_limit is out of range"),
        ((campaign_id, "facebook", 1.5), "p_limit is not a whole number"),
        ((campaign_id, "facebook", 1, -1), "p_offset is negative"),
        ((campaign_id, "facebook", 1, "0"), "p_offset is not a whole number"),
        (("x", "facebook"), "p_campaign_id is not a UUID"),
    ]:
        with subtests.test(arguments=str(arguments[1:])[:40]):
            with pytest.raises(InvalidInputError) as caught:
                store.get_businesses_for_enrichment(*arguments)
            assert (caught.value.error_code, caught.value.detail) == ("22023", detail)


def test_the_iterator_refuses_the_same(store: CampaignStore, campaign_id, subtests) -> None:
    for arguments, detail in [
        ((campaign_id, "twitter"), "p_enrichment_type is not one of facebook, linkedin"),
        ((campaign_id, "facebook", 0), "p_limit is less than 1"),
    ]:
        with subtests.test(detail):
            with pytest.raises(InvalidInputError) as caught:
                list(store.iter_businesses_for_enrichment(*arguments))
            assert caught.value.detail == detail


def test_a_missing_campaign_is_a_missing_reference(store: CampaignStore, subtests) -> None:
    for campaign_id in (uuid.uuid4(), None):
        with subtests.test(campaign_id=campaign_id):
            with pytest.raises(MissingReferenceError) as caught:
                store.get_businesses_for_enrichment(campaign_id, "facebook")
            assert caught.value.error_code == "23503"
            with pytest.raises(MissingReferenceError):
                list(store.iter_businesses_for_enrichment(campaign_id, "linkedin"))


async def test_the_async_store_does_the_same(
    store: CampaignStore, async_store: AsyncCampaignStore, campaign_id
) -> None:
    fill(store, campaign_id)
    page = await async_store.get_businesses_for_enrichment(campaign_id, "facebook", 4, 2)
    assert page == store.get_businesses_for_enrichment(campaign_id, "facebook", 4, 2)
    everything = [
        business
        async for business in async_store.iter_businesses_for_enrichment(campaign_id, "linkedin", 3)
    ]
    assert everything == list(store.iter_businesses_for_enrichment(campaign_id, "linkedin", 3))
