"""What each SQLSTATE is called, in the envelope and in Python, and whether a retry can help."""

import uuid

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from campaigndb import (
    CallTimeoutError,
    ConflictError,
    DatabaseConnectionError,
    DuplicateRecordError,
    InvalidInputError,
    IsolationLevelError,
    MissingReferenceError,
    StoredFunctionError,
)
from campaigndb.calling.errors import from_envelope, from_exception

# SQLSTATE -> error, retry_recommended, class. "{}" stands for the technical text.
TABLE = {
    "23505": ("Duplicate record detected", False, DuplicateRecordError),
    "23503": ("Referenced record not found", False, MissingReferenceError),
    "40P01": ("Operation conflict, please retry", True, ConflictError),
    "40001": ("Concurrent modification, please retry", True, ConflictError),
    "55P03": ("Resource busy, please retry", True, ConflictError),
    "25001": ("Must run in a SERIALIZABLE transaction", False, IsolationLevelError),
    "25006": (
        "This writes, and the transaction is read-only: call it with POST, on the primary server",
        False,
        StoredFunctionError,
    ),
    "22023": ("Invalid input: {}", False, InvalidInputError),
    "22003": ("Invalid input: {}", False, InvalidInputError),
    "22P02": ("Invalid input: {}", False, InvalidInputError),
    "23502": ("Invalid input: {}", False, InvalidInputError),
    "23514": ("Invalid input: {}", False, InvalidInputError),
    "23P01": ("Database operation failed", False, StoredFunctionError),
    "42501": ("Database operation failed", False, StoredFunctionError),
    "42883": ("Database operation failed", False, StoredFunctionError),
    "53100": ("Database operation failed", True, StoredFunctionError),
    "53200": ("Database operation failed", True, StoredFunctionError),
    "54001": ("Database operation failed", False, StoredFunctionError),
    "P0001": ("Database operation failed", False, StoredFunctionError),
    "XX000": ("Database operation failed", False, StoredFunctionError),
    # Of a cluster's node.
    "57P01": ("The server is shutting down", True, DatabaseConnectionError),
    "57P02": ("The server crashed", True, DatabaseConnectionError),
    "57P03": ("The server does not accept connections yet", True, DatabaseConnectionError),
    "08006": ("The connection failed", True, DatabaseConnectionError),
}
# What no function can catch and so no envelope describes.
EXCEPTIONS_ONLY = {
    "57014": (False, CallTimeoutError),
    "25P03": (True, CallTimeoutError),
    "53300": (True, DatabaseConnectionError),
}


def test_the_shared_helper_builds_every_envelope_of_the_contract(owner_engine, subtests) -> None:
    with owner_engine.connect() as connection:
        for code, (error, retry, cls) in TABLE.items():
            with subtests.test(code):
                envelope = connection.execute(
                    text("select stored_function_failure(:code, 'what and where')"), {"code": code}
                ).scalar_one()
                assert envelope == {
                    "success": False,
                    "error": error.format("what and where"),
                    "error_code": code,
                    "error_detail": "what and where",
                    "retry_recommended": retry,
                }
                raised = from_envelope(envelope, "the_function")
                assert type(raised) is cls
                assert raised.error == envelope["error"]
                assert raised.error_code == code
                assert raised.detail == "what and where"
                assert raised.retry_recommended is retry


def test_an_exception_with_that_sqlstate_means_the_same(owner_engine, subtests) -> None:
    """A cast outside the function, a constraint at COMMIT: these arrive as exceptions."""
    expected = {code: (retry, cls, error) for code, (error, retry, cls) in TABLE.items()}
    expected |= {code: (retry, cls, None) for code, (retry, cls) in EXCEPTIONS_ONLY.items()}
    for code, (retry, cls, error) in expected.items():
        with subtests.test(code), owner_engine.connect() as connection:
            with pytest.raises(DBAPIError) as caught:
                connection.exec_driver_sql(
                    f"do $$ begin raise 'what and where' using errcode = '{code}'; end $$"
                )
            raised = from_exception(caught.value, "the_function")
            assert type(raised) is cls
            assert (raised.error_code, raised.retry_recommended) == (code, retry)
            assert raised.detail == "what and where"
            assert raised.function == "the_function"
            if error is not None:
                assert raised.error == error.format("what and where")


def test_an_error_never_repeats_the_parameters(owner_engine) -> None:
    """They may hold personal data, and errors end in logs."""
    with owner_engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(
            text("insert into gmaps_campaigns (name, status) values (:name, :status)"),
            {"name": "aino.virtanen@example.com", "status": "aino.virtanen@example.com"},
        )
    assert "aino" in str(caught.value)
    raised = from_exception(caught.value)
    assert type(raised) is InvalidInputError
    assert "aino" not in str(raised) + raised.detail + raised.error
    assert "ck_gmaps_campaigns_status" in raised.detail


def test_a_server_that_does_not_answer_is_a_connection_error_worth_a_retry() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=3")
    with pytest.raises(DBAPIError) as caught:
        engine.connect()
    raised = from_exception(caught.value)
    assert type(raised) is DatabaseConnectionError
    assert (raised.error_code, raised.retry_recommended) == (None, True)


def test_a_server_that_refuses_the_caller_is_not_asked_again(app_url, subtests) -> None:
    for name, url in {
        "database": app_url.set(database=f"no_{uuid.uuid4().hex}"),
        "role": app_url.set(username=f"no_{uuid.uuid4().hex}"),
    }.items():
        engine = create_engine(url)
        with subtests.test(name):
            with pytest.raises(DBAPIError) as caught:
                engine.connect()
            raised = from_exception(caught.value)
            assert type(raised) is DatabaseConnectionError
            assert raised.retry_recommended is False


def test_other_exceptions_are_not_touched() -> None:
    assert from_exception(ValueError("x")) is None
    assert from_exception(KeyboardInterrupt()) is None
    error = StoredFunctionError("x")
    assert from_exception(error) is error
    assert type(from_exception(psycopg.DataError("what the driver refused"))) is InvalidInputError


def test_the_envelope_of_every_function_is_the_helpers(owner_engine) -> None:
    with owner_engine.connect() as connection:
        bodies = connection.execute(
            text("""
                select proname, prosrc
                from pg_proc
                where pronamespace = 'public'::regnamespace
                  and prosecdef and prorettype = 'jsonb'::regtype
            """)
        ).all()
    assert len(bodies) >= 7
    for name, body in bodies:
        handlers = body.count("when others then")
        assert (
            body.count("get stacked diagnostics v_context = pg_exception_context;") == handlers
        ), name
        assert body.count("return caught_failure(sqlstate, sqlerrm, v_context);") == handlers, name
        assert "retry_recommended" not in body, name
