"""What sources send goes in as it is, by SQL and by the store, each column filled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.calling.catalogue import FUNCTIONS
from tests.vectors.records import RECORDS, differences, send
from tests.vectors.vectors import Caller, through


def by_sql(engine: Engine) -> Caller:
    def call(function: str, parameters: Any) -> Any:
        names = ", ".join(f"{name} => :{name}" for name in parameters)
        assert function in FUNCTIONS
        given = {
            name: json.dumps(value) if isinstance(value, (dict, list)) else value
            for name, value in parameters.items()
        }
        with engine.begin() as connection:
            return connection.execute(text(f"select {function}({names})"), given).scalar_one()

    return call


@pytest.mark.parametrize("sent", RECORDS, ids=lambda sent: sent["name"])
@pytest.mark.parametrize("way", ["SQL", "the store"])
def test_each_column_is_filled(
    store: CampaignStore, app_engine: Engine, owner_engine: Engine, way: str, sent: dict[str, Any]
) -> None:
    call = by_sql(app_engine) if way == "SQL" else through(store)
    with owner_engine.connect() as connection:
        assert differences(connection, sent, send(call, connection, sent)) == {}
