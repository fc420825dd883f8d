"""One answer, however often it arrives, is logged once."""

import threading

import pytest

from campaigndb import CampaignStore, DuplicateRecordError
from campaigndb.tables import businesses, email_verifications
from tests.support.waiting import wait_until_blocked

KEYED = {"status": "deliverable", "score": 90, "idempotency_key": "answer-1"}


@pytest.fixture
def business_id(add_business):
    return add_business("a", email="info@hall.fi")


def test_the_same_key_and_answer_return_the_first_result_and_change_nothing(
    store: CampaignStore, business_id, nothing_changes
) -> None:
    first = store.update_email_verification(business_id, "info@hall.fi", KEYED)
    with nothing_changes():
        again = store.update_email_verification(business_id, "info@hall.fi", KEYED)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.email, again.status, again.is_safe) == (first.email, first.status, first.is_safe)


def test_the_same_key_with_another_answer_or_email_is_refused(
    store: CampaignStore, business_id, nothing_changes, subtests
) -> None:
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "emails": ["info@hall.fi", "other@hall.fi"]}]
    )
    store.update_email_verification(business_id, "info@hall.fi", KEYED)
    for email, answer in [
        ("info@hall.fi", KEYED | {"status": "risky"}),
        ("info@hall.fi", KEYED | {"score": None}),
        ("other@hall.fi", KEYED),
    ]:
        with subtests.test(email=email, answer=answer), nothing_changes():
            with pytest.raises(DuplicateRecordError) as caught:
                store.update_email_verification(business_id, email, answer)
            assert caught.value.error_code == "23505"
            assert "used before with another payload" in caught.value.detail


def test_a_replay_after_a_better_source_is_no_failure(
    store: CampaignStore, business_id, row, nothing_changes
) -> None:
    store.update_email_verification(business_id, "info@hall.fi", KEYED)
    store.update_enrichment_batch(
        "linkedin", [{"business_id": business_id, "primary_email": "new@hall.fi"}]
    )
    with nothing_changes():
        again = store.update_email_verification(business_id, "info@hall.fi", KEYED)
    assert (again.replayed, again.email) == (True, "info@hall.fi")
    assert (row(businesses).email, row(businesses).email_verified) == ("info@hall.fi", True)


def test_another_business_may_use_the_same_key(
    store: CampaignStore, business_id, add_business, rows
) -> None:
    other = add_business("b", email="info@hall.fi")
    for holder in (business_id, other):
        assert not store.update_email_verification(holder, "info@hall.fi", KEYED).replayed
    assert len(rows(email_verifications)) == 2


def test_calls_without_a_key_are_answers_of_their_own(raw_call, business_id, rows) -> None:
    for key in ({}, {}, {"idempotency_key": None}):
        raw_call(
            "update_email_verification",
            p_business_id=business_id,
            p_email="info@hall.fi",
            p_verification_data={"status": "risky", **key},
        )
    assert len(rows(email_verifications)) == 3


def test_the_same_key_at_the_same_time_is_one_answer(
    store: CampaignStore, app_engine, owner_engine, business_id, row
) -> None:
    results = []

    def verify() -> None:
        results.append(store.update_email_verification(business_id, "info@hall.fi", KEYED))

    with app_engine.begin() as connection:
        store.bind(connection).update_email_verification(business_id, "info@hall.fi", KEYED)
        second = threading.Thread(target=verify)
        second.start()
        wait_until_blocked(owner_engine)
    second.join(30)
    assert [result.replayed for result in results] == [True]
    assert row(email_verifications).status == "deliverable"


def test_a_verdict_in_flight_is_stored_while_an_enrichment_brings_another_address(
    store: CampaignStore, app_engine, owner_engine, business_id, row
) -> None:
    results = []

    def verify() -> None:
        results.append(store.update_email_verification(business_id, "info@hall.fi", KEYED))

    with app_engine.begin() as connection:
        store.bind(connection).update_enrichment_batch(
            "linkedin", [{"business_id": business_id, "primary_email": "new@hall.fi"}]
        )
        second = threading.Thread(target=verify)
        second.start()
        wait_until_blocked(owner_engine)
    second.join(30)
    assert [result.status for result in results] == ["deliverable"]
    # Verified and safe outranks the better source.
    business = row(businesses)
    assert (business.email, business.email_verified) == ("info@hall.fi", True)
    assert row(email_verifications).email == "info@hall.fi"


def test_a_verdict_in_flight_is_stored_whatever_came_in_between(
    store: CampaignStore, campaign_id, business_id, row
) -> None:
    for number in range(5):
        for kind in ("facebook", "linkedin"):
            store.update_enrichment_batch(
                kind, [{"business_id": business_id, "primary_email": f"{kind}{number}@hall.fi"}]
            )
    for email in ("info@hall.fi", "facebook0@hall.fi", "linkedin3@hall.fi"):
        assert (
            store.update_email_verification(business_id, email, {"status": "risky"}).email == email
        )
