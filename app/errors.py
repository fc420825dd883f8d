"""Every failure of a stored function as one hierarchy, whatever way it reached the caller.

A failure arrives as an envelope, as an exception (a statement timeout, anything raised at COMMIT),
or as a lost connection. All become a `StoredFunctionError`; the SQLSTATE decides which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import exc as sqlalchemy_exc


class StoredFunctionError(Exception):
    """A stored function failed and left nothing behind.

    Only a `DatabaseConnectionError` may leave open whether the call was committed; repeating it
    under the same idempotency key tells.

    Attributes:
        error: what a user may be told.
        error_code: the SQLSTATE, or None where no server answered.
        detail: the technical text.
        retry_recommended: whether the same call can succeed in a new transaction.
        function: the function's name, or None for a failed block of calls.
        attempts: how often the call was tried.
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
    """Such a record exists already, or an idempotency key was used with another payload."""


class MissingReferenceError(StoredFunctionError):
    """The campaign, business, coverage row or email does not exist."""


class InvalidInputError(StoredFunctionError):
    """A value that the contract refuses; the detail names what and where."""


class ConflictError(StoredFunctionError):
    """Another transaction was in the way: a deadlock, a serialization failure, a lock timeout."""


class CallTimeoutError(StoredFunctionError):
    """The server's statement or transaction timeout ended the call."""


class DatabaseConnectionError(StoredFunctionError):
    """The server could not be reached, or its answer did not arrive as the connection was lost."""


class IsolationLevelError(StoredFunctionError):
    """The transaction is not at the isolation level that the function needs."""


# The call itself is refused, so an earlier attempt at it was not committed either.
REFUSALS = (DuplicateRecordError, InvalidInputError, IsolationLevelError, MissingReferenceError)

# What is said of errors that no envelope described; the envelope's own table is in SQL
# (app/functions/stored_function_failure.sql), and a test holds the two together.
_ERRORS: dict[str, tuple[type[StoredFunctionError], str, bool]] = {
    "23505": (DuplicateRecordError, "Duplicate record detected", False),
    "23503": (MissingReferenceError, "Referenced record not found", False),
    "40P01": (ConflictError, "Operation conflict, please retry", True),
    "40001": (ConflictError, "Concurrent modification, please retry", True),
    "55P03": (ConflictError, "Resource busy, please retry", True),
    "25001": (IsolationLevelError, "Must run in a SERIALIZABLE transaction", False),
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
}
_CLASSES: dict[str, tuple[type[StoredFunctionError], str, bool]] = {
    "22": (InvalidInputError, "Invalid input", False),
    "08": (DatabaseConnectionError, "The connection failed", True),
}
# A server that refuses to connect gives libpq a text and no SQLSTATE; these stay refused.
_REFUSED = re.compile(r"authentication failed|does not exist|no pg_hba\.conf entry|no password")
# A schema, function or gate that is not there.
_MISSING = ("3F000", "42883", "42P01")
_OTHER = (StoredFunctionError, "Database operation failed", False)


def _describe(code: str | None) -> tuple[type[StoredFunctionError], str, bool]:
    if code is None:
        return _OTHER
    return _ERRORS.get(code) or _CLASSES.get(code[:2]) or _OTHER


def from_envelope(envelope: Mapping[str, Any], function: str) -> StoredFunctionError:
    """The error that a failure envelope describes."""
    code = envelope.get("error_code")
    return _describe(code)[0](
        envelope.get("error") or "Database operation failed",
        error_code=code,
        detail=envelope.get("error_detail") or "",
        retry_recommended=bool(envelope.get("retry_recommended")),
        function=function,
    )


def from_sqlstate(
    code: str | None, detail: str, function: str | None = None
) -> StoredFunctionError:
    """The error that an SQLSTATE and the technical text beside it mean."""
    cls, text, retry = _describe(code)
    if cls is InvalidInputError:
        text = f"{text}: {detail}"
    return cls(text, error_code=code, detail=detail, retry_recommended=retry, function=function)


def outcome_unknown(error: StoredFunctionError) -> DatabaseConnectionError:
    """The failure of a call that may have been committed, by the same attempt or one before."""
    return DatabaseConnectionError(
        "Whether it was written is unknown, please retry",
        error_code=error.error_code,
        detail=error.detail or error.error,
        retry_recommended=True,
        function=error.function,
    )


def nothing_was_sent(error: BaseException) -> bool:
    """Whether an attempt failed before it had a connection on which to send anything."""
    if isinstance(error, sqlalchemy_exc.DBAPIError):
        error = error.orig or error
    # psycopg names the connection where the attempt to connect failed.
    return isinstance(error, sqlalchemy_exc.TimeoutError) or (
        isinstance(error, psycopg.Error) and error.pgconn is not None
    )


def from_exception(error: BaseException, function: str | None = None) -> StoredFunctionError | None:
    """The error that a driver's or SQLAlchemy's exception means; None for any other exception."""
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
    # Only the message: what follows it may hold rows, and rows hold personal data.
    detail = (error.diag.message_primary or str(error)).strip()
    if code in _MISSING and function is not None and "does not exist" in detail:
        detail += " (CAMPAIGNDB_SCHEMA, or schema=, says in which schema the functions are)"
    if code == "22P02":
        detail = detail.partition(': "')[0]  # the parameter itself
    if code is None and (lost or isinstance(error, psycopg.OperationalError)):
        return DatabaseConnectionError(
            "The connection failed",
            detail=detail,
            retry_recommended=not _REFUSED.search(detail),
            function=function,
        )
    if code is None and isinstance(error, psycopg.DataError):
        code = "22000"  # the driver itself refused a value
    return from_sqlstate(code, detail, function)
