"""Exports are logged once, and shown with their campaign."""

from __future__ import annotations

import datetime
import uuid

import pytest

from campaigndb import DuplicateRecordError, InvalidInputError, MissingReferenceError

NOW = datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.UTC)


def test_exports_come_newest_first_and_are_logged_once(
    store, campaign_id, app_url, other_campaign_id
) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    assert not store.log_export(campaign_id, first, NOW, 10, "csv", "hubspot").replayed
    store.log_export(
        campaign_id,
        second,
        NOW + datetime.timedelta(days=1),
        3,
        "jsonl",
        filter={"emails": "any"},
        exported_by="Aino",
    )
    assert store.log_export(campaign_id, first, NOW, 10, "csv", "hubspot").replayed
    newest, oldest = store.get_campaign(campaign_id).exports
    assert (newest.id, newest.leads, newest.format, newest.preset, newest.exported_by) == (
        second,
        3,
        "jsonl",
        None,
        "Aino",
    )
    assert newest.filter == {"emails": "any"}
    assert (oldest.id, oldest.exported_at, oldest.exported_by) == (first, NOW, app_url.username)
    with pytest.raises(DuplicateRecordError):
        store.log_export(other_campaign_id, first, NOW, 10, "csv")
    for wrong in ([-1, "csv"], [1, " "]):
        with pytest.raises(InvalidInputError):
            store.log_export(campaign_id, uuid.uuid4(), NOW, *wrong)
    with pytest.raises(MissingReferenceError):
        store.log_export(uuid.uuid4(), uuid.uuid4(), NOW, 1, "csv")
