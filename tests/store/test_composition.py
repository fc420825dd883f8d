"""Several functions in one transaction that the caller opened: all of it, or nothing."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    InvalidInputError,
    IsolationLevelError,
    MissingReferenceError,
)
from campaigndb.tables import api_costs, businesses, campaign_coverage, campaigns

RECORDS = [{"place_id": "a", "name": "x", "needs_enrichment": True}]


def scrape(bound, campaign_id):
    """What a scraper does for one ZIP code."""
    bound.insert_businesses_batch(campaign_id, "00100", RECORDS)
    bound.update_coverage_status(campaign_id, "00100", 1, 0, "0.5")
    return bound.track_campaign_cost(campaign_id, "google_maps", 1, "0.5")


def everything_is_there(row) -> None:
    assert row(businesses).place_id == "a"
    assert row(campaign_coverage, scraped=True).zip_code == "00100"
    assert row(campaigns).actual_cost == row(api_costs).cost_usd


def test_in_a_connection(store: CampaignStore, app_engine, campaign_id, row) -> None:
    serializable = app_engine.execution_options(isolation_level="SERIALIZABLE")
    with serializable.begin() as connection:
        scrape(store.bind(connection), campaign_id)
    everything_is_there(row)


def test_in_a_session(store: CampaignStore, app_engine, campaign_id, row) -> None:
    serializable = app_engine.execution_options(isolation_level="SERIALIZABLE")
    with Session(serializable) as session, session.begin():
        scrape(store.bind(session), campaign_id)
        assert session.execute(text("show transaction_isolation")).scalar_one() == "serializable"
    everything_is_there(row)


def test_what_the_caller_rolls_back_is_gone(
    store: CampaignStore, app_engine, campaign_id, nothing_changes
) -> None:
    serializable = app_engine.execution_options(isolation_level="SERIALIZABLE")
    with nothing_changes(), Session(serializable) as session:
        assert scrape(store.bind(session), campaign_id).new_total
        session.rollback()
    with nothing_changes(), serializable.connect() as connection:
        scrape(store.bind(connection), campaign_id)


def test_a_refused_call_leaves_the_callers_transaction_usable(
    store: CampaignStore, app_engine, campaign_id, row, rows
) -> None:
    serializable = app_engine.execution_options(isolation_level="SERIALIZABLE")
    with serializable.begin() as connection:
        bound = store.bind(connection)
        bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        for refused in (
            lambda: bound.track_campaign_cost(campaign_id, "?", 1, 1),
            lambda: bound.insert_businesses_batch(campaign_id, "1", None),
            lambda: bound.update_coverage_status(campaign_id, "1", 1, 1, 1.0),
        ):
            with pytest.raises(InvalidInputError):
                refused()
        with pytest.raises(MissingReferenceError):
            bound.update_coverage_status(campaign_id, "?", 1, 1, 1)
        bound.track_campaign_cost(campaign_id, "bouncer", 1, 2)
    assert row(campaigns).actual_cost == 3
    assert len(rows(api_costs)) == 2


def test_a_savepoint_undoes_a_part(store: CampaignStore, app_engine, campaign_id, row) -> None:
    with app_engine.execution_options(isolation_level="SERIALIZABLE").begin() as connection:
        bound = store.bind(connection)
        bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        with connection.begin_nested() as savepoint:
            bound.track_campaign_cost(campaign_id, "bouncer", 1, 10)
            savepoint.rollback()
    assert row(campaigns).actual_cost == 1


def test_a_cost_below_serializable_is_a_clear_error(
    store: CampaignStore, app_engine, campaign_id, nothing_changes, subtests
) -> None:
    with nothing_changes():
        for level in ("READ COMMITTED", "REPEATABLE READ"):
            engine = app_engine.execution_options(isolation_level=level)
            with subtests.test(level), Session(engine) as session:
                bound = store.bind(session)
                with pytest.raises(IsolationLevelError) as caught:
                    bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
                assert level in caught.value.detail
                assert "SERIALIZABLE" in caught.value.error


def test_the_other_functions_take_any_level(
    store: CampaignStore, app_engine, campaign_id, subtests
) -> None:
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        with subtests.test(level), app_engine.connect() as connection:
            connection.execution_options(isolation_level=level)
            bound = store.bind(connection)
            bound.insert_businesses_batch(campaign_id, "1", RECORDS)
            [business] = bound.get_businesses_for_enrichment(campaign_id, "facebook")
            assert [business] == list(bound.iter_businesses_for_enrichment(campaign_id, "facebook"))
            bound.update_enrichment_batch(
                "facebook", [{"business_id": business.business_id, "emails": "a@b.fi"}]
            )
            bound.update_email_verification(
                business.business_id, "a@b.fi", {"status": "deliverable"}
            )
            assert bound.update_campaign_statistics(campaign_id).total_verified_emails == 1
            assert bound.get_businesses_for_enrichment(campaign_id, "facebook") == ()


def test_autocommit_is_refused_where_it_is_bound(store: CampaignStore, app_url) -> None:
    engine = create_engine(app_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(IsolationLevelError, match="AUTOCOMMIT"):
        store.bind(connection)
    with Session(engine) as session, pytest.raises(IsolationLevelError, match="AUTOCOMMIT"):
        store.bind(session)
    engine.dispose()


def test_a_block_in_one_transaction_is_committed_as_a_whole(
    store: CampaignStore, campaign_id, row
) -> None:
    assert store.run_in_transaction(lambda bound: scrape(bound, campaign_id)).service
    everything_is_there(row)


def test_a_block_that_fails_leaves_nothing(
    store: CampaignStore, campaign_id, nothing_changes
) -> None:
    def block(bound):
        scrape(bound, campaign_id)
        bound.update_coverage_status(campaign_id, "?", 1, 1, 1)

    with nothing_changes(), pytest.raises(MissingReferenceError) as caught:
        store.run_in_transaction(block)
    assert caught.value.function == "update_coverage_status"


def test_a_block_runs_at_the_level_that_it_asks_for(store: CampaignStore, subtests) -> None:
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        with subtests.test(level):
            shown = store.run_in_transaction(
                lambda bound: bound.connection.execute(
                    text("show transaction_isolation")
                ).scalar_one(),
                isolation_level=level,
            )
            assert shown.upper() == level


async def test_the_async_store_composes_the_same(
    async_store: AsyncCampaignStore, async_engine, campaign_id, row, nothing_changes
) -> None:
    async def scrape_async(bound):
        await bound.insert_businesses_batch(campaign_id, "00100", RECORDS)
        await bound.update_coverage_status(campaign_id, "00100", 1, 0, "0.5")
        return await bound.track_campaign_cost(campaign_id, "google_maps", 1, "0.5")

    serializable = async_engine.execution_options(isolation_level="SERIALIZABLE")
    with nothing_changes():
        async with AsyncSession(serializable) as session:
            await scrape_async(await async_store.bind(session))
            await session.rollback()
        async with async_engine.connect() as connection:
            with pytest.raises(IsolationLevelError):
                await scrape_async(await async_store.bind(connection))
        await connection.close()
        autocommit = async_engine.execution_options(isolation_level="AUTOCOMMIT")
        async with autocommit.connect() as connection:
            with pytest.raises(IsolationLevelError, match="AUTOCOMMIT"):
                await async_store.bind(connection)
    async with serializable.begin() as connection:
        await scrape_async(await async_store.bind(connection))
    everything_is_there(row)
    tracked = await async_store.run_in_transaction(scrape_async)
    assert row(campaigns).actual_cost == tracked.new_total == 1
