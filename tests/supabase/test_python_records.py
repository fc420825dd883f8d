"""What sources send goes in as it is through the Supabase store, each column filled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, delete
from supabase import create_client

from campaigndb.http.supabase_store import SupabaseStore
from campaigndb.tables import campaigns
from tests.vectors.records import RECORDS, differences, send
from tests.vectors.vectors import through


def test_each_column_is_filled(api: Any, owner_engine: Engine) -> None:
    store = SupabaseStore(create_client(api.url, api.service_key))
    found = {}
    for sent in RECORDS:
        with owner_engine.connect() as connection:
            business_id = send(through(store), connection, sent)
            found[sent["name"]] = differences(connection, sent, business_id)
            # Another record may be of the same place.
            connection.execute(delete(campaigns))
            connection.commit()
    assert {name: columns for name, columns in found.items() if columns} == {}
