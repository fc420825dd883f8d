"""Each function runs at the level that the contract names, whatever the engine's own level is."""

import uuid

import pytest
from sqlalchemy import create_engine, event, text

from campaigndb import CampaignStore, StoredFunctionError

CALLS = {
    "create_campaign_with_coverage": ({"name": "x"},),
    "insert_businesses_batch": (uuid.uuid4(), "1", []),
    "update_campaign_statistics": (uuid.uuid4(),),
    "track_campaign_cost": (uuid.uuid4(), "bouncer", 1, 1),
    "update_coverage_status": (uuid.uuid4(), "1", 1, 1, 1),
    "update_enrichment_batch": ("facebook", []),
    "update_email_verification": (uuid.uuid4(), "a@b.fi", {"status": "risky"}),
    "get_businesses_for_enrichment": (uuid.uuid4(), "facebook"),
}
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT")


@pytest.fixture
def watched_database(database_url, owner_engine):
    """Every function reports the level and mode that it ran at, instead of what it does."""
    with owner_engine.begin() as connection:
        for function in CALLS:
            returns = "jsonb"
            if function.startswith("get_"):
                returns = connection.execute(
                    text("select pg_get_function_result(to_regproc(:name))"), {"name": function}
                ).scalar_one()
            arguments = connection.execute(
                text("select pg_get_function_arguments(to_regproc(:name))"), {"name": function}
            ).scalar_one()
            connection.exec_driver_sql(
                f"""
                create or replace function {function}({arguments}) returns {returns}
                language plpgsql
                as $$
                begin
                  raise '%, read only %', current_setting('transaction_isolation'),
                    current_setting('transaction_read_only');
                end
                $$
                """.replace("%", "%%")
            )
    return database_url


def test_on_an_engine_of_any_level(watched_database, subtests) -> None:
    for level in LEVELS:
        engine = create_engine(watched_database, isolation_level=level)
        store = CampaignStore(engine, schema="public")
        for function, arguments in CALLS.items():
            with subtests.test(engine=level, function=function):
                with pytest.raises(StoredFunctionError) as caught:
                    getattr(store, function)(*arguments)
                expected = "serializable" if function == "track_campaign_cost" else "read committed"
                # A queue's function is STABLE, and so cannot write in either mode.
                assert caught.value.detail == f"{expected}, read only off"
        engine.dispose()


def test_each_attempt_is_a_transaction_of_its_own_on_a_connection_checked_out_for_it(
    app_url, campaign_id
) -> None:
    engine = create_engine(app_url)
    checked_out, begun = [], []
    event.listen(engine, "checkout", lambda *arguments: checked_out.append(arguments))
    store = CampaignStore(engine, schema="public")
    attempts = []

    def block(bound):
        begun.append(
            bound.connection.execute(
                text("select pg_current_xact_id()::text, current_setting('transaction_isolation')")
            ).one()
        )
        attempts.append(bound)
        if len(attempts) < 3:
            raise StoredFunctionError("again", retry_recommended=True)
        return bound.track_campaign_cost(campaign_id, "bouncer", 1, 1)

    assert store.run_in_transaction(block).new_total == 1
    assert len(checked_out) == 3
    assert len({number for number, _ in begun}) == 3
    assert {level for _, level in begun} == {"serializable"}
    engine.dispose()
