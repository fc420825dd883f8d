"""One current row a business and type, and what it says applied to the business."""

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.tables import businesses, facebook_enrichments, linkedin_enrichments

FACEBOOK = {
    "facebook_url": "https://facebook.com/hall",
    "page_name": "Wanha kauppahalli",
    "page_likes": 1200,
    "page_followers": "1300",
    "emails": ["info@hall.fi", "", "sales@hall.fi"],
    "primary_email": "Info@hall.fi",
    "email_sources": ["about page"],
    "phone_numbers": ["+358 1", None],
    "addresses": ["Eteläranta"],
}
LINKEDIN = {
    "linkedin_url": "https://linkedin.com/company/hall",
    "profile_type": "company",
    "person_name": "Aino Virtanen",
    "person_title": "CEO",
    "person_profile_url": "https://linkedin.com/in/aino",
    "company_name": "Hall Oy",
    "location": "Helsinki",
    "connections": 500,
    "emails_found": ["aino@hall.fi"],
    "emails_generated": ["a.virtanen@hall.fi"],
    "primary_email": "aino@hall.fi",
    "email_source": "pattern_match",
    "phone_numbers": "+358 2",
    "email_quality_tier": "A",
}


def test_every_facebook_field_is_stored_and_applied(
    store: CampaignStore, campaign_id, add_business, row, rows
) -> None:
    business_id = add_business("a")
    result = store.update_enrichment_batch("facebook", [{"business_id": business_id, **FACEBOOK}])

    assert (result.updated, result.failed, result.superseded) == (1, 0, 0)
    assert (result.enrichment_type, result.failures) == ("facebook", ())
    enrichment = row(facebook_enrichments)
    assert (enrichment.business_id, enrichment.campaign_id) == (business_id, campaign_id)
    assert enrichment.facebook_url == FACEBOOK["facebook_url"]
    assert enrichment.page_name == FACEBOOK["page_name"]
    assert (enrichment.page_likes, enrichment.page_followers) == (1200, 1300)
    assert enrichment.emails == ["info@hall.fi", "sales@hall.fi"]
    assert enrichment.primary_email == "Info@hall.fi"
    assert enrichment.email_sources == ["about page"]
    assert (enrichment.phone_numbers, enrichment.addresses) == (["+358 1"], ["Eteläranta"])
    assert (enrichment.success, enrichment.error_message) == (True, None)
    assert enrichment.raw_data["page_followers"] == "1300"
    business = row(businesses)
    assert (business.email, business.email_source) == ("Info@hall.fi", "facebook")
    assert business.facebook_url == FACEBOOK["facebook_url"]
    assert (business.enrichment_status, business.needs_enrichment) == ("enriched", False)
    assert (business.enrichment_attempts, business.linkedin_enriched) == (1, False)
    assert business.last_enrichment_attempt == business.updated_at > business.created_at
    assert rows(linkedin_enrichments) == []


def test_every_linkedin_field_is_stored_and_applied(
    store: CampaignStore, campaign_id, add_business, row, rows
) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch("linkedin", [{"business_id": business_id, **LINKEDIN}])

    stored = row(linkedin_enrichments)._mapping
    for column, value in LINKEDIN.items():
        assert stored[column] == ([value] if column == "phone_numbers" else value), column
    assert (stored["business_id"], stored["campaign_id"]) == (business_id, campaign_id)
    business = row(businesses)
    assert (business.email, business.email_source) == ("aino@hall.fi", "linkedin")
    assert business.linkedin_url == LINKEDIN["linkedin_url"]
    assert (business.linkedin_enriched, business.enrichment_attempts) == (True, 1)
    # Facebook's queue is none of LinkedIn's business.
    assert (business.enrichment_status, business.needs_enrichment) == ("pending", True)
    assert rows(facebook_enrichments) == []


def test_without_a_primary_email_the_first_of_the_list_is_it(
    store: CampaignStore, add_business, row
) -> None:
    facebook, linkedin, generated = (add_business(name) for name in ("f", "l", "g"))
    store.update_enrichment_batch("facebook", [{"business_id": facebook, "emails": ["f@x.fi"]}])
    store.update_enrichment_batch(
        "linkedin",
        [
            {"business_id": linkedin, "emails_found": ["l@x.fi"], "emails_generated": ["g@x.fi"]},
            {"business_id": generated, "primary_email": "n/a", "emails_generated": "g@x.fi"},
        ],
    )
    for place_id, email in [("f", "f@x.fi"), ("l", "l@x.fi"), ("g", "g@x.fi")]:
        assert row(businesses, place_id=place_id).email == email
    assert row(facebook_enrichments).primary_email == "f@x.fi"


def test_a_second_batch_updates_the_same_row_and_unknown_replaces_nothing(
    store: CampaignStore, add_business, row, subtests
) -> None:
    business_id = add_business("a")
    for kind, table, first in [
        ("facebook", facebook_enrichments, FACEBOOK),
        ("linkedin", linkedin_enrichments, LINKEDIN),
    ]:
        with subtests.test(kind):
            store.update_enrichment_batch(kind, [{"business_id": business_id, **first}])
            before, business = row(table), row(businesses)
            store.update_enrichment_batch(
                kind, [{"business_id": business_id, **dict.fromkeys(first), "success": True}]
            )
            after = row(table)
            assert after.id == before.id
            for column in first:
                assert getattr(after, column) == getattr(before, column), column
            again = row(businesses)
            assert again.enrichment_attempts == business.enrichment_attempts + 1
            assert (again.email, again.facebook_url, again.linkedin_url) == (
                business.email,
                business.facebook_url,
                business.linkedin_url,
            )


def test_a_failure_is_kept_with_its_message(store: CampaignStore, add_business, row) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "error_message": "page is gone"}]
    )
    enrichment, business = row(facebook_enrichments), row(businesses)
    assert (enrichment.success, enrichment.error_message) == (False, "page is gone")
    assert (business.enrichment_status, business.needs_enrichment) == ("pending", True)
    assert business.enrichment_attempts == 1


def test_the_status_of_the_business_follows_the_outcome(
    store: CampaignStore, add_business, row, subtests
) -> None:
    outcomes = [
        ({"page_name": "Hall"}, "enriched", False),
        ({"success": False}, "pending", True),
        ({"success": True, "error_message": "slow"}, "enriched", False),
        ({"enrichment_status": "no_facebook"}, "no_facebook", False),
        ({"enrichment_status": "pending"}, "pending", True),
        ({"enrichment_status": None, "success": None, "page_likes": 1}, "enriched", False),
    ]
    for number, (item, status, needs_enrichment) in enumerate(outcomes):
        with subtests.test(item=item):
            business_id = add_business(str(number))
            store.update_enrichment_batch("facebook", [{"business_id": business_id, **item}])
            business = row(businesses, id=business_id)
            assert (business.enrichment_status, business.needs_enrichment) == (
                status,
                needs_enrichment,
            )


def test_a_failed_second_look_does_not_undo_the_first(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a")
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(kind, [{"business_id": business_id, "success": True}])
        store.update_enrichment_batch(kind, [{"business_id": business_id, "success": False}])
    business = row(businesses)
    assert (business.enrichment_status, business.needs_enrichment) == ("enriched", False)
    assert (business.linkedin_enriched, business.enrichment_attempts) == (True, 4)


def test_a_failed_linkedin_look_leaves_the_business_in_its_queue(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a")
    store.update_enrichment_batch("linkedin", [{"business_id": business_id, "success": False}])
    assert row(businesses).linkedin_enriched is False
    assert row(linkedin_enrichments).success is False


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, add_business, row
) -> None:
    business_id = add_business("a")
    result = await async_store.update_enrichment_batch(
        "linkedin",
        ({"business_id": str(number), "company_name": "Hall"} for number in [business_id, "x"]),
    )
    assert (result.updated, result.failed) == (1, 1)
    assert row(businesses).linkedin_enriched is True
