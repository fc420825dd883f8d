"""Campaigns, the newest first, page by page."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from campaigndb import InvalidInputError, MissingReferenceError


def test_every_campaign_comes_once_also_of_one_age(store, owner_engine) -> None:
    ids = [store.create_campaign_with_coverage({"name": str(n)}).campaign_id for n in range(7)]
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set created_at = now()"))
    seen, after = [], None
    while page := store.list_campaigns(3, after):
        seen += [campaign.campaign_id for campaign in page]
        after = seen[-1]
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 7


def test_the_newest_is_the_first(store) -> None:
    names = ["old", "newer", "newest"]
    for name in names:
        store.create_campaign_with_coverage({"name": name})
    assert [campaign.name for campaign in store.list_campaigns()] == names[::-1]


def test_bad_input(store) -> None:
    assert store.list_campaigns() == ()
    with pytest.raises(InvalidInputError, match="p_limit is less than 1"):
        store.list_campaigns(0)
    with pytest.raises(MissingReferenceError):
        store.list_campaigns(after=uuid.uuid4())
