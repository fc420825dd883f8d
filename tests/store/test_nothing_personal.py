"""No error carries what a call was given: not in its text, and not in the errors it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, CampaignStore, RetryPolicy, StoredFunctionError
from campaigndb.tables import businesses

SECRET = "anna.virtanen@kahvila.example"
QUICK = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.001)


@pytest.fixture
def impatient_url(app_url: URL, add_business: Callable[..., Any]) -> URL:
    add_business(email=SECRET, facebook_url="https://facebook.com/kahvila")
    return app_url.update_query_dict({"options": "-c lock_timeout=20ms"})


@pytest.fixture
def locked(owner_engine: Engine, impatient_url: URL) -> Iterator[None]:
    """Whoever writes to a business fails: in the envelope, or by an exception behind it."""
    with owner_engine.connect() as holder:
        holder.execute(text("lock table gmaps_businesses, gmaps_email_verifications"))
        yield
        holder.rollback()


def everything_of(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        left += [each.__cause__, each.__context__]
        yield repr(each)
        yield str(each)
        yield repr(vars(each))


def check(error: StoredFunctionError) -> None:
    assert error.__context__ is None
    assert error.__cause__ is None
    assert not any(SECRET in part for part in everything_of(error))


def failing_calls(campaign: Any) -> list[Callable[[Any], Any]]:
    record = {"placeId": SECRET, "title": SECRET, "emails": [SECRET]}
    return [
        lambda store: store.insert_businesses_batch(campaign, SECRET, [record]),
        lambda store: store.update_email_verification(campaign, SECRET, {"status": "risky"}),
        lambda store: store.get_businesses_for_enrichment(campaign, "facebook"),
        lambda store: store.get_businesses_for_enrichment(campaign, SECRET),
        lambda store: store.track_campaign_cost(campaign, SECRET, 1, 1, {"note": SECRET}),
        lambda store: store.track_campaign_cost(campaign, "bouncer", 1, SECRET),
        lambda store: store.update_coverage_status(campaign, "00100", 1, 1, SECRET),
    ]


@pytest.mark.usefixtures("locked")
def test_of_calls_blocks_and_bound_calls(impatient_url: URL, campaign_id: Any) -> None:
    engine = create_engine(impatient_url)
    store = CampaignStore(engine, schema="public", policies=QUICK)
    for call in failing_calls(campaign_id):
        with pytest.raises(StoredFunctionError) as caught:
            call(store)
        check(caught.value)
        with pytest.raises(StoredFunctionError) as caught:
            store.run_in_transaction(call, policy=QUICK)
        check(caught.value)
        with engine.connect() as connection:
            connection = connection.execution_options(isolation_level="SERIALIZABLE")
            with pytest.raises(StoredFunctionError) as caught:
                call(store.bind(connection))
            check(caught.value)
    engine.dispose()


@pytest.mark.usefixtures("locked")
async def test_of_asynchronous_ones(impatient_url: URL, campaign_id: Any) -> None:
    engine = create_async_engine(impatient_url)
    store = AsyncCampaignStore(engine, schema="public", policies=QUICK)
    for call in failing_calls(campaign_id):
        with pytest.raises(StoredFunctionError) as caught:
            await call(store)
        check(caught.value)
        with pytest.raises(StoredFunctionError) as caught:
            await store.run_in_transaction(call, policy=QUICK)
        check(caught.value)
    await engine.dispose()


def test_of_a_call_whose_outcome_is_unknown(
    store: CampaignStore, campaign_id: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigndb.calling.execution.FLUSH", "SELECT 1 / 0")
    short = CampaignStore(store.engine, schema="public", policies=QUICK)
    with pytest.raises(StoredFunctionError) as caught:
        short.track_campaign_cost(campaign_id, "bouncer", 1, 1, {"note": SECRET})
    assert "unknown" in caught.value.error
    check(caught.value)


def test_of_the_servers_own_messages(
    store: CampaignStore, owner_engine: Engine, campaign_id: Any
) -> None:
    # A check of the user's own, whose violation PostgreSQL describes by the whole row.
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            f"alter table {businesses.name} add constraint no_cafes check (name <> '{SECRET}')"
        )
    with pytest.raises(StoredFunctionError) as caught:
        store.insert_businesses_batch(campaign_id, "00100", [{"placeId": "p", "title": SECRET}])
    assert caught.value.error_code == "23514"
    check(caught.value)


def test_the_callers_own_error_stays_the_context(store: CampaignStore, campaign_id: Any) -> None:
    own = ValueError("the caller's")
    try:
        raise own
    except ValueError:
        with pytest.raises(StoredFunctionError) as caught:
            store.track_campaign_cost(campaign_id, "?", 1, 1)
    assert caught.value.__context__ is own


async def test_a_callers_own_error_in_a_block_is_raised_as_it_is(
    async_store: AsyncCampaignStore, store: CampaignStore
) -> None:
    own = TimeoutError("the caller's")

    def block(_: Any) -> None:
        raise own

    async def async_block(_: Any) -> None:
        raise own

    with pytest.raises(asyncio.TimeoutError) as caught:
        store.run_in_transaction(block)
    assert caught.value is own
    with pytest.raises(asyncio.TimeoutError) as caught:
        await async_store.run_in_transaction(async_block)
    assert caught.value is own
