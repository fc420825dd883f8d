"""What a cluster calls an internal error is told, and tried again, as what it means."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    ConflictError,
    DatabaseConnectionError,
    StoredFunctionError,
)
from campaigndb.calling.errors import CLUSTER_TEXTS
from campaigndb.calling.retries import NO_RETRY
from tests.store.failing import calls_of, replace_functions, tries

# As Citus says them, all under XX000; and what they are told as.
SAID = {
    "server closed the connection unexpectedly": ("08006", DatabaseConnectionError),
    "failure on connection marked as essential: 10.0.0.2:5432": ("08006", DatabaseConnectionError),
    "could not commit transaction for shard 102008 on at least one active node": (
        "40003",
        DatabaseConnectionError,
    ),
    "could not serialize access due to concurrent update": ("40001", ConflictError),
    "could not serialize access due to read/write dependencies among transactions": (
        "40001",
        ConflictError,
    ),
}
AT_COMMIT = """
create table at_commit (n int);
create function fail_at_commit() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'XX000',
    message = 'could not commit transaction for shard 102008 on at least one active node';
end $$;
create constraint trigger fail after insert on at_commit deferrable initially deferred
  for each row execute function fail_at_commit();
"""


def test_there_is_an_example_of_every_text() -> None:
    for text, code in CLUSTER_TEXTS.items():
        assert [code] == list({meant for said, (meant, _) in SAID.items() if text in said})


@pytest.mark.parametrize("envelope", [True, False], ids=["envelope", "error"])
def test_calls_are_told_what_it_means_and_are_tried_again(
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    fail: Callable[..., None],
    envelope: bool,
    subtests: pytest.Subtests,
) -> None:
    once = CampaignStore(store.engine, schema="public", policies=NO_RETRY)
    for message, (code, cls) in SAID.items():
        for number in (0, 1):
            with subtests.test(message, number=number):
                fail(1, "XX000", message, envelope=envelope)
                with pytest.raises(StoredFunctionError) as caught:
                    calls_of(once, campaign_id)[number]()
                assert (type(caught.value), caught.value.error_code) == (cls, code)
                assert caught.value.retry_recommended
                assert message in caught.value.detail
                fail(2, "XX000", message, envelope=envelope)
                calls_of(store, campaign_id)[number]()
                assert tries(owner_engine) == 3


async def test_asynchronous_calls_too(
    async_store: AsyncCampaignStore, campaign_id: uuid.UUID, fail: Callable[..., None]
) -> None:
    for message in SAID:
        fail(2, "XX000", message)
        for call in calls_of(async_store, campaign_id):
            await call()


@pytest.mark.parametrize("message", [*SAID, "cache lookup failed for function 16543"])
def test_a_block_is_run_again_with_the_same_keys(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID, message: str
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("create table keys (key text)")
        connection.exec_driver_sql("create sequence tries")
    runs = []

    def block(bound: object) -> None:
        runs.append(bound._new_key())  # type: ignore[attr-defined]
        bound.connection.exec_driver_sql(  # type: ignore[attr-defined]
            "do $$ begin if nextval('public.tries') <= 2 then"
            f" raise exception using errcode = 'XX000', message = '{message}'; end if; end $$"
        )

    with owner_engine.begin() as connection:
        connection.exec_driver_sql("grant usage on sequence tries to public")
    store.run_in_transaction(block)
    assert len(runs) == 3
    assert len(set(runs)) == 1


def test_a_commit_whose_outcome_is_open_is_asked_again_under_the_same_key(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(AT_COMMIT)
    replace_functions(owner_engine, 2, "insert into public.at_commit values (1)")
    once = CampaignStore(store.engine, schema="public", policies=NO_RETRY)
    for number in (0, 1):
        replace_functions(owner_engine, 1, "insert into public.at_commit values (1)")
        with pytest.raises(DatabaseConnectionError) as caught:
            calls_of(once, campaign_id)[number]()
        assert caught.value.error_code == "40003"
        assert "unknown" in caught.value.error
        replace_functions(owner_engine, 2, "insert into public.at_commit values (1)")
        calls_of(store, campaign_id)[number]()
        assert tries(owner_engine) == 3
