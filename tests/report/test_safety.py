"""Names are scraped and typed: the page shows them and obeys none; it loads nothing at all."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.drift import Difference, DriftReport
from tests.report.conftest import Page

MakePage = Callable[..., Page]
ATTACK = (
    """</td></table><script>alert(1)</script><img src=//evil.example onerror=x>"'{{7*7}}{% x %}"""
)


@pytest.mark.usefixtures("filled")
def test_nothing_is_loaded_and_nothing_runs(page: MakePage) -> None:
    shown = page()
    assert not re.search(
        r"https?:|@import|url\(", shown.html.replace("http://www.w3.org/2000/svg", "")
    )
    for tag, attributes in shown.elements:
        assert tag not in ("script", "img", "iframe", "object", "embed", "form", "base")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))
    [policy] = [
        attributes["content"]
        for tag, attributes in shown.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_names_are_shown_and_obeyed_nowhere(
    page: MakePage, store: CampaignStore, owner_engine: Engine
) -> None:
    made = store.create_campaign_with_coverage({"name": ATTACK}, ["<b>1"])
    store.track_campaign_cost(made.campaign_id, "facebook", 1, 1)
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))
    drift = DriftReport(
        "public", "<i>1", [Difference(kind="table", name=ATTACK, problem="unexpected")]
    )
    benign = store.create_campaign_with_coverage({"name": "x" * 5000})

    shown = page(drift)

    tags = {tag for tag, _ in shown.elements}
    assert not tags & {"script", "img", "b", "i"}
    assert shown.text.count("<script>alert(1)</script>") >= 3
    assert "{{7*7}}{% x %}" in shown.html.replace("&#39;", "'")
    assert "x" * 79 + "…" in shown.text
    assert "x" * 80 not in shown.html
    assert isinstance(benign.campaign_id, uuid.UUID)


def test_controls_and_directions_of_names_stay_in_their_cell(
    page: MakePage, store: CampaignStore
) -> None:
    store.create_campaign_with_coverage({"name": "a\x1b\u202eb\u0007"})
    shown = page()
    assert [row[0] for row in shown.rows if row[0].startswith("a")] == ["a\ufffd\ufffdb\ufffd"]
    assert ("bdi", {}) in shown.elements
