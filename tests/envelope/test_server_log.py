"""A fault that an exception block catches leaves one line in the server's log, without the row."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.errors import Diagnostic
from sqlalchemy import Connection, Engine, text

from tests.support.raw_calls import call_function

SECRET = "aino.virtanen@example.com"
FAULT = r"""
create function fault() returns trigger language plpgsql as $$
begin
  raise exception using
    errcode = 'XX001', message = E'could not read block 7\nof a relation', detail = new::text;
end $$
"""


def heard_by(connection: Connection) -> list[str]:
    """What the server logs from now on in this transaction, as far as its client is told."""
    heard: list[str] = []

    def hear(line: Diagnostic) -> None:
        assert line.severity_nonlocalized == "LOG"
        assert SECRET not in f"{line.message_primary} {line.message_detail} {line.context}"
        heard.append(line.message_primary or "")

    connection.execute(text("set local client_min_messages to log"))
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.add_notice_handler(hear)
    return heard


@pytest.fixture
def logged(owner_engine: Engine) -> Callable[..., list[str]]:
    """Calls a function with a fault in a table that it writes; returns what the server logged."""

    def call(function: str, table: str, level: str, parameters: dict[str, Any]) -> list[str]:
        with owner_engine.connect().execution_options(isolation_level=level) as connection:
            connection.execute(text(FAULT))
            connection.execute(
                text(
                    f"create trigger fault before insert or update on {table}"
                    " for each row execute function fault()"
                )
            )
            heard = heard_by(connection)
            envelope = call_function(connection, function, parameters)
            connection.rollback()
        assert envelope["error_code"] == "XX001"
        assert envelope["error_detail"] == "could not read block 7?of a relation"
        assert SECRET not in str(envelope)
        return heard

    return call


def test_each_function_logs_its_name_the_code_the_message_and_where_it_happened(
    logged: Callable[..., list[str]],
    campaign_id: uuid.UUID,
    add_business: Callable[..., uuid.UUID],
    subtests: pytest.Subtests,
) -> None:
    business_id = add_business("a", email=SECRET)
    cost = {"service": "bouncer", "items_processed": 1, "cost_usd": "1"}
    for function, table, parameters in [
        (
            "create_campaign_with_coverage",
            "gmaps_campaign_coverage",
            {"p_campaign_data": {"name": SECRET}, "p_zip_codes": ["1"]},
        ),
        (
            "insert_businesses_batch",
            "gmaps_businesses",
            {
                "p_campaign_id": campaign_id,
                "p_zip_code": "1",
                "p_businesses": [{"place_id": "b", "name": SECRET}],
            },
        ),
        ("update_campaign_statistics", "gmaps_campaigns", {"p_campaign_id": campaign_id}),
        (
            "track_campaign_cost",
            "gmaps_api_costs",
            {f"p_{name}": value for name, value in cost.items()}
            | {"p_campaign_id": campaign_id, "p_metadata": {"by": SECRET}},
        ),
        (
            "track_campaign_costs_batch",
            "gmaps_api_costs",
            {"p_costs": [cost | {"campaign_id": str(campaign_id), "metadata": {"by": SECRET}}]},
        ),
        (
            "update_coverage_status",
            "gmaps_campaign_coverage",
            {
                "p_campaign_id": campaign_id,
                "p_zip_code": "00100",
                "p_businesses_found": 1,
                "p_emails_found": 1,
                "p_actual_cost": 1,
            },
        ),
        (
            "update_enrichment_batch",
            "gmaps_facebook_enrichments",
            {
                "p_enrichment_type": "facebook",
                "p_enrichments": [{"business_id": str(business_id), "emails": [SECRET]}],
            },
        ),
        (
            "update_email_verification",
            "gmaps_email_verifications",
            {
                "p_business_id": business_id,
                "p_email": SECRET,
                "p_verification_data": {"status": "deliverable"},
            },
        ),
    ]:
        with subtests.test(function):
            level = "SERIALIZABLE" if function.startswith("track_") else "READ COMMITTED"
            [message] = logged(function, table, level, parameters)
            assert message.startswith(
                f"campaigndb: public.{function} failed with XX001:"
                " could not read block 7?of a relation; context: PL/pgSQL function fault() line 3"
            )
            assert f"PL/pgSQL function {function}(" in message
            assert "\n" not in message


def test_a_failure_of_the_contract_is_not_logged(
    owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    with owner_engine.connect() as connection:
        heard = heard_by(connection)
        for missing in (uuid.uuid4(), None):
            call_function(connection, "update_campaign_statistics", {"p_campaign_id": missing})
        call_function(
            connection,
            "update_enrichment_batch",
            {"p_enrichment_type": "telex", "p_enrichments": []},
        )
    assert heard == []
