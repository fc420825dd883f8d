"""The stored functions' signatures and isolation levels, and how a call becomes SQL.

Each builder checks what only Python can check (a float as money, a text that is no UUID) and
gives the call a key of its own, so that repeating it after an unknown outcome changes nothing.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Generic, Literal, NoReturn, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.sql.elements import TextClause

from app import results
from app.errors import InvalidInputError, from_envelope, from_exception
from app.identifiers import quote_identifier
from app.json_codec import dump_json, load_json

IsolationLevel = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
EnrichmentType = Literal["facebook", "linkedin"]
Service = Literal["google_maps", "facebook", "linkedin", "bouncer"]
Identifier = uuid.UUID | str
# Never a float: it would round before the database does.
Money = Decimal | int | str
Position = tuple[datetime.datetime, uuid.UUID]

# As the query returned them.
Rows = Sequence[Mapping[Any, Any]]

R = TypeVar("R")

# Of PostgreSQL's numeric; what it refuses beyond them does not say which parameter it was.
_MOST_DIGITS = 131_071
_MOST_DECIMALS = 16_383


@dataclass(frozen=True, eq=False)
class StoredFunction(Generic[R]):
    """One function of the schema: its parameters (name -> SQL type) and how its result is read."""

    name: str
    parameters: Mapping[str, str]
    read_result: Callable[[Any], R]
    isolation_level: IsolationLevel = "READ COMMITTED"
    returns_rows: bool = False

    @lru_cache(maxsize=4096)  # noqa: B019 - the functions are constants
    def sql(self, schema: str, placeholder: str) -> str:
        """The SELECT that calls it; `placeholder` is the driver's, such as `%({})s`."""
        arguments = ", ".join(
            f"{name} => cast({placeholder.format(name)} as {sql_type})"
            for name, sql_type in self.parameters.items()
        )
        call = f"{quote_identifier(schema)}.{self.name}({arguments})"
        # The schema's name is quoted, all else is fixed. The envelope comes as text, so that no
        # driver turns money into a float on the way.
        return f"select * from {call}" if self.returns_rows else f"select {call}::text"  # noqa: S608

    @lru_cache(maxsize=4096)  # noqa: B019 - the functions are constants
    def statement(self, schema: str) -> TextClause:
        return text(self.sql(schema, ":{}"))


@dataclass(frozen=True)
class Call(Generic[R]):
    """One logical call, the same at every attempt."""

    function: StoredFunction[R]
    values: Mapping[str, Any]
    # The campaigns whose totals it writes under a lock: it waits at their gates first.
    gated_campaigns: frozenset[uuid.UUID] = frozenset()
    new_campaign: uuid.UUID | None = None

    @property
    def campaign(self) -> uuid.UUID | None:
        """The only campaign that it names, where its parameters tell; for logs and spans."""
        if len(self.gated_campaigns) == 1:
            return next(iter(self.gated_campaigns))
        named: uuid.UUID | None = self.values.get("p_campaign_id")
        return named or self.new_campaign

    @property
    def writes(self) -> bool:
        return not self.function.returns_rows

    def execute(self, connection: Connection, schema: str) -> R:
        """Runs the call in the connection's transaction.

        Raises:
            StoredFunctionError: the function failed; nothing of the call remains.
        """
        try:
            result = connection.execute(self.function.statement(schema), self.values)
            rows = result.mappings().all()
        except Exception as error:
            failure = from_exception(error, self.function.name)
            if failure is None:
                raise
        else:
            return self.read(rows)
        # Not within the handler: the driver's exception would be its context, and repeats the
        # parameters, which may hold personal data.
        raise failure

    def read(self, rows: Rows) -> R:
        """The result in what the query returned.

        Raises:
            StoredFunctionError: the envelope, the only value of the only row, says so.
        """
        if self.function.returns_rows:
            return self.function.read_result(rows)
        ((envelope_text,),) = (row.values() for row in rows)
        envelope = load_json(envelope_text)
        if not envelope["success"]:
            raise from_envelope(envelope, self.function.name)
        return self.function.read_result(envelope)


def _read_queue(rows: Sequence[Mapping[str, Any]]) -> tuple[results.BusinessForEnrichment, ...]:
    return tuple(results.BusinessForEnrichment(**row) for row in rows)


def _read_queue_page(rows: Sequence[Mapping[str, Any]]) -> results.QueuePage:
    businesses = _read_queue(
        [{name: value for name, value in row.items() if name != "created_at"} for row in rows]
    )
    last = (rows[-1]["created_at"], rows[-1]["business_id"]) if rows else None
    return results.QueuePage(businesses=businesses, next_position=last)


CREATE_CAMPAIGN_WITH_COVERAGE = StoredFunction(
    "create_campaign_with_coverage",
    {"p_campaign_data": "jsonb", "p_zip_codes": "jsonb"},
    results.CampaignCreated.from_envelope,
)
INSERT_BUSINESSES_BATCH = StoredFunction(
    "insert_businesses_batch",
    {"p_campaign_id": "uuid", "p_zip_code": "varchar", "p_businesses": "jsonb"},
    results.BatchInserted.from_envelope,
)
UPDATE_CAMPAIGN_STATISTICS = StoredFunction(
    "update_campaign_statistics",
    {"p_campaign_id": "uuid"},
    results.CampaignStatistics.from_envelope,
)
TRACK_CAMPAIGN_COST = StoredFunction(
    "track_campaign_cost",
    {
        "p_campaign_id": "uuid",
        "p_service": "varchar",
        "p_items_processed": "int",
        "p_cost_usd": "numeric",
        "p_metadata": "jsonb",
    },
    results.CostTracked.from_envelope,
    isolation_level="SERIALIZABLE",
)
TRACK_CAMPAIGN_COSTS_BATCH = StoredFunction(
    "track_campaign_costs_batch",
    {"p_costs": "jsonb"},
    results.CostsTracked.from_envelope,
    isolation_level="SERIALIZABLE",
)
UPDATE_COVERAGE_STATUS = StoredFunction(
    "update_coverage_status",
    {
        "p_campaign_id": "uuid",
        "p_zip_code": "varchar",
        "p_businesses_found": "int",
        "p_emails_found": "int",
        "p_actual_cost": "numeric",
    },
    results.CoverageUpdated.from_envelope,
)
UPDATE_ENRICHMENT_BATCH = StoredFunction(
    "update_enrichment_batch",
    {"p_enrichment_type": "varchar", "p_enrichments": "jsonb"},
    results.EnrichmentsUpdated.from_envelope,
)
UPDATE_EMAIL_VERIFICATION = StoredFunction(
    "update_email_verification",
    {"p_business_id": "uuid", "p_email": "varchar", "p_verification_data": "jsonb"},
    results.EmailVerified.from_envelope,
)
GET_BUSINESSES_FOR_ENRICHMENT = StoredFunction(
    "get_businesses_for_enrichment",
    {
        "p_campaign_id": "uuid",
        "p_enrichment_type": "varchar",
        "p_limit": "int",
        "p_offset": "int",
    },
    _read_queue,
    returns_rows=True,
)
GET_BUSINESSES_FOR_ENRICHMENT_AFTER = StoredFunction(
    "get_businesses_for_enrichment_after",
    {
        "p_campaign_id": "uuid",
        "p_enrichment_type": "varchar",
        "p_after_created_at": "timestamptz",
        "p_after_id": "uuid",
        "p_limit": "int",
    },
    _read_queue_page,
    returns_rows=True,
)


def create_campaign_with_coverage(
    key: uuid.UUID, campaign_data: Mapping[str, Any], zip_codes: Iterable[Any] | None
) -> Call[results.CampaignCreated]:
    # The campaign's own id is its idempotency key.
    if isinstance(campaign_data, Mapping) and campaign_data.get("id") is None:
        campaign_data = {**campaign_data, "id": key}
    given = campaign_data.get("id") if isinstance(campaign_data, Mapping) else None
    return Call(
        CREATE_CAMPAIGN_WITH_COVERAGE,
        {
            "p_campaign_data": dump_json(campaign_data, "p_campaign_data"),
            "p_zip_codes": dump_json(_listed(zip_codes), "p_zip_codes"),
        },
        new_campaign=given if isinstance(given, uuid.UUID) else None,
    )


def insert_businesses_batch(
    campaign_id: Identifier, zip_code: str | None, businesses: Iterable[Any]
) -> Call[results.BatchInserted]:
    return Call(
        INSERT_BUSINESSES_BATCH,
        {
            "p_campaign_id": as_uuid(campaign_id, "p_campaign_id"),
            "p_zip_code": _text(zip_code, "p_zip_code"),
            "p_businesses": dump_json(_listed(businesses), "p_businesses"),
        },
    )


def update_campaign_statistics(campaign_id: Identifier) -> Call[results.CampaignStatistics]:
    campaign = as_uuid(campaign_id, "p_campaign_id")
    return Call(UPDATE_CAMPAIGN_STATISTICS, {"p_campaign_id": campaign}, _gated(campaign))


def track_campaign_cost(
    key: uuid.UUID,
    campaign_id: Identifier,
    service: str,
    items_processed: int,
    cost_usd: Money,
    metadata: Mapping[str, Any] | None,
) -> Call[results.CostTracked]:
    campaign = as_uuid(campaign_id, "p_campaign_id")
    return Call(
        TRACK_CAMPAIGN_COST,
        {
            "p_campaign_id": campaign,
            "p_service": _text(service, "p_service"),
            "p_items_processed": _integer(items_processed, "p_items_processed"),
            "p_cost_usd": _money(cost_usd, "p_cost_usd"),
            "p_metadata": dump_json(
                _keyed({} if metadata is None else metadata, key, "p_metadata"), "p_metadata"
            ),
        },
        _gated(campaign),
    )


def track_campaign_costs_batch(
    key: uuid.UUID, costs: Iterable[Mapping[str, Any]]
) -> Call[results.CostsTracked]:
    items = _listed(costs)
    campaigns: set[uuid.UUID | None] = set()
    if isinstance(items, list):
        items = [
            _keyed_cost(item, uuid.uuid5(key, str(index)), f"p_costs[{index}]")
            for index, item in enumerate(items)
        ]
        campaigns = {item["campaign_id"] for item in items if isinstance(item, Mapping)}
    return Call(
        TRACK_CAMPAIGN_COSTS_BATCH,
        {"p_costs": dump_json(items, "p_costs")},
        _gated(*campaigns),
    )


def update_coverage_status(
    campaign_id: Identifier,
    zip_code: str,
    businesses_found: int,
    emails_found: int,
    actual_cost: Money,
) -> Call[results.CoverageUpdated]:
    return Call(
        UPDATE_COVERAGE_STATUS,
        {
            "p_campaign_id": as_uuid(campaign_id, "p_campaign_id"),
            "p_zip_code": _text(zip_code, "p_zip_code"),
            "p_businesses_found": _integer(businesses_found, "p_businesses_found"),
            "p_emails_found": _integer(emails_found, "p_emails_found"),
            "p_actual_cost": _money(actual_cost, "p_actual_cost"),
        },
    )


def update_enrichment_batch(
    key: uuid.UUID, enrichment_type: str, enrichments: Iterable[Any]
) -> Call[results.EnrichmentsUpdated]:
    items = _listed(enrichments)
    if isinstance(items, list):
        items = [_keyed(item, key, f"p_enrichments[{index}]") for index, item in enumerate(items)]
    return Call(
        UPDATE_ENRICHMENT_BATCH,
        {
            "p_enrichment_type": _text(enrichment_type, "p_enrichment_type"),
            "p_enrichments": dump_json(items, "p_enrichments"),
        },
    )


def update_email_verification(
    key: uuid.UUID, business_id: Identifier, email: str, verification_data: Mapping[str, Any]
) -> Call[results.EmailVerified]:
    return Call(
        UPDATE_EMAIL_VERIFICATION,
        {
            "p_business_id": as_uuid(business_id, "p_business_id"),
            "p_email": _text(email, "p_email"),
            "p_verification_data": dump_json(
                _keyed(verification_data, key, "p_verification_data"), "p_verification_data"
            ),
        },
    )


def get_businesses_for_enrichment(
    campaign_id: Identifier, enrichment_type: str, limit: int, offset: int
) -> Call[tuple[results.BusinessForEnrichment, ...]]:
    return Call(
        GET_BUSINESSES_FOR_ENRICHMENT,
        {
            "p_campaign_id": as_uuid(campaign_id, "p_campaign_id"),
            "p_enrichment_type": _text(enrichment_type, "p_enrichment_type"),
            "p_limit": _integer(limit, "p_limit"),
            "p_offset": _integer(offset, "p_offset"),
        },
    )


def get_businesses_for_enrichment_after(
    campaign_id: Identifier, enrichment_type: str, position: Position | None, limit: int
) -> Call[results.QueuePage]:
    created_at, business_id = position or (None, None)
    return Call(
        GET_BUSINESSES_FOR_ENRICHMENT_AFTER,
        {
            "p_campaign_id": as_uuid(campaign_id, "p_campaign_id"),
            "p_enrichment_type": _text(enrichment_type, "p_enrichment_type"),
            "p_after_created_at": created_at,
            "p_after_id": business_id,
            "p_limit": _integer(limit, "p_limit"),
        },
    )


def _keyed(item: Any, key: uuid.UUID, name: str) -> Any:
    """The item with an idempotency key, unless it has one or is no object at all."""
    if not isinstance(item, Mapping):
        return item
    own_key = item.get("idempotency_key")
    if own_key is None:
        return {**item, "idempotency_key": str(key)}
    if isinstance(own_key, str):
        # Elsewhere such characters are replaced; here two keys would become one.
        _text(own_key, f"{name}.idempotency_key")
    return item


def _keyed_cost(cost: Any, key: uuid.UUID, name: str) -> Any:
    if not isinstance(cost, Mapping):
        return cost
    if isinstance(cost.get("cost_usd"), float):
        _refuse(f"{name}.cost_usd", "is a float: money is Decimal, int or str")
    metadata = cost.get("metadata")
    return {
        **cost,
        "campaign_id": as_uuid(cost.get("campaign_id"), f"{name}.campaign_id"),
        "metadata": _keyed({} if metadata is None else metadata, key, f"{name}.metadata"),
    }


def _gated(*campaigns: uuid.UUID | None) -> frozenset[uuid.UUID]:
    return frozenset(campaign for campaign in campaigns if campaign is not None)


def _listed(items: Iterable[Any] | None) -> Any:
    """Any iterable of items as a list; what is none is left to the function to refuse."""
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
        return items
    return list(items)


def _refuse(name: str, problem: str) -> NoReturn:
    detail = f"{name} {problem}"
    raise InvalidInputError(f"Invalid input: {detail}", error_code="22023", detail=detail)


def as_uuid(value: Any, name: str) -> uuid.UUID | None:
    """An id as a UUID; `name` is what the error says is none."""
    if value is None or isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        _refuse(name, "is not a UUID")


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(name, "is not a text")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(name, "holds a character that PostgreSQL cannot store")
    return value


def _integer(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(name, "is not a whole number")
    if not -(2**31) <= value < 2**31:
        _refuse(name, "is out of range")
    return value


def _money(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        _refuse(name, f"is a {type(value).__name__}: money is Decimal, int or str")
    number = _decimal(value)
    if number is None:
        _refuse(name, "is not a number")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and (
        number.adjusted() > _MOST_DIGITS or exponent < -_MOST_DECIMALS
    ):
        _refuse(name, "is out of range")
    return str(number)


def _decimal(value: Decimal | int | str) -> Decimal | None:
    """None for what is no number, whatever the server's version would take for one."""
    if isinstance(value, str) and "_" in value:
        return None
    try:
        # Of an int too: Python refuses to write one of more than 4,300 digits as a text.
        number = Decimal(value)
    except InvalidOperation:
        return None
    return None if number.is_snan() else number


ALL_FUNCTIONS: tuple[StoredFunction[Any], ...] = (
    CREATE_CAMPAIGN_WITH_COVERAGE,
    INSERT_BUSINESSES_BATCH,
    UPDATE_CAMPAIGN_STATISTICS,
    TRACK_CAMPAIGN_COST,
    TRACK_CAMPAIGN_COSTS_BATCH,
    UPDATE_COVERAGE_STATUS,
    UPDATE_ENRICHMENT_BATCH,
    UPDATE_EMAIL_VERIFICATION,
    GET_BUSINESSES_FOR_ENRICHMENT,
    GET_BUSINESSES_FOR_ENRICHMENT_AFTER,
)
