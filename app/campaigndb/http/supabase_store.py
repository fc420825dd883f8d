"""The stored functions over HTTP by a Supabase client, with the interface of `CampaignStore`.

PostgREST runs each call in its own transaction, at the isolation level of the function. Clients
cannot wait at cost gates, so concurrent costs of one campaign conflict and are retried with full
jitter. The calls carry idempotency keys as the store's do, and are as safe to repeat.
"""

from __future__ import annotations

import datetime
import itertools
import json
import math
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

from campaigndb.calling.arguments import Call, EnrichmentType, Identifier, Money
from campaigndb.calling.attempts import Attempts
from campaigndb.calling.catalogue import GET_BUSINESSES_FOR_ENRICHMENT, Policies
from campaigndb.calling.configuration import keys_of
from campaigndb.calling.errors import (
    ConflictError,
    DatabaseConnectionError,
    InvalidInputError,
    StoredFunctionError,
    from_envelope,
    from_sqlstate,
    meant_sqlstate,
)
from campaigndb.calling.methods import StoredFunctions
from campaigndb.calling.results import BusinessForEnrichment, CampaignSummary, Lead, Suppression
from campaigndb.calling.retries import RetryPolicy
from campaigndb.calling.telemetry import Observation
from campaigndb.calling.transactions import retried
from campaigndb.calling.work import Work, WorkKind, WorkOutcome

try:
    import httpx
    from postgrest.exceptions import APIError
    from supabase import Client, create_client
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the stores over HTTP need the extra campaigndb[supabase] ({error})", name=error.name
    ) from error

__all__ = ["SupabaseStore", "create_client"]

R = TypeVar("R")

# Error codes of PostgREST itself: https://docs.postgrest.org/en/stable/references/errors.html
_NO_CONNECTION = ("PGRST000", "PGRST002", "PGRST003")
# The connection closed during the call, perhaps after its COMMIT. tests/vectors/answers.json lists
# the replies that leave the outcome unknown, for this client and the JavaScript client.
_CONNECTION_LOST = re.compile(r"08...|25P0[34]|40003|57P0[125]|PGRST001")
# An SQLSTATE or a code of PostgREST. Other codes of a gateway say nothing about the call.
_CODE = re.compile(r"[0-9A-Z]{5}|PGRST...")
_KEY_REFUSED = "The API refused the key"
_REFUSALS = {
    "42501": "The key's role may not call the function",
    "PGRST202": "The API knows no such function; after a deploy, reload its schema cache",
    "PGRST301": _KEY_REFUSED,
    "PGRST302": _KEY_REFUSED,
    "PGRST303": _KEY_REFUSED,
}
_UNAUTHORIZED = 401
_TRY_LATER = (408, 425, 429)
_MOST_READS = 5
# Share of the deadline. A third of the default is longer than Supabase's statement timeout (8 s),
# so that a call that the server still executes is not given up.
_SHARE_OF_AN_ATTEMPT = 1 / 3


class SupabaseStore(StoredFunctions):
    """The stored functions over a Supabase client: one HTTP request a call, retried as a whole.

    Args:
        client: a client of the package `supabase`; its key's role may execute the functions
            (`service_role`), and its options name the schema.
        policies: retry policies by function name over the defaults, or one for every function.
        attempt_timeout: how many seconds an attempt waits for the server's next byte; default: a
            third of the policy's deadline if another attempt may follow, else the client's timeout
            (120 s). The client's own timeout applies if it is shorter.
    """

    # PostgREST does not report its limit of rows (max-rows).
    _pages_may_be_cut = True

    def __init__(
        self,
        client: Client,
        *,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None = None,
        attempt_timeout: float | None = None,
    ) -> None:
        if attempt_timeout is not None and not attempt_timeout > 0:
            raise ValueError("attempt_timeout must be more than 0")
        self.client = client
        self._policies = Policies(policies)
        self._attempt_timeout = attempt_timeout

    def get_businesses_for_enrichment(
        self,
        campaign_id: Identifier,
        enrichment_type: EnrichmentType | str,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[BusinessForEnrichment, ...]:
        """Returns up to `limit` rows, even if the API returns fewer at once.

        Raises:
            ConflictError: the queue changed each time it was read in pages.
        """
        read = super().get_businesses_for_enrichment
        for _ in range(_MOST_READS):
            rows = _in_pages(
                lambda rows, start: read(campaign_id, enrichment_type, rows, start), limit, offset
            )
            if rows is not None:
                return rows
        raise ConflictError(
            "The queue moved while it was read in pages: ask for fewer rows, or iterate",
            retry_recommended=True,
            function=GET_BUSINESSES_FOR_ENRICHMENT.name,
            attempts=_MOST_READS,
        )

    def get_campaign_leads(
        self,
        campaign_id: Identifier,
        filter: Mapping[str, Any] | None = None,
        limit: int = 1000,
        after_created_at: datetime.datetime | None = None,
        after_id: Identifier | None = None,
    ) -> tuple[Lead, ...]:
        """Returns up to `limit` rows, even if the API returns fewer at once."""
        read = super().get_campaign_leads

        def page(rows: int, last: Lead | None) -> tuple[Lead, ...]:
            if last is None:
                return read(campaign_id, filter, rows, after_created_at, after_id)
            return read(campaign_id, filter, rows, last.created_at, last.business_id)

        return _rows_after(page, limit)

    def list_campaigns(
        self, limit: int = 100, after: Identifier | None = None
    ) -> tuple[CampaignSummary, ...]:
        """Returns up to `limit` rows, even if the API returns fewer at once."""
        read = super().list_campaigns
        return _rows_after(
            lambda rows, last: read(rows, after if last is None else last.campaign_id), limit
        )

    def list_suppressions(
        self, kind: str | None = None, limit: int = 1000, after: str | None = None
    ) -> tuple[Suppression, ...]:
        """Returns up to `limit` rows, even if the API returns fewer at once."""
        read = super().list_suppressions
        return _rows_after(
            lambda rows, last: read(kind, rows, after if last is None else last.entry), limit
        )

    def work(
        self,
        kind: WorkKind | str,
        campaign_id: Identifier,
        *,
        worker: str | None = None,
        page_size: int | None = None,
        lease_seconds: int | None = None,
        unit_cost_usd: Money | None = None,
    ) -> Work:
        """The loop of a worker, as `CampaignStore.work`.

        The API has no transactions over several calls. `batch.finish` stores the cost first, then
        the results, with the batch's keys. If it fails in between, call it again.
        """
        return _WorkOverHttp(
            self,
            kind,
            campaign_id,
            worker=worker,
            page_size=page_size,
            lease_seconds=lease_seconds,
            unit_cost_usd=unit_cost_usd,
        )

    def _run(self, call: Call[R]) -> R:
        name = call.function.name
        policy = self._policies.of(name)
        numbers = itertools.count(1)
        with Observation(name, call.campaign) as observation:
            try:
                parameters = _parameters(call)
                return retried(
                    lambda: self._attempt(
                        call, parameters, self._longest_attempt(policy, next(numbers))
                    ),
                    policy,
                    Attempts(name, observation, writes=not call.function.read_only),
                )
            except RecursionError:
                # The client supports a few levels less of nested JSON than the calls.
                raise InvalidInputError(
                    "Invalid input: JSON is nested too deeply",
                    error_code="22023",
                    detail="JSON is nested too deeply",
                    function=name,
                ) from None

    def _longest_attempt(self, policy: RetryPolicy, number: int) -> float:
        """How many seconds an attempt may wait. If it hangs, there must be time for another one."""
        if self._attempt_timeout is not None:
            return self._attempt_timeout
        may_be_repeated = number < policy.attempts and policy.deadline > 0
        return policy.deadline * _SHARE_OF_AN_ATTEMPT if may_be_repeated else math.inf

    def _attempt(self, call: Call[R], parameters: Mapping[str, Any], longest: float) -> R:
        name = call.function.name
        _watch_requests(self.client)
        _in_flight.status, _in_flight.longest = None, longest
        try:
            data = _exact(self.client.rpc(name, dict(parameters)).execute().data)
        except APIError as error:
            raise from_api_error(error, name, _in_flight.status) from None
        except httpx.HTTPError as error:
            # The message must not have the address or the parameters.
            raise DatabaseConnectionError(
                "The connection failed",
                detail=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
                # DecodingError: the reply cannot be decompressed.
                retry_recommended=isinstance(error, (httpx.TransportError, httpx.DecodingError))
                and not isinstance(error, httpx.UnsupportedProtocol),
                function=name,
            ) from None
        finally:
            _in_flight.longest = math.inf
        return _read(call, data)


class _StoreOfABatch(SupabaseStore):
    """The store with the keys of one batch, so that repeated calls count once."""

    def __init__(self, store: SupabaseStore, seed: uuid.UUID) -> None:
        self.__dict__.update(store.__dict__)
        self._keys = keys_of(seed)

    def _new_key(self) -> uuid.UUID:
        return next(self._keys)


class _WorkOverHttp(Work):
    def store_batch(
        self,
        seed: uuid.UUID,
        results: Callable[[StoredFunctions], WorkOutcome],
        cost: Callable[[StoredFunctions], None] | None,
    ) -> WorkOutcome:
        """Stores the cost first, so that the budget counts it twice for a moment, never not."""
        store = _StoreOfABatch(cast(SupabaseStore, self.store), seed)
        if cost is not None:
            cost(store)
        return results(store)


def _rows_after(page: Callable[[int, R | None], tuple[R, ...]], limit: int) -> tuple[R, ...]:
    """Reads up to `limit` rows in pages, each of which starts after a row.

    Only an empty page is the last one, because PostgREST truncates replies silently.
    """
    rows = page(limit, None)
    while 0 < len(rows) < limit:
        more = page(limit - len(rows), rows[-1])
        if not more:
            break
        rows += more
    return rows


def _in_pages(
    read: Callable[[int, int], tuple[BusinessForEnrichment, ...]], limit: int, offset: int
) -> tuple[BusinessForEnrichment, ...] | None:
    """Reads up to `limit` rows in pages at offsets; None if the queue changed in between.

    Each page starts with the last row of the previous one. Otherwise a row was added or removed
    before it.
    """
    rows = read(limit, offset)
    overlap = 1 if len(rows) > 1 else 0  # an API may return a single row at once
    while 0 < len(rows) < limit:
        more = read(limit - len(rows) + overlap, offset + len(rows) - overlap)
        if overlap and [row.business_id for row in more[:1]] != [rows[-1].business_id]:
            return None
        if len(more) <= overlap:
            break
        rows += more[overlap:]
    return rows


class _InFlight(threading.local):
    """The thread's attempt: its limit in seconds, the reply's HTTP status and emptiness."""

    longest: float = math.inf
    status: int | None = None
    is_empty: bool = False


_in_flight = _InFlight()


def _watch_requests(client: Client) -> None:
    # The package has a timeout for all requests only. It drops the HTTP status of a JSON error,
    # which is needed for a gateway's. It does not tell an empty reply from an empty list.
    hooks = client.postgrest.session.event_hooks
    if _note_answer not in hooks["response"]:
        hooks["request"].append(_bound_request)
        hooks["response"].append(_note_answer)


def _bound_request(request: httpx.Request) -> None:
    longest = _in_flight.longest
    if math.isfinite(longest):
        timeouts = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            phase: longest if seconds is None else min(seconds, longest)
            for phase, seconds in timeouts.items()
        }


def _note_answer(response: httpx.Response) -> None:
    _in_flight.status = response.status_code
    # The package returns `[]` for an empty reply.
    _in_flight.is_empty = not response.read()


def from_api_error(error: APIError, function: str, status: int | None) -> StoredFunctionError:
    """The error for a reply of PostgREST. Its code is an SQLSTATE, its own, or HTTP's."""
    message = error.message or "no message"
    code = str(error.code or "")
    if not _CODE.fullmatch(code):
        # A page of a gateway, for which the package returns the HTTP status.
        status = status or (int(code) if code.isdecimal() else None)
        code = str(status or "")
    refusal = _KEY_REFUSED if status == _UNAUTHORIZED else None
    code = meant_sqlstate(code, message) or code
    if text := _REFUSALS.get(code, refusal):
        return StoredFunctionError(text, error_code=code, detail=message, function=function)
    if _CONNECTION_LOST.fullmatch(code) or (code == str(status) and _leaves_open(status)):
        return _no_answer(function, message, code)
    if code in _NO_CONNECTION:
        return DatabaseConnectionError(
            "The API has no connection to the database",
            error_code=code,
            detail=message,
            retry_recommended=True,
            function=function,
        )
    return from_sqlstate(code or None, message, function)


def _leaves_open(status: int | None) -> bool:
    """Whether a call may have taken effect after a reply without a code."""
    return status is not None and (status < 300 or status >= 500 or status in _TRY_LATER)


def _parameters(call: Call[Any]) -> dict[str, Any]:
    """The call's values for JSON."""
    return {
        name: json.loads(value)
        if parameter.kind.sql_type == "jsonb" and value is not None
        else _as_json(value)
        for (name, parameter), value in zip(
            call.function.parameters.items(), call.values.values(), strict=True
        )
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value


def _read(call: Call[R], data: Any) -> R:
    function = call.function
    if function.returns_rows:
        is_answer = isinstance(data, list) and not _in_flight.is_empty
    else:
        is_answer = isinstance(data, Mapping) and isinstance(data.get("success"), bool)
    if not is_answer:
        kind = "nothing" if _in_flight.is_empty else f"a JSON {type(data).__name__}"
        raise _no_answer(function.name, f"what came is {kind}")
    if not function.returns_rows and not data["success"]:
        raise from_envelope(data, function.name)
    try:
        return function.read_result(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # A function of another release, which was executed. The message must not have values.
        name = f" {error}" if isinstance(error, KeyError) else ""
        problem = f"{type(error).__name__}{name}"
    raise StoredFunctionError(
        "The function's answer cannot be read", detail=problem, function=function.name
    )


def _no_answer(function: str, detail: str, code: str | None = None) -> DatabaseConnectionError:
    """The error of a call that may have taken effect, but whose reply was lost."""
    return DatabaseConnectionError(
        "The function's answer did not arrive",
        error_code=code,
        detail=detail,
        retry_recommended=True,
        function=function,
    )


def _exact(value: Any) -> Any:
    """Converts fractional numbers to Decimal.

    The package reads them as floats. A float has 15 exact digits, so amounts below 10^11 dollars
    keep their four decimals.
    """
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value
