"""`postgresql_with`, a table's storage options: SQLAlchemy 2.1 has it, 2.0 is taught it here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable


def teach_storage_options() -> None:
    """Lets tables have `postgresql_with`; changes nothing where SQLAlchemy knows it."""
    known = dict(PGDialect.construct_arguments or [])
    if "with" in known.get(Table, {}):
        return
    Table.argument_for("postgresql", "with", None)
    compiles(CreateTable, "postgresql")(_create_table)


def _create_table(statement: CreateTable, compiler: Any, **options: Any) -> str:
    text: str = compiler.visit_create_table(statement, **options)
    stored = statement.element.dialect_options["postgresql"]["with"]
    if not stored:
        return text
    listed = ", ".join(f"{name} = {value}" for name, value in stored.items())
    return f"{text.rstrip()}\nWITH ({listed})\n\n"
