"""Storing a verifier's answer, beside the application code and four plain statements."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, update

from benchmarks.database import BenchDatabase
from benchmarks.figures import Figure
from benchmarks.measurement import FUNCTION, Comparison, Variant
from benchmarks.run import Bench
from campaigndb.calling.catalogue import BUDGETS
from campaigndb.tables import (
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)

NAME = "update_email_verification"
ANSWER = {
    "status": "deliverable",
    "score": 95,
    "is_safe": True,
    "is_disposable": False,
    "is_role_based": False,
    "is_free_email": False,
}
# Of the answer's fields, those that the business and its enrichments keep.
_KEPT = {
    "email_verified": True,
    "bouncer_status": ANSWER["status"],
    "bouncer_score": ANSWER["score"],
    **{name: ANSWER[name] for name in ANSWER if name.startswith("is_")},
    "bouncer_verified_at": func.now(),
}


def measure(bench: Bench) -> Iterator[Figure]:
    database = bench.database
    campaign_id = database.campaign_with_businesses(bench.size(10_000, 500))
    held = itertools.cycle(
        database.query(
            "select id, email from gmaps_businesses "
            "where campaign_id = %(campaign_id)s and email is not null order by place_id",
            {"campaign_id": campaign_id},
        )
    )
    yield from bench.compare(
        Comparison(
            name=NAME,
            n=1,
            variants=[
                Variant(
                    FUNCTION,
                    lambda each: database.store.update_email_verification(each[0], each[1], ANSWER),
                    prepare=lambda: next(held),
                ),
                Variant(
                    "application code",
                    lambda each: database.application.update_email_verification(
                        each[0], each[1], ANSWER
                    ),
                    prepare=lambda: next(held),
                ),
                Variant(
                    "plain SQL",
                    lambda each: _from_the_client(database, *each),
                    prepare=lambda: next(held),
                ),
            ],
            baseline="plain SQL",
            calls=5 if bench.quick else 40,
            discarded=2 if bench.quick else 8,
            budget=BUDGETS[NAME],
        )
    )


def _from_the_client(database: BenchDatabase, business_id: Any, email: str) -> None:
    with database.owner_engine.begin() as connection:
        connection.execute(
            update(businesses)
            .where(businesses.c.id == business_id, func.lower(businesses.c.email) == email.lower())
            .values(**_KEPT, updated_at=func.now())
        )
        for enrichments in (facebook_enrichments, linkedin_enrichments):
            connection.execute(
                update(enrichments)
                .where(
                    enrichments.c.business_id == business_id,
                    func.lower(enrichments.c.primary_email) == email.lower(),
                )
                .values(_KEPT)
            )
        connection.execute(
            email_verifications.insert().values(
                business_id=business_id,
                email=email,
                source="google_maps",
                domain=email.partition("@")[2],
                raw_response=ANSWER,
                **ANSWER,
            )
        )
