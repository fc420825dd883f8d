"""Python's table of SQLSTATEs and SQL's say the same wherever both say something."""

import re

from sqlalchemy import text

from campaigndb.calling.errors import _ERRORS, CLUSTER_TEXTS

UNNAMED = "Database operation failed"


def test_every_sqlstate_that_both_tables_name_has_one_text_and_one_advice(
    owner_engine, subtests
) -> None:
    named_by_both = set()
    with owner_engine.connect() as connection:
        for code, (_, error, retry) in _ERRORS.items():
            envelope = connection.execute(
                text("select stored_function_failure(:code, '')"), {"code": code}
            ).scalar_one()
            if envelope["error"] == UNNAMED:
                continue  # it ends the call before a function could describe it
            named_by_both.add(code)
            with subtests.test(code):
                assert envelope["error"].removesuffix(": ") == error
                assert envelope["retry_recommended"] is retry
    assert len(named_by_both) == 12


def test_python_names_every_sqlstate_that_sql_names(owner_engine) -> None:
    with owner_engine.connect() as connection:
        body = connection.execute(
            text("select prosrc from pg_proc where oid = to_regproc('stored_function_failure')")
        ).scalar_one()
    named = {*_ERRORS, "XX000", *CLUSTER_TEXTS.values()}
    assert set(re.findall(r"'([0-9A-Z]{5})'", body)) <= named
