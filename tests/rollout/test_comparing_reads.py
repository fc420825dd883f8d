"""Reading a queue from both sides: the fallback answers, and every difference is logged."""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb.calling.results import BusinessForEnrichment
from campaigndb.rollout import RolloutStore
from campaigndb.rollout.comparison import queue_differences

Rollout = Callable[..., RolloutStore]
TEXTS = ["address", "city", "state", "postal_code", "phone", "website", "email"]
TEXTS += ["facebook_url", "linkedin_url"]
COMPARE = {"compare_reads": True}


@pytest.fixture(autouse=True)
def _places(add_business: Callable[..., uuid.UUID]) -> None:
    for number in range(3):
        add_business(f"p{number}", email=f"owner{number}@secret.example")


@pytest.fixture
def answer_otherwise(owner_engine: Engine) -> Callable[[str, str], None]:
    """Edits the query of the function's queue."""

    def edit(old: str, new: str) -> None:
        with owner_engine.begin() as connection:
            source = connection.execute(
                text(
                    "select pg_get_functiondef('due_businesses"
                    "(uuid, text, bigint, uuid, int, int)'::regprocedure)"
                )
            ).scalar_one()
            assert old in source
            connection.exec_driver_sql(source.replace(old, new).replace("%", "%%"))

    return edit


@pytest.mark.parametrize("percentage", [0, 100])
def test_equal_answers_are_no_news(
    rollout: Rollout, campaign_id: uuid.UUID, routes: Any, caplog: Any, percentage: int
) -> None:
    caplog.set_level(logging.INFO)
    store = rollout(COMPARE, all=percentage)
    assert len(store.get_businesses_for_enrichment(campaign_id, "facebook")) == 3
    assert [side for side, _ in routes] == ["fallback", "function"]
    assert "campaigndb.rollout" not in {record.name for record in caplog.records}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("limit p_limit", "limit 1", "only the fallback has"),
        ("business.phone, business.website", "business.website, business.phone", "differs in"),
        (
            "order by business.queue_position, business.id",
            "order by business.queue_position desc, business.id desc",
            "the order differs",
        ),
    ],
)
def test_a_difference_is_logged_and_the_old_answer_returned(
    rollout: Rollout,
    campaign_id: uuid.UUID,
    owner_engine: Engine,
    answer_otherwise: Any,
    caplog: Any,
    old: str,
    new: str,
    told: str,
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_businesses set phone = '+358 secret'"))
    answer_otherwise(old, new)
    answer = rollout(COMPARE, all=100).get_businesses_for_enrichment(campaign_id, "facebook")
    assert [business.phone for business in answer] == ["+358 secret"] * 3
    assert told in caplog.text
    assert "secret" not in caplog.text, "ids and names of fields, never values"
    assert str(campaign_id) in caplog.text


def test_a_function_that_fails_is_logged_and_does_not_matter(
    rollout: Rollout, campaign_id: uuid.UUID, answer_otherwise: Any, caplog: Any
) -> None:
    answer_otherwise("limit p_limit", "limit p_limit / 0")
    answer = rollout(COMPARE, all=100).get_businesses_for_enrichment(campaign_id, "facebook")
    assert len(answer) == 3
    assert "the function failed with 22012" in caplog.text


def test_an_answer_that_cannot_be_read_does_not_matter(
    rollout: Rollout, campaign_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    store = rollout(COMPARE, all=100)

    def run(_: Any) -> Any:
        raise KeyError("owner@secret.example")

    monkeypatch.setattr(store.functions, "_run", run)
    assert len(store.get_businesses_for_enrichment(campaign_id, "facebook")) == 3
    assert "the function failed with KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_writes_are_not_compared(rollout: Rollout, campaign_id: uuid.UUID, routes: Any) -> None:
    rollout(COMPARE, all=100).update_campaign_statistics(campaign_id)
    assert [side for side, _ in routes] == ["function"]


def test_the_same_difference_of_many_rows_is_one_short_line() -> None:
    rows = [
        BusinessForEnrichment(
            business_id=uuid.UUID(int=number),
            campaign_id=uuid.UUID(int=0),
            place_id=str(number),
            name="A",
            enrichment_status="pending",
            enrichment_attempts=0,
            needs_enrichment=True,
            **dict.fromkeys(TEXTS),
        )
        for number in range(5_000)
    ]
    others = [dataclasses.replace(row, phone="+358 secret") for row in rows[:4_000]]
    only, differs = queue_differences(tuple(rows), tuple(others))
    assert only.startswith("only the fallback has ")
    assert only.endswith(" and 995 more")
    assert differs.endswith(" and 3995 more differs in phone")
    assert len(differs) < 300
