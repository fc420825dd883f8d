"""JSON lines and Parquet: types as they are stored."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from campaigndb.operations.exporter import export_leads
from tests.exporter.hard_texts import HARD


def test_each_line_is_a_lead_with_exact_numbers(store, campaign_id, hard_leads, tmp_path) -> None:
    path = tmp_path / "leads.jsonl"
    assert export_leads(store, campaign_id, path, file_format="jsonl").leads == len(HARD)
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    leads = {lead.place_id: lead for lead in store.iter_leads(campaign_id)}
    for line in lines:
        record = json.loads(line, parse_float=Decimal)
        lead = leads.pop(record["place_id"])
        assert record["name"] == lead.name
        assert record["rating"] == Decimal("4.5")
        assert record["latitude"] == Decimal("60.123456789")
        assert record["hours"] == lead.hours
        assert tuple(record["categories"]) == lead.categories
        assert record["is_safe"] is True
        assert record["is_disposable"] is None
        assert datetime.fromisoformat(record["created_at"]) == lead.created_at
    assert leads == {}


def test_parquet_has_decimals_times_and_lists(
    store, campaign_id, hard_leads, add_lead, tmp_path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    add_lead("empty")
    path = tmp_path / "leads.parquet"
    export_leads(store, campaign_id, path, file_format="parquet")
    records = {row["place_id"]: row for row in parquet.read_table(path).to_pylist()}
    leads = {lead.place_id: lead for lead in store.iter_leads(campaign_id)}
    assert records.keys() == leads.keys()
    for place_id, record in records.items():
        lead = leads[place_id]
        assert record["name"] == lead.name
        assert record["rating"] == lead.rating
        assert record["rating"] is None or isinstance(record["rating"], Decimal)
        assert record["created_at"] == lead.created_at
        assert tuple(record["categories"] or ()) == lead.categories
        assert record["latitude"] == lead.latitude
        assert record["is_safe"] is True
        assert record["phone"] == lead.phone
        assert record["description"] == lead.description


def test_no_lead_is_an_empty_table(store, campaign_id, tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export_leads(store, campaign_id, tmp_path / "a.parquet", file_format="parquet")
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 0
    export_leads(store, campaign_id, tmp_path / "a.jsonl", file_format="jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == b""
