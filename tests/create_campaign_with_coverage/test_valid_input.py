"""A campaign and its coverage are stored together, with sensible defaults."""

import uuid
from decimal import Decimal

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.tables import campaign_coverage, campaigns

ORGANIZATION = uuid.uuid4()


def coverage_by_zip(rows):
    return {entry.zip_code: entry for entry in rows(campaign_coverage)}


def test_every_field_is_stored_as_given(store: CampaignStore, row) -> None:
    campaign_id = uuid.uuid4()
    created = store.create_campaign_with_coverage(
        {
            "id": campaign_id,
            "name": "Helsinki",
            "description": "restaurants of the centre",
            "keywords": ["ravintola", "kahvila"],
            "location": "Helsinki, Finland",
            "coverage_profile": "aggressive",
            "custom_zip_codes": ["00100"],
            "status": "running",
            "target_zip_count": 7,
            "coverage_percentage": Decimal("99.5"),
            "estimated_cost": Decimal("12.3456"),
            "organization_id": ORGANIZATION,
            "created_by": "anna@agency.example",
        },
        ["00100"],
    )
    campaign = row(campaigns)
    assert created.campaign_id == campaign.id == campaign_id
    assert (campaign.name, campaign.description) == ("Helsinki", "restaurants of the centre")
    assert campaign.keywords == ["ravintola", "kahvila"]
    assert campaign.location == "Helsinki, Finland"
    assert campaign.coverage_profile == "aggressive"
    assert campaign.custom_zip_codes == ["00100"]
    assert campaign.status == "running"
    assert (campaign.target_zip_count, campaign.actual_zip_count) == (7, 1)
    assert campaign.coverage_percentage == Decimal("99.5")
    assert campaign.estimated_cost == Decimal("12.3456")
    assert (campaign.organization_id, campaign.created_by) == (ORGANIZATION, "anna@agency.example")


def test_the_creator_is_any_text(raw_call, rows) -> None:
    for creator in ("anna@agency.example", str(ORGANIZATION), "system", " "):
        envelope = raw_call(
            "create_campaign_with_coverage",
            p_campaign_data={"name": "Helsinki", "created_by": creator},
            p_zip_codes=[],
        )
        assert envelope["success"] is True, envelope
    creators = {campaign.created_by for campaign in rows(campaigns)}
    assert creators == {"anna@agency.example", str(ORGANIZATION), "system", None}


def test_a_name_alone_is_enough(store: CampaignStore, row) -> None:
    created = store.create_campaign_with_coverage({"name": "Helsinki"})

    campaign = row(campaigns)
    assert (created.campaign_id, created.zip_count, created.replayed) == (campaign.id, 0, False)
    assert (campaign.status, campaign.coverage_profile) == ("draft", "balanced")
    assert (campaign.keywords, campaign.custom_zip_codes) == ([], None)
    assert (campaign.target_zip_count, campaign.actual_zip_count) == (0, 0)
    assert campaign.estimated_cost == campaign.actual_cost == 0


def test_absent_null_and_empty_zip_codes_make_a_campaign_without_coverage(
    raw_call, rows, subtests
) -> None:
    for number, zip_codes in enumerate([None, "null", []], start=1):
        with subtests.test(zip_codes=zip_codes):
            envelope = raw_call(
                "create_campaign_with_coverage",
                p_campaign_data={"name": "Helsinki"},
                p_zip_codes=zip_codes,
            )
            assert envelope["success"] is True
            assert envelope["zip_count"] == 0
            assert len(rows(campaigns)) == number
    assert rows(campaign_coverage) == []


def test_zip_codes_are_texts_or_objects_and_keep_their_leading_zeros(
    store: CampaignStore, rows
) -> None:
    created = store.create_campaign_with_coverage(
        {"name": "Helsinki", "keywords": ["kahvila"]},
        [
            "00100",
            {"zip": "00120"},
            {
                "zip_code": "00130",
                "keywords": ["baari"],
                "max_results": 50,
                "estimated_cost": Decimal("1.5"),
            },
        ],
    )
    assert created.zip_count == 3
    coverage = coverage_by_zip(rows)
    assert set(coverage) == {"00100", "00120", "00130"}
    assert {entry.campaign_id for entry in coverage.values()} == {created.campaign_id}
    assert coverage["00100"].keywords == coverage["00120"].keywords == ["kahvila"]
    assert coverage["00130"].keywords == ["baari"]
    assert [coverage[z].max_results for z in sorted(coverage)] == [200, 200, 50]
    assert [coverage[z].estimated_cost for z in sorted(coverage)] == [None, None, Decimal("1.5")]
    assert not any(entry.scraped for entry in coverage.values())


def test_duplicate_zip_codes_collapse_and_the_last_one_wins(store: CampaignStore, rows) -> None:
    created = store.create_campaign_with_coverage(
        {"name": "Helsinki"},
        [
            {"zip_code": "00100", "max_results": 10, "estimated_cost": 5},
            " 00100 ",
            {"zip": "00100", "max_results": 20, "estimated_cost": 7},
            "100",
        ],
    )
    assert (created.zip_count, created.duplicate_zip_count) == (2, 2)
    coverage = coverage_by_zip(rows)
    assert set(coverage) == {"00100", "100"}
    assert coverage["00100"].max_results == 20


def test_the_estimate_defaults_to_the_sum_over_the_zip_codes(store: CampaignStore, row) -> None:
    zip_codes = [{"zip": "1", "estimated_cost": "0.1"}, {"zip": "2", "estimated_cost": "0.2"}, "3"]
    summed = store.create_campaign_with_coverage({"name": "Helsinki"}, zip_codes)
    given = store.create_campaign_with_coverage({"name": "Espoo", "estimated_cost": 9}, zip_codes)
    assert row(campaigns, id=summed.campaign_id).estimated_cost == Decimal("0.3")
    assert row(campaigns, id=given.campaign_id).estimated_cost == 9


def test_money_may_be_a_number_or_a_text_and_is_rounded_to_four_decimals(
    raw_call, row, subtests
) -> None:
    for given, stored in [
        (1, "1"),
        ("12.34", "12.34"),
        ("0.00005", "0.0001"),
        ("0.00004", "0"),
        (0.1, "0.1"),
        ("99999999999999.9999", "99999999999999.9999"),
        (" 7 ", "7"),
    ]:
        with subtests.test(given=given):
            envelope = raw_call(
                "create_campaign_with_coverage",
                p_campaign_data={"name": "Helsinki", "estimated_cost": given},
                p_zip_codes=None,
            )
            campaign = row(campaigns, id=uuid.UUID(envelope["campaign_id"]))
            assert campaign.estimated_cost == Decimal(stored)


async def test_the_async_store_does_the_same(async_store: AsyncCampaignStore, row) -> None:
    created = await async_store.create_campaign_with_coverage(
        {"name": "Helsinki"}, (f"{number:05}" for number in range(3))
    )
    assert (created.zip_count, row(campaigns).id) == (3, created.campaign_id)
