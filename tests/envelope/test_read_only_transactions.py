"""A function that writes, called by GET: PostgREST begins a read-only transaction for it."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import Engine, text

CALLS = {
    "create_campaign_with_coverage": """'{"name": "x"}', '["00100"]'""",
    "insert_businesses_batch": """:id, '00100', '[{"place_id": "p", "name": "x"}]'""",
    "update_campaign_statistics": ":id",
    "track_campaign_cost": ":id, 'bouncer', 1, 0.01",
    "update_coverage_status": ":id, '00100', 1, 1, 0.5",
    "update_campaign_status": ":id, 'running'",
}


@pytest.mark.parametrize("function", CALLS)
def test_the_error_itself_says_so(
    owner_engine: Engine, campaign_id: uuid.UUID, function: str
) -> None:
    with owner_engine.connect() as connection:
        connection.execute(text("set transaction isolation level serializable read only"))
        statement = text(f"select {function}({CALLS[function]})")
        parameters = {"id": campaign_id} if ":id" in CALLS[function] else {}
        envelope = connection.execute(statement, parameters).scalar_one()
    assert envelope["error_code"] == "25006"
    assert "call it with POST" in envelope["error"]
    assert envelope["retry_recommended"] is False
