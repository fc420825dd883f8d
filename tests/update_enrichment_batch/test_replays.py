"""A batch sent twice makes no rows twice; with its keys, it is no second attempt either."""

from app import CampaignStore
from app.tables import businesses, facebook_enrichments, linkedin_enrichments


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
            "facebook", [{"business_id": i, "idempotency_key": "run-1"} for i in ids]
        )

    send(a)
    send(a, b)
    assert row(businesses, id=a).enrichment_attempts == 1
    assert row(businesses, id=b).enrichment_attempts == 1


def test_each_call_of_the_store_is_another_attempt(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a")
    for _ in range(3):
        store.update_enrichment_batch("facebook", [{"business_id": business_id}])
    assert row(businesses).enrichment_attempts == 3


def test_the_types_do_not_know_each_others_keys(store: CampaignStore, add_business, row) -> None:
    item = {"business_id": add_business("a"), "idempotency_key": "run-1"}
    store.update_enrichment_batch("facebook", [item])
    store.update_enrichment_batch("linkedin", [item])
    assert row(businesses).enrichment_attempts == 2
    assert row(businesses).linkedin_enriched is True
