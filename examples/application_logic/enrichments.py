"""Enrichment results and verdicts on email addresses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, and_, any_, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, UUID, insert

from campaigndb.calling.json_codec import dump_json
from campaigndb.calling.results import EmailVerified, EnrichmentFailure, EnrichmentsUpdated
from campaigndb.tables import (
    businesses,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from examples.application_logic.errors import refuse, refuse_missing
from examples.application_logic.json_columns import json_parameter

_TABLES = {"facebook": facebook_enrichments, "linkedin": linkedin_enrichments}
_URLS = {"facebook": "facebook_url", "linkedin": "linkedin_url"}
_GIVEN = {
    "facebook": (
        "facebook_url",
        "page_name",
        "page_likes",
        "page_followers",
        "primary_email",
        "error_message",
    ),
    "linkedin": (
        "linkedin_url",
        "profile_type",
        "person_name",
        "person_title",
        "person_profile_url",
        "company_name",
        "location",
        "connections",
        "primary_email",
        "email_source",
        "email_quality_tier",
        "error_message",
    ),
}
_LISTS = {
    "facebook": ("emails", "email_sources", "phone_numbers", "addresses"),
    "linkedin": ("emails_found", "emails_generated", "phone_numbers"),
}


def apply_batch(
    connection: Connection, enrichment_type: str, items: list[Any]
) -> EnrichmentsUpdated:
    """Stores what enrichment found, and applies it to the businesses."""
    if enrichment_type not in _TABLES:
        refuse(f"p_enrichment_type is not one of {', '.join(_TABLES)}")
    owners = _lock_businesses(connection, items)
    rows: dict[uuid.UUID, dict[str, Any]] = {}
    failures = []
    for index, item in enumerate(items):
        named = item.get("business_id")
        business_id = _uuid(named)
        if business_id is None or business_id not in owners:
            failures.append(
                EnrichmentFailure(
                    index=index, business_id=named, reason="there is no such business"
                )
            )
            continue
        rows[business_id] = _row(enrichment_type, item) | {
            "business_id": business_id,
            "campaign_id": owners[business_id],
        }
    # A batch that is sent again finds its items in raw_data and changes nothing.
    changed = (
        connection.execute(_upsert(_TABLES[enrichment_type]), list(rows.values())).scalars().all()
        if rows
        else []
    )
    if changed:
        connection.execute(
            _apply(enrichment_type),
            [_found(enrichment_type, rows[business_id]) for business_id in sorted(changed)],
        )
    return EnrichmentsUpdated(
        updated=len(rows),
        failed=len(failures),
        superseded=len(items) - len(rows) - len(failures),
        enrichment_type=enrichment_type,
        failures=tuple(failures),
    )


def _lock_businesses(connection: Connection, items: list[Any]) -> dict[Any, uuid.UUID]:
    """The businesses' campaigns. Every writer locks them in the same order."""
    ids = [id_ for item in items if (id_ := _uuid(item.get("business_id"))) is not None]
    return dict(
        connection.execute(
            select(businesses.c.id, businesses.c.campaign_id)
            .where(businesses.c.id == any_(literal(ids, ARRAY(UUID))))
            .order_by(businesses.c.place_id)
            .with_for_update(key_share=True)
        ).all()
    )


def _uuid(value: Any) -> uuid.UUID | None:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        return None


def _row(enrichment_type: str, item: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: item.get(name) for name in _GIVEN[enrichment_type]}
    row |= {name: item.get(name) or [] for name in _LISTS[enrichment_type]}
    if row["primary_email"] is None:
        emails = row.get("emails") or row.get("emails_found") or [None]
        row["primary_email"] = emails[0]
    succeeded = item.get("success", True)
    return row | {
        "success": succeeded,
        "status": item.get("enrichment_status") or ("enriched" if succeeded else "failed"),
        "raw_data_json": dump_json(item, "p_enrichments"),
    }


def _upsert(enrichments: Table) -> Any:
    statement = insert(enrichments).values(raw_data=json_parameter("raw_data_json"))
    given = statement.excluded
    unchanged = ("id", "business_id", "campaign_id", "created_at")
    filled = {
        "success": given.success,
        "raw_data": given.raw_data,
        **{
            column.name: func.coalesce(given[column.name], column)
            for column in enrichments.c
            if column.name not in unchanged and column.name in (*_ALL_GIVEN, "primary_email")
        },
    }
    return statement.on_conflict_do_update(
        index_elements=["business_id"],
        set_=filled,
        where=enrichments.c.raw_data.is_distinct_from(given.raw_data),
    ).returning(enrichments.c.business_id)


_ALL_GIVEN = {name for names in (*_GIVEN.values(), *_LISTS.values()) for name in names}


def _apply(enrichment_type: str) -> Any:
    business = businesses.c
    url = _URLS[enrichment_type]
    values: dict[str, Any] = {
        "email": func.coalesce(business.email, bindparam("found_email")),
        "email_source": func.coalesce(
            business.email_source, bindparam("found_source", type_=business.email_source.type)
        ),
        url: func.coalesce(business[url], bindparam("found_url")),
        "enrichment_attempts": business.enrichment_attempts + 1,
        "last_enrichment_attempt": func.now(),
        "updated_at": func.now(),
    }
    if enrichment_type == "facebook":
        values |= {"needs_enrichment": False, "enrichment_status": bindparam("found_status")}
    else:
        values["linkedin_enriched"] = bindparam("has_succeeded")
    return update(businesses).where(business.id == bindparam("of_business")).values(values)


def _found(enrichment_type: str, row: Mapping[str, Any]) -> dict[str, Any]:
    email = row["primary_email"]
    found = {
        "of_business": row["business_id"],
        "found_email": email,
        "found_source": None if email is None else enrichment_type,
        "found_url": row[_URLS[enrichment_type]],
    }
    if enrichment_type == "facebook":
        return found | {"found_status": row["status"]}
    return found | {"has_succeeded": row["success"]}


_FLAGS = ("is_disposable", "is_role_based", "is_free_email")
_LOGGED = (*_FLAGS, "is_gibberish", "provider", "smtp_check", "reason", "suggestion")


def store_verification(
    connection: Connection, business_id: uuid.UUID | None, email: str, data: Mapping[str, Any]
) -> EmailVerified:
    """Stores a verifier's answer with the rows that hold the email, and in the log."""
    status = data.get("status")
    if not status:
        refuse("p_verification_data.status is missing")
    is_safe = data.get("is_safe")
    if is_safe is None:
        is_safe = status == "deliverable"
    # The lock makes enrichments, which may bring another email, wait.
    business = connection.execute(
        select(businesses.c.email_source)
        .where(businesses.c.id == business_id)
        .with_for_update(key_share=True)
    ).first()
    if business is None:
        refuse_missing(f"there is no business {business_id or 'null'}")
    data_json = dump_json(data, "p_verification_data")
    if _is_logged(connection, business_id, data.get("idempotency_key"), data_json):
        return _verified(business_id, email, status, is_safe, replayed=True)

    verdict = {
        "email_verified": status == "deliverable",
        "bouncer_status": status,
        "bouncer_score": data.get("score"),
        "is_safe": is_safe,
        **{name: data.get(name) for name in _FLAGS},
        "bouncer_verified_at": func.now(),
    }
    held = {
        "business": _mark(connection, businesses, "id", "email", business_id, email, verdict),
        **{
            name: _mark(
                connection, table, "business_id", "primary_email", business_id, email, verdict
            )
            for name, table in _TABLES.items()
        },
    }
    if not any(held.values()):
        refuse_missing(f"neither business {business_id} nor its enrichments hold that email")
    connection.execute(
        insert(email_verifications).values(raw_response=json_parameter("raw_response_json")),
        {
            "business_id": business_id,
            "facebook_enrichment_id": held["facebook"],
            "linkedin_enrichment_id": held["linkedin"],
            "email": email,
            "source": data.get("source") or business.email_source,
            "status": status,
            "score": data.get("score"),
            "is_safe": is_safe,
            **{name: data.get(name) for name in _LOGGED},
            "domain": data.get("domain") or email.partition("@")[2],
            "raw_response_json": data_json,
        },
    )
    return _verified(business_id, email, status, is_safe, replayed=False)


def _verified(
    business_id: Any, email: str, status: str, is_safe: bool, *, replayed: bool
) -> EmailVerified:
    return EmailVerified(
        business_id=business_id, email=email, status=status, is_safe=is_safe, replayed=replayed
    )


def _is_logged(connection: Connection, business_id: Any, key: str | None, data_json: str) -> bool:
    """Whether the answer is in the log; its key with another answer is refused."""
    if key is None:
        return False
    logged = email_verifications.c
    first = connection.execute(
        select((logged.raw_response == json_parameter("data_json")).label("is_same")).where(
            logged.business_id == business_id,
            logged.raw_response["idempotency_key"].astext == key,
        ),
        {"data_json": data_json},
    ).first()
    if first is not None and not first.is_same:
        refuse("p_verification_data.idempotency_key was used before with another payload", "23505")
    return first is not None


def _mark(
    connection: Connection,
    table: Table,
    owner: str,
    held: str,
    business_id: Any,
    email: str,
    verdict: Mapping[str, Any],
) -> Any:
    """Writes the verdict to the row of the business that holds the email; the row's id."""
    return connection.execute(
        update(table)
        .where(and_(table.c[owner] == business_id, func.lower(table.c[held]) == func.lower(email)))
        .values(**verdict)
        .returning(table.c.id)
    ).scalar()
