"""The tables as a Mermaid diagram: `python -m scripts.schema_diagram > docs/schema.md`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql.base import PGDialect

from campaigndb.tables import metadata

_HEADER = """# The tables

The diagram shows every table with its columns, keys and references. It is generated from
`app/campaigndb/tables` by `python -m scripts.schema_diagram`. A test fails if it is out of date.
"""


def mermaid() -> str:
    """A Mermaid `erDiagram` of every table with columns: their types, keys, and references."""
    tables = [table for table in metadata.sorted_tables if len(table.columns)]
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        lines.append(f"    {table.name} {{")
        lines += [f"        {_column(column)}" for column in table.columns]
        lines.append("    }")
    for table in tables:
        for key in sorted(_foreign_keys(table), key=lambda key: key.parent.name):
            many = "o|" if key.parent.unique or _is_alone_in_unique(key.parent) else "o{"
            lines.append(f"    {key.column.table.name} ||--{many} {table.name} : {key.parent.name}")
    return "\n".join([*lines, "```"])


def page() -> str:
    return f"{_HEADER}\n{mermaid()}\n"


def _column(column: Column[object]) -> str:
    type_ = str(column.type.compile(dialect=PGDialect())).lower()  # type: ignore[no-untyped-call]
    type_ = type_.replace("timestamp with time zone", "timestamptz").replace(" ", "_")
    keys = []
    if column.primary_key:
        keys.append("PK")
    if column.foreign_keys:
        keys.append("FK")
    return " ".join([_word(type_), column.name, ",".join(keys)]).rstrip()


def _word(type_: str) -> str:
    """Mermaid takes letters, digits, `_`, `-`, `()` and `[]` in a type."""
    return type_.replace(",_", "-").replace(",", "-")


def _foreign_keys(table: Table) -> list[ForeignKey]:
    return [key for column in table.columns for key in column.foreign_keys]


def _is_alone_in_unique(column: Column[object]) -> bool:
    return any(
        isinstance(constraint, UniqueConstraint) and list(constraint.columns) == [column]
        for constraint in column.table.constraints
    )


if __name__ == "__main__":
    print(page(), end="")
