"""A cost is one message to the server and one answer: no lock is held across the network."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import create_async_engine

from campaigndb import (
    AsyncCampaignStore,
    CampaignStore,
    DuplicateRecordError,
    InvalidInputError,
    MissingReferenceError,
)
from tests.conftest import APP_ROLE
from tests.faults.ledger import entries
from tests.faults.proxy import Proxy
from tests.faults.workers import without_encryption


@pytest.fixture
def proxy(app_url: URL) -> Iterator[Proxy]:
    assert app_url.port is not None
    with Proxy(app_url.port) as proxy:
        yield proxy


def test_a_cost_is_one_message_and_one_round_trip(
    proxy: Proxy, app_url: URL, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(without_encryption(app_url, proxy.port))
    store = CampaignStore(engine, schema="public")
    cost = {
        "campaign_id": campaign_id,
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": "0.01",
    }
    store.track_campaign_cost(**cost)
    for call in (
        lambda: store.track_campaign_cost(**cost),
        lambda: store.track_campaign_costs_batch([cost] * 50),
        lambda: store.update_campaign_statistics(campaign_id),
    ):
        proxy.forget_counts()
        call()
        assert proxy.messages == {"Q": 1}
        assert proxy.round_trips == 1
    engine.dispose()


def test_the_first_call_of_a_connection_asks_for_all_it_has_to_know_at_once(
    proxy: Proxy, app_url: URL, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(without_encryption(app_url, proxy.port))
    store = CampaignStore(engine, schema="public")
    engine.connect().close()
    proxy.forget_counts()
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert proxy.round_trips == 2
    engine.dispose()


async def test_an_asynchronous_cost_is_one_message_too(
    proxy: Proxy, app_url: URL, campaign_id: uuid.UUID
) -> None:
    engine = create_async_engine(without_encryption(app_url, proxy.port))
    store = AsyncCampaignStore(engine, schema="public")
    await store.track_campaign_cost(campaign_id, "bouncer", 1, "0.01")
    proxy.forget_counts()
    await store.track_campaign_cost(campaign_id, "bouncer", 1, "0.01")
    assert proxy.messages == {"Q": 1}
    assert proxy.round_trips == 1
    await engine.dispose()


def test_a_failed_cost_is_rolled_back_and_its_connection_goes_on(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    engine = create_engine(app_url, pool_size=1, max_overflow=0)
    store = CampaignStore(engine, schema="public")
    key = {"idempotency_key": "a"}
    first = store.track_campaign_cost(campaign_id, "bouncer", 1, 1, key)
    with engine.connect() as connection:
        backend = connection.scalar(text("select pg_backend_pid()"))

    with pytest.raises(DuplicateRecordError):
        store.track_campaign_cost(campaign_id, "bouncer", 1, 2, key)
    with pytest.raises(MissingReferenceError):
        store.track_campaign_cost(uuid.uuid4(), "bouncer", 1, 2)
    with pytest.raises(InvalidInputError):
        store.track_campaign_cost(campaign_id, "bouncer", 1, "1e400000")

    again = store.track_campaign_cost(campaign_id, "bouncer", 1, 1, key)
    assert (again.cost_id, again.replayed) == (first.cost_id, True)
    with engine.connect() as connection:
        # The very same connection, and as the pool gave it before: no AUTOCOMMIT stays behind.
        assert connection.scalar(text("select pg_backend_pid()")) == backend
        assert connection.connection.driver_connection.autocommit is False
        assert connection.scalar(text("show lock_timeout")) == "0"
        assert connection.scalar(text("show transaction_isolation")) == "read committed"
    engine.dispose()
    assert len(entries(owner_engine)) == 1


def test_a_role_that_reads_only_by_default_may_write_too(
    app_url: URL, campaign_id: uuid.UUID
) -> None:
    options = "-c default_transaction_read_only=on"
    engine = create_engine(app_url, connect_args={"options": options})
    store = CampaignStore(engine, schema="public")
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0
    engine.dispose()


def test_an_engine_of_any_isolation_level_will_do(app_url: URL, campaign_id: uuid.UUID) -> None:
    for number, level in enumerate(("AUTOCOMMIT", "SERIALIZABLE", "READ COMMITTED"), start=1):
        engine = create_engine(app_url, isolation_level=level)
        store = CampaignStore(engine, schema="public")
        assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == number
        with engine.connect() as connection:
            assert connection.get_isolation_level() == (
                "READ COMMITTED" if level == "AUTOCOMMIT" else level
            )
            assert connection.connection.driver_connection.autocommit is (level == "AUTOCOMMIT")
        engine.dispose()


def test_texts_reach_the_ledger_as_they_are(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    # The values are part of the message's text: nothing in them may end it.
    note = "'; commit; drop table gmaps_api_costs; -- %s %(p_service)s \\' \\\\ $$ $1 ? :x ä ☃"
    store.track_campaign_cost(campaign_id, "bouncer", 1, "1.5", {"note": note, note: [note]})
    (entry,) = entries(owner_engine)
    assert (entry.metadata["note"], entry.metadata[note]) == (note, [note])

    with pytest.raises(InvalidInputError):
        store.track_campaign_cost(campaign_id, note, 1, 1)
    with pytest.raises(InvalidInputError):
        store.track_campaign_cost(campaign_id, "bouncer", 1, note)
    assert len(entries(owner_engine)) == 1


def test_texts_do_not_depend_on_how_the_server_reads_backslashes(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            f'alter role {APP_ROLE} in database "{app_url.database}"'
            " set standard_conforming_strings = off"
        )
    engine = create_engine(app_url)
    note = "\\'; commit; -- \\\\ \\x41"
    CampaignStore(engine, schema="public").track_campaign_cost(
        campaign_id, "bouncer", 1, 1, {"note": note}
    )
    engine.dispose()
    (entry,) = entries(owner_engine)
    assert entry.metadata["note"] == note


def lose_all_connections(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and usename = :role"
            ),
            {"role": APP_ROLE},
        )


def test_after_a_restart_one_retry_is_enough_however_many_connections_the_pool_lost(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(app_url, pool_size=8)
    store = CampaignStore(engine, schema="public")
    with caplog.at_level("INFO", logger="campaigndb.calling.transactions"):
        for call in (
            lambda: store.update_campaign_statistics(campaign_id),
            lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
        ):
            for connection in [engine.connect() for _ in range(8)]:
                connection.close()
            lose_all_connections(owner_engine)
            caplog.clear()
            call()
            assert len(caplog.records) == 1
    assert engine.pool.checkedout() == 0
    engine.dispose()


async def test_after_a_restart_one_retry_is_enough_for_an_asynchronous_pool_too(
    app_url: URL, owner_engine: Engine, campaign_id: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_async_engine(app_url, pool_size=8)
    store = AsyncCampaignStore(engine, schema="public")
    for connection in [await engine.connect() for _ in range(8)]:
        await connection.close()
    lose_all_connections(owner_engine)
    with caplog.at_level("INFO", logger="campaigndb.calling.transactions"):
        await store.update_campaign_statistics(campaign_id)
    assert len(caplog.records) == 1
    await engine.dispose()


def test_a_block_that_waits_at_the_gate_may_write_several_campaigns(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    other_id = store.create_campaign_with_coverage({"name": "Tampere"}).campaign_id
    totals = store.run_in_transaction(
        lambda bound: [
            bound.track_campaign_cost(id_, "bouncer", 1, 1).new_total
            for id_ in (campaign_id, other_id, campaign_id)
        ],
        cost_campaigns=[campaign_id, str(other_id)],
    )
    assert totals == [1, 1, 2]


def test_the_answer_is_given_only_after_commit(
    store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    # A trigger that fails at COMMIT, after the function has returned success.
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "create function fail_at_commit() returns trigger language plpgsql as"
            " $$ begin raise exception using errcode = '23514', message = 'too late'; end $$"
        )
        connection.exec_driver_sql(
            "create constraint trigger late after insert on gmaps_api_costs"
            " deferrable initially deferred for each row execute function fail_at_commit()"
        )
    with pytest.raises(InvalidInputError, match="too late") as caught:
        store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert caught.value.error_code == "23514"
    assert entries(owner_engine) == []
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("drop trigger late on gmaps_api_costs")
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1


def test_a_conflict_at_commit_is_repeated(
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("create sequence attempts")  # counts through rollbacks
        connection.exec_driver_sql(
            "create function fail_twice() returns trigger language plpgsql security definer as"
            " $$ begin"
            " if nextval('attempts') < 3 then raise exception using errcode = '40001'; end if;"
            " return null;"
            " end $$"
        )
        connection.exec_driver_sql(
            "create constraint trigger late after insert on gmaps_api_costs"
            " deferrable initially deferred for each row execute function fail_twice()"
        )
    with caplog.at_level("INFO", logger="campaigndb.calling.transactions"):
        tracked = store.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert (tracked.new_total, tracked.replayed) == (1, False)
    assert [record.sqlstate for record in caplog.records] == ["40001", "40001"]
    assert len(entries(owner_engine)) == 1
