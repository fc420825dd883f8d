"""An answer of the verifier reaches the business, its enrichments and the log."""

from decimal import Decimal

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.results import EmailVerified
from campaigndb.tables import (
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)

ANSWER = {
    "status": "deliverable",
    "score": Decimal("97.5"),
    "is_safe": True,
    "is_disposable": False,
    "is_role_based": True,
    "is_free_email": False,
    "is_gibberish": False,
    "domain": "hall.fi",
    "provider": "google",
    "mx_records": ["mx1.hall.fi", {"priority": 10}],
    "smtp_check": True,
    "reason": "accepted",
    "suggestion": "info@hall.com",
    "source": "linkedin",
}


def has_the_answer(row) -> None:
    assert row.email_verified is True
    assert (row.bouncer_status, row.bouncer_score) == ("deliverable", Decimal("97.5"))
    assert (row.is_safe, row.is_disposable) == (True, False)
    assert (row.is_role_based, row.is_free_email) == (True, False)
    assert row.bouncer_verified_at is not None


def has_no_answer(row) -> None:
    assert row.email_verified is False
    assert (row.bouncer_status, row.bouncer_score, row.is_safe) == (None, None, None)
    assert row.bouncer_verified_at is None


def test_the_business_and_the_log_get_every_field(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a", email="info@hall.fi")
    result = store.update_email_verification(business_id, "info@hall.fi", ANSWER)
    assert result == EmailVerified(
        business_id=business_id,
        email="info@hall.fi",
        status="deliverable",
        is_safe=True,
        replayed=False,
    )
    has_the_answer(row(businesses))
    logged = row(email_verifications)
    assert (logged.business_id, logged.email) == (business_id, "info@hall.fi")
    assert (logged.facebook_enrichment_id, logged.linkedin_enrichment_id) == (None, None)
    for name, value in ANSWER.items():
        assert getattr(logged, name) == value, name
    assert logged.raw_response.items() >= (ANSWER | {"score": "97.5"}).items()


def test_a_status_is_enough(store: CampaignStore, add_business, row, subtests) -> None:
    business_id = add_business("a", email="info@hall.fi")
    for status, is_safe, is_verified in [
        ("deliverable", True, True),
        ("risky", False, False),
        ("undeliverable", False, False),
    ]:
        with subtests.test(status):
            result = store.update_email_verification(
                business_id, "info@hall.fi", {"status": status}
            )
            assert (result.status, result.is_safe) == (status, is_safe)
            business = row(businesses)
            assert (business.bouncer_status, business.is_safe) == (status, is_safe)
            assert business.email_verified is is_verified
            logged = row(email_verifications, status=status)
            assert (logged.source, logged.domain) == ("google_maps", "hall.fi")


def test_the_verifiers_word_on_safety_wins_over_the_status(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="info@hall.fi")
    answer = {"status": "deliverable", "is_safe": False}
    assert store.update_email_verification(business_id, "info@hall.fi", answer).is_safe is False
    assert row(businesses).is_safe is False


def test_the_enrichments_that_hold_the_email_get_the_answer(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="scraped@hall.fi")
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(
            kind, [{"business_id": business_id, "primary_email": "info@hall.fi"}]
        )
    store.update_email_verification(business_id, "info@hall.fi", ANSWER)
    facebook, linkedin = row(facebook_enrichments), row(linkedin_enrichments)
    for holder in (row(businesses), facebook, linkedin):
        has_the_answer(holder)
    logged = row(email_verifications)
    assert logged.facebook_enrichment_id == facebook.id
    assert logged.linkedin_enrichment_id == linkedin.id


def test_only_the_holder_of_the_email_gets_the_answer(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="scraped@hall.fi")
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "primary_email": "facebook@hall.fi"}]
    )
    store.update_enrichment_batch(
        "linkedin", [{"business_id": business_id, "primary_email": "linkedin@hall.fi"}]
    )
    assert row(businesses).email == "linkedin@hall.fi"

    store.update_email_verification(business_id, "facebook@hall.fi", {**ANSWER, "source": None})

    # The verified address becomes the business' own.
    has_the_answer(row(businesses))
    assert row(businesses).email == "facebook@hall.fi"
    has_no_answer(row(linkedin_enrichments))
    has_the_answer(row(facebook_enrichments))
    logged = row(email_verifications)
    assert (logged.source, logged.linkedin_enrichment_id) == ("facebook", None)


def test_a_verified_secondary_address_leads_and_the_primary_ones_stay_unverified(
    store: CampaignStore, add_business, row, rows, subtests
) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "emails": ["first@hall.fi", "second@hall.fi"]}]
    )
    store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": business_id,
                "emails_found": ["found@hall.fi", "third@hall.fi"],
                "emails_generated": ["fourth@hall.fi"],
            }
        ],
    )
    emails = ("fourth@hall.fi", "second@hall.fi", "third@hall.fi")
    for number, email in enumerate(emails, 1):
        with subtests.test(email):
            store.update_email_verification(business_id, email, ANSWER)
            assert len(rows(email_verifications)) == number
            has_the_answer(row(businesses))
            assert row(businesses).email == email
            for holder in (row(facebook_enrichments), row(linkedin_enrichments)):
                has_no_answer(holder)


def test_unknown_replaces_no_verdict_and_is_logged(
    store: CampaignStore, add_business, row, rows
) -> None:
    business_id = add_business("a", email="info@hall.fi")
    first = store.update_email_verification(business_id, "info@hall.fi", {"status": "unknown"})
    assert (first.status, row(businesses).bouncer_status) == ("unknown", "unknown")
    assert row(businesses).bouncer_verified_at is not None
    assert row(businesses).email_verified is False
    store.update_email_verification(business_id, "info@hall.fi", ANSWER)
    before = row(businesses)
    again = store.update_email_verification(business_id, "info@hall.fi", {"status": "unknown"})
    assert again.status == "unknown"
    has_the_answer(row(businesses))
    assert row(businesses) == before
    assert len(rows(email_verifications)) == 3


def test_the_verdict_goes_to_every_business_that_holds_the_address(
    store: CampaignStore, other_campaign_id, add_business, row
) -> None:
    asked = add_business("a", email="info@hall.fi")
    elsewhere = add_business("b", other_campaign_id, email="INFO@hall.fi")
    another = add_business("c", email="info@shop.fi")
    store.update_enrichment_batch(
        "facebook", [{"business_id": elsewhere, "emails": ["info@hall.fi"]}]
    )
    store.update_email_verification(asked, "info@hall.fi", ANSWER)
    has_the_answer(row(businesses, id=asked))
    has_the_answer(row(businesses, id=elsewhere))
    has_the_answer(row(facebook_enrichments))
    has_no_answer(row(businesses, id=another))


def test_case_and_white_space_do_not_make_another_address(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="Äiti@Hall.FI")
    result = store.update_email_verification(business_id, " äITI@hall.fi\n", ANSWER)
    assert result.email == "äITI@hall.fi"
    has_the_answer(row(businesses))
    assert row(businesses).email == "Äiti@Hall.FI"


def test_a_later_answer_replaces_the_earlier_one_and_both_are_logged(
    store: CampaignStore, add_business, row, rows
) -> None:
    business_id = add_business("a", email="info@hall.fi")
    store.update_email_verification(business_id, "info@hall.fi", ANSWER)
    has_the_answer(row(businesses))
    store.update_email_verification(business_id, "info@hall.fi", {"status": "undeliverable"})
    business = row(businesses)
    assert business.email_verified is False
    assert (business.bouncer_status, business.is_safe) == ("undeliverable", False)
    assert business.bouncer_score is None
    assert {entry.status for entry in rows(email_verifications)} == {
        "deliverable",
        "undeliverable",
    }


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="info@hall.fi")
    result = await async_store.update_email_verification(business_id, "info@hall.fi", ANSWER)
    assert result.is_safe is True
    has_the_answer(row(businesses))
