"""What each call tells of itself: log records always, spans and metrics where OpenTelemetry is.

With the package `opentelemetry-api` (the extra `telemetry`) every logical call is one span and is
counted; an attempt that failed is an event of the span. Names follow the semantic conventions for
database clients where these have one. Neither spans nor metrics nor records hold costs, parameters,
rows or an error's text, for those may hold personal data: an error is its SQLSTATE.
"""

from __future__ import annotations

import logging
import time
import uuid
from functools import cache
from types import TracebackType
from typing import Any

from app.errors import StoredFunctionError

try:
    from opentelemetry import context, metrics, trace
except ImportError:
    _tracer: Any = None
else:
    _SCOPE = "campaigndb"
    # Of the API: an SDK that is configured later is found all the same.
    _tracer = trace.get_tracer(_SCOPE)
    _meter = metrics.get_meter(_SCOPE)
    _durations = _meter.create_histogram(
        "campaigndb.client.call.duration",
        unit="s",
        description="Duration of a logical call, with its retries and its waits.",
        # As the conventions have them for db.client.operation.duration.
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

# The name of a block of several calls, as that of a function.
TRANSACTION = "transaction"
# What does a call's work.
FUNCTION, APPLICATION = "function", "application"

logger = logging.getLogger(__name__)
# Where nobody listens, nothing is printed: Python would print warnings.
logging.getLogger("app").addHandler(logging.NullHandler())


class Observation:
    """One logical call while it runs, as a context manager around all of its attempts.

    Args:
        function: the stored function's name, or `TRANSACTION`.
        campaign: the only campaign that it is about, where there is one.
        is_part: it runs in the caller's transaction, who decides what a failure means.
        way: what does the work, a stored function or the application code that it replaces.
    """

    __slots__ = (
        "_begun",
        "_span",
        "_token",
        "attempts",
        "campaign",
        "function",
        "is_part",
        "way",
    )

    def __init__(
        self,
        function: str,
        campaign: uuid.UUID | None = None,
        *,
        is_part: bool = False,
        way: str = FUNCTION,
    ) -> None:
        self.function = function
        self.campaign = campaign
        self.is_part = is_part
        self.way = way
        self.attempts = 1
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Observation:
        self._begun = time.perf_counter()
        if _tracer is not None:
            span = _tracer.start_span(
                _span_name(self.function),
                kind=trace.SpanKind.CLIENT,
                attributes=_attributes(self.function, self.way),
            )
            # Without an SDK there is no context to hand on.
            if span.get_span_context().is_valid:
                self._span = span
                self._token = context.attach(trace.set_span_in_context(span))
        return self

    def retried(self, error: StoredFunctionError, attempt: int) -> None:
        """The attempt failed and is made again."""
        if _tracer is None:
            return
        code = _error_type(error)
        _retries.add(1, {**_attributes(self.function, self.way), "db.response.status_code": code})
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
                self.function, self.way, outcome, None if error is None else _error_type(error)
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
                # Not the exception itself: its text may hold personal data.
                span.set_status(trace.StatusCode.ERROR)
                span.set_attribute("error.type", _error_type(error))
                if isinstance(error, StoredFunctionError) and error.error_code:
                    span.set_attribute("db.response.status_code", error.error_code)
        span.end()

    def _log(self, level: int, error: BaseException | None, outcome: str, seconds: float) -> None:
        fields = {
            "stored_function": self.function,
            "way": self.way,
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
    # A cancelled task, Ctrl-C: nobody knows yet what became of it.
    return "failure" if isinstance(error, Exception) else "interrupted"


def _error_type(error: BaseException) -> str:
    return getattr(error, "error_code", None) or type(error).__name__


@cache
def _span_name(function: str) -> str:
    return f"campaigndb {function}"


@cache
def _attributes(function: str, way: str) -> dict[str, str]:
    shared = {"db.system.name": "postgresql", "campaigndb.call.way": way}
    if function == TRANSACTION or way != FUNCTION:
        return shared | {"campaigndb.call.name": function}
    return shared | {"db.operation.name": "SELECT", "db.stored_procedure.name": function}


@cache
def _metric_attributes(
    function: str, way: str, outcome: str, error_type: str | None
) -> dict[str, str]:
    attributes = _attributes(function, way) | {"campaigndb.call.outcome": outcome}
    return attributes if error_type is None else attributes | {"error.type": error_type}
