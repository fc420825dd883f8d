"""Texts of any kind and length in every text place."""

from decimal import Decimal

from campaigndb import CampaignStore
from campaigndb.tables import businesses, email_verifications
from tests.support.wild_texts import WILD_TEXTS

TEXTS = ("source", "domain", "provider", "reason", "suggestion")


def test_texts_of_every_kind_are_kept(store: CampaignStore, add_business, rows, subtests) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for text in WILD_TEXTS:
        with subtests.test(text=text[:20]):
            result = store.update_email_verification(
                business_id,
                "info@hall.fi",
                {"status": "risky", "idempotency_key": text, "mx_records": {text: text}}
                | dict.fromkeys(TEXTS, text),
            )
            assert (result.status, result.is_safe) == ("risky", False)
            [logged] = [
                entry
                for entry in rows(email_verifications)
                if entry.raw_response["idempotency_key"] == text
            ]
            assert {getattr(logged, column) for column in TEXTS} == {text}
            assert logged.mx_records == {text: text}


def test_a_status_of_any_text_is_stored_as_unknown(
    store: CampaignStore, add_business, rows, subtests
) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for text in WILD_TEXTS:
        with subtests.test(text=text[:20]):
            answer = {"status": text}
            result = store.update_email_verification(business_id, "info@hall.fi", answer)
            assert (result.status, result.is_safe) == ("unknown", False)
    assert {entry.status for entry in rows(email_verifications)} == {"unknown"}
    assert {entry.raw_response["status"] for entry in rows(email_verifications)} == set(WILD_TEXTS)


def test_scores_are_exact(store: CampaignStore, add_business, row, subtests) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for score in ["0", "0.123456789", "100", "1" * 40]:
        with subtests.test(score=score):
            store.update_email_verification(
                business_id, "info@hall.fi", {"status": "risky", "score": score}
            )
            assert str(row(businesses).bouncer_score) == score
            assert str(row(email_verifications, score=Decimal(score)).score) == score
