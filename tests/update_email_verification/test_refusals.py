"""What is no answer, or nobody's email, is refused and leaves nothing behind."""

import uuid

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError
from campaigndb.tables import email_verifications
from tests.support.wild_texts import WILD_TEXTS

BAD_ANSWERS = [
    ({}, "status is missing"),
    ({"status": None}, "status is missing"),
    ({"status": " "}, "status is missing"),
    ({"status": ["deliverable"]}, "status is missing"),
    ({"status": {"deliverable": True}}, "status is missing"),
    ({"status": True}, "status is missing"),
    ({"error": "Invalid API key", "status": ""}, "status is missing"),
    ({"idempotency_key": 7}, "idempotency_key is not a text"),
]
# Whatever is in them, the verdict beside them was paid for.
UNREADABLE = [
    {"score": value} for value in ("high", "NaN", "Infinity", "1" * 81, -0.0001, [1], None, {})
] + [
    {name: value}
    for name in ("is_disposable", "is_role_based", "is_free_email", "is_gibberish", "smtp_check")
    for value in ("perhaps", 2, [], {}, "")
] + [
    {name: value}
    for name in ("source", "domain", "provider", "reason", "suggestion")
    for value in ([], {}, False)
]  # fmt: skip


@pytest.fixture
def business_id(add_business):
    return add_business("a", email="info@hall.fi")


def test_every_bad_field_is_named(raw_call, business_id, nothing_changes, subtests) -> None:
    for fields, detail in BAD_ANSWERS:
        answer = {"status": "deliverable"} | fields if fields else {}
        with subtests.test(fields=str(fields)[:60]), nothing_changes():
            envelope = raw_call(
                "update_email_verification",
                p_business_id=business_id,
                p_email="info@hall.fi",
                p_verification_data=answer,
            )
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert envelope["error_detail"] == f"p_verification_data.{detail}"
            assert envelope["retry_recommended"] is False


def test_an_unreadable_field_never_costs_the_verdict(raw_call, business_id, rows, subtests) -> None:
    for number, fields in enumerate(UNREADABLE):
        [name] = fields
        with subtests.test(fields=fields):
            envelope = raw_call(
                "update_email_verification",
                p_business_id=business_id,
                p_email="info@hall.fi",
                p_verification_data={"status": "risky", "idempotency_key": str(number)} | fields,
            )
            assert (envelope["success"], envelope["status"]) == (True, "risky")
            [logged] = [
                entry
                for entry in rows(email_verifications)
                if entry.raw_response["idempotency_key"] == str(number)
            ]
            assert getattr(logged, name) == (
                "hall.fi" if name == "domain" else "google_maps" if name == "source" else None
            )
            assert logged.raw_response[name] == fields[name]


def test_what_is_no_object_is_refused(raw_call, business_id, nothing_changes, subtests) -> None:
    for value in (None, "null", "[]", '"deliverable"', "1"):
        with subtests.test(data=value), nothing_changes():
            envelope = raw_call(
                "update_email_verification",
                p_business_id=business_id,
                p_email="info@hall.fi",
                p_verification_data=value,
            )
            assert envelope["error_code"] == "22023"
            assert envelope["error_detail"] == "p_verification_data is not a JSON object"


def test_a_blank_email_is_refused(raw_call, business_id, nothing_changes, subtests) -> None:
    for email in (None, "", " \t\r\n"):
        with subtests.test(email=email), nothing_changes():
            envelope = raw_call(
                "update_email_verification",
                p_business_id=business_id,
                p_email=email,
                p_verification_data={"status": "risky"},
            )
            assert envelope["error_code"] == "22023"
            assert envelope["error_detail"] == "p_email is missing or blank"


def test_an_email_that_nobody_holds_is_a_missing_reference(
    store: CampaignStore, business_id, add_business, nothing_changes, subtests
) -> None:
    add_business("b", email="other@hall.fi")
    for email in ("other@hall.fi", "info@hall.f", "nfo@hall.fi", *WILD_TEXTS):
        with subtests.test(email=email[:20]), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.update_email_verification(business_id, email, {"status": "deliverable"})
            assert caught.value.error_code == "23503"
            assert str(business_id) in caught.value.detail


def test_no_email_is_held_by_a_business_without_any(
    store: CampaignStore, add_business, nothing_changes
) -> None:
    business_id = add_business("bare")
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(kind, [{"business_id": business_id, "success": True}])
    with nothing_changes(), pytest.raises(MissingReferenceError):
        store.update_email_verification(business_id, "info@hall.fi", {"status": "deliverable"})


def test_a_missing_business_is_a_missing_reference(
    store: CampaignStore, nothing_changes, subtests
) -> None:
    for business_id in (uuid.uuid4(), None):
        with subtests.test(business_id=business_id), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.update_email_verification(business_id, "a@b.fi", {"status": "risky"})
            assert caught.value.detail == f"there is no business {business_id or 'null'}"


def test_the_store_refuses_what_has_another_type(
    store: CampaignStore, business_id, nothing_changes, subtests
) -> None:
    for arguments, detail in [
        (("x", "info@hall.fi", {}), "p_business_id is not a UUID"),
        ((business_id, 7, {}), "p_email is not a text"),
        ((business_id, "info\x00@hall.fi", {}), "p_email holds a character"),
        ((business_id, "info@hall.fi", None), "p_verification_data is not a JSON object"),
        ((business_id, "info@hall.fi", []), "p_verification_data is not a JSON object"),
        ((business_id, "info@hall.fi", {"x": {1j}}), "p_verification_data is not JSON"),
    ]:
        with subtests.test(detail), nothing_changes():
            with pytest.raises(InvalidInputError) as caught:
                store.update_email_verification(*arguments)
            assert detail in caught.value.detail
