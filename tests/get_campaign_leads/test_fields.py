"""What a lead holds: the business, its address, and what LinkedIn and Facebook told."""

from __future__ import annotations

from decimal import Decimal


def test_a_lead_holds_everything_that_is_known(store, campaign_id, add_lead) -> None:
    business_id = add_lead(
        "place",
        "info@kauppahalli.fi",
        phone="+358 9 6128 1300",
        rating=4.5,
        latitude=60.1,
        hours={"monday": "8-18"},
        categories=["Market", "Hall"],
        facebook_url="https://www.facebook.com/kauppahalli",
    )
    store.update_enrichment_batch(
        "facebook",
        [{"business_id": business_id, "page_name": "Halli", "phone_numbers": ["09 123"]}],
    )
    store.update_enrichment_batch(
        "linkedin",
        [
            {
                "business_id": business_id,
                "person_name": "Aino Aalto",
                "person_title": "Owner",
                "linkedin_url": "https://www.linkedin.com/in/aino",
            }
        ],
    )
    store.set_lead_texts(
        [{"business_id": business_id, "icebreaker": "Hei!", "subject_line": "Fish"}]
    )
    [lead] = store.get_campaign_leads(campaign_id)
    assert (lead.business_id, lead.campaign_id) == (business_id, campaign_id)
    assert (lead.zip_code, lead.phone) == ("00100", "+358 9 6128 1300")
    assert (lead.rating, lead.latitude) == (Decimal("4.5"), 60.1)
    assert lead.hours == {"monday": "8-18"}
    assert lead.categories == ("Market", "Hall")
    assert (lead.email, lead.bouncer_status, lead.is_safe) == (
        "info@kauppahalli.fi",
        "deliverable",
        True,
    )
    assert (lead.person_name, lead.person_title) == ("Aino Aalto", "Owner")
    assert (lead.page_name, lead.facebook_phones) == ("Halli", ("09 123",))
    assert lead.linkedin_phones == ()
    assert (lead.icebreaker, lead.subject_line) == ("Hei!", "Fish")
    assert lead["name"] == "Kauppahalli"


def test_a_suppressed_contact_is_in_no_lead(store, campaign_id, add_lead) -> None:
    business_id = add_lead("place", "info@kauppahalli.fi")
    add_lead("phone", phone="+358961281301")
    add_lead("other", "other@kauppahalli.fi")
    store.update_enrichment_batch(
        "facebook",
        [
            {
                "business_id": business_id,
                "page_name": "H",
                "phone_numbers": ["+358961281302", "+358961281303"],
            }
        ],
    )
    store.suppress_contacts(
        [{"phone": "+358961281301"}, {"phone": "+358961281302"}, {"email": "Other@kauppahalli.fi"}]
    )
    [lead] = store.get_campaign_leads(campaign_id)
    assert (lead.business_id, lead.facebook_phones) == (business_id, ("+358961281303",))
