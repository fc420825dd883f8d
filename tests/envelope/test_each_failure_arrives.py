"""Each failure of the contract, caused for real, arrives as its envelope and changes nothing."""

import json
import threading
import uuid

import psycopg
import pytest
from psycopg.rows import scalar_row
from sqlalchemy import text

from campaigndb import CampaignStore
from campaigndb.tables import businesses, campaigns
from tests.support.database_state import unchanged
from tests.support.raw_calls import call_function
from tests.support.waiting import wait_until_blocked

FAILURE_KEYS = {"success", "error", "error_code", "error_detail", "retry_recommended"}
RECORDS = [{"place_id": "a", "name": "x"}]


def is_failure(envelope, code, error, retry) -> None:
    assert set(envelope) == FAILURE_KEYS
    assert envelope["success"] is False
    assert (envelope["error_code"], envelope["error"]) == (code, error)
    assert envelope["retry_recommended"] is retry
    assert envelope["error_detail"]


def test_a_missing_record_is_23503_in_every_function(
    raw_call, app_engine, campaign_id, nothing_changes, subtests
) -> None:
    missing = uuid.uuid4()
    for function, parameters in {
        "insert_businesses_batch": {
            "p_campaign_id": missing, "p_zip_code": "1", "p_businesses": RECORDS,
        },
        "update_campaign_statistics": {"p_campaign_id": missing},
        "track_campaign_cost": {
            "p_campaign_id": missing,
            "p_service": "bouncer",
            "p_items_processed": 1,
            "p_cost_usd": 1,
        },
        "update_coverage_status": {
            "p_campaign_id": campaign_id,
            "p_zip_code": "not covered",
            "p_businesses_found": 1,
            "p_emails_found": 1,
            "p_actual_cost": 1,
        },
        "update_email_verification": {
            "p_business_id": missing,
            "p_email": "a@b.fi",
            "p_verification_data": {"status": "deliverable"},
        },
    }.items():  # fmt: skip
        with subtests.test(function), nothing_changes():
            envelope = raw_call(function, **parameters)
            is_failure(envelope, "23503", "Referenced record not found", False)
    for function in ("get_businesses_for_enrichment", "get_businesses_for_enrichment_after"):
        with subtests.test(function), nothing_changes(), app_engine.connect() as connection:
            with pytest.raises(Exception, match="there is no campaign") as caught:
                connection.execute(
                    text(
                        f"select * from {function}"
                        "(p_campaign_id => :id, p_enrichment_type => 'facebook')"
                    ),
                    {"id": missing},
                )
            assert caught.value.orig.sqlstate == "23503"


def test_a_resource_that_is_locked_is_55p03(
    app_engine, owner_engine, campaign_id, nothing_changes, subtests
) -> None:
    with (
        nothing_changes(),
        owner_engine.connect() as holder,
        app_engine.connect() as connection,
    ):
        holder.execute(text("select from gmaps_campaigns for update"))
        connection.execute(text("set lock_timeout = '50ms'"))
        for function, parameters in {
            "update_campaign_statistics": {"p_campaign_id": campaign_id},
            "insert_businesses_batch": {
                "p_campaign_id": campaign_id, "p_zip_code": "1", "p_businesses": RECORDS,
            },
        }.items():  # fmt: skip
            with subtests.test(function):
                envelope = call_function(connection, function, parameters)
                is_failure(envelope, "55P03", "Resource busy, please retry", True)
        connection.commit()
        holder.rollback()


def test_a_snapshot_from_before_another_cost_is_40001_until_the_transaction_ends(
    store: CampaignStore, app_engine, campaign_id, row
) -> None:
    cost = {
        "p_campaign_id": campaign_id,
        "p_service": "bouncer",
        "p_items_processed": 1,
        "p_cost_usd": 1,
    }
    with app_engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        connection.execute(text("select now()"))  # the snapshot
        store.track_campaign_cost(campaign_id, "facebook", 1, 2)
        for _ in range(2):
            envelope = call_function(connection, "track_campaign_cost", cost)
            is_failure(envelope, "40001", "Concurrent modification, please retry", True)
        connection.rollback()
        assert call_function(connection, "track_campaign_cost", cost)["new_total"] == 3
        connection.commit()
    assert row(campaigns).actual_cost == 3


def test_a_deadlock_is_40p01_for_the_one_that_gives_way(
    owner_engine, database_url, campaign_id, add_business
) -> None:
    add_business("a")
    with (
        unchanged(owner_engine),
        owner_engine.connect() as first,
        owner_engine.connect() as second,
    ):
        second.execute(text("select from gmaps_businesses for update"))
        first.execute(text("select from gmaps_campaigns for update"))
        waiting = threading.Thread(
            target=lambda: first.execute(text("select from gmaps_businesses for update"))
        )
        waiting.start()
        wait_until_blocked(owner_engine)
        # The second one looks for a deadlock long before the first one would.
        second.execute(text("set deadlock_timeout = '10ms'"))
        envelope = call_function(
            second, "update_campaign_statistics", {"p_campaign_id": campaign_id}
        )
        second.rollback()
        waiting.join(30)
        first.rollback()
    is_failure(envelope, "40P01", "Operation conflict, please retry", True)


def test_a_constraint_that_no_check_foresaw_is_invalid_input(
    raw_call, owner_engine, campaign_id
) -> None:
    """The constraints stand behind the functions' own checks."""
    with owner_engine.begin() as connection:
        connection.execute(text("alter table gmaps_businesses add check (name <> 'x') not valid"))
    with unchanged(owner_engine):
        envelope = raw_call(
            "insert_businesses_batch",
            p_campaign_id=campaign_id,
            p_zip_code="1",
            p_businesses=[{"place_id": "b", "name": "y"}, *RECORDS],
        )
    assert envelope["error"].startswith("Invalid input: new row for relation")
    is_failure(envelope, "23514", envelope["error"], False)


def test_any_other_failure_is_a_failed_operation(raw_call, owner_engine, campaign_id) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("alter table gmaps_businesses rename column city to town"))
    with unchanged(owner_engine):
        envelope = raw_call(
            "insert_businesses_batch",
            p_campaign_id=campaign_id,
            p_zip_code="1",
            p_businesses=RECORDS,
        )
    is_failure(envelope, "42703", "Database operation failed", False)


def test_success_has_the_fields_of_the_contract(
    raw_call, campaign_id, add_business, subtests
) -> None:
    business_id = add_business("a", email="a@b.fi")
    for function, parameters, fields in [
        (
            "create_campaign_with_coverage",
            {"p_campaign_data": {"name": "x"}, "p_zip_codes": []},
            {"campaign_id", "zip_count", "duplicate_zip_count", "replayed"},
        ),
        (
            "insert_businesses_batch",
            {"p_campaign_id": campaign_id, "p_zip_code": "1", "p_businesses": RECORDS},
            {
                "inserted", "updated", "skipped", "total", "skipped_other_campaign", "rejected",
                "first_emails", "new_emails", "closed",
            },
        ),
        (
            "update_campaign_statistics",
            {"p_campaign_id": campaign_id},
            {
                "total_businesses", "total_emails", "total_facebook_pages",
                "total_linkedin_profiles", "total_verified_emails",
            },
        ),
        (
            "track_campaign_cost",
            {
                "p_campaign_id": campaign_id,
                "p_service": "bouncer",
                "p_items_processed": 1,
                "p_cost_usd": 1,
            },
            {"cost_id", "new_total", "service", "replayed"},
        ),
        (
            "update_coverage_status",
            {
                "p_campaign_id": campaign_id,
                "p_zip_code": "00100",
                "p_businesses_found": 1,
                "p_emails_found": 1,
                "p_actual_cost": 1,
            },
            {"campaign_id", "zip_code", "businesses_found", "emails_found"},
        ),
        (
            "update_enrichment_batch",
            {"p_enrichment_type": "facebook", "p_enrichments": []},
            {"updated", "failed", "superseded", "enrichment_type", "failures", "late"},
        ),
        (
            "update_email_verification",
            {
                "p_business_id": business_id,
                "p_email": "a@b.fi",
                "p_verification_data": {"status": "risky"},
            },
            {
                "business_id", "email", "status", "is_safe", "unrecognised_status", "replayed",
                "late",
            },
        ),
    ]:  # fmt: skip
        with subtests.test(function):
            envelope = raw_call(function, **parameters)
            assert envelope["success"] is True
            assert set(envelope) == {"success", "message"} | fields


def test_positional_parameters_and_the_drivers_own_json_work_too(app_url, campaign_id, row) -> None:
    """For a client that knows nothing of this project."""
    url = app_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        envelope = (
            connection.cursor(row_factory=scalar_row)
            .execute(
                "select insert_businesses_batch(%s, %s, %s)",
                (campaign_id, "00100", json.dumps(RECORDS)),
            )
            .fetchone()
        )
    assert (envelope["success"], envelope["inserted"]) == (True, 1)
    assert row(businesses).place_id == "a"
