"""What comes before a page is not fetched: only the page's own rows are."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from tests.support.waiting import wait_until

BUSINESSES, LIMIT, OFFSET = 2_000, 10, 1_900
ROWS_FETCHED = text(
    "select idx_tup_fetch + seq_tup_read from pg_stat_xact_user_tables "
    "where relid = 'gmaps_businesses'::regclass"
)
PAGE = text("select count(*) from get_businesses_for_enrichment(:campaign, :type, :limit, :offset)")


@pytest.mark.parametrize("enrichment_type", ["facebook", "linkedin"])
def test_a_deep_page_fetches_its_own_rows(
    store: CampaignStore, owner_engine: Engine, campaign_id, enrichment_type: str
) -> None:
    records = [
        {"place_id": str(number), "name": "x", "facebook_url": "f/x"}
        for number in range(BUSINESSES)
    ]
    store.insert_businesses_batch(campaign_id, "1", records)
    _, middle, *_ = pages = [
        store.get_businesses_for_enrichment(campaign_id, enrichment_type, 500, offset)
        for offset in range(0, BUSINESSES, 500)
    ]
    assert len({business.business_id for page in pages for business in page}) == BUSINESSES
    assert (
        store.get_businesses_for_enrichment(campaign_id, enrichment_type, 100, 600)
        == middle[100:200]
    )

    def fetched() -> int:
        with owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum (analyze) gmaps_businesses"))
        with owner_engine.begin() as connection:
            before = connection.execute(ROWS_FETCHED).scalar_one()
            # Plans that are kept come after the first five.
            for _ in range(7):
                page = {
                    "campaign": campaign_id,
                    "type": enrichment_type,
                    "limit": LIMIT,
                    "offset": OFFSET,
                }
                assert connection.execute(PAGE, page).scalar_one() == LIMIT
            return (connection.execute(ROWS_FETCHED).scalar_one() - before) // 7

    # Transactions of other tests may keep rows from being known as visible for a while.
    wait_until(lambda: fetched() <= LIMIT)
