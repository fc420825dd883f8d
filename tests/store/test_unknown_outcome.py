"""COMMIT was done and its answer lost: the retry finds its own key and changes nothing more."""

import socket
import uuid

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    ConflictError,
    DatabaseConnectionError,
    RetryPolicy,
)
from campaigndb.calling.errors import nothing_was_sent
from campaigndb.calling.retries import NO_RETRY
from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
)
from tests.store.answer_losing_proxy import answer_losing_proxy


@pytest.fixture
def proxy(app_url):
    with answer_losing_proxy(app_url) as proxy:
        yield proxy


@pytest.fixture
def lossy_store(proxy):
    engine = create_engine(proxy.url)
    yield CampaignStore(engine, schema="public")
    engine.dispose()


def lose_one(proxy) -> None:
    proxy.to_lose += 1


def test_a_campaign_is_created_once(lossy_store, proxy, row) -> None:
    lose_one(proxy)
    created = lossy_store.create_campaign_with_coverage({"name": "Helsinki"}, ["1", "2"])
    assert proxy.lost == 1
    assert (created.campaign_id, created.zip_count) == (row(campaigns).id, 2)
    assert created.replayed is True


def test_a_cost_is_charged_once(lossy_store, proxy, campaign_id, row) -> None:
    lose_one(proxy)
    tracked = lossy_store.track_campaign_cost(campaign_id, "bouncer", 1, "2.5")
    assert proxy.lost == 1
    assert (tracked.cost_id, tracked.replayed) == (row(api_costs).id, True)
    assert row(campaigns).actual_cost == tracked.new_total == row(api_costs).cost_usd


def test_an_enrichment_is_one_attempt(lossy_store, proxy, add_business, row) -> None:
    business_id = add_business("a")
    lose_one(proxy)
    result = lossy_store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "primary_email": "a@b.fi"}]
    )
    assert proxy.lost == 1
    assert (result.updated, row(facebook_enrichments).business_id) == (1, business_id)
    assert row(businesses).enrichment_attempts == 1


def test_a_verification_is_logged_once(lossy_store, proxy, add_business, row) -> None:
    business_id = add_business("a", email="a@b.fi")
    lose_one(proxy)
    verified = lossy_store.update_email_verification(business_id, "a@b.fi", {"status": "risky"})
    assert proxy.lost == 1
    assert (verified.replayed, verified.status) == (True, row(email_verifications).status)


def test_a_batch_and_a_coverage_are_the_same_afterwards(
    lossy_store, proxy, campaign_id, row
) -> None:
    lose_one(proxy)
    inserted = lossy_store.insert_businesses_batch(
        campaign_id, "00100", [{"place_id": "a", "name": "x"}]
    )
    lose_one(proxy)
    lossy_store.update_coverage_status(campaign_id, "00100", 1, 0, "0.5")
    lose_one(proxy)
    counted = lossy_store.update_campaign_statistics(campaign_id)
    assert proxy.lost == 3
    assert (inserted.total, row(businesses).place_id) == (1, "a")
    assert row(campaign_coverage, scraped=True).businesses_found == 1
    assert counted.total_businesses == row(campaigns).total_businesses_found == 1


def test_a_block_of_calls_is_repeated_with_the_same_keys(
    lossy_store, proxy, campaign_id, row, rows
) -> None:
    def block(store):
        first = store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        second = store.track_campaign_cost(campaign_id, "facebook", 1, 2)
        return first, second

    lose_one(proxy)
    results = lossy_store.run_in_transaction(block)
    assert proxy.lost == 1
    assert [tracked.replayed for tracked in results] == [True, True]
    assert {tracked.cost_id for tracked in results} == {entry.id for entry in rows(api_costs)}
    assert row(campaigns).actual_cost == 3


def test_without_a_retry_the_caller_learns_that_the_connection_was_lost(
    proxy, campaign_id, rows
) -> None:
    engine = create_engine(proxy.url)
    store = CampaignStore(engine, schema="public", policies=NO_RETRY)
    key = {"idempotency_key": str(uuid.uuid4())}
    lose_one(proxy)
    with pytest.raises(DatabaseConnectionError) as caught:
        store.track_campaign_cost(campaign_id, "bouncer", 1, 1, key)
    assert caught.value.retry_recommended is True
    # It may have been committed, and here it was: the caller's own key tells.
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1, key).replayed is True
    assert len(rows(api_costs)) == 1
    engine.dispose()


async def test_the_async_store_charges_once_too(proxy, campaign_id, row) -> None:
    engine = create_async_engine(proxy.url)
    store = AsyncCampaignStore(engine, schema="public")
    lose_one(proxy)
    tracked = await store.track_campaign_cost(campaign_id, "bouncer", 1, "2.5")
    lose_one(proxy)

    async def block(bound):
        return await bound.track_campaign_cost(campaign_id, "bouncer", 1, "0.5")

    second = await store.run_in_transaction(block)
    await engine.dispose()
    assert proxy.lost == 2
    assert (tracked.replayed, second.replayed) == (True, True)
    assert row(campaigns).actual_cost == second.new_total == 3


def test_what_was_never_sent_leaves_no_outcome_open(app_url, owner_engine, campaign_id) -> None:
    """The pool had no connection left, and then the campaign was busy: nothing was written."""
    engine = create_engine(
        app_url.update_query_dict({"options": "-c lock_timeout=20ms"}),
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.05,
    )
    store = CampaignStore(
        engine, schema="public", policies=RetryPolicy(attempts=2, first_wait=0.001)
    )
    store.update_campaign_statistics(campaign_id)
    taken = engine.connect()

    def give_back(*_) -> None:
        taken.close()

    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("campaigndb.calling.attempts.logger.info", lambda *_, **__: give_back())
            with pytest.raises(ConflictError) as caught:
                store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        holder.rollback()
    assert (caught.value.error_code, caught.value.attempts) == ("55P03", 2)
    engine.dispose()


def test_nor_does_a_server_that_cannot_be_reached(campaign_id) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    engine = create_engine(f"postgresql+psycopg://nobody@127.0.0.1:{port}/nowhere")
    with pytest.raises(DBAPIError) as caught:
        engine.connect()
    assert nothing_was_sent(caught.value)
