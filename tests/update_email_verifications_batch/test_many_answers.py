"""Many answers in one call are stored as each alone would be."""

from __future__ import annotations

import uuid

import pytest

from campaigndb import AsyncCampaignStore, CampaignStore, InvalidInputError
from campaigndb.calling.results import EmailVerificationsUpdated, VerificationFailure
from campaigndb.tables import business_emails, businesses, email_verifications
from tests.update_email_verification.test_answers_of_verifiers import ANSWERS

MISSING = uuid.UUID("00000000-0000-0000-0000-000000000001")


def test_answers_of_any_verifier_go_in_at_once(store: CampaignStore, add_business, rows) -> None:
    answers = [
        {
            **answer,
            "business_id": add_business(str(number), email=f"a{number}@hall.fi"),
            "email": f"a{number}@hall.fi",
        }
        for number, (answer, _) in enumerate(ANSWERS.values())
    ]
    result = store.update_email_verifications_batch(answers)
    assert result == EmailVerificationsUpdated(
        updated=len(ANSWERS), failed=0, failures=(), unrecognised_statuses=()
    )
    logged = {entry.email: entry for entry in rows(email_verifications)}
    for number, (_, expected) in enumerate(ANSWERS.values()):
        entry = logged[f"a{number}@hall.fi"]
        assert {column: getattr(entry, column) for column in expected} == expected
    for business in rows(businesses):
        assert business.bouncer_status == logged[business.email].status
        assert business.email_verified is (logged[business.email].status == "deliverable")


def test_the_answer_may_be_apart_as_in_the_call_for_one(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="a@hall.fi")
    answer = {"status": "valid", "sub_status": ""}
    item = {"businessId": str(business_id), "email": "a@hall.fi", "verification_data": answer}
    assert store.update_email_verifications_batch([item]).updated == 1
    logged = row(email_verifications)
    assert logged.status == "deliverable"
    assert logged.raw_response.items() >= answer.items()


@pytest.mark.parametrize(
    "answer",
    [
        {"address": "a@hall.fi", "status": "valid", "sub_status": ""},
        {"email_address": "a@hall.fi", "status": "valid", "sub_status": ""},
        {"data": {"email": "a@hall.fi", "status": "valid", "score": 90}},
        {"data": {"email": "a@hall.fi"}, "verification": {"result": "valid", "flags": []}},
        {
            "status": "success",
            "result": "valid",
            "address_info": {"original_email": "a@hall.fi", "host": "hall.fi"},
        },
    ],
    ids=["ZeroBounce", "ZeroBounce's request", "Hunter", "NeverBounce's job", "NeverBounce"],
)
def test_the_address_has_the_verifiers_own_name(
    store: CampaignStore, add_business, row, answer
) -> None:
    business_id = add_business("a", email="a@hall.fi")
    result = store.update_email_verifications_batch([{**answer, "business_id": business_id}])
    assert (result.updated, result.failures) == (1, ())
    assert (row(email_verifications).email, row(email_verifications).status) == (
        "a@hall.fi",
        "deliverable",
    )


def test_what_cannot_be_stored_is_listed_and_the_others_go_in(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="a@hall.fi")
    known = {"business_id": business_id, "email": "a@hall.fi"}
    items = [
        ("text", "not a JSON object"),
        ({"email": "a@hall.fi", "status": "valid"}, "business_id is missing"),
        ({"business_id": "x", "email": "a@hall.fi", "status": "ok"}, "business_id is not a UUID"),
        ({"business_id": business_id, "status": "valid"}, "email is missing"),
        (known, "status is missing"),
        (known | {"status": "ok", "idempotency_key": 7}, "idempotency_key is not a text"),
        (known | {"business_id": MISSING, "status": "ok"}, f"there is no business {MISSING}"),
        (
            known | {"email": "b@hall.fi", "status": "ok"},
            f"neither business {business_id} nor its enrichments hold that email",
        ),
        (known | {"status": "ok", "idempotency_key": "k"}, None),
        (
            known | {"status": "bad", "idempotency_key": "k"},
            "idempotency_key was used before with another payload",
        ),
        (known | {"status": "splendid"}, None),
    ]
    result = store.update_email_verifications_batch([item for item, _ in items])
    expected = [
        VerificationFailure(
            index=index,
            business_id=None
            if not isinstance(item, dict) or "business_id" not in item
            else str(item["business_id"]),
            reason=reason,
        )
        for index, (item, reason) in enumerate(items)
        if reason is not None
    ]
    assert list(result.failures) == expected
    assert (result.updated, result.failed) == (2, len(expected))
    assert result.unrecognised_statuses == ("splendid",)
    # "unknown" replaced no verdict.
    assert row(businesses).bouncer_status == "deliverable"


def test_the_last_verdict_of_an_address_counts_and_unknown_is_none(
    store: CampaignStore, other_campaign_id, add_business, rows
) -> None:
    ids = [
        add_business("a", email="x@hall.fi"),
        add_business("b", other_campaign_id, email="X@hall.fi"),
    ]
    words = ["deliverable", "risky", "unknown"]
    result = store.update_email_verifications_batch(
        [
            {"business_id": ids[number % 2], "email": "x@hall.fi", "status": word}
            for number, word in enumerate(words)
        ]
    )
    assert result.updated == 3
    assert [entry.status for entry in rows(email_verifications)] == words
    assert {stored.status for stored in rows(business_emails)} == {"risky"}
    assert {business.bouncer_status for business in rows(businesses)} == {"risky"}


def test_a_batch_sent_again_changes_nothing(
    store: CampaignStore, add_business, nothing_changes
) -> None:
    batch = [
        {
            "business_id": add_business(name, email=f"{name}@hall.fi"),
            "email": f"{name}@hall.fi",
            "status": "deliverable",
            "idempotency_key": name,
        }
        for name in "abc"
    ]
    first = store.update_email_verifications_batch(batch)
    store.update_email_verifications_batch(
        [{**batch[0], "status": "undeliverable", "idempotency_key": "later"}]
    )
    with nothing_changes():
        assert store.update_email_verifications_batch(batch) == first


def test_an_empty_batch_changes_nothing_and_what_is_no_list_is_refused(
    store: CampaignStore, raw_call, nothing_changes
) -> None:
    with nothing_changes():
        assert store.update_email_verifications_batch([]).updated == 0
        with pytest.raises(InvalidInputError):
            store.update_email_verifications_batch({"status": "ok"})
        for value in (None, "{}", "7"):
            envelope = raw_call("update_email_verifications_batch", p_verifications=value)
            assert envelope["error_detail"] == "p_verifications is not a JSON array"


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, add_business, row
) -> None:
    item = {"business_id": add_business("a", email="a@hall.fi"), "email": "a@hall.fi"}
    result = await async_store.update_email_verifications_batch([item | {"status": "valid"}])
    assert result.updated == 1
    assert row(businesses).email_verified is True
