"""A claim hands out each item once, until its lease ends or its result comes."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from campaigndb.tables import businesses, campaigns

KINDS = ("facebook", "linkedin", "verification")


@pytest.mark.parametrize("kind", KINDS)
def test_two_workers_never_get_the_same_item(claim, places, kind) -> None:
    known = places(5)
    first = claim(kind, limit=3, worker="a")
    second = claim(kind, limit=3, worker="b")
    third = claim(kind, limit=3, worker="c")
    assert (len(first["items"]), len(second["items"]), third["items"]) == (3, 2, [])
    assert len({*first["items"], *second["items"]}) == len(known)
    assert first["budget_left"] is None
    assert first["budget_exhausted"] is False


def test_zip_codes_are_handed_out_once(claim) -> None:
    answers = [claim("coverage", limit=1, worker=name)["items"] for name in "abc"]
    assert sorted([item for items in answers for item in items]) == ["00100", "00120"]


@pytest.mark.parametrize("kind", [*KINDS, "coverage"])
def test_the_same_worker_gets_again_what_it_still_holds_and_then_new_items(
    claim, places, kind
) -> None:
    places(4)
    first = claim(kind, limit=1, worker="a")["items"]
    again = claim(kind, limit=2, worker="a")["items"]
    assert len(again) == 2
    assert set(first) < set(again)
    assert claim(kind, limit=1, worker="a")["items"] == first


def test_without_a_name_every_claim_is_new(claim, places) -> None:
    places(4)
    first, second = claim("facebook", limit=2)["items"], claim("facebook", limit=2)["items"]
    assert not {*first} & {*second}


@pytest.mark.parametrize("kind", [*KINDS, "coverage"])
def test_an_item_whose_lease_ended_comes_back(claim, places, later, kind) -> None:
    places(2)
    first = claim(kind, limit=2, worker="dead", lease_seconds=60)["items"]
    assert claim(kind, limit=2, worker="b")["items"] == []
    later("61 seconds")
    assert sorted(claim(kind, limit=2, worker="b")["items"]) == sorted(first)


def test_an_item_that_ends_all_its_leases_unfinished_is_given_up(
    claim, places, later, raw_call, campaign_id, row
) -> None:
    [place] = places(1)
    for _ in range(3):
        assert claim("facebook", worker="dies")["items"] == [place]
        later("1 hour")
    assert claim("facebook", worker="b")["items"] == []
    assert row(businesses, place_id=place).enrichment_status == "failed"
    status = raw_call("get_work_status", p_campaign_id=campaign_id)
    assert [(f["kind"], f["attempts"], f["reason"]) for f in status["failed"]] == [
        ("facebook", 3, "the lease ended unfinished")
    ]
    assert (
        raw_call("retry_failed_lookups", p_campaign_id=campaign_id, p_kind="facebook")["retried"]
        == 1
    )
    assert claim("facebook", worker="b")["items"] == [place]


def test_a_new_page_is_a_new_chance(claim, places, later, store, campaign_id) -> None:
    [place] = places(1)
    for _ in range(3):
        claim("facebook", worker="dies")
        later("1 hour")
    assert claim("facebook", worker="b")["items"] == []
    store.insert_businesses_batch(
        campaign_id,
        "00100",
        [{"place_id": place, "name": "Kauppahalli", "facebook_url": "https://facebook.com/new"}],
    )
    assert claim("facebook", worker="b")["items"] == [place]


def test_released_items_are_due_at_once_and_count_no_attempt(
    claim, places, raw_call, campaign_id
) -> None:
    places(3)
    held = claim("linkedin", limit=2, worker="a")["items"]
    for _ in range(5):
        released = raw_call("release_claims", p_campaign_id=campaign_id, p_worker="a")
        assert released["released"] == 2
        assert sorted(claim("linkedin", limit=2, worker="a")["items"]) == sorted(held)


def test_an_extended_lease_lasts_longer_and_an_ended_one_stays_ended(
    claim, places, later, raw_call, campaign_id
) -> None:
    places(2)
    claim("facebook", limit=1, worker="a", lease_seconds=60)
    later("50 seconds")
    extended = raw_call(
        "extend_claims", p_campaign_id=campaign_id, p_worker="a", p_lease_seconds=60
    )
    assert extended["extended"] == 1
    later("50 seconds")
    assert len(claim("facebook", limit=2, worker="b")["items"]) == 1
    later("2 hours")
    extended = raw_call(
        "extend_claims", p_campaign_id=campaign_id, p_worker="a", p_lease_seconds=60
    )
    assert extended["extended"] == 0


def test_an_address_that_several_businesses_hold_is_claimed_once(
    claim, store, campaign_id, other_campaign_id
) -> None:
    for owner in (campaign_id, other_campaign_id):
        store.insert_businesses_batch(
            owner,
            "00100",
            [
                {"place_id": f"{owner}-{n}", "name": "n", "email": f"{name}@a.fi"}
                for n, name in enumerate(("Info", "info", "INFO"))
            ],
        )
    assert len(claim("verification", worker="a")["items"]) == 1
    assert claim("verification", worker="b")["items"] == []
    assert claim("verification", owner=other_campaign_id, worker="c")["items"] == []


def test_what_a_late_transaction_adds_is_claimed(claim, places, owner_engine, campaign_id) -> None:
    with owner_engine.connect() as early:
        early.execute(text("select pg_current_xact_id()"))
        places(3)
        assert len(claim("facebook", limit=10, worker="a")["items"]) == 3
        assert claim("facebook", limit=10)["items"] == []
        early.execute(
            text(
                "insert into gmaps_businesses (campaign_id, place_id, name, facebook_url,"
                " needs_enrichment) values (:campaign, 'late', 'n', 'https://facebook.com/l', true)"
            ),
            {"campaign": campaign_id},
        )
        assert claim("facebook", limit=10)["items"] == []
        early.commit()
    assert claim("facebook", limit=10)["items"] == ["late"]


@pytest.mark.parametrize("status", ["paused", "completed", "failed"])
def test_a_campaign_that_does_not_run_hands_out_nothing(
    claim, places, raw_call, campaign_id, status
) -> None:
    places(2)
    claim("facebook", limit=1, worker="a")
    raw_call("update_campaign_status", p_campaign_id=campaign_id, p_status=status)
    for kind in (*KINDS, "coverage"):
        answer = claim(kind, worker="a")
        assert (answer["success"], answer["items"]) == (True, [])
        assert answer["campaign_status"] == status
    raw_call("update_campaign_status", p_campaign_id=campaign_id, p_status="running")
    assert len(claim("facebook", worker="a")["items"]) == 2


def test_a_claim_starts_a_draft(claim, campaign_id, row) -> None:
    assert row(campaigns, id=campaign_id).status == "draft"
    claim("coverage", limit=1)
    campaign = row(campaigns, id=campaign_id)
    assert campaign.status == "running"
    assert campaign.started_at is not None


def test_every_wrong_argument_is_named(claim, nothing_changes, subtests) -> None:
    wrong = [
        ({"limit": 0}, "p_limit is not between 1 and 10000"),
        ({"limit": -1}, "p_limit is not between 1 and 10000"),
        ({"limit": 1_000_000}, "p_limit is not between 1 and 10000"),
        ({"limit": None}, "p_limit is not between 1 and 10000"),
        ({"lease_seconds": 0}, "p_lease_seconds is not between 1 and 604800"),
        ({"lease_seconds": 31_536_000}, "p_lease_seconds is not between 1 and 604800"),
        ({"unit_cost_usd": "NaN"}, "p_unit_cost_usd is not between 0 and 1000000"),
        ({"unit_cost_usd": -1}, "p_unit_cost_usd is not between 0 and 1000000"),
        ({"worker": " "}, "p_worker is blank"),
        ({"worker": "w" * 10_000}, "p_worker is longer than 200 characters"),
    ]
    for kind in (*KINDS, "coverage"):
        for options, detail in wrong:
            with subtests.test(kind=kind, **{k: str(v)[:20] for k, v in options.items()}):
                with nothing_changes():
                    answer = claim(kind, **options)
                assert (answer["success"], answer["error_code"]) == (False, "22023")
                assert detail in answer["error_detail"]
    with nothing_changes():
        assert claim("twitter")["error_code"] == "22023"
        assert claim("facebook", owner=uuid.uuid4())["error_code"] == "23503"
        assert claim("facebook", owner=None)["error_code"] == "23503"
