"""The iterator meets every business once while others take businesses out of the queue."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from campaigndb import AsyncCampaignStore, CampaignStore

PAGES = 20
PAGE_SIZE = 25


def fill(engine, campaign_id, count):
    """Straight into the table: many rows of equal and of different ages."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                insert into gmaps_businesses (campaign_id, place_id, name, created_at)
                select
                  cast(:campaign_id as uuid),
                  :campaign_id || ' place ' || number,
                  'Business',
                  timestamptz '2026-01-01' + number / 7 * interval '1 microsecond'
                from generate_series(1, :count) as series(number)
            """),
            {"campaign_id": str(campaign_id), "count": count},
        )


@pytest.mark.parametrize("queue", ["facebook", "linkedin"])
def test_none_is_missed_and_none_repeated_while_four_threads_shrink_the_queue(
    store: CampaignStore, owner_engine, campaign_id, queue
) -> None:
    fill(owner_engine, campaign_id, PAGES * PAGE_SIZE)
    seen = []
    work = iter(store.iter_businesses_for_enrichment(campaign_id, queue, PAGE_SIZE))
    taking = threading.Lock()

    def work_off() -> None:
        while True:
            with taking:
                taken = list(itertools.islice(work, 7))
                seen.extend(business.business_id for business in taken)
            if not taken:
                return
            store.update_enrichment_batch(
                queue, [{"business_id": business.business_id} for business in taken]
            )

    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(work_off) for _ in range(4)]:
            future.result(60)

    assert len(seen) == len(set(seen)) == PAGES * PAGE_SIZE
    assert store.get_businesses_for_enrichment(campaign_id, queue) == ()


def test_offset_paging_misses_what_the_iterator_does_not(
    store: CampaignStore, owner_engine, campaign_id
) -> None:
    """Why there is an iterator."""
    fill(owner_engine, campaign_id, 4 * PAGE_SIZE)
    seen = 0
    for offset in range(0, 4 * PAGE_SIZE, PAGE_SIZE):
        page = store.get_businesses_for_enrichment(campaign_id, "facebook", PAGE_SIZE, offset)
        seen += len(page)
        store.update_enrichment_batch("facebook", [{"business_id": b.business_id} for b in page])
    assert seen == 2 * PAGE_SIZE


def test_a_queue_of_any_length_comes_to_its_end(
    store: CampaignStore, owner_engine, subtests
) -> None:
    for count in (0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE):
        with subtests.test(count=count):
            campaign_id = store.create_campaign_with_coverage({"name": str(count)}).campaign_id
            fill(owner_engine, campaign_id, count)
            queue = [
                business.place_id
                for business in store.iter_businesses_for_enrichment(
                    campaign_id, "facebook", PAGE_SIZE
                )
            ]
            assert len(queue) == len(set(queue)) == count


def test_no_transaction_stays_open_between_pages(
    store: CampaignStore, owner_engine, campaign_id
) -> None:
    fill(owner_engine, campaign_id, 2 * PAGE_SIZE)
    work = store.iter_businesses_for_enrichment(campaign_id, "facebook", PAGE_SIZE)
    next(work)
    assert store.engine.pool.checkedout() == 0
    assert len(list(work)) == 2 * PAGE_SIZE - 1


async def test_the_async_iterator_misses_none_either(
    async_store: AsyncCampaignStore, owner_engine, campaign_id
) -> None:
    fill(owner_engine, campaign_id, 3 * PAGE_SIZE)
    seen = []
    async for business in async_store.iter_businesses_for_enrichment(
        campaign_id, "linkedin", PAGE_SIZE
    ):
        seen.append(business.business_id)
        await async_store.update_enrichment_batch(
            "linkedin", [{"business_id": business.business_id}]
        )
    assert len(seen) == len(set(seen)) == 3 * PAGE_SIZE


def blocks_read(connection, statement, parameters):
    [[[plan]]] = connection.execute(
        text(f"explain (analyze, buffers, format json) {statement}"), parameters
    ).all()
    top = plan["Plan"]
    return top["Actual Rows"], top["Shared Hit Blocks"] + top["Shared Read Blocks"]


@pytest.mark.parametrize("queue", ["facebook", "linkedin"])
def test_the_last_page_reads_no_more_than_the_first(owner_engine, campaign_id, queue) -> None:
    count = 20_000
    fill(owner_engine, campaign_id, count)
    with owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze gmaps_businesses"))
    page = """
        select * from get_businesses_for_enrichment_after(:campaign_id, :queue, :created_at, :id)
    """
    at = "select created_at, id from gmaps_businesses order by queue_position, id offset :n limit 1"
    with owner_engine.connect() as connection:
        blocks = []
        for depth in (0, count // 2, count - 101):
            position = connection.execute(text(at), {"n": depth}).one()
            values = {"campaign_id": campaign_id, "queue": queue}
            values |= {"created_at": position.created_at, "id": position.id}
            # The first call also reads the catalogs; from the sixth on, the plan is a generic one.
            runs = [blocks_read(connection, page, values) for _ in range(9)]
            assert {found for found, _ in runs} == {100}
            blocks.append(min(read for _, read in runs[6:]))
    # A page's 100 rows and their index entries may begin and end in the middle of a block.
    assert max(blocks) <= 2 * blocks[0] + 10
    # Two of them a row are for whether somebody holds it.
    assert max(blocks) < 350
