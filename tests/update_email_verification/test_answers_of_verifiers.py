"""The answers of verifiers, as documented and as older versions of their APIs gave them."""

from decimal import Decimal
from typing import Any

import pytest

from campaigndb.tables import businesses, email_verifications

BOUNCER = {
    "email": "john@acme.example",
    "status": "deliverable",
    "reason": "accepted_email",
    "domain": {"name": "acme.example", "acceptAll": "no", "disposable": "no", "free": "yes"},
    "account": {"role": "yes", "disabled": "no", "fullMailbox": "no"},
    "dns": {"type": "MX", "record": "mx.acme.example."},
    "provider": "google.com",
    "score": 100,
    "toxic": "unknown",
    "toxicity": 0,
    "didYouMean": "jon@acme.example",
}
HUNTER = {
    "data": {
        "status": "accept_all",
        "result": "risky",
        "score": 70,
        "email": "john@acme.example",
        "regexp": True,
        "gibberish": False,
        "disposable": False,
        "webmail": False,
        "mx_records": True,
        "smtp_server": True,
        "smtp_check": True,
        "accept_all": True,
        "block": False,
        "sources": [],
    },
    "meta": {"params": {"email": "john@acme.example"}},
}
EMAILABLE = {
    "accept_all": False,
    "did_you_mean": "john@acme.example.com",
    "disposable": False,
    "domain": "acme.example",
    "duration": 0.493,
    "email": "john@acme.example",
    "free": True,
    "mailbox_full": False,
    "mx_record": "mx.acme.example",
    "no_reply": False,
    "reason": "accepted_email",
    "role": True,
    "score": 95,
    "smtp_provider": "google",
    "state": "deliverable",
    "tag": None,
    "user": "john",
}
MILLION_VERIFIER = {
    "email": "john@acme.example",
    "quality": "good",
    "result": "ok",
    "resultcode": 1,
    "subresult": "ok",
    "free": False,
    "role": True,
    "didyoumean": "",
    "credits": 1000,
    "executiontime": 1,
    "error": "",
    "livemode": True,
}
REOON = {
    "email": "john@acme.example",
    "status": "safe",
    "overall_score": 98,
    "username": "john",
    "domain": "acme.example",
    "is_safe_to_send": True,
    "is_valid_syntax": True,
    "is_disposable": False,
    "is_role_account": False,
    "can_connect_smtp": True,
    "has_inbox_full": False,
    "is_catch_all": False,
    "is_deliverable": True,
    "is_disabled": False,
    "is_spamtrap": False,
    "is_free_email": False,
    "mx_accepts_mail": True,
    "mx_records": ["mx.acme.example"],
    "verification_mode": "power",
}
NEVER_BOUNCE = {
    "status": "success",
    "result": "disposable",
    "flags": ["has_dns", "has_dns_mx", "disposable_email", "role_account", "free_email_host"],
    "suggested_correction": "john@acme.example.com",
    "execution_time": 499,
}
ZERO_BOUNCE = {
    "address": "john@acme.example",
    "status": "do_not_mail",
    "sub_status": "role_based_catch_all",
    "free_email": "True",
    "did_you_mean": "jon@acme.example",
    "account": "john",
    "domain": "acme.example",
    "smtp_provider": "google",
    "mx_found": "true",
    "mx_record": "mx.acme.example",
}
ANSWERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Bouncer": (
        BOUNCER,
        {
            "status": "deliverable", "score": Decimal(100), "is_safe": True,
            "is_disposable": False, "is_role_based": True, "is_free_email": True,
            "domain": "acme.example", "provider": "google.com", "reason": "accepted_email",
            "mx_records": ["mx.acme.example."], "suggestion": "jon@acme.example",
        },
    ),
    "Bouncer, disposable": (
        BOUNCER | {"domain": {"name": "acme.example", "disposable": "yes"}},
        {"status": "deliverable", "is_disposable": True, "is_safe": False},
    ),
    "Hunter": (
        HUNTER,
        {
            "status": "risky", "score": Decimal(70), "is_safe": False, "is_disposable": False,
            "is_free_email": False, "is_gibberish": False, "mx_records": True, "smtp_check": True,
        },
    ),
    "Hunter, without the deprecated result": (
        {"data": {"status": "valid", "score": 97, "gibberish": True}},
        {"status": "deliverable", "is_gibberish": True, "is_safe": False},
    ),
    "Emailable": (
        EMAILABLE,
        {
            "status": "deliverable", "score": Decimal(95), "is_safe": True,
            "is_disposable": False, "is_role_based": True, "is_free_email": True,
            "provider": "google", "mx_records": ["mx.acme.example"],
            "suggestion": "john@acme.example.com",
        },
    ),
    "MillionVerifier": (
        MILLION_VERIFIER,
        {
            "status": "deliverable", "is_safe": True, "is_role_based": True,
            "is_free_email": False, "reason": "ok", "suggestion": None,
        },
    ),
    "MillionVerifier, catch-all": (
        MILLION_VERIFIER | {"result": "catch_all", "quality": "risky"},
        {"status": "risky", "is_safe": False},
    ),
    "Reoon": (
        REOON,
        {
            "status": "deliverable", "score": Decimal(98), "is_safe": True,
            "is_disposable": False, "is_role_based": False, "is_free_email": False,
            "smtp_check": True, "mx_records": ["mx.acme.example"],
        },
    ),
    "Reoon, a full inbox": (
        REOON | {"status": "inbox_full", "is_safe_to_send": False},
        {"status": "risky", "is_safe": False},
    ),
    "NeverBounce": (
        NEVER_BOUNCE,
        {
            "status": "risky", "is_disposable": True, "is_role_based": True,
            "is_free_email": True, "is_safe": False, "suggestion": "john@acme.example.com",
        },
    ),
    "NeverBounce, a job's result": (
        {"data": {"email": "john@acme.example"}, "verification": {"result": "valid", "flags": []}},
        {"status": "deliverable", "is_safe": True, "is_disposable": False},
    ),
    "NeverBounce, numbers of the first API": (
        {"success": True, "result": 3},
        {"status": "risky", "is_safe": False},
    ),
    "ZeroBounce": (
        ZERO_BOUNCE,
        {
            "status": "risky", "is_safe": False, "is_role_based": True, "is_free_email": True,
            "reason": "role_based_catch_all", "provider": "google",
            "mx_records": ["mx.acme.example"], "suggestion": "jon@acme.example",
        },
    ),
    "ZeroBounce, a spam trap": (ZERO_BOUNCE | {"status": "spamtrap"}, {"status": "risky"}),
    "words for yes and no": (
        {"status": "Deliverable", "is_disposable": "no", "is_role_based": "YES",
         "is_free_email": "unknown", "is_gibberish": 0, "smtp_check": "1"},
        {"status": "deliverable", "is_disposable": False, "is_role_based": True,
         "is_free_email": None, "is_gibberish": False, "smtp_check": True},
    ),
    "camelCase of the own names": (
        {"status": "deliverable", "isSafe": False, "isRoleBased": True, "isFreeEmail": True,
         "isDisposable": True, "isGibberish": True, "smtpCheck": True, "mxRecords": ["mx"]},
        {"is_safe": False, "is_role_based": True, "is_free_email": True, "is_disposable": True,
         "is_gibberish": True, "smtp_check": True, "mx_records": ["mx"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_fills_the_columns(raw_call, add_business, row, name) -> None:
    answer, expected = ANSWERS[name]
    business_id = add_business("a", email="john@acme.example")
    envelope = raw_call(
        "update_email_verification",
        p_business_id=business_id,
        p_email="john@acme.example",
        p_verification_data=answer,
    )
    assert (envelope["success"], envelope["unrecognised_status"]) == (True, None)
    logged = row(email_verifications)
    assert {column: getattr(logged, column) for column in expected} == expected
    assert logged.raw_response == answer
    business = row(businesses)
    assert (business.bouncer_status, business.is_safe) == (logged.status, logged.is_safe)
    assert business.email_verified is (logged.status == "deliverable")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("splendid", "splendid"),
        ("1\nCRITICAL \x1b[31m" + "x" * 200, "1?CRITICAL ?[31m" + "x" * 63 + "…"),
    ],
)
def test_an_unknown_word_is_stored_as_unknown_and_told(
    raw_call, add_business, row, word: str, told: str
) -> None:
    business_id = add_business("a", email="john@acme.example")
    envelope = raw_call(
        "update_email_verification",
        p_business_id=business_id,
        p_email="john@acme.example",
        p_verification_data={"status": word},
    )
    assert (envelope["status"], envelope["unrecognised_status"]) == ("unknown", told)
    assert (row(email_verifications).status, row(businesses).email_verified) == ("unknown", False)
