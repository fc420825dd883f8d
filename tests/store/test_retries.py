"""Only what a retry can help is retried: in a new transaction, and within its bounds."""

import threading
import time

import pytest
from sqlalchemy import create_engine, event, text

from campaigndb import (
    CallTimeoutError,
    CampaignStore,
    ConflictError,
    InvalidInputError,
    MissingReferenceError,
    RetryPolicy,
    StoredFunctionError,
)
from campaigndb.tables import campaigns
from tests.support.waiting import wait_until

QUICK = RetryPolicy(attempts=4, first_wait=0.001, longest_wait=0.002)


@pytest.fixture
def make_store(app_url):
    """Stores with session settings of their own, and how often each took a connection."""
    engines = []

    def make(settings="", **options):
        engine = create_engine(app_url, connect_args={"options": settings})
        engines.append(engine)
        store = CampaignStore(engine, schema="public", **options)
        store.checkouts = []
        event.listen(engine, "checkout", lambda *connection: store.checkouts.append(connection))
        return store

    yield make
    for engine in engines:
        engine.dispose()


def test_a_busy_resource_is_tried_again_until_it_is_free(
    make_store, owner_engine, campaign_id
) -> None:
    store = make_store("-c lock_timeout=40ms", policies=RetryPolicy(attempts=500, first_wait=0.001))
    results = []
    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        caller = threading.Thread(
            target=lambda: results.append(
                (
                    store.update_campaign_statistics(campaign_id),
                    store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
                )
            )
        )
        caller.start()
        wait_until(lambda: len(store.checkouts) > 5)
        assert results == []
        holder.rollback()
    caller.join(30)
    [(counted, tracked)] = results
    assert (counted.total_businesses, tracked.new_total) == (0, 1)


def test_a_busy_resource_is_given_up_after_the_last_attempt(
    make_store, owner_engine, campaign_id, nothing_changes
) -> None:
    store = make_store("-c lock_timeout=10ms", policies={"update_campaign_statistics": QUICK})
    with nothing_changes(), owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.raises(ConflictError) as caught:
            store.update_campaign_statistics(campaign_id)
        holder.rollback()
    error = caught.value
    assert (error.error_code, error.attempts) == ("55P03", 4)
    assert error.function == "update_campaign_statistics"
    assert str(error).startswith("update_campaign_statistics: Resource busy, please retry [55P03]")
    assert str(error).endswith("(after 4 attempts)")


def test_the_deadline_ends_the_attempts(make_store, owner_engine, campaign_id) -> None:
    store = make_store(
        "-c lock_timeout=20ms",
        policies=RetryPolicy(attempts=10_000, deadline=0.3, first_wait=0.001, longest_wait=0.01),
    )
    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        started = time.monotonic()
        with pytest.raises(ConflictError) as caught:
            store.update_campaign_statistics(campaign_id)
        took = time.monotonic() - started
        holder.rollback()
    assert 1 < caught.value.attempts < 100
    assert took < 5


def test_what_a_retry_cannot_help_is_tried_once(make_store, campaign_id, subtests) -> None:
    store = make_store(policies=QUICK)
    for call, cls in [
        (lambda: store.update_coverage_status(campaign_id, "?", 1, 1, 1), MissingReferenceError),
        (lambda: store.update_coverage_status(campaign_id, "?", -1, 1, 1), InvalidInputError),
        (lambda: store.get_businesses_for_enrichment(campaign_id, "?"), InvalidInputError),
    ]:
        store.checkouts.clear()
        with subtests.test(cls.__name__):
            with pytest.raises(cls) as caught:
                call()
            assert (caught.value.attempts, len(store.checkouts)) == (1, 1)


def test_a_statement_timeout_is_a_call_timeout_and_is_not_repeated(
    make_store, owner_engine, campaign_id, nothing_changes
) -> None:
    store = make_store("-c statement_timeout=100ms", policies=QUICK)
    with nothing_changes(), owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.raises(CallTimeoutError) as caught:
            store.update_campaign_statistics(campaign_id)
        holder.rollback()
    error = caught.value
    assert (error.error_code, error.retry_recommended, error.attempts) == ("57014", False, 1)
    # The connection is as good as new.
    assert store.update_campaign_statistics(campaign_id).total_businesses == 0


def test_a_serialization_failure_is_retried_with_a_new_snapshot(
    make_store, campaign_id, row
) -> None:
    """Each attempt's snapshot is taken before another cost is committed, twice."""
    store, rival = make_store(policies=QUICK), make_store()
    interruptions = []

    def interrupt(connection, block):
        connection.execute(text("select now()"))
        if len(interruptions) < 2:
            interruptions.append(rival.track_campaign_cost(campaign_id, "facebook", 1, 10))
        return block()

    def block(bound):
        return interrupt(
            bound.connection, lambda: bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        )

    tracked = store.run_in_transaction(block)
    assert len(interruptions) == 2
    assert len(store.checkouts) == 3
    assert (tracked.new_total, tracked.replayed) == (21, False)
    assert row(campaigns).actual_cost == 21


def test_a_failure_at_commit_is_retried_like_any_other(
    make_store, owner_engine, campaign_id, row
) -> None:
    """What a deferred constraint says comes only at COMMIT, outside every envelope."""
    with owner_engine.begin() as connection:
        connection.execute(
            text("""
                create sequence commits;
                create function fail_twice() returns trigger language plpgsql security definer
                as $$
                begin
                  if nextval('public.commits') <= 2 then
                    raise 'at commit' using errcode = '40001';
                  end if;
                  return null;
                end
                $$;
                create constraint trigger fail_twice after update on gmaps_campaigns
                  deferrable initially deferred
                  for each row execute function fail_twice();
            """)
        )
    assert make_store().track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == 1
    assert row(campaigns).actual_cost == 1

    with owner_engine.begin() as connection:
        connection.execute(text("alter sequence commits restart"))
    impatient = make_store(policies=RetryPolicy(attempts=2, first_wait=0.001))
    with pytest.raises(ConflictError) as caught:
        impatient.track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert (caught.value.error_code, caught.value.attempts) == ("40001", 2)
    assert row(campaigns).actual_cost == 1


def test_an_exception_of_the_block_is_the_callers_and_rolls_back(
    make_store, campaign_id, nothing_changes
) -> None:
    store = make_store(policies=QUICK)

    def block(bound):
        bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)
        raise KeyError("the caller's")

    with nothing_changes(), pytest.raises(KeyError, match="the caller's"):
        store.run_in_transaction(block)
    assert len(store.checkouts) == 1


def test_waits_are_random_and_bounded() -> None:
    policy = RetryPolicy(attempts=3, first_wait=0.1, longest_wait=0.5)
    wait = policy.tenacity_options()["wait"]

    class State:
        def __init__(self, attempt_number: int) -> None:
            self.attempt_number = attempt_number

    for attempt, longest in [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.5), (20, 0.5)]:
        waits = [wait(State(attempt)) for _ in range(200)]
        assert 0 <= min(waits) < longest / 4
        assert longest * 3 / 4 < max(waits) <= longest
        assert len(set(waits)) > 100


def test_a_cost_is_worth_more_attempts_than_the_others(store: CampaignStore) -> None:
    assert store.policy("track_campaign_cost").attempts >= 5
    assert store.policy("update_coverage_status").attempts >= 2
    other = CampaignStore(store.engine, policies={"update_coverage_status": QUICK})
    assert other.policy("update_coverage_status") is QUICK
    assert other.policy("track_campaign_cost").attempts >= 5
    assert CampaignStore(store.engine, policies=QUICK).policy("track_campaign_cost") is QUICK


def test_a_policy_out_of_bounds_is_refused(subtests) -> None:
    for bounds in [{"attempts": 0}, {"deadline": -1}, {"first_wait": -0.1}, {"longest_wait": -1}]:
        with subtests.test(**bounds), pytest.raises(ValueError, match="must"):
            RetryPolicy(**bounds)


def test_retries_are_logged_without_parameters(
    make_store, owner_engine, campaign_id, caplog
) -> None:
    store = make_store("-c lock_timeout=10ms", policies=QUICK)
    caplog.set_level("INFO", logger="campaigndb.calling.transactions")
    with owner_engine.connect() as holder:
        holder.execute(text("select from gmaps_campaigns for update"))
        with pytest.raises(StoredFunctionError):
            store.track_campaign_cost(campaign_id, "bouncer", 1, 1, {"secret": "hush"})
        holder.rollback()
    *retries, failure = caplog.records
    assert [record.attempt for record in retries] == [1, 2, 3]
    assert (failure.levelname, failure.attempts) == ("WARNING", 4)
    assert {record.sqlstate for record in caplog.records} == {"55P03"}
    assert "hush" not in caplog.text


def test_a_policy_of_no_function_is_refused(make_store) -> None:
    with pytest.raises(ValueError, match="no function 'track_campaign_costs': create_campaign_"):
        make_store(policies={"track_campaign_costs": QUICK})
