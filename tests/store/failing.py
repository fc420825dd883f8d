"""Functions in the place of two that fail some times, and then answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text

FAILING = """
create or replace function {signature} returns jsonb language plpgsql
security definer set search_path to public
as $$
begin
  if nextval('public.tries') <= {failures} then
    {fail};
  end if;
  return '{{"success": true, "campaign_id": "{id}", "zip_code": "00100",'
    || ' "businesses_found": 1, "emails_found": 1, "cost_id": "{id}", "new_total": 1,'
    || ' "service": "bouncer", "replayed": false}}';
end $$
"""
COVERAGE = "update_coverage_status(uuid, varchar, int, int, numeric)"
COST = "track_campaign_cost(uuid, varchar, int, numeric, jsonb)"


def replace_functions(engine: Engine, failures: int, statement: str) -> None:
    """`statement` is what the functions do in their first calls."""
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("create sequence if not exists tries")
        driver.execute("grant usage on sequence tries to public")
        driver.execute("select setval('tries', 1, false)")
        for signature in (COVERAGE, COST):
            names = driver.execute(
                "select pg_get_function_arguments(%s::regprocedure)", [signature]
            ).fetchone()
            driver.execute(
                FAILING.format(
                    signature=f"{signature.partition('(')[0]}({names[0]})",
                    failures=failures,
                    fail=statement,
                    id=uuid.UUID(int=1),
                )
            )


def tries(owner_engine: Engine) -> int:
    with owner_engine.connect() as connection:
        return connection.execute(text("select last_value from tries")).scalar_one()


def calls_of(store: Any, campaign_id: uuid.UUID) -> list[Callable[[], Any]]:
    return [
        lambda: store.update_coverage_status(campaign_id, "00100", 1, 1, 1),
        # Its policy has 200 attempts within a minute.
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
    ]
