"""One exception hierarchy for all failures of stored functions.

A failure arrives as an envelope, as an exception (a statement timeout, anything raised at COMMIT)
or as a lost connection. Each becomes a `StoredFunctionError`; the SQLSTATE decides which one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import exc as sqlalchemy_exc

_LONGEST_SHOWN = 80
_SPACES = re.compile(r"[\t-\r\x85\u2028\u2029]+")
# Includes changes of text direction, as in the SQL function `shown_text`.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return _CONTROLS.sub("?", _SPACES.sub(" ", text))


def shown(text: str) -> str:
    """A caller's text as a message quotes it: one line of at most 80 characters."""
    text = one_line(text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


class StoredFunctionError(Exception):
    """A stored function failed and changed nothing.

    Only after a `DatabaseConnectionError` may the call have been committed. Repeating it under the
    same idempotency key shows whether it was.

    Attributes:
        error: the message for users.
        error_code: the SQLSTATE, or None if no server answered.
        detail: the technical message.
        retry_recommended: whether the same call can succeed in a new transaction.
        function: the function's name, or None for a failed block of calls.
        attempts: the number of attempts.
    """

    def __init__(
        self,
        error: str,
        *,
        error_code: str | None = None,
        detail: str = "",
        retry_recommended: bool = False,
        function: str | None = None,
        attempts: int = 1,
    ) -> None:
        # Texts of others must not start a new line in a log or control a terminal.
        error, detail = one_line(error), one_line(detail)
        super().__init__(error)
        self.error = error
        self.error_code = error_code
        self.detail = detail
        self.retry_recommended = retry_recommended
        self.function = function
        self.attempts = attempts

    def __str__(self) -> str:
        where = f"{self.function}: " if self.function else ""
        code = f" [{self.error_code}]" if self.error_code else ""
        detail = f": {self.detail}" if self.detail and self.detail not in self.error else ""
        tries = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{where}{self.error}{code}{detail}{tries}"

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes hand errors to their parent
        return _rebuild, (type(self), self.__dict__)


def _rebuild(cls: type[StoredFunctionError], attributes: Mapping[str, Any]) -> StoredFunctionError:
    return cls(**attributes)


class DuplicateRecordError(StoredFunctionError):
    """The record exists already, or the idempotency key was used with another payload."""


class MissingReferenceError(StoredFunctionError):
    """The campaign, business, coverage row or email does not exist."""


class InvalidInputError(StoredFunctionError):
    """The function refuses a value; the detail says which one and where."""


class ConflictError(StoredFunctionError):
    """A conflict with another transaction: deadlock, serialization failure or lock timeout."""


class CallTimeoutError(StoredFunctionError):
    """The server's statement or transaction timeout ended the call."""


class DatabaseConnectionError(StoredFunctionError):
    """The server could not be reached, or the connection was lost before its reply arrived."""


class IsolationLevelError(StoredFunctionError):
    """The transaction is not at the isolation level that the function needs."""


# Errors that refuse the call itself, so that no earlier attempt was committed either.
REFUSALS = (DuplicateRecordError, InvalidInputError, IsolationLevelError, MissingReferenceError)

# Class, message and retry of errors that arrive without an envelope. Envelopes are written by
# app/campaigndb/functions/stored_function_failure.sql; a test compares the two.
_ERRORS: dict[str, tuple[type[StoredFunctionError], str, bool]] = {
    "23505": (DuplicateRecordError, "Duplicate record detected", False),
    "23503": (MissingReferenceError, "Referenced record not found", False),
    "40P01": (ConflictError, "Operation conflict, please retry", True),
    "40001": (ConflictError, "Concurrent modification, please retry", True),
    "55P03": (ConflictError, "Resource busy, please retry", True),
    "25001": (IsolationLevelError, "Must run in a SERIALIZABLE transaction", False),
    "25006": (
        StoredFunctionError,
        "This writes, and the transaction is read-only: call it with POST, on the primary server",
        False,
    ),
    "23502": (InvalidInputError, "Invalid input", False),
    "23514": (InvalidInputError, "Invalid input", False),
    "57014": (CallTimeoutError, "The call took too long", False),
    "25P03": (CallTimeoutError, "The transaction was idle for too long", True),
    "25P04": (CallTimeoutError, "The transaction took too long", False),
    "57P01": (DatabaseConnectionError, "The server is shutting down", True),
    "57P02": (DatabaseConnectionError, "The server crashed", True),
    "57P03": (DatabaseConnectionError, "The server does not accept connections yet", True),
    "57P05": (DatabaseConnectionError, "The session was idle for too long", True),
    "53300": (DatabaseConnectionError, "The server has no connection left", True),
    "40003": (DatabaseConnectionError, "Whether it was written is unknown, please retry", True),
}
_CLASSES: dict[str, tuple[type[StoredFunctionError], str, bool]] = {
    "22": (InvalidInputError, "Invalid input", False),
    "08": (DatabaseConnectionError, "The connection failed", True),
    # Out of memory, disk or locks: temporary.
    "53": (StoredFunctionError, "Database operation failed", True),
}
# Messages of a refused connection, for which libpq has no SQLSTATE. Retrying does not help.
_REFUSED = re.compile(r"authentication failed|does not exist|no pg_hba\.conf entry|no password")
# A schema, function or gate does not exist.
_MISSING = ("3F000", "42883", "42P01")
# SQLSTATEs of a call during which a migration replaced or dropped a function, helper, table, column
# or index. A call of something that does not exist at all fails with the same ones.
_CHANGED = (
    *_MISSING,
    "26000",  # a prepared statement does not exist
    "42703",  # a column does not exist
    "42704",  # a type does not exist
    "42804",  # a type has changed since the function was planned
    "42P10",  # the unique index for ON CONFLICT does not exist
)
_INTERNAL_ERROR = "XX000"
# SQLSTATEs with several meanings, and the messages of the one meant here.
_CHANGED_TEXTS = {
    "0A000": re.compile("cached plan must not change result type"),
    # Errors of the server's catalogs; these messages are never translated.
    _INTERNAL_ERROR: re.compile(
        "cache lookup failed|could not open relation with OID"
        "|tuple (concurrently (updated|deleted)|already updated)"
    ),
}
# Messages of a Citus node under XX000, and the SQLSTATE that each means: the node was lost (during
# COMMIT with an unknown outcome), or there was a conflict on it. They are never translated.
# stored_function_failure.sql maps errors that a function catches in the same way.
CLUSTER_TEXTS = {
    "failure on connection marked as essential": "08006",
    "server closed the connection unexpectedly": "08006",
    "could not commit transaction for shard": "40003",
    "could not serialize access": "40001",
}
# Temporary errors: a lost connection to a cluster's node, a lack of resources.
_PASSING = ("08", "53", "57P0")
# The server, or PostgREST before it, had no connection for the call.
_NOT_CONNECTED = ("53300", "57P03", "PGRST000", "PGRST002", "PGRST003")
_OTHER = (StoredFunctionError, "Database operation failed", False)


def _describe(code: str | None) -> tuple[type[StoredFunctionError], str, bool]:
    if code is None:
        return _OTHER
    return _ERRORS.get(code) or _CLASSES.get(code[:2]) or _OTHER


def meant_sqlstate(code: str | None, detail: str) -> str | None:
    """The SQLSTATE, or the one that a cluster's internal error means."""
    if code == _INTERNAL_ERROR:
        return next((meant for text, meant in CLUSTER_TEXTS.items() if text in detail), code)
    return code


def from_envelope(envelope: Mapping[str, Any], function: str) -> StoredFunctionError:
    """The error of a failure envelope."""
    given, detail = envelope.get("error_code"), envelope.get("error_detail") or ""
    code = meant_sqlstate(given, detail)
    if code != given:  # the envelope of an older schema
        return from_sqlstate(given, detail, function)
    cls, _, may_pass = _describe(code)
    return cls(
        envelope.get("error") or "Database operation failed",
        error_code=code,
        detail=detail,
        # The envelope of an older schema does not mark a lack of resources or a lost node.
        retry_recommended=bool(envelope.get("retry_recommended"))
        or (may_pass and str(code).startswith(_PASSING)),
        function=function,
    )


def from_sqlstate(
    code: str | None, detail: str, function: str | None = None
) -> StoredFunctionError:
    """The error for an SQLSTATE and its technical message."""
    code = meant_sqlstate(code, detail)
    cls, text, retry = _describe(code)
    if cls is InvalidInputError:
        text = f"{text}: {detail}"
    return cls(text, error_code=code, detail=detail, retry_recommended=retry, function=function)


def met_a_migration(error: StoredFunctionError) -> bool:
    """Whether a concurrent migration may have caused the failure."""
    if error.function is None and error.error_code != _INTERNAL_ERROR:
        return False  # one of the block's own statements
    texts = _CHANGED_TEXTS.get(error.error_code or "")
    return error.error_code in _CHANGED or (
        texts is not None and texts.search(error.detail) is not None
    )


def outcome_unknown(error: StoredFunctionError) -> DatabaseConnectionError:
    """The error of a call that this or an earlier attempt may have committed."""
    return DatabaseConnectionError(
        "Whether it was written is unknown, please retry",
        error_code=error.error_code,
        detail=error.detail or error.error,
        retry_recommended=True,
        function=error.function,
    )


def connection_was_lost(error: BaseException) -> bool:
    """Whether the connection closed while the server executed a statement."""
    return (
        isinstance(error, sqlalchemy_exc.DBAPIError)
        and error.connection_invalidated
        and not nothing_was_sent(error)
    )


def nothing_was_sent(error: BaseException) -> bool:
    """Whether an attempt failed before it had a connection."""
    if isinstance(error, DatabaseConnectionError):
        return error.error_code in _NOT_CONNECTED
    if isinstance(error, sqlalchemy_exc.DBAPIError):
        error = error.orig or error
    # psycopg sets `pgconn` if connecting failed.
    return isinstance(error, sqlalchemy_exc.TimeoutError) or (
        isinstance(error, psycopg.Error) and error.pgconn is not None
    )


def from_exception(error: BaseException, function: str | None = None) -> StoredFunctionError | None:
    """The error for an exception of the driver or SQLAlchemy; None for other exceptions."""
    if isinstance(error, StoredFunctionError):
        return error
    if isinstance(error, sqlalchemy_exc.TimeoutError):
        return DatabaseConnectionError(
            "The pool has no connection left",
            detail=str(error).split("\n")[0],
            function=function,
            retry_recommended=True,
        )
    lost = isinstance(error, sqlalchemy_exc.DBAPIError) and error.connection_invalidated
    if isinstance(error, sqlalchemy_exc.DBAPIError):
        error = error.orig or error
    if not isinstance(error, psycopg.Error):
        return None
    code = error.sqlstate
    # Only the message: the lines after it may show rows, which hold personal data.
    detail = (error.diag.message_primary or str(error)).strip()
    if code in _MISSING and function is not None and "does not exist" in detail:
        detail += " (CAMPAIGNDB_SCHEMA, or schema=, says in which schema the functions are)"
    if code == "22P02":
        detail = detail.partition(': "')[0]  # without the parameter's value
    if code is None and (lost or isinstance(error, psycopg.OperationalError)):
        return DatabaseConnectionError(
            "The connection failed",
            detail=detail,
            retry_recommended=not _REFUSED.search(detail),
            function=function,
        )
    if code is None and isinstance(error, psycopg.DataError):
        code = "22000"  # the driver refused a value
    return from_sqlstate(code, detail, function)
