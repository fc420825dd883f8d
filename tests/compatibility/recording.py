"""What one release of `app` sends to the database and reads from it, written down.

A recording is a list of steps. Each has the SQL as it is sent, with parameters by name, in a
transaction of an isolation level, perhaps behind a gate; and the shape of the answer: every field
with its JSON type. `{business}` in a value is the id of the business that an earlier step told.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from campaigndb.calling import catalogue
from campaigndb.calling.arguments import Call, prepare
from campaigndb.calling.catalogue import FUNCTIONS, StoredFunction
from campaigndb.calling.gate import gate_statements
from campaigndb.calling.json_codec import load_json

Step = dict[str, Any]
Recording = dict[str, Any]

SIGNATURES = text("""
    select p.proname as name, pg_get_function_identity_arguments(p.oid) as parameters,
      p.pronargdefaults as defaults, pg_get_function_result(p.oid) as returns
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.proname = any (:names)
    order by p.proname
""")
_KEY = uuid.UUID("5f1c0c1e-5a6c-4f7e-9d0a-000000000001")
_CAMPAIGN = uuid.UUID("5f1c0c1e-5a6c-4f7e-9d0a-000000000002")
_NO_CAMPAIGN = uuid.UUID("5f1c0c1e-5a6c-4f7e-9d0a-000000000003")
# Stands for a business's id until the call is made.
_BUSINESS = uuid.UUID("5f1c0c1e-5a6c-4f7e-9d0a-000000000004")


def _calls() -> list[Call[Any]]:
    """Every function, with what lists in an answer hold, and one that fails."""
    records = [
        {"place_id": "a", "name": "A", "email": "a@a.example", "facebook_url": "https://f/a"},
        {"title": "Name only"},
    ]
    found = {"business_id": _BUSINESS, "success": True, "primary_email": "b@a.example"}
    cost = {
        "campaign_id": str(_CAMPAIGN),
        "service": "facebook",
        "items_processed": 2,
        "cost_usd": "0.02",
    }
    made: list[tuple[StoredFunction[Any], list[Any]]] = [
        (
            catalogue.CREATE_CAMPAIGN_WITH_COVERAGE,
            [
                {"name": "Oulu", "keywords": ["cafe"], "id": _CAMPAIGN},
                ["90100", {"zip_code": "90120"}],
            ],
        ),
        (catalogue.INSERT_BUSINESSES_BATCH, [_CAMPAIGN, "90100", records]),
        (catalogue.GET_BUSINESSES_FOR_ENRICHMENT, [_CAMPAIGN, "facebook", 100, 0]),
        (
            catalogue.GET_BUSINESSES_FOR_ENRICHMENT_AFTER,
            [_CAMPAIGN, "linkedin", None, None, 100],
        ),
        (
            catalogue.UPDATE_ENRICHMENT_BATCH,
            ["facebook", [found, {"business_id": "nobody"}]],
        ),
        (catalogue.UPDATE_ENRICHMENT_BATCH, ["linkedin", [found]]),
        (
            catalogue.UPDATE_EMAIL_VERIFICATION,
            [_BUSINESS, "b@a.example", {"status": "deliverable", "score": 90}],
        ),
        (
            catalogue.UPDATE_EMAIL_VERIFICATIONS_BATCH,
            [
                [
                    {"business_id": _BUSINESS, "email": "b@a.example", "status": "risky"},
                    {"business_id": "nobody"},
                ]
            ],
        ),
        (catalogue.UPDATE_COVERAGE_STATUS, [_CAMPAIGN, "90100", 1, 1, "0.5"]),
        (
            catalogue.TRACK_CAMPAIGN_COST,
            [_CAMPAIGN, "bouncer", 1, "0.5", {"run": "nightly"}],
        ),
        (catalogue.TRACK_CAMPAIGN_COSTS_BATCH, [[cost, cost]]),
        (catalogue.UPDATE_CAMPAIGN_STATISTICS, [_CAMPAIGN]),
        (catalogue.TRACK_CAMPAIGN_COST, [_NO_CAMPAIGN, "bouncer", 1, 1, None]),
    ]
    return [prepare(function, arguments, _KEY) for function, arguments in made]


def record(engine: Engine, version: str) -> Recording:
    """Makes this version's calls on a new database, as its application role."""
    steps: list[Step] = []
    answers: list[Any] = []
    for call in _calls():
        function = call.function
        step = {
            "function": function.name,
            "isolation_level": function.isolation_level,
            "before": gate_statements("public", call.gated_campaigns),
            "sql": function.sql("public", ":{}"),
            "values": {
                name: None if value is None else str(value).replace(str(_BUSINESS), "{business}")
                for name, value in call.values.items()
            },
            "returns_rows": function.returns_rows,
        }
        answer = run(engine, step, business_of(answers))
        answers.append(answer)
        steps.append({**step, "answer": shape(answer)})
    with engine.connect() as connection:
        signatures = read_signatures(connection, [function.name for function in FUNCTIONS.values()])
    return {"version": version, "signatures": signatures, "steps": steps}


def run(engine: Engine, step: Step, business: str | None) -> Any:
    """Makes one recorded call in a transaction of its own; the envelope, or the rows."""
    values = {
        name: value.replace("{business}", str(business)) if value is not None else None
        for name, value in step["values"].items()
    }
    with engine.connect() as connection:
        connection.execution_options(isolation_level=step["isolation_level"])
        with connection.begin():
            for statement in step["before"]:
                connection.exec_driver_sql(statement)
            result = connection.execute(text(step["sql"]), values)
            if step["returns_rows"]:
                return [dict(row) for row in result.mappings()]
            return load_json(result.scalar_one())


def business_of(answers: list[Any]) -> str | None:
    """The id of the one business, once a queue has told it."""
    for answer in answers:
        if isinstance(answer, list) and answer:
            return str(answer[0]["business_id"])
    return None


def read_signatures(connection: Connection, names: list[str]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(SIGNATURES, {"names": names}).mappings()]


def shape(value: Any) -> Any:
    """Each field's JSON type; of a list, what its first item is like."""
    if isinstance(value, Mapping):
        return {name: shape(item) for name, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [shape(item) for item in value[:1]]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, (int, float)) or hasattr(value, "quantize") else "string"


def missing(expected: Any, found: Any, path: str = "") -> list[str]:
    """What an old caller would look for in vain: fields that are gone or of another type.

    New fields are no harm. Where the recording has null, or an empty list, any value will do.
    """
    if expected == "null":
        return []
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{path or 'the answer'} is {found}, was an object"]
        problems = []
        for name, item in expected.items():
            where = f"{path}.{name}".lstrip(".")
            if name not in found:
                problems.append(f"{where} is gone")
            else:
                problems += missing(item, found[name], where)
        return problems
    if isinstance(expected, list):
        if not isinstance(found, list):
            return [f"{path or 'the answer'} is {found}, was a list"]
        if expected and not found:
            return [f"{path or 'the answer'} is empty"]
        return missing(expected[0], found[0], f"{path}[0]") if expected else []
    return [] if expected == found else [f"{path} is {found}, was {expected}"]
