"""The page says what the database holds, whatever that is."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from sqlalchemy import Engine, event, text

from campaigndb import CampaignStore
from campaigndb.operations.drift import Difference, DriftReport
from campaigndb.operations.report import read_figures
from campaigndb.operations.report.page import _percent
from tests.report.conftest import UNKNOWN, Page

MakePage = Callable[..., Page]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.usefixtures("filled")
def test_every_figure_is_there(page: MakePage) -> None:
    shown = page()

    money = ["0.0280", "1.5000", "0.0000", "0.0150", "1.5430"]
    assert ["Helsinki", "draft", "1 of 2", "4", "3", *money, "1", "1.5430"] in shown.rows
    for row in (
        ["found", "4", "100.0 %"],
        ["with email", "3", "75.0 %"],
        ["verified", "2", "50.0 %"],
        ["safe", "1", "25.0 %"],
        ["ready", "1", "25.0 %"],
        ["Facebook", "1.5000", "97.2 %"],
        ["2025-03-01", "0.0280", "0.0000", "0.0000", "0.0000", "0.0280"],
        ["2025-03-02", "0.0000", "0.0000", "0.0000", "0.0000", "0.0000"],
        ["2025-03-03", "0.0000", "0.0000", "0.0000", "0.0150", "0.0150"],
        ["2025-03-04", "0.0000", "1.5000", "0.0000", "0.0000", "1.5000"],
        ["In all", *money],
    ):
        assert row in shown.rows
    assert "track_campaign_cost" in shown.text
    assert "3 costs of 1 campaign: every total agrees" in shown.text
    assert "Revision 0001: as the code says" in shown.text


@pytest.mark.usefixtures("filled")
def test_charts_have_text_alternatives_and_the_pages_colours(page: MakePage) -> None:
    html = page().html
    charts = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        title, description = root[0], root[1]
        assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text
        assert description.text
        assert not re.search(r"#[0-9a-f]{3,6}\b|rgb|<style|<script", chart)
    assert "2025-03-04, Facebook: 1.5000 USD" in charts[0]


def test_an_empty_database_gives_a_page(page: MakePage) -> None:
    shown = page(UNKNOWN)
    for words in (
        "There is no campaign yet",
        "The ledger holds no cost yet",
        "No business was found yet",
        "Functions: no calls counted",
        "0 costs of 0 campaigns: every total agrees",
        "Could not tell : there is nothing to compare with",
    ):
        assert words in shown.text
    assert "<svg" not in shown.html


def test_campaigns_beyond_a_number_are_added_up(
    page: MakePage, store: CampaignStore, owner_engine: Engine
) -> None:
    for n in range(5):
        made = store.create_campaign_with_coverage({"name": f"Number {n}"}, ["00100"])
        store.track_campaign_cost(made.campaign_id, "linkedin", 1, n)
    shown = page(shown=2)
    assert "The 2 most expensive ones; the 3 others are added up." in shown.text
    names = [row[0] for row in shown.rows if len(row) == 12]
    assert names == ["Campaign", "Number 4", "Number 3", "3 others"]
    money = ["0.0000", "0.0000", "3.0000", "0.0000", "3.0000"]
    assert ["3 others", "–", "0 of 3", "0", "0", *money, "0", "–"] in shown.rows
    assert "Number 1" not in shown.html
    assert read_figures(owner_engine, "public", shown=2).all_campaigns.cost == 10


def test_what_is_wrong_is_named(page: MakePage, filled: uuid.UUID, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))
    difference = Difference(kind="table", name="notes", problem="unexpected")
    shown = page(DriftReport("public", "0001", [difference] * 23))
    assert "Ledger: 1 discrepancy" in shown.text
    assert "1 total differs , by 7.5000 USD" in shown.text
    assert ["Helsinki", "facebook_cost", "9.0000", "1.5000"] in shown.rows
    assert "sum of the services" in shown.text
    assert "Schema: 23 differences" in shown.text
    assert shown.html.count("<li><code>") == 20
    assert "And 3 more" in shown.text
    assert "<details>\n  <summary>What differs" in shown.html
    # A short list is not folded.
    shown = page(DriftReport("public", "0001", [difference]))
    assert "<details open>\n  <summary>What differs" in shown.html


@pytest.mark.usefixtures("filled")
def test_figures_are_of_one_snapshot(
    owner_engine: Engine, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    added = []

    @event.listens_for(owner_engine, "after_cursor_execute")
    def write_after_each_query(*_: object) -> None:
        added.append(store.track_campaign_cost(campaign_id, "facebook", 1, 1))

    figures = read_figures(owner_engine, "public")

    assert len(added) >= 5
    total = figures.all_campaigns.cost
    assert total == sum(period.total for period in figures.periods)
    assert figures.reconciliation.discrepancies == ()
    # Each of those written before the snapshot cost a dollar.
    assert figures.reconciliation.costs == 3 + total - Decimal("1.5430")


@pytest.mark.parametrize(
    ("length", "unit", "periods"),
    [
        ("30 hours", "hour", 31),
        ("40 days", "day", 41),
        ("200 days", "week", 30),
        ("5 years", "month", 61),
        ("300 years", "month", 2),
    ],
)
def test_periods_are_as_long_as_the_span_needs(
    owner_engine: Engine, filled: uuid.UUID, length: str, unit: str, periods: int
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_api_costs where service = 'bouncer'"))
        connection.execute(
            text(
                "update gmaps_api_costs set incurred_at = timestamptz '2025-01-15 00:00Z'"
                f" + case service when 'facebook' then interval '{length}' else '0' end"
            )
        )
    figures = read_figures(owner_engine, "public")
    assert figures.period_unit == unit
    assert abs(len(figures.periods) - periods) <= 1
    assert sum(period.total for period in figures.periods) == figures.all_campaigns.cost


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("time", ["infinity", "20000-01-01", "9999-12-31", "0044-03-15 BC"])
def test_a_cost_at_a_time_that_no_calendar_has_is_counted(
    page: MakePage, owner_engine: Engine, time: str
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update gmaps_api_costs set incurred_at = :time where service = 'facebook'"),
            {"time": time},
        )
    assert ["no date", "0.0000", "1.5000", "0.0000", "0.0000", "1.5000"] in page().rows


def test_nearly_all_is_not_all() -> None:
    assert _percent(Decimal("0.99999")) == "99.9 %"
    assert _percent(Decimal(1)) == "100.0 %"
    assert _percent(None) == "–"


def test_the_end_of_the_funnel(
    page: MakePage, filled: uuid.UUID, store: CampaignStore, owner_engine: Engine
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for leads in (1, 2):
        store.log_export(filled, uuid.uuid4(), now, leads, "csv")
    shown = page()
    assert "0 businesses suppressed; 3 leads in 2 exports, a lead counted each time." in shown.text
    assert "Leads ready 1" in shown.text
    assert "Cost per safe lead 1.5430" in shown.text
    with owner_engine.begin() as connection:
        connection.execute(
            text("update gmaps_businesses set business_status = 'closed_permanently'")
        )
    shown = page()
    assert ["ready", "0", "0.0 %"] in shown.rows
    assert "Cost per safe lead –" in shown.text


def test_campaigns_of_one_name_are_told_apart(page: MakePage, store: CampaignStore) -> None:
    ids = [store.create_campaign_with_coverage({"name": "Oulu"}).campaign_id for _ in range(2)]
    store.create_campaign_with_coverage({"name": "Turku"})
    names = {row[0] for row in page().rows if len(row) == 12}
    assert names == {"Campaign", "Turku", *(f"Oulu {str(each)[:8]}" for each in ids)}
