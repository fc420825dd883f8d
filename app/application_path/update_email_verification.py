"""A verifier's answer: on the rows whose email it is, and in the log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    Text,
    and_,
    bindparam,
    column,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.application_path import checks
from app.application_path.checks import (
    DUPLICATE,
    MISSING_REFERENCE,
    first_problem,
    number_in,
    refuse,
)
from app.application_path.json_values import as_text, json_text, jsonb_parameter
from app.application_path.scraped_values import scraped_text
from app.json_codec import load_json
from app.tables import (
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)

_FLAGS = ("is_disposable", "is_role_based", "is_free_email")
_LOGGED_TEXTS = ("provider", "reason", "suggestion")
_LOG = insert(email_verifications).values(
    mx_records=jsonb_parameter("mx_records_json"),
    raw_response=jsonb_parameter("raw_response_json"),
    verified_at=func.now(),
)
_CHECKS = {
    "status": checks.text,
    "score": checks.score,
    "is_safe": checks.boolean,
    "is_disposable": checks.boolean,
    "is_role_based": checks.boolean,
    "is_free_email": checks.boolean,
    "is_gibberish": checks.boolean,
    "smtp_check": checks.boolean,
    "source": checks.text,
    "domain": checks.text,
    "provider": checks.text,
    "reason": checks.text,
    "suggestion": checks.text,
    "idempotency_key": checks.text,
}


def update_email_verification(
    connection: Connection, business_id: uuid.UUID | None, email: str | None, verification_data: str
) -> dict[str, Any]:
    email = scraped_text(email)
    if email is None:
        refuse("p_email is missing or blank")
    data = load_json(verification_data)
    if not isinstance(data, dict):
        refuse("p_verification_data is not a JSON object")
    problem = (
        "status is missing"
        if scraped_text(as_text(data.get("status"))) is None
        else first_problem(data, _CHECKS)
    )
    if problem is not None:
        refuse(f"p_verification_data.{problem}")
    status = scraped_text(data["status"])
    is_safe = data.get("is_safe")
    if is_safe is None:
        is_safe = status == "deliverable"

    # The lock makes enrichments, which may bring another email, wait.
    business = connection.execute(
        select(
            businesses.c.email_source,
            func.coalesce(_is(businesses.c.email, email), False).label("holds_email"),
        )
        .where(businesses.c.id == business_id)
        .with_for_update(key_share=True)
    ).first()
    if business_id is None or business is None:
        refuse(f"there is no business {business_id or 'null'}", MISSING_REFERENCE)

    # The same answer sent twice is logged once, and gets the first result even where the email was
    # replaced in between: a retry after an unknown outcome must not fail for what came later.
    first = _first_with_key(
        connection, business_id, email, verification_data, data.get("idempotency_key")
    )
    if first is not None:
        return first

    facebook_id, linkedin_id = connection.execute(
        select(
            _enrichment_with(facebook_enrichments, business_id, email, "emails"),
            _enrichment_with(
                linkedin_enrichments, business_id, email, "emails_found", "emails_generated"
            ),
        )
    ).one()
    if not business.holds_email and facebook_id is None and linkedin_id is None:
        refuse(
            f"neither business {business_id} nor its enrichments hold that email",
            MISSING_REFERENCE,
        )

    answer = {
        "status": status,
        "score": number_in(data, "score"),
        "is_safe": is_safe,
        **{name: data.get(name) for name in _FLAGS},
    }
    held_by = _Holders(business_id, business.holds_email, facebook_id, linkedin_id)
    _mark(connection, held_by, email, answer)
    source = scraped_text(data.get("source"))
    if source is None and business.holds_email:
        source = business.email_source
    if source is None:
        source = "facebook" if linkedin_id is None else "linkedin"
    mx_records = data.get("mx_records")
    connection.execute(
        _LOG,
        {
            "business_id": business_id,
            "facebook_enrichment_id": facebook_id,
            "linkedin_enrichment_id": linkedin_id,
            "email": email,
            "source": source,
            **answer,
            **{name: data.get(name) for name in ("is_gibberish", "smtp_check")},
            **{name: scraped_text(data.get(name)) for name in _LOGGED_TEXTS},
            "domain": scraped_text(data.get("domain")) or email.partition("@")[2].partition("@")[0],
            "mx_records_json": None if mx_records is None else json_text(mx_records),
            "raw_response_json": verification_data,
        },
    )
    return _envelope(business_id, email, status, is_safe, replayed=False)


@dataclass(frozen=True)
class _Holders:
    """Where an email was found: at the business, in its enrichments, or both."""

    business_id: uuid.UUID
    is_of_business: bool
    facebook_id: uuid.UUID | None
    linkedin_id: uuid.UUID | None


def _mark(connection: Connection, held_by: _Holders, email: str, answer: Mapping[str, Any]) -> None:
    """Writes the answer to the rows whose email it is of."""
    verified = {
        # "unknown" is the verifier's way to say that it got no answer.
        "email_verified": answer["status"] != "unknown",
        "bouncer_status": answer["status"],
        "bouncer_score": answer["score"],
        "is_safe": answer["is_safe"],
        **{name: answer[name] for name in _FLAGS},
        "bouncer_verified_at": func.now(),
    }
    updated = {**verified, "updated_at": func.now()}
    if held_by.is_of_business:
        own = businesses.c.id == held_by.business_id
        connection.execute(update(businesses).where(own).values(updated))
    # An enrichment row's verification is that of its primary email; a secondary one is in the log.
    for enrichments, enrichment_id, values in (
        (facebook_enrichments, held_by.facebook_id, verified),
        (linkedin_enrichments, held_by.linkedin_id, updated),
    ):
        if enrichment_id is not None:
            enrichment = enrichments.c
            connection.execute(
                update(enrichments)
                .where(enrichment.id == enrichment_id, _is(enrichment.primary_email, email))
                .values(values)
            )


def _envelope(
    business_id: uuid.UUID, email: str, status: str | None, is_safe: bool, *, replayed: bool
) -> dict[str, Any]:
    return {
        "success": True,
        "business_id": str(business_id),
        "email": email,
        "status": status,
        "is_safe": is_safe,
        "replayed": replayed,
    }


def _is(held: ColumnElement[Any], email: str) -> ColumnElement[bool]:
    """Addresses are compared without regard to case, as mail servers do in practice."""
    return func.lower(held) == func.lower(bindparam("email", email, type_=Text))


def _first_with_key(
    connection: Connection, business_id: uuid.UUID, email: str, data_text: str, key: str | None
) -> dict[str, Any] | None:
    """The first answer to the same key; refuses the same key with something else."""
    if key is None:
        return None
    logged = email_verifications.c
    first = connection.execute(
        select(
            logged.email,
            logged.status,
            logged.is_safe,
            and_(logged.email == email, logged.raw_response == jsonb_parameter("data")).label(
                "is_same"
            ),
        )
        .where(
            logged.business_id == business_id,
            logged.raw_response["idempotency_key"].astext == key,
        )
        .order_by(logged.created_at, logged.id)
        .limit(1),
        {"data": data_text},
    ).first()
    if first is None:
        return None
    if not first.is_same:
        refuse(
            "p_verification_data.idempotency_key was used before with another payload", DUPLICATE
        )
    return _envelope(business_id, first.email, first.status, first.is_safe, replayed=True)


def _enrichment_with(
    enrichments: Table, business_id: uuid.UUID, email: str, *lists: str
) -> ScalarSelect[Any]:
    """The id of a business's enrichment row where it holds the email, in whichever column."""
    enrichment = enrichments.c
    known: ColumnElement[Any] = enrichment[lists[0]]
    for name in lists[1:]:
        known = func.array_cat(known, enrichment[name])
    held = (
        func.unnest(func.array_append(known, enrichment.primary_email))
        .table_valued(column("email", Text), name=f"held_by_{enrichments.name}")
        .render_derived()
    )
    return (
        select(enrichment.id)
        .where(
            enrichment.business_id == business_id,
            exists(select(1).select_from(held).where(_is(held.c.email, email))),
        )
        .scalar_subquery()
    )
