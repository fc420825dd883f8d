"""Random calls over a small world of campaigns and places, good ones and bad ones.

Texts hold names in braces, as in the shared scenarios: each way has its own campaigns and places.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

RandomCall = tuple[str, dict[str, Any]]

CAMPAIGNS = ("{campaign}", "{other}")
PLACES = tuple("abcdef")
BUSINESSES = tuple(f"{{business {place}}}" for place in PLACES)
UNKNOWN = "5f1c0c1e-5a6c-4f7e-9d0a-00000000dead"
EMAILS = ("a@hall.fi", "A@HALL.fi", " b@hall.fi ", "c@x@y", "no email", "", "ü@hall.fi")
KEYS = ("first", "second", "third")
TEXTS = ("x", " y ", "", "\t", "Ääkköset", "https://example.com/a", 7, 1.50, True, None, [], {})
COUNTS = (0, 1, "2", 2.0, 3.5, -1, 2**31 - 1, 2**31, "many", None, "", True)
MONEY = (0, "0.00005", "0.00004999", "1.25", Decimal("99.99995"), "1e2", -1, "NaN", None, "1000000")


def random_calls(rng: random.Random, number: int) -> list[RandomCall]:
    created: list[RandomCall] = [
        (
            "create_campaign_with_coverage",
            {
                "campaign_data": {"id": campaign, "name": "World", "keywords": ["cafe", " "]},
                "zip_codes": ["00100", {"zip": "00120", "estimated_cost": 1.25}],
            },
        )
        for campaign in CAMPAIGNS
    ]
    makers = list(_MAKERS.items())
    chosen = (rng.choice(makers) for _ in range(number))
    return created + [(name, make(rng)) for name, make in chosen]


def _campaign(rng: random.Random) -> Any:
    return rng.choice((*CAMPAIGNS * 5, UNKNOWN, None))


def _business(rng: random.Random) -> Any:
    return rng.choice((*BUSINESSES * 4, UNKNOWN, None))


def _some(rng: random.Random, **choices: Any) -> dict[str, Any]:
    """A few of the fields, each with one of its values."""
    names = rng.sample(sorted(choices), rng.randint(0, 3))
    return {name: rng.choice(choices[name]) for name in names}


def _keyed(rng: random.Random) -> dict[str, Any]:
    return {"idempotency_key": rng.choice((*KEYS, None))} if rng.random() < 0.5 else {}


def _create(rng: random.Random) -> dict[str, Any]:
    zip_codes = (
        "00100",
        " 00130 ",
        {"zip_code": "00140", "max_results": "50", "keywords": "bar"},
        {"zip": "00140", "zip_code": " ", "estimated_cost": "0.00005", "keywords": []},
        {"zip_code": "00150", "estimated_cost": Decimal("3.1")},
        {"zip_code": f"{' ' * 99}00170"},
        *(
            [
                {"zip_code": "00160", "max_results": 1.5},
                "",
                100,
                {"zip_code": " ", "zip": "0" * 150},
            ]
            if rng.random() < 0.2
            else []
        ),
    )
    data = _some(
        rng,
        description=TEXTS,
        keywords=("one", ["a", None, " b "], [], None),
        coverage_profile=("budget", None, "greedy"),
        custom_zip_codes=(["1", ""], [], None, "2"),
        status=("running", None),
        target_zip_count=COUNTS,
        coverage_percentage=(0, "12.345", 100, 101),
        estimated_cost=MONEY,
    )
    id_ = rng.choice(("{new 1}", "{new 2}", "{new 3}"))
    return {
        "campaign_data": {"id": id_, "name": rng.choice(("x", " x ")), **data},
        "zip_codes": rng.choice(
            (None, [], [rng.choice(zip_codes) for _ in range(rng.randint(1, 6))])
        ),
    }


def _insert(rng: random.Random) -> dict[str, Any]:
    records: list[Any] = []
    for _ in range(rng.randint(0, 6)):
        place = f"{{run}}-{rng.choice(PLACES)}"
        record = {
            rng.choice(("place_id", "placeId")): place,
            rng.choice(("name", "title")): rng.choice(("Hall", "Kauppahalli", "Halli", " ", 7)),
            **({"email": "a@hall.fi"} if rng.random() < 0.5 else {}),
            **_some(
                rng,
                email=EMAILS,
                emails=([], ["d@hall.fi"], [None, "x"], "e@hall.fi"),
                email_source=("facebook", "linkedin", "google_maps", None),
                phone=TEXTS,
                website=TEXTS,
                postalCode=("00100", "", None),
                categories=([], ["a", ""], "b", None),
                totalScore=(4.5, "4.50", -1, 1e40, None),
                reviewsCount=COUNTS,
                location=({"lat": 60.1, "lng": "24.9"}, {"lat": 91}, None),
                facebookUrl=TEXTS,
                linkedIns=(["https://linkedin.com/a"], [], None),
                openingHours=([{"day": "Monday"}], {"a": 1.5}, None),
                needs_enrichment=(False, True),
            ),
        }
        records.append(rng.choice((record, record, record, record, {"place_id": place}, None, [])))
    return {
        "campaign_id": _campaign(rng),
        "zip_code": rng.choice(("00100", "00120", None, " ")),
        "businesses": records,
    }


def _cost(rng: random.Random) -> dict[str, Any]:
    return {
        "service": rng.choice(("google_maps", "facebook", "linkedin", "bouncer", "twitter")),
        "items_processed": rng.choice((0, 1, 5)),
        "cost_usd": rng.choice(
            (0, "0.00005", "0.00004999", "1.25", Decimal("99.99995"), "1e2", -1)
        ),
        "metadata": rng.choice((None, {}, {"job": 1.0}, {"job": 1}, {"job": True})),
    }


def _track(rng: random.Random) -> dict[str, Any]:
    cost = _cost(rng)
    metadata = {**(cost["metadata"] or {}), **_keyed(rng)}
    return {"campaign_id": _campaign(rng), **cost, "metadata": metadata or None}


def _track_batch(rng: random.Random) -> dict[str, Any]:
    costs: list[Any] = []
    for _ in range(rng.randint(0, 5)):
        cost = _cost(rng)
        amount = rng.choice((cost["cost_usd"], "0.5")) if cost["cost_usd"] in (-1, "1e2") else None
        service = "bouncer" if rng.random() < 0.7 else cost["service"]
        costs.append(
            {
                "campaign_id": rng.choice((*CAMPAIGNS * 8, UNKNOWN)),
                **cost,
                "service": service,
                "cost_usd": cost["cost_usd"] if amount is None else amount,
                "metadata": {**(cost["metadata"] or {}), **_keyed(rng)},
            }
        )
    return {"costs": costs}


def _coverage(rng: random.Random) -> dict[str, Any]:
    return {
        "campaign_id": _campaign(rng),
        "zip_code": rng.choice(("00100", " 00120 ", "00100", "99999", None)),
        "businesses_found": rng.choice((0, 3, 5, None)),
        "emails_found": rng.choice((0, 2)),
        "actual_cost": rng.choice(MONEY),
    }


def _enrich(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(("facebook", "linkedin"))
    common: dict[str, Any] = {
        "success": (True, False, None, "yes"),
        "error_message": ("not found", " ", None),
        "primary_email": EMAILS,
        "phone_numbers": (["1", ""], "2", [], [3]),
    }
    own: dict[str, Any] = {
        "facebook": {
            "facebook_url": TEXTS[:6],
            "page_likes": COUNTS,
            "emails": ([], ["a@hall.fi", "f@hall.fi"], "F@hall.fi", ["no email", "", "f@hall.fi"]),
            "enrichment_status": ("enriched", "failed", "no_facebook", "pending", "other"),
        },
        "linkedin": {
            "linkedin_url": TEXTS[:6],
            "profile_type": ("company", "personal", None),
            "emails_found": ([], [" ", "l@hall.fi"], ["x", "A@hall.fi"], ["x y"]),
            "emails_generated": (["g@hall.fi"], None),
            "email_source": ("generated", None, "x"),
            "connections": COUNTS,
        },
    }[kind]
    items: list[Any] = []
    for _ in range(rng.randint(0, 5)):
        item = {"business_id": _business(rng), **_some(rng, **common, **own), **_keyed(rng)}
        items.append(rng.choice((item, item, item, item, "text", {"business_id": 1.50})))
    return {
        "enrichment_type": rng.choice((*[kind] * 9, "twitter")),
        "enrichments": items,
    }


def _verify(rng: random.Random) -> dict[str, Any]:
    return {
        "business_id": _business(rng),
        "email": rng.choice(("a@hall.fi", "A@HALL.FI", "a@hall.fi", "f@hall.fi", "l@hall.fi")),
        "verification_data": {
            "status": rng.choice(("deliverable", "risky", "unknown", "x", " ")),
            **_some(
                rng,
                score=(0, "0.95", 1.5, -1),
                is_safe=(True, False, None),
                is_free_email=(True, None, 1),
                source=("google_maps", " ", None),
                domain=("hall.fi", None),
                mx_records=([], None, [{"host": "mx", "preference": 10.0}]),
            ),
            **_keyed(rng),
        },
    }


def _queue(rng: random.Random) -> dict[str, Any]:
    return {
        "campaign_id": _campaign(rng),
        "enrichment_type": rng.choice(("facebook", "linkedin")),
        "limit": rng.choice((1, 3, 100, 0)),
        "offset": rng.choice((0, 1, 5)),
    }


_MAKERS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "create_campaign_with_coverage": _create,
    "insert_businesses_batch": _insert,
    "update_campaign_statistics": lambda rng: {"campaign_id": _campaign(rng)},
    "track_campaign_cost": _track,
    "track_campaign_costs_batch": _track_batch,
    "update_coverage_status": _coverage,
    "update_enrichment_batch": _enrich,
    "update_email_verification": _verify,
    "get_businesses_for_enrichment": _queue,
}
