"""The work of a batch grows with its length, not with the square of it.

Counted are the rows that the nodes of all plans handle: no clock, which a busy machine would fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from benchmarks.planner_statistics import (
    EXPORTED,
    LARGE,
    business_id,
    isolate,
    load,
    without_autovacuum,
)
from tests.migrations.catalog import connect

FEW, TIMES = 40, 8
MANY = FEW * TIMES
# Linear is TIMES, the square its square.
LIMIT = 1.5 * TIMES
TELL_PLANS = (
    "load 'auto_explain'",
    "set auto_explain.log_min_duration = 0",
    "set auto_explain.log_analyze = on",
    "set auto_explain.log_timing = off",
    "set auto_explain.log_format = json",
    "set auto_explain.log_nested_statements = on",
    "set client_min_messages = log",
)

Item = Callable[[int], Any]


def _business(number: int) -> str:
    return business_id(f"{LARGE}-{number}")


def _cost(number: int) -> dict[str, Any]:
    return {
        "campaign_id": str(LARGE),
        "service": "bouncer",
        "items_processed": 1,
        "cost_usd": "1",
        "metadata": {"idempotency_key": str(number)},
    }


def _record(number: int) -> dict[str, Any]:
    return {
        "place_id": f"{LARGE}-{number}",
        "name": "Kiska",
        "email": f"{number}@kiska.fi, other{number}@kiska.fi",
        "facebookUrl": f"https://facebook.com/kiska{number}",
    }


# Name -> the call and what makes its items.
BATCHES: dict[str, tuple[str, Item]] = {
    "create_campaign_with_coverage": (
        """select create_campaign_with_coverage('{"name": "x"}', %s)""",
        str,
    ),
    "insert_businesses_batch, new": (
        f"select insert_businesses_batch('{LARGE}', '1', %s)",
        lambda number: _record(number) | {"place_id": f"new {number}"},
    ),
    "insert_businesses_batch, changed": (
        f"select insert_businesses_batch('{LARGE}', '1', %s)",
        _record,
    ),
    "insert_businesses_batch, each twice": (
        f"select insert_businesses_batch('{LARGE}', '1', %s)",
        lambda number: _record(number // 2) | {"place_id": f"new {number // 2}"},
    ),
    "insert_businesses_batch, of one address": (
        f"select insert_businesses_batch('{LARGE}', '1', %s)",
        lambda number: _record(number) | {"place_id": f"new {number}", "email": "a@kiska.fi"},
    ),
    "insert_businesses_batch, exported": (
        f"select insert_businesses_batch('{LARGE}', '1', %s)",
        lambda number: _record(number) | EXPORTED | {"place_id": f"new {number}"},
    ),
    "update_enrichment_batch, facebook": (
        "select update_enrichment_batch('facebook', %s)",
        lambda number: {"business_id": _business(number), "emails": [f"f{number}@kiska.fi"]},
    ),
    "update_enrichment_batch, linkedin": (
        "select update_enrichment_batch('linkedin', %s)",
        lambda number: {"business_id": _business(number), "emails_found": [f"{number}@li.fi"]},
    ),
    "update_enrichment_batch, of one address": (
        "select update_enrichment_batch('facebook', %s)",
        lambda number: {"business_id": _business(number), "emails": ["a@kiska.fi"]},
    ),
    "update_enrichment_batch, failed": (
        "select update_enrichment_batch('linkedin', %s)",
        lambda number: {"business_id": _business(number), "error": "not found"},
    ),
    "update_email_verifications_batch": (
        "select update_email_verifications_batch(%s)",
        lambda number: {
            "business_id": _business(number),
            "email": f"{LARGE}-{number}@b.fi",
            "status": "risky",
            "idempotency_key": str(number),
        },
    ),
    "update_email_verifications_batch, unknown": (
        "select update_email_verifications_batch(%s)",
        lambda number: {
            "business_id": _business(number),
            "email": f"{LARGE}-{number}@b.fi",
            "status": "unknown",
        },
    ),
    "track_campaign_costs_batch, new": (
        "select track_campaign_costs_batch(%s)",
        lambda number: _cost(-number),
    ),
    "track_campaign_costs_batch, sent again": ("select track_campaign_costs_batch(%s)", _cost),
    "set_lead_texts": (
        "select set_lead_texts(%s)",
        lambda number: {"business_id": _business(number), "icebreaker": "Moi"},
    ),
    "suppress_contacts": ("select suppress_contacts(%s)", lambda number: f"{LARGE}-{number}@b.fi"),
    "unsuppress_contacts": (
        "select unsuppress_contacts(%s)",
        lambda number: f"{LARGE}-{number}@b.fi",
    ),
    "claim_businesses_for_enrichment": (
        f"select claim_businesses_for_enrichment('{LARGE}', 'linkedin', jsonb_array_length(%s))",
        str,
    ),
    "claim_emails_for_verification": (
        f"select claim_emails_for_verification('{LARGE}', jsonb_array_length(%s))",
        str,
    ),
}


@pytest.fixture
def connection(database_url: URL) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        without_autovacuum(connection)
        load(connection, LARGE, MANY)
        yield connection


def _rows(node: dict[str, Any]) -> float:
    """Rows that a node and those below it gave and threw away."""
    thrown_away = sum(node[name] for name in node if name.startswith("Rows Removed by"))
    return node.get("Actual Loops", 0) * (node.get("Actual Rows", 0) + thrown_away) + sum(
        map(_rows, node.get("Plans", ()))
    )


def _handled(
    connection: psycopg.Connection[Any], told: list[str], statement: str, items: list[Any]
) -> float:
    """Rows that a call handles in all of its statements; it is undone."""
    with connection.transaction(force_rollback=True):
        told.clear()
        answer = connection.execute(statement.encode(), [json.dumps(items)]).fetchone()
    assert answer is not None
    assert answer[0]["success"], answer
    plans = [json.loads(each[each.index("{") :]) for each in told if " plan:" in each]
    return sum(_rows(plan["Plan"]) for plan in plans)


@pytest.mark.parametrize("name", BATCHES)
def test_eight_times_the_items_are_about_eight_times_the_work(
    connection: psycopg.Connection[Any], name: str
) -> None:
    statement, item = BATCHES[name]
    told: list[str] = []
    connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    for setting in TELL_PLANS:
        connection.execute(setting.encode())
    isolate(connection, name)
    few = _handled(connection, told, statement, [item(number) for number in range(1, FEW + 1)])
    many = _handled(connection, told, statement, [item(number) for number in range(1, MANY + 1)])
    print(f"{name}: {few:,.0f} {many:,.0f} rows: {many / few:.1f} times")
    assert many / few < LIMIT
