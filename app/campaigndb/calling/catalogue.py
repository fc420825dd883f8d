"""The stored functions as data, for the callers, budgets, monitoring, documents and clients.

A new function is one entry here. CONTRIBUTING.md lists its other places, and
`tests/functions/test_catalogue.py` reports each one that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from campaigndb.calling import results
from campaigndb.calling.retries import COST_POLICY, DEFAULT_POLICY, RetryPolicy
from campaigndb.database import quote_identifier

IsolationLevel = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

R = TypeVar("R")


class Kind(Enum):
    """The kind of a parameter, by which `campaigndb.calling.arguments` checks values."""

    UUID = "uuid"
    TEXT = "varchar"
    INTEGER = "int"
    BIG_INTEGER = "bigint"
    # Decimal, int or str; never a float, which would be rounded before it reaches the database.
    MONEY = "numeric"
    TIME = "timestamptz"
    # A JSON object, and a JSON list of anything.
    OBJECT = "jsonb object"
    LIST = "jsonb list"

    @property
    def sql_type(self) -> str:
        """The parameter's type in SQL."""
        return self.value.partition(" ")[0]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        kind: what values it takes.
        default: its default as SQL writes it; None if the parameter is required.
        item_kinds: for a list of objects, the kinds of the fields that are checked here.
    """

    kind: Kind
    default: str | None = None
    item_kinds: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """Where a call carries its idempotency key. The store creates one unless it is given.

    Attributes:
        path: the parameter, then the field: `p_metadata.idempotency_key`; `[]` means every item
            of a list.
        one_each: whether each item of the list gets its own key.
    """

    path: str
    one_each: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper limit for the median duration of a call, in milliseconds, and the call measured.

    For the embedded server on two cores. Every limit should be met with room to spare.
    """

    milliseconds: int
    measured: str


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredFunction(Generic[R]):
    """One function of the schema.

    Attributes:
        name: its name, and that of the store's method.
        summary: what the function does, for the table in README.md.
        parameters: by name, in order.
        read_result: turns the envelope, or the rows, into the result.
        repeating: why a repeated call changes nothing more, for the table in docs/calling.md.
        key: where the call carries its idempotency key; None if a repeated call needs none.
        isolation_level: the isolation level of its transaction.
        gate: where the call names the campaigns at whose gates it waits: `p_campaign_id`, or
            `p_costs[].campaign_id`.
        returns_rows: whether it returns rows and raises errors; the others return an envelope.
        read_only: whether it only reads.
        budget: how fast it must be; None if it is not measured.
        policy: the default retry policy.
    """

    name: str
    summary: str
    parameters: Mapping[str, Parameter]
    read_result: Callable[[Any], R]
    repeating: str
    key: Key | None = None
    isolation_level: IsolationLevel = "READ COMMITTED"
    gate: str | None = None
    returns_rows: bool = False
    read_only: bool = False
    budget: Budget | None = None
    policy: RetryPolicy = DEFAULT_POLICY

    @lru_cache(maxsize=4096)  # noqa: B019 - the functions are constants
    def sql(self, schema: str, placeholder: str) -> str:
        """The SELECT that calls it; `placeholder` is the driver's, such as `%({})s`."""
        arguments = ", ".join(
            f"{name} => cast({placeholder.format(name)} as {parameter.kind.sql_type})"
            for name, parameter in self.parameters.items()
        )
        call = f"{quote_identifier(schema)}.{self.name}({arguments})"
        # The schema's name is quoted, the rest is fixed. The envelope is returned as text: a driver
        # that decodes JSON would turn money into floats.
        return f"select * from {call}" if self.returns_rows else f"select {call}::text"  # noqa: S608

    @property
    def signature(self) -> str:
        """The signature in SQL: `name(p_campaign_id uuid, p_limit int default 100)`."""
        parameters = ", ".join(
            f"{name} {parameter.kind.sql_type}"
            + (f" default {parameter.default}" if parameter.default is not None else "")
            for name, parameter in self.parameters.items()
        )
        return f"{self.name}({parameters})"


@dataclass(frozen=True, eq=False, kw_only=True)
class _Reading(StoredFunction[R]):
    """A function that only reads."""

    repeating: str = "reads"
    read_only: bool = True


_UUID = Parameter(Kind.UUID)
_TEXT = Parameter(Kind.TEXT)
_INTEGER = Parameter(Kind.INTEGER)
_MONEY = Parameter(Kind.MONEY)
_OBJECT = Parameter(Kind.OBJECT)
_LIST = Parameter(Kind.LIST)


def _optional(parameter: Parameter, default: str = "null") -> Parameter:
    return replace(parameter, default=default)


CREATE_CAMPAIGN_WITH_COVERAGE = StoredFunction(
    name="create_campaign_with_coverage",
    summary="creates a campaign and its ZIP codes; the same id again returns the same campaign",
    parameters={"p_campaign_data": _OBJECT, "p_zip_codes": _LIST},
    read_result=results.CampaignCreated.from_mapping,
    repeating="the store gives the campaign an id before the first attempt; the same id returns"
    " the same campaign",
    key=Key("p_campaign_data.id"),
    budget=Budget(500, "a campaign with 100 ZIP codes"),
)
INSERT_BUSINESSES_BATCH = StoredFunction(
    name="insert_businesses_batch",
    summary="inserts or updates scraped records in one statement; an update never loses a stored"
    " value",
    parameters={"p_campaign_id": _UUID, "p_zip_code": _TEXT, "p_businesses": _LIST},
    read_result=results.BatchInserted.from_mapping,
    repeating="the same records are unchanged the second time",
    budget=Budget(1000, "a batch of 50 businesses"),
)
UPDATE_CAMPAIGN_STATISTICS = StoredFunction(
    name="update_campaign_statistics",
    summary="counts a campaign's businesses, emails, pages, profiles and verified emails",
    parameters={"p_campaign_id": _UUID},
    read_result=results.CampaignStatistics.from_mapping,
    repeating="sets the counts, does not add",
    gate="p_campaign_id",
    budget=Budget(200, "a campaign with 100,000 businesses"),
)
TRACK_CAMPAIGN_COST = StoredFunction(
    name="track_campaign_cost",
    summary="adds a cost to the ledger and to the totals, once for each idempotency key",
    parameters={
        "p_campaign_id": _UUID,
        "p_service": _TEXT,
        "p_items_processed": _INTEGER,
        "p_cost_usd": _MONEY,
        "p_metadata": _optional(_OBJECT),
    },
    read_result=results.CostTracked.from_mapping,
    repeating="the store gives the metadata an `idempotency_key`; the same key and payload return"
    " the first result",
    key=Key("p_metadata.idempotency_key"),
    isolation_level="SERIALIZABLE",
    gate="p_campaign_id",
    budget=Budget(100, "one cost"),
    policy=COST_POLICY,
)
TRACK_CAMPAIGN_COSTS_BATCH = StoredFunction(
    name="track_campaign_costs_batch",
    summary="adds many costs in one transaction, all or none",
    parameters={
        "p_costs": replace(_LIST, item_kinds={"campaign_id": Kind.UUID, "cost_usd": Kind.MONEY})
    },
    read_result=results.CostsTracked.from_mapping,
    repeating="each cost gets its own `idempotency_key`",
    key=Key("p_costs[].metadata.idempotency_key", one_each=True),
    isolation_level="SERIALIZABLE",
    gate="p_costs[].campaign_id",
    budget=Budget(1000, "a batch of 1,000 costs"),
    policy=COST_POLICY,
)
UPDATE_COVERAGE_STATUS = StoredFunction(
    name="update_coverage_status",
    summary="marks a ZIP code as scraped",
    parameters={
        "p_campaign_id": _UUID,
        "p_zip_code": _TEXT,
        "p_businesses_found": _INTEGER,
        "p_emails_found": _INTEGER,
        "p_actual_cost": _MONEY,
    },
    read_result=results.CoverageUpdated.from_mapping,
    repeating="sets, does not add",
    budget=Budget(50, "one ZIP code"),
)
UPDATE_ENRICHMENT_BATCH = StoredFunction(
    name="update_enrichment_batch",
    summary="stores results from Facebook or LinkedIn, and applies them to the businesses",
    parameters={"p_enrichment_type": _TEXT, "p_enrichments": _LIST},
    read_result=results.EnrichmentsUpdated.from_mapping,
    repeating="each item gets an `idempotency_key`; a key is applied to a business once, even if"
    " others wrote in between",
    key=Key("p_enrichments[].idempotency_key"),
    budget=Budget(1000, "a batch of 50 enrichments"),
)
UPDATE_EMAIL_VERIFICATION = StoredFunction(
    name="update_email_verification",
    summary="stores a verifier's answer at every business that holds the email",
    parameters={"p_business_id": _UUID, "p_email": _TEXT, "p_verification_data": _OBJECT},
    read_result=results.EmailVerified.from_mapping,
    repeating="the data get an `idempotency_key`; the same answer is logged once",
    key=Key("p_verification_data.idempotency_key"),
    budget=Budget(50, "one email"),
)
UPDATE_EMAIL_VERIFICATIONS_BATCH = StoredFunction(
    name="update_email_verifications_batch",
    summary="stores many verifiers' answers at the businesses that hold the emails",
    parameters={"p_verifications": _LIST},
    read_result=results.EmailVerificationsUpdated.from_mapping,
    repeating="each answer gets an `idempotency_key`; the same answer is logged once",
    key=Key("p_verifications[].idempotency_key", one_each=True),
)
GET_BUSINESSES_FOR_ENRICHMENT = _Reading(
    name="get_businesses_for_enrichment",
    summary="a page of an enrichment queue",
    parameters={
        "p_campaign_id": _UUID,
        "p_enrichment_type": _TEXT,
        "p_limit": _optional(_INTEGER, "100"),
        "p_offset": _optional(_INTEGER, "0"),
    },
    read_result=results.BusinessForEnrichment.from_rows,
    returns_rows=True,
    budget=Budget(500, "a page of 100 businesses"),
)
GET_BUSINESSES_FOR_ENRICHMENT_AFTER = _Reading(
    name="get_businesses_for_enrichment_after",
    summary="a page of an enrichment queue after a position",
    parameters={
        "p_campaign_id": _UUID,
        "p_enrichment_type": _TEXT,
        "p_after_created_at": _optional(Parameter(Kind.TIME)),
        "p_after_id": _optional(_UUID),
        "p_limit": _optional(_INTEGER, "100"),
    },
    read_result=results.read_queue_page,
    returns_rows=True,
    budget=Budget(500, "a page of 100 businesses"),
)
GET_ENRICHMENT_QUEUE_PAGE = _Reading(
    name="get_enrichment_queue_page",
    summary="a page of an enrichment queue, from which `iter_businesses_for_enrichment` reads"
    " every business once",
    parameters={
        "p_campaign_id": _UUID,
        "p_enrichment_type": _TEXT,
        "p_limit": _optional(_INTEGER, "100"),
        "p_after_position": _optional(Parameter(Kind.BIG_INTEGER)),
        "p_after_id": _optional(_UUID),
    },
    read_result=results.read_places_in_queue,
    returns_rows=True,
)
_CLAIMING = {
    "p_worker": _optional(_TEXT),
    "p_lease_seconds": _optional(_INTEGER, "900"),
    "p_unit_cost_usd": _optional(_MONEY),
}
_REPEATED_CLAIM = (
    "a named worker gets its items again; without a name, they return when the lease ends"
)
CLAIM_BUSINESSES_FOR_ENRICHMENT = StoredFunction(
    name="claim_businesses_for_enrichment",
    summary="claims businesses to look up, each for one worker until its lease ends",
    parameters={
        "p_campaign_id": _UUID,
        "p_enrichment_type": _TEXT,
        "p_limit": _optional(_INTEGER, "100"),
        **_CLAIMING,
    },
    read_result=results.BusinessesClaimed.from_mapping,
    repeating=_REPEATED_CLAIM,
    budget=Budget(500, "100 businesses"),
)
CLAIM_EMAILS_FOR_VERIFICATION = StoredFunction(
    name="claim_emails_for_verification",
    summary="claims addresses to verify, each for one worker until its lease ends",
    parameters={"p_campaign_id": _UUID, "p_limit": _optional(_INTEGER, "100"), **_CLAIMING},
    read_result=results.EmailsClaimed.from_mapping,
    repeating=_REPEATED_CLAIM,
)
CLAIM_COVERAGE = StoredFunction(
    name="claim_coverage",
    summary="claims ZIP codes to scrape, each for one worker until its lease ends",
    parameters={
        "p_campaign_id": _UUID,
        "p_limit": _optional(_INTEGER, "10"),
        **_CLAIMING,
        "p_lease_seconds": _optional(_INTEGER, "3600"),
    },
    read_result=results.CoverageClaimed.from_mapping,
    repeating=_REPEATED_CLAIM,
)
EXTEND_CLAIMS = StoredFunction(
    name="extend_claims",
    summary="extends the leases that a worker holds",
    parameters={"p_campaign_id": _UUID, "p_worker": _TEXT, "p_lease_seconds": _INTEGER},
    read_result=results.ClaimsExtended.from_mapping,
    repeating="sets the end of the leases",
)
RELEASE_CLAIMS = StoredFunction(
    name="release_claims",
    summary="gives back the items that a worker holds",
    parameters={"p_campaign_id": _UUID, "p_worker": _TEXT},
    read_result=results.ClaimsReleased.from_mapping,
    repeating="released items are no longer held",
)
RETRY_FAILED_LOOKUPS = StoredFunction(
    name="retry_failed_lookups",
    summary="makes given-up lookups due again",
    parameters={"p_campaign_id": _UUID, "p_kind": _TEXT},
    read_result=results.LookupsRetried.from_mapping,
    repeating="lookups that are due again are no longer given up",
)
UPDATE_CAMPAIGN_STATUS = StoredFunction(
    name="update_campaign_status",
    summary="starts, pauses or completes a campaign; claims follow its status",
    parameters={"p_campaign_id": _UUID, "p_status": _TEXT},
    read_result=results.CampaignStatusUpdated.from_mapping,
    repeating="the same status again changes nothing",
)
UPDATE_CAMPAIGN_BUDGET = StoredFunction(
    name="update_campaign_budget",
    summary="sets a campaign's budget, or removes it",
    parameters={"p_campaign_id": _UUID, "p_budget_usd": _MONEY},
    read_result=results.CampaignBudgetUpdated.from_mapping,
    repeating="sets, does not add",
)
GET_WORK_STATUS = _Reading(
    name="get_work_status",
    summary="a campaign's leases, queues, given-up lookups and reservations",
    parameters={"p_campaign_id": _UUID, "p_limit": _optional(_INTEGER, "100")},
    read_result=results.WorkStatus.from_mapping,
)
SUPPRESS_CONTACTS = StoredFunction(
    name="suppress_contacts",
    summary="removes addresses, domains, phones and places from all claims and leads of the schema",
    parameters={"p_contacts": _LIST},
    read_result=results.ContactsSuppressed.from_mapping,
    repeating="a contact is on the list once",
)
UNSUPPRESS_CONTACTS = StoredFunction(
    name="unsuppress_contacts",
    summary="removes contacts from the list",
    parameters={"p_contacts": _LIST},
    read_result=results.ContactsUnsuppressed.from_mapping,
    repeating="contacts that are not on the list are counted as unknown",
)
CHECK_CONTACTS = _Reading(
    name="check_contacts",
    summary="checks which contacts are on the list, and by which entry",
    parameters={"p_contacts": _LIST},
    read_result=results.ContactsChecked.from_mapping,
)
LIST_SUPPRESSIONS = _Reading(
    name="list_suppressions",
    summary="a page of the list of suppressed contacts",
    parameters={
        "p_kind": _optional(_TEXT),
        "p_limit": _optional(_INTEGER, "1000"),
        "p_after": _optional(_TEXT),
    },
    read_result=results.Suppression.from_rows,
    returns_rows=True,
)
ERASE_CONTACT = StoredFunction(
    name="erase_contact",
    summary="erases an address, and what came with it, from all tables",
    parameters={"p_email": _TEXT},
    read_result=results.ContactErased.from_mapping,
    repeating="erased data is gone",
)
GET_CONTACT = _Reading(
    name="get_contact",
    summary="all rows that hold an address, as a copy for the person",
    parameters={"p_email": _TEXT},
    read_result=results.ContactData.from_mapping,
)

GET_CAMPAIGN = _Reading(
    name="get_campaign",
    summary="a campaign with its totals, coverage, queues, leads, costs and exports",
    parameters={"p_campaign_id": _UUID},
    read_result=results.CampaignDetails.from_mapping,
)
LIST_CAMPAIGNS = _Reading(
    name="list_campaigns",
    summary="a page of campaigns, the newest first",
    parameters={
        "p_limit": _optional(_INTEGER, "100"),
        "p_after": _optional(_UUID),
    },
    read_result=results.CampaignSummary.from_rows,
    returns_rows=True,
)
GET_CAMPAIGN_LEADS = _Reading(
    name="get_campaign_leads",
    summary="a page of a campaign's leads, by key; `iter_leads` reads all pages",
    parameters={
        "p_campaign_id": _UUID,
        "p_filter": _optional(_OBJECT, "'{}'"),
        "p_limit": _optional(_INTEGER, "1000"),
        "p_after_created_at": _optional(Parameter(Kind.TIME)),
        "p_after_id": _optional(_UUID),
    },
    read_result=results.Lead.from_rows,
    returns_rows=True,
)
SET_LEAD_TEXTS = StoredFunction(
    name="set_lead_texts",
    summary="stores icebreakers and subject lines, many at once",
    parameters={"p_texts": _LIST},
    read_result=results.LeadTextsSet.from_mapping,
    repeating="sets, does not add",
)
LOG_EXPORT = StoredFunction(
    name="log_export",
    summary="logs an export of leads: time, number, filter, user",
    parameters={
        "p_campaign_id": _UUID,
        "p_export_id": _UUID,
        "p_exported_at": Parameter(Kind.TIME),
        "p_leads": _INTEGER,
        "p_export_format": _TEXT,
        "p_preset": _optional(_TEXT),
        "p_filter": _optional(_OBJECT, "'{}'"),
        "p_exported_by": _optional(_TEXT),
    },
    read_result=results.ExportLogged.from_mapping,
    repeating="the same `p_export_id` is one entry",
)

FUNCTIONS: Mapping[str, StoredFunction[Any]] = MappingProxyType(
    {value.name: value for value in vars().values() if isinstance(value, StoredFunction)}
)

BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {name: function.budget for name, function in FUNCTIONS.items() if function.budget is not None}
)


class Policies:
    """The retry policy of each function: the defaults, overrides by name, or one for all.

    Raises ValueError for a name that no function has.
    """

    def __init__(self, policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None) -> None:
        if isinstance(policies, RetryPolicy):
            self._by_name = dict.fromkeys(FUNCTIONS, policies)
            return
        self._by_name = {function.name: function.policy for function in FUNCTIONS.values()}
        for name, policy in (policies or {}).items():
            if name not in FUNCTIONS:  # a misspelt name would silently change nothing
                raise ValueError(f"there is no function {name!r}: {', '.join(FUNCTIONS)}")
            self._by_name[name] = policy

    def of(self, function_name: str) -> RetryPolicy:
        """The policy of one function."""
        return self._by_name[function_name]
