"""The stored functions over HTTP, by a Supabase client: the interface of `CampaignStore`.

PostgREST runs each call in a transaction of its own, at the isolation level that the function asks
for. A client there can wait at no cost gate, so costs of one campaign meet each other and are tried
again with full jitter; the calls carry the same keys as the store's and are as safe to repeat.
"""

from __future__ import annotations

import datetime
import itertools
import json
import math
import threading
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from app.calls import Call
from app.errors import (
    DatabaseConnectionError,
    InvalidInputError,
    StoredFunctionError,
    from_envelope,
    from_sqlstate,
)
from app.retries import Policies, RetryPolicy
from app.stored_functions import StoredFunctions
from app.telemetry import Observation
from app.transactions import retried

try:
    import httpx
    from postgrest.exceptions import APIError
    from supabase import Client
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the stores over HTTP need the extra campaigndb[supabase] ({error})", name=error.name
    ) from error

R = TypeVar("R")

# Error codes of PostgREST itself: https://docs.postgrest.org/en/stable/references/errors.html
_NO_CONNECTION = ("PGRST000", "PGRST001", "PGRST002", "PGRST003")
_KEY_REFUSED = "The API refused the key"
_REFUSALS = {
    "42501": "The key's role may not call the function",
    "PGRST202": "The API knows no such function; after a deploy, reload its schema cache",
    "PGRST301": _KEY_REFUSED,
    "PGRST302": _KEY_REFUSED,
    "PGRST303": _KEY_REFUSED,
}
_UNAUTHORIZED = 401
# HTTP statuses, where what answered is no PostgREST: a gateway before it.
_TRY_LATER = ("429", "502", "503", "504", "520", "521", "522", "523", "524")
# Of the deadline. A third of the usual one is longer than Supabase's own statement timeout, 8 s: a
# call that the server is still working on is not given up.
_SHARE_OF_AN_ATTEMPT = 1 / 3


class SupabaseStore(StoredFunctions):
    """The stored functions over a Supabase client: one HTTP request a call, retried as a whole.

    Args:
        client: a client of the package `supabase`; its key's role may execute the functions
            (`service_role`), and its options name the schema.
        policies: retry policies by function name over the defaults, or one for every function.
        attempt_timeout: how many seconds one attempt waits for the server's next byte; default: a
            third of the policy's deadline where another attempt may follow, else as long as the
            client does (120 s). The client's own timeout holds where it is shorter.
    """

    # PostgREST's limit of rows (max-rows), which callers are not told.
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
                    name,
                    observation,
                    writes=not call.function.returns_rows,
                )
            except RecursionError:
                # The client writes and reads JSON a few levels less deep than the calls do.
                raise InvalidInputError(
                    "Invalid input: JSON is nested too deeply",
                    error_code="22023",
                    detail="JSON is nested too deeply",
                    function=name,
                ) from None

    def _longest_attempt(self, policy: RetryPolicy, number: int) -> float:
        """How many seconds an attempt may wait: one that hangs must leave time for another one."""
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
            # The address and the parameters stay out of it.
            raise DatabaseConnectionError(
                "The connection failed",
                detail=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
                retry_recommended=isinstance(error, httpx.TransportError)
                and not isinstance(error, httpx.UnsupportedProtocol),
                function=name,
            ) from None
        finally:
            _in_flight.longest = math.inf
        return _read(call, data)


class _InFlight(threading.local):
    """The thread's attempt: its bound in seconds, and the HTTP status of its answer."""

    longest: float = math.inf
    status: int | None = None


_in_flight = _InFlight()


def _watch_requests(client: Client) -> None:
    # The package takes a timeout for all requests only. And it drops the status of an error in
    # JSON, but a gateway's has no code beside it.
    hooks = client.postgrest.session.event_hooks
    if _note_status not in hooks["response"]:
        hooks["request"].append(_bound_request)
        hooks["response"].append(_note_status)


def _bound_request(request: httpx.Request) -> None:
    longest = _in_flight.longest
    if math.isfinite(longest):
        timeouts = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            phase: longest if seconds is None else min(seconds, longest)
            for phase, seconds in timeouts.items()
        }


def _note_status(response: httpx.Response) -> None:
    _in_flight.status = response.status_code


def from_api_error(error: APIError, function: str, status: int | None) -> StoredFunctionError:
    """The error that PostgREST's answer means; its code is an SQLSTATE, its own, or HTTP's."""
    code = str(error.code or status or "")  # older releases of the package give HTTP's as int
    message = error.message or "no message"
    refusal = _KEY_REFUSED if status == _UNAUTHORIZED else None
    if text := _REFUSALS.get(code, refusal):
        return StoredFunctionError(text, error_code=code, detail=message, function=function)
    if code in _NO_CONNECTION or code in _TRY_LATER:
        return DatabaseConnectionError(
            "The connection failed",
            error_code=code,
            detail=message,
            retry_recommended=True,
            function=function,
        )
    return from_sqlstate(code or None, message, function)


def _parameters(call: Call[Any]) -> dict[str, Any]:
    """The call's values as JSON has them; an omitted optional one is not sent."""
    return {
        name: json.loads(value) if sql_type == "jsonb" and value is not None else _as_json(value)
        for (name, sql_type), value in zip(
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
    detail = f"a JSON {type(data).__name__}"
    try:
        if call.function.returns_rows:
            if isinstance(data, list):
                return call.function.read_result([_row(row) for row in data])
        elif isinstance(data, Mapping) and isinstance(data.get("success"), bool):
            if not data["success"]:
                raise from_envelope(data, call.function.name)
            return call.function.read_result(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Of another release's function, or of no PostgREST. The values stay out of it.
        name = f" {error}" if isinstance(error, KeyError) else ""
        detail = f"{detail} that cannot be read: {type(error).__name__}{name}"
    raise StoredFunctionError(
        "The answer is not one of the stored function",
        detail=detail,
        function=call.function.name,
    )


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a queue with the types that the database's driver gives it."""
    typed = dict(row)
    for name in ("business_id", "campaign_id"):
        typed[name] = uuid.UUID(typed[name])
    if "created_at" in typed:
        typed["created_at"] = datetime.datetime.fromisoformat(typed["created_at"])
    return typed


def _exact(value: Any) -> Any:
    """JSON's fractions as Decimal.

    The package reads them as floats. A float holds 15 digits and is written with just those, so
    an amount below 10^11 dollars comes out to the last of its four decimals.
    """
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value
