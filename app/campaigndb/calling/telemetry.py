"""Log records of every call, and spans and metrics if OpenTelemetry is installed.

With the package `opentelemetry-api` (the extra `telemetry`) every logical call is one span and is
counted. A failed attempt is an event of the span. Names follow the semantic conventions for
database clients where they exist. Spans, metrics and records never hold costs, parameters, rows or
error messages, which may hold personal data. An error is represented by its SQLSTATE.
"""

from __future__ import annotations

import logging
import time
import uuid
from functools import cache
from types import TracebackType
from typing import Any

from campaigndb.calling.errors import StoredFunctionError

try:
    from opentelemetry import context, metrics, trace
except ImportError:
    _tracer: Any = None
else:
    _SCOPE = "campaigndb"
    # Taken from the API, which also finds an SDK that is configured later.
    _tracer = trace.get_tracer(_SCOPE)
    _meter = metrics.get_meter(_SCOPE)
    _durations = _meter.create_histogram(
        "campaigndb.client.call.duration",
        unit="s",
        description="Duration of a logical call, with its retries and its waits.",
        # The conventions' values for db.client.operation.duration.
        explicit_bucket_boundaries_advisory=[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    )
    _calls = _meter.create_counter(
        "campaigndb.client.calls", unit="{call}", description="Logical calls."
    )
    _retries = _meter.create_counter(
        "campaigndb.client.retries",
        unit="{retry}",
        description="Attempts that failed and were made again, by SQLSTATE.",
    )

# Name of a block of several calls, in place of a function's name.
TRANSACTION = "transaction"
# Values of `served_by`.
FUNCTION, APPLICATION = "function", "application"

logger = logging.getLogger(__name__)
# Without a handler Python would print warnings.
logging.getLogger("campaigndb").addHandler(logging.NullHandler())


class Observation:
    """Observes one logical call; a context manager around all its attempts.

    Args:
        function: the stored function's name, or `TRANSACTION`.
        campaign: the campaign, if the call names exactly one.
        is_part: whether it runs in the caller's transaction. The caller then judges failures.
        served_by: a stored function, or the application code that it replaces.
    """

    __slots__ = (
        "_begun",
        "_span",
        "_token",
        "attempts",
        "campaign",
        "function",
        "is_part",
        "served_by",
    )

    def __init__(
        self,
        function: str,
        campaign: uuid.UUID | None = None,
        *,
        is_part: bool = False,
        served_by: str = FUNCTION,
    ) -> None:
        self.function = function
        self.campaign = campaign
        self.is_part = is_part
        self.served_by = served_by
        self.attempts = 1
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Observation:
        self._begun = time.perf_counter()
        if _tracer is not None:
            span = _tracer.start_span(
                _span_name(self.function),
                kind=trace.SpanKind.CLIENT,
                attributes=_attributes(self.function, self.served_by),
            )
            # Without an SDK there is no context to propagate.
            if span.get_span_context().is_valid:
                self._span = span
                self._token = context.attach(trace.set_span_in_context(span))
        return self

    def retried(self, error: StoredFunctionError, attempt: int) -> None:
        """Records that an attempt failed and will be retried."""
        if _tracer is None:
            return
        code = _error_type(error)
        _retries.add(
            1, {**_attributes(self.function, self.served_by), "db.response.status_code": code}
        )
        if self._span is not None and self._span.is_recording():
            self._span.add_event(
                "campaigndb.attempt.failed",
                {"campaigndb.call.attempt": attempt, "db.response.status_code": code},
            )

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._begun
        outcome = _outcome(error)
        if _tracer is not None:
            self._end_span(error, outcome)
            attributes = _metric_attributes(
                self.function,
                self.served_by,
                outcome,
                None if error is None else _error_type(error),
            )
            _durations.record(seconds, attributes)
            _calls.add(1, attributes)
        level = logging.WARNING if error is not None and not self.is_part else logging.DEBUG
        if logger.isEnabledFor(level):
            self._log(level, error, outcome, seconds)

    def _end_span(self, error: BaseException | None, outcome: str) -> None:
        span = self._span
        if span is None:
            return
        context.detach(self._token)
        if span.is_recording():
            span.set_attribute("campaigndb.call.attempts", self.attempts)
            span.set_attribute("campaigndb.call.outcome", outcome)
            if self.campaign is not None:
                span.set_attribute("campaigndb.campaign.id", str(self.campaign))
            if error is not None:
                # Not the exception itself: its message may hold personal data.
                span.set_status(trace.StatusCode.ERROR)
                span.set_attribute("error.type", _error_type(error))
                if isinstance(error, StoredFunctionError) and error.error_code:
                    span.set_attribute("db.response.status_code", error.error_code)
        span.end()

    def _log(self, level: int, error: BaseException | None, outcome: str, seconds: float) -> None:
        fields = {
            "stored_function": self.function,
            "served_by": self.served_by,
            "campaign_id": None if self.campaign is None else str(self.campaign),
            "attempts": self.attempts,
            "outcome": outcome,
            "duration_seconds": seconds,
            "sqlstate": getattr(error, "error_code", None),
        }
        if error is None:
            logger.log(level, "%s succeeded", self.function, extra=fields)
        else:
            logger.log(
                level,
                "%s failed with %s after %d attempts",
                self.function,
                _error_type(error),
                self.attempts,
                extra=fields,
            )


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "success"
    # A cancelled task or Ctrl-C: the outcome is not known.
    return "failure" if isinstance(error, Exception) else "interrupted"


def _error_type(error: BaseException) -> str:
    return getattr(error, "error_code", None) or type(error).__name__


@cache
def _span_name(function: str) -> str:
    return f"campaigndb {function}"


@cache
def _attributes(function: str, served_by: str) -> dict[str, str]:
    shared = {"db.system.name": "postgresql", "campaigndb.call.served_by": served_by}
    if function == TRANSACTION or served_by != FUNCTION:
        return shared | {"campaigndb.call.name": function}
    return shared | {"db.operation.name": "SELECT", "db.stored_procedure.name": function}


@cache
def _metric_attributes(
    function: str, served_by: str, outcome: str, error_type: str | None
) -> dict[str, str]:
    attributes = _attributes(function, served_by) | {"campaigndb.call.outcome": outcome}
    return attributes if error_type is None else attributes | {"error.type": error_type}
