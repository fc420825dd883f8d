"""JSON that is nested too deeply is refused, and never breaks the look at a call's campaigns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import AsyncCampaignStore, InvalidInputError, StoredFunctionError
from campaigndb.rollout import AsyncRolloutStore, Percentages, RolloutStore
from tests.rollout.async_application import AsyncApplicationLogic

# Around the interpreter's limit, 1,000 calls: what can just be written cannot be read a few calls
# further down, where the store reads whose a call is. (Newer interpreters allow much more.)
DEPTHS = range(900, 1001)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def check(errors: list[StoredFunctionError], parameter: str) -> None:
    for error in errors:
        assert isinstance(error, InvalidInputError)
        assert error.error_code == "22023"
        assert error.detail.startswith(
            f"{parameter} is not JSON: maximum recursion depth exceeded while"
        )


@pytest.mark.parametrize("parameter", ["p_enrichments", "p_campaign_data"])
def test_a_rollout_store_refuses_it(rollout: Callable[..., RolloutStore], parameter: str) -> None:
    store = rollout(all=50)
    errors = []
    for depth in DEPTHS:
        deep = nested(depth)
        try:
            if parameter == "p_enrichments":
                store.update_enrichment_batch("facebook", [{"x": deep}])
            else:
                store.create_campaign_with_coverage({"name": "Oulu", "x": deep})
        except StoredFunctionError as error:
            errors.append(error)
    check(errors, parameter)


async def test_an_asynchronous_one_too(async_store: AsyncCampaignStore, database_url: URL) -> None:
    engine = create_async_engine(database_url)
    application = AsyncApplicationLogic(engine)
    store = AsyncRolloutStore(async_store, application, fixed=Percentages(in_settings={"all": 50}))
    errors = []
    for depth in DEPTHS:
        try:
            await store.update_enrichment_batch("facebook", [{"x": nested(depth)}])
        except StoredFunctionError as error:
            errors.append(error)
    await engine.dispose()
    check(errors, "p_enrichments")
