"""Reading the tables themselves, which only their owner may: every row, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app.settings import check_schema_name, get_settings

INSUFFICIENT_PRIVILEGE = "42501"


class TableAccessError(Exception):
    """The role may not read or write every row of a table; one line that says which."""

    def __init__(self, refusal: str) -> None:
        super().__init__(f"{refusal}: connect as the role that owns the tables")


@contextmanager
def reading_tables(engine: Engine, schema: str | None = None) -> Iterator[Connection]:
    """A read-only transaction on one snapshot, for selects of `app.tables`.

    `schema` is where the tables are; default: the setting `CAMPAIGNDB_SCHEMA`. Rows that row
    security hides are an error here: a sum over some of the rows would look like one over all.

    Raises:
        TableAccessError: the role may not read a table, or not every row of it.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    try:
        with engine.connect() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ",
                postgresql_readonly=True,
                schema_translate_map={None: schema},
            )
            with connection.begin():
                connection.execute(text("set local row_security = off"))
                yield connection
    except DBAPIError as error:
        diagnosis = getattr(error.orig, "diag", None)
        if diagnosis is None or diagnosis.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        raise TableAccessError(diagnosis.message_primary) from None
