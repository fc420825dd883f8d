"""What is no worker, lease, kind or status is refused by name, and changes nothing."""

from __future__ import annotations

import uuid

import pytest

WRONG = [
    ("extend_claims", {"p_worker": " ", "p_lease_seconds": 60}, "p_worker is blank"),
    ("extend_claims", {"p_worker": None, "p_lease_seconds": 60}, "p_worker is blank"),
    (
        "extend_claims",
        {"p_worker": "w" * 10_000, "p_lease_seconds": 60},
        "p_worker is longer than 200 characters",
    ),
    (
        "extend_claims",
        {"p_worker": "w", "p_lease_seconds": 0},
        "p_lease_seconds is not between 1 and 604800",
    ),
    (
        "extend_claims",
        {"p_worker": "w", "p_lease_seconds": 31_536_000},
        "p_lease_seconds is not between 1 and 604800",
    ),
    ("release_claims", {"p_worker": ""}, "p_worker is blank"),
    ("release_claims", {"p_worker": "w" * 10_000}, "p_worker is longer than 200 characters"),
    ("retry_failed_lookups", {"p_kind": "twitter"}, "p_kind is not one of"),
    ("retry_failed_lookups", {"p_kind": None}, "p_kind is not one of"),
    ("update_campaign_status", {"p_status": "stopped"}, "p_status is not one of"),
    ("update_campaign_status", {"p_status": None}, "p_status is not one of"),
    ("get_work_status", {"p_limit": -1}, "p_limit is not between 0 and 10000"),
    ("get_work_status", {"p_limit": 1_000_000}, "p_limit is not between 0 and 10000"),
]
RIGHT = {
    "extend_claims": {"p_worker": "w", "p_lease_seconds": 60},
    "release_claims": {"p_worker": "w"},
    "retry_failed_lookups": {"p_kind": "facebook"},
    "update_campaign_status": {"p_status": "running"},
    "update_campaign_budget": {"p_budget_usd": 1},
    "get_work_status": {},
}


def test_every_wrong_argument_is_named(raw_call, campaign_id, nothing_changes, subtests) -> None:
    for function, wrong, detail in WRONG:
        with subtests.test(function=function, detail=detail), nothing_changes():
            answer = raw_call(function, p_campaign_id=campaign_id, **wrong)
            assert (answer["success"], answer["error_code"]) == (False, "22023")
            assert detail in answer["error_detail"]


def test_an_unknown_campaign_is_named(raw_call, nothing_changes, subtests) -> None:
    for function, parameters in RIGHT.items():
        for unknown in (uuid.uuid4(), None):
            with subtests.test(function=function, unknown=str(unknown)), nothing_changes():
                answer = raw_call(function, p_campaign_id=unknown, **parameters)
                assert (answer["success"], answer["error_code"]) == (False, "23503")
                assert f"there is no campaign {unknown or 'null'}" in answer["error_detail"]


@pytest.mark.parametrize("kind", ["linkedin", "verification"])
def test_a_late_result_of_each_kind_is_stored_and_counted(
    claim, places, later, store, campaign_id, kind
) -> None:
    places(1)
    claim(kind, worker="slow", lease_seconds=60)
    later("2 minutes")
    assert len(claim(kind, worker="other")["items"]) == 1
    [business] = store.get_campaign_leads(campaign_id, {"emails": "any"}, 1)
    result = {"business_id": business.business_id, "worker": "slow"}
    if kind == "linkedin":
        outcome = store.update_enrichment_batch(kind, [{**result, "person_name": "N"}])
    else:
        verdict = {"email": business.email, "status": "deliverable"}
        outcome = store.update_email_verifications_batch([{**result, **verdict}])
    assert (outcome.updated, outcome.late) == (1, 1)
    assert claim(kind, worker="third")["items"] == []
