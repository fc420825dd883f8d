"""Campaigns as the demo leaves them, in small; and pages taken apart."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.drift import DriftReport
from campaigndb.operations.report import DriftUnknown, read_figures, render_page

NO_DRIFT = DriftReport("public", "0001", ())
UNKNOWN = DriftUnknown("there is nothing to compare with")


@dataclass
class Page(HTMLParser):
    """What a page holds: its elements with their attributes, its text, its tables' rows."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    in_cell: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data: str) -> None:
        last = self.elements[-1][0] if self.elements else ""
        if last == "style":
            return
        self.words += data.split()
        if self.in_cell:
            self.rows[-1][-1] = " ".join([*self.rows[-1][-1].split(), *data.split()])

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture
def filled(store: CampaignStore, owner_engine: Engine, campaign_id: uuid.UUID) -> uuid.UUID:
    """A campaign with half of its ZIP codes scraped, four businesses and costs of two months."""
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [
            {"place_id": str(n), "name": "Kahvila", "email": f"hei{n}@kahvila.fi" if n else None}
            for n in range(4)
        ],
    )
    store.update_coverage_status(campaign_id, "00100", 4, 3, "0.0280")
    for service, cost in (("google_maps", "0.0280"), ("bouncer", "0.0150"), ("facebook", "1.5")):
        store.track_campaign_cost(campaign_id, service, 4, cost)
    with owner_engine.begin() as connection:
        connection.execute(
            text("update gmaps_businesses set email_verified = true where place_id in ('1', '2')")
        )
        connection.execute(text("update gmaps_businesses set is_safe = true where place_id = '1'"))
        connection.execute(
            text(
                "update gmaps_api_costs set incurred_at = case service"
                " when 'google_maps' then timestamptz '2025-03-01 10:00Z'"
                " when 'bouncer' then timestamptz '2025-03-03 23:59:59Z'"
                " else timestamptz '2025-03-04 00:00Z' end"
            )
        )
    return campaign_id


@pytest.fixture
def page(owner_engine: Engine) -> Callable[..., Page]:
    """Reads and renders: `page(drift, shown=2)`."""

    def make(drift: DriftReport | DriftUnknown = NO_DRIFT, shown: int = 20) -> Page:
        return Page(render_page(read_figures(owner_engine, "public", shown=shown), drift))

    return make
