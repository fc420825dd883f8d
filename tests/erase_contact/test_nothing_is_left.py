"""Who is erased is in no column of any table, and nobody else is."""

from __future__ import annotations

import pytest
from sqlalchemy import ARRAY, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from campaigndb import InvalidInputError
from campaigndb.tables import (
    business_emails,
    businesses,
    email_verifications,
    erasures,
    facebook_enrichments,
    linkedin_enrichments,
    metadata,
)

# Keys and fixed words, which callers do not fill with texts, and what the list says of itself.
NO_TEXTS = {
    "gmaps_campaign_coverage.zip_code",
    "gmaps_businesses.zip_code",
    "gmaps_businesses.place_id",
    "gmaps_businesses.cid",
    "gmaps_rollout_percentages.function_name",
    "gmaps_suppressions.value",
    "gmaps_email_verifications.status",
    "gmaps_cost_repairs.total",
    "gmaps_erasures.counts",
}


def test_the_address_the_names_and_the_titles_are_gone(store, known, found, row) -> None:
    result = store.erase_contact(" mailto:ANNA@shop.FI ")
    assert (result.suppressed, result.erased) == (True, sum(result.counts.values()))
    assert result.counts == {
        "gmaps_businesses": 1,
        # Hers, and what was guessed from her name.
        "gmaps_business_emails": 2,
        "gmaps_facebook_enrichments": 1,
        "gmaps_linkedin_enrichments": 1,
        # Hers, and another one's that suggested it.
        "gmaps_email_verifications": 2,
        "gmaps_api_costs": 1,
    }
    # The longer address is somebody else's.
    left = row(businesses, place_id="hall")
    assert "joanna@shop.fi" in left.description
    rest = str(tuple(left)).lower().replace("joanna@shop.fi", "")
    assert [words for words in ("anna", "virtanen", "steam") if words in rest] == []
    assert set(found("anna", "virtanen", "steam")) == {"gmaps_businesses"}


def test_the_business_and_others_keep_what_is_theirs(store, known, row, rows) -> None:
    store.erase_contact("anna@shop.fi")
    business = row(businesses, place_id="hall")
    assert (business.email, business.bouncer_status) == ("hall@shop.fi", None)
    assert (business.icebreaker, business.linkedin_url) == (None, None)
    assert business.raw_data["leadsEnrichment"] == [
        {"fullName": "Eero Salo", "email": "eero@shop.fi"}
    ]
    assert business.raw_data["emails"] == ["info@shop.fi"]
    assert business.raw_data["name"] == "Hall"
    assert {each.email for each in rows(business_emails)} >= {"info@shop.fi", "hall@shop.fi"}
    facebook = row(facebook_enrichments)
    assert (facebook.page_name, facebook.emails) == ("Hall", ["hall@shop.fi"])
    linkedin = row(linkedin_enrichments)
    assert (linkedin.company_name, linkedin.person_name, linkedin.emails_generated) == (
        "Hall Oy",
        None,
        [],
    )
    assert [each.email for each in rows(email_verifications)] == ["info@shop.fi"]


def test_the_audit_says_what_was_done_and_not_to_whom(store, known, row, app_url) -> None:
    result = store.erase_contact("anna@shop.fi")
    entry = row(erasures)
    assert (entry.erased_by, entry.counts) == (app_url.username, dict(result.counts))


def test_a_second_time_finds_nothing_and_leaves_no_entry(store, known, rows) -> None:
    store.erase_contact("anna@shop.fi")
    result = store.erase_contact("Anna@shop.fi")
    assert (result.suppressed, result.erased, dict(result.counts)) == (False, 0, {})
    assert len(rows(erasures)) == 1


def test_every_column_that_holds_texts_is_searched(
    store, known, campaign_id, owner_engine, found
) -> None:
    """Also those that are added some day: they are taken from the tables."""
    with owner_engine.begin() as connection:
        connection.execute(text("insert into gmaps_rollout_percentages values ('all', 5)"))
        connection.execute(
            text(
                "insert into gmaps_cost_repairs (campaign_id, total, amount_before, amount_after)"
                " values (:id, 'actual_cost', 1, 1)"
            ),
            {"id": campaign_id},
        )
        connection.execute(text("insert into gmaps_erasures default values"))
        connection.execute(
            text(
                "insert into gmaps_exports (campaign_id, exported_at, leads, format)"
                " values (:id, now(), 1, 'csv')"
            ),
            {"id": campaign_id},
        )
    store.suppress_contacts([{"domain": "bad.fi"}])
    store.claim_coverage(campaign_id, worker="worker")
    filled, refused = set(), set()
    for table in metadata.tables.values():
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            if name in NO_TEXTS or column.computed is not None:
                continue
            if isinstance(column.type, Text):
                value = "'Ask \"Anna@SHOP.fi\"'"
            elif isinstance(column.type, ARRAY):
                value = "array['kept', 'anna@shop.fi', E'\\nANNA@shop.fi']"
            elif isinstance(column.type, JSONB):
                value = """'{"anna@shop.fi": 1, "deep": [{"er": "x\\nAnna@shop.fi y"}]}'"""
            else:
                continue
            with owner_engine.connect() as connection, connection.begin() as transaction:
                try:
                    count = connection.execute(
                        text(
                            f'update {table.name} set "{column.name}" = {value}'.replace(":", "\\:")
                        )
                    ).rowcount
                except IntegrityError:
                    transaction.rollback()
                    refused.add(name)
                    continue
            assert count, f"no row of {table.name} was filled"
            filled.add(name)
    assert len(filled) > 60
    # Only fixed words refuse a text.
    assert {name.split(".")[1] for name in refused} <= {
        "coverage_profile",
        "status",
        "email_source",
        "enrichment_status",
        "business_status",
        "source",
        "profile_type",
        "kind",
        "service",
        "email",
    }
    store.erase_contact("anna@shop.fi")
    assert found("anna@shop.fi") == {}


@pytest.mark.parametrize(
    "other",
    ["joanna@shop.fi", "anna@shop.fi.com", "anna@shop.fin", "x.anna@shop.fi", "anna@shopxfi.fi"],
)
def test_an_address_that_looks_like_it_stays(store, add_business, row, other) -> None:
    add_business("place", email=other)
    result = store.erase_contact("anna@shop.fi")
    assert (result.erased, row(businesses).email) == (0, other)


def test_an_address_at_many_places_is_gone_from_all(
    store, campaign_id, other_campaign_id, found
) -> None:
    for campaign in (campaign_id, other_campaign_id):
        store.insert_businesses_batch(
            campaign,
            "1",
            [{"place_id": f"{campaign}{n}", "name": "Hall", "email": "a@x.fi"} for n in range(20)],
        )
    assert store.erase_contact("A@X.FI").counts["gmaps_businesses"] == 40
    assert found("a@x.fi") == {}


@pytest.mark.parametrize("email", ["", "nobody", "a@x.fi, b@x.fi", None, "@x.fi"])
def test_what_is_not_one_address_is_refused(store, nothing_changes, email) -> None:
    with nothing_changes(), pytest.raises(InvalidInputError, match="p_email"):
        store.erase_contact(email)
