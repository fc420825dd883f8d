"""A ZIP code is marked as scraped, with what was found there and what that cost."""

from decimal import Decimal

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.results import CoverageUpdated
from campaigndb.tables import campaign_coverage


def test_the_zip_code_is_marked_and_the_others_are_not(
    store: CampaignStore, campaign_id, row
) -> None:
    untouched = row(campaign_coverage, zip_code="00120")

    result = store.update_coverage_status(campaign_id, "00100", 120, 45, Decimal("3.5"))

    assert result == CoverageUpdated(
        campaign_id=campaign_id, zip_code="00100", businesses_found=120, emails_found=45
    )
    coverage = row(campaign_coverage, zip_code="00100")
    assert coverage.scraped is True
    assert coverage.scraped_at == coverage.updated_at > coverage.created_at
    assert (coverage.businesses_found, coverage.emails_found) == (120, 45)
    assert coverage.actual_cost == Decimal("3.5")
    assert row(campaign_coverage, zip_code="00120") == untouched


def test_a_repeated_call_sets_and_never_adds(store: CampaignStore, campaign_id, row) -> None:
    for found in (10, 7, 7):
        store.update_coverage_status(campaign_id, "00100", found, found, found)
    coverage = row(campaign_coverage, zip_code="00100")
    assert (coverage.businesses_found, coverage.emails_found, coverage.actual_cost) == (7, 7, 7)


def test_leading_zeros_tell_zip_codes_apart(store: CampaignStore, rows) -> None:
    campaign_id = store.create_campaign_with_coverage(
        {"name": "Helsinki"}, ["00100", "0100", "100"]
    ).campaign_id
    store.update_coverage_status(campaign_id, " 0100 ", 1, 1, 1)
    scraped = {entry.zip_code for entry in rows(campaign_coverage, scraped=True)}
    assert scraped == {"0100"}


def test_zero_is_a_result(store: CampaignStore, campaign_id, row) -> None:
    store.update_coverage_status(campaign_id, "00100", 0, 0, 0)
    assert row(campaign_coverage, scraped=True).businesses_found == 0


def test_costs_are_rounded_to_four_decimals(
    store: CampaignStore, campaign_id, row, subtests
) -> None:
    for given, stored in [
        (Decimal("1.00005"), "1.0001"),
        (Decimal("1.00004"), "1"),
        ("0.00004", "0"),
        ("1e3", "1000"),
        (7, "7"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("99999999999999.99994", "99999999999999.9999"),
    ]:
        with subtests.test(given=given):
            store.update_coverage_status(campaign_id, "00100", 1, 1, given)
            assert row(campaign_coverage, zip_code="00100").actual_cost == Decimal(stored)


def test_the_largest_counts_fit(store: CampaignStore, campaign_id, row) -> None:
    store.update_coverage_status(campaign_id, "00100", 2**31 - 1, 2**31 - 1, 0)
    assert row(campaign_coverage, zip_code="00100").emails_found == 2**31 - 1


async def test_the_async_store_does_the_same(
    async_store: AsyncCampaignStore, campaign_id, row
) -> None:
    await async_store.update_coverage_status(str(campaign_id), "00100", 1, 0, "0.1")
    assert row(campaign_coverage, scraped=True).actual_cost == Decimal("0.1")
