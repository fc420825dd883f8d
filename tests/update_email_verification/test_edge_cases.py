"""Texts of any kind and length in every text place."""

from app import CampaignStore
from app.tables import businesses, email_verifications
from tests.wild_texts import KB_64, WILD_TEXTS

TEXTS = ("status", "source", "domain", "provider", "reason", "suggestion")


def test_texts_of_every_kind_are_kept(store: CampaignStore, add_business, row, subtests) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for text in WILD_TEXTS:
        with subtests.test(text=text[:20]):
            result = store.update_email_verification(
                business_id,
                "info@hall.fi",
                dict.fromkeys(TEXTS, text) | {"idempotency_key": text, "mx_records": {text: text}},
            )
            assert (result.status, result.is_safe) == (text, False)
            logged = row(email_verifications, status=text)
            assert {getattr(logged, column) for column in TEXTS} == {text}
            assert logged.mx_records == {text: text}
            assert row(businesses).bouncer_status == text


def test_a_64_kb_email_is_verified_like_any_other(store: CampaignStore, add_business, row) -> None:
    email = f"{KB_64}@{KB_64}"
    business_id = add_business("a", email=email)
    assert store.update_email_verification(business_id, email, {"status": "risky"}).email == email
    assert row(email_verifications).domain == KB_64


def test_scores_are_exact(store: CampaignStore, add_business, row, subtests) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for number, score in enumerate(["0", "0.123456789", "100", "1" * 80]):
        with subtests.test(score=score):
            store.update_email_verification(
                business_id, "info@hall.fi", {"status": str(number), "score": score}
            )
            assert str(row(businesses).bouncer_score) == score
            assert str(row(email_verifications, status=str(number)).score) == score
