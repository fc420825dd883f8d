"""Texts of any kind and length in every text place."""

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments
from tests.support.wild_texts import KB_64, WILD_TEXTS

FACEBOOK = ("facebook_url", "page_name", "error_message")
LINKEDIN = (
    "linkedin_url", "person_name", "person_title", "person_profile_url", "company_name",
    "location", "email_quality_tier", "error_message",
)  # fmt: skip
FACEBOOK_LISTS = ("emails", "email_sources", "phone_numbers", "addresses")
LINKEDIN_LISTS = ("emails_found", "emails_generated", "phone_numbers")


def test_texts_of_every_kind_are_kept(store: CampaignStore, campaign_id, rows, subtests) -> None:
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [{"place_id": f"{n:02}", "name": "x"} for n in range(len(WILD_TEXTS))],
    )
    stored = sorted(rows(businesses), key=lambda business: business.place_id)
    text_of = {business.id: text for business, text in zip(stored, WILD_TEXTS, strict=True)}
    for kind, table, columns, lists in [
        ("facebook", facebook_enrichments, FACEBOOK, FACEBOOK_LISTS),
        ("linkedin", linkedin_enrichments, LINKEDIN, LINKEDIN_LISTS),
    ]:
        with subtests.test(kind):
            result = store.update_enrichment_batch(
                kind,
                [
                    {"business_id": i, "idempotency_key": text}
                    | dict.fromkeys(columns, text)
                    | {column: [text, "x"] for column in lists}
                    for i, text in text_of.items()
                ],
            )
            assert (result.updated, result.failed) == (len(WILD_TEXTS), 0)
            for enrichment in rows(table):
                text = text_of[enrichment.business_id]
                assert {getattr(enrichment, column) for column in columns} == {text}
                assert [getattr(enrichment, column) for column in lists] == [[text, "x"]] * len(
                    lists
                )
                assert enrichment.raw_data["idempotency_key"] == text


def test_a_text_of_64_kb_is_no_email_and_costs_nothing(
    store: CampaignStore, add_business, row
) -> None:
    item = {"business_id": add_business("a"), "primary_email": f"{KB_64}@x.fi", "title": "Hall"}
    assert store.update_enrichment_batch("facebook", [item]).updated == 1
    assert row(businesses).email is row(facebook_enrichments).primary_email is None


def test_unknown_fields_are_kept_in_the_raw_data_alone(
    store: CampaignStore, add_business, row
) -> None:
    item = {"business_id": str(add_business("a")), "x": {"deep": [[1.5, None]]}, "likes": 3}
    store.update_enrichment_batch("facebook", [item | {"idempotency_key": "k"}])
    assert row(facebook_enrichments).raw_data == item | {"idempotency_key": "k"}
    assert row(businesses).email is None
