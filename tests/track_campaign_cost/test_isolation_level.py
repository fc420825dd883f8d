"""Below SERIALIZABLE the function refuses to run; the stores give it what it needs."""

import pytest
from sqlalchemy import create_engine

from campaigndb import CampaignStore, IsolationLevelError
from campaigndb.tables import campaigns
from tests.support.raw_calls import call_function

LOWER_LEVELS = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ")


def test_below_serializable_it_refuses_with_an_envelope(
    app_engine, campaign_id, nothing_changes, subtests
) -> None:
    for level in (*LOWER_LEVELS, "AUTOCOMMIT"):
        with (
            subtests.test(level),
            nothing_changes(),
            app_engine.connect().execution_options(isolation_level=level) as connection,
        ):
            envelope = call_function(
                connection,
                "track_campaign_cost",
                {
                    "p_campaign_id": campaign_id,
                    "p_service": "bouncer",
                    "p_items_processed": 1,
                    "p_cost_usd": 1,
                },
            )
            connection.commit()
            shown = "READ COMMITTED" if level == "AUTOCOMMIT" else level
            assert envelope == {
                "success": False,
                "error": "Must run in a SERIALIZABLE transaction",
                "error_code": "25001",
                "error_detail": "track_campaign_cost runs in a SERIALIZABLE transaction only,"
                f" not in {shown}",
                "retry_recommended": False,
            }


def test_the_store_runs_it_serializable_on_an_engine_of_any_level(
    app_url, campaign_id, row, subtests
) -> None:
    for number, level in enumerate((*LOWER_LEVELS, "AUTOCOMMIT", "SERIALIZABLE"), 1):
        with subtests.test(level):
            engine = create_engine(app_url, isolation_level=level)
            store = CampaignStore(engine, schema="public")
            assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1).new_total == number
            engine.dispose()
    assert row(campaigns).actual_cost == 5


def test_bound_to_a_transaction_of_a_lower_level_it_is_an_isolation_level_error(
    store: CampaignStore, app_engine, campaign_id, nothing_changes
) -> None:
    with (
        nothing_changes(),
        app_engine.begin() as connection,
        pytest.raises(IsolationLevelError) as caught,
    ):
        store.bind(connection).track_campaign_cost(campaign_id, "bouncer", 1, 1)
    assert caught.value.error_code == "25001"
    assert not caught.value.retry_recommended
