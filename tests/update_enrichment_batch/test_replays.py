"""A batch sent twice makes no rows twice; with its keys, it is no second attempt either."""

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments


def test_a_batch_with_keys_sent_twice_changes_nothing(
    store: CampaignStore, add_business, nothing_changes, subtests
) -> None:
    ids = [add_business(name) for name in "abc"]
    for kind in ("facebook", "linkedin"):
        batch = [
            {"business_id": i, "primary_email": f"{kind}@x.fi", "idempotency_key": "run-1"}
            for i in ids
        ]
        with subtests.test(kind):
            first = store.update_enrichment_batch(kind, batch)
            with nothing_changes():
                assert store.update_enrichment_batch(kind, batch) == first


def test_a_batch_without_keys_sent_twice_makes_one_row_and_two_attempts(
    raw_call, add_business, row
) -> None:
    batch = [{"business_id": str(add_business("a")), "emails": ["a@x.fi"]}]
    for kind in ("facebook", "linkedin"):
        for _ in range(2):
            raw_call("update_enrichment_batch", p_enrichment_type=kind, p_enrichments=batch)
    assert row(facebook_enrichments).business_id == row(linkedin_enrichments).business_id
    assert row(businesses).enrichment_attempts == 4


def test_only_what_a_repeated_batch_adds_is_applied(
    store: CampaignStore, add_business, row
) -> None:
    a, b = add_business("a"), add_business("b")

    def send(*ids):
        store.update_enrichment_batch(
            "facebook",
            [{"business_id": i, "success": True, "idempotency_key": "run-1"} for i in ids],
        )

    send(a)
    send(a, b)
    assert row(businesses, id=a).enrichment_attempts == 1
    assert row(businesses, id=b).enrichment_attempts == 1


def test_each_call_of_the_store_is_another_attempt(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a")
    for _ in range(3):
        store.update_enrichment_batch(
            "facebook", [{"business_id": business_id, "page_name": "Hall"}]
        )
    assert row(businesses).enrichment_attempts == 3


def test_the_types_do_not_know_each_others_keys(store: CampaignStore, add_business, row) -> None:
    item = {"business_id": add_business("a"), "success": True, "idempotency_key": "run-1"}
    store.update_enrichment_batch("facebook", [item])
    store.update_enrichment_batch("linkedin", [item])
    assert row(businesses).enrichment_attempts == 2
    assert row(businesses).linkedin_enriched is True


def test_a_repeated_batch_does_not_overwrite_a_newer_result_of_another_worker(
    store: CampaignStore, add_business, row, nothing_changes
) -> None:
    business_id = add_business("a")

    def item(number: int) -> dict:
        found = {"page_name": f"Hall {number}"} if number < 3 else {"error": "blocked"}
        return {"business_id": business_id, "idempotency_key": f"run-{number}"} | found

    store.update_enrichment_batch("facebook", [item(1)])
    store.update_enrichment_batch("facebook", [item(2)])
    store.update_enrichment_batch("facebook", [item(3)])
    for number in (1, 2, 3):
        with nothing_changes():
            assert store.update_enrichment_batch("facebook", [item(number)]).updated == 1
    assert row(facebook_enrichments).page_name == "Hall 2"


def test_a_row_of_an_earlier_release_knows_the_key_in_its_raw_data(
    store: CampaignStore, add_business, owner_engine, nothing_changes
) -> None:
    item = {"business_id": add_business("a"), "page_name": "Hall", "idempotency_key": "run-1"}
    store.update_enrichment_batch("facebook", [item])
    with owner_engine.begin() as connection:
        connection.execute(facebook_enrichments.update().values(applied_keys=[]))
    with nothing_changes():
        store.update_enrichment_batch("facebook", [item])


def test_the_last_fifty_keys_are_kept(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a")
    for number in range(55):
        store.update_enrichment_batch(
            "linkedin",
            [{"business_id": business_id, "success": True, "idempotency_key": str(number)}],
        )
    assert row(linkedin_enrichments).applied_keys == [str(number) for number in range(5, 55)]
