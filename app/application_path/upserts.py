"""What an upsert sets where a row is there already: what is known is not forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func
from sqlalchemy.dialects.postgresql import Insert


def known_values(statement: Insert, *columns: str) -> Mapping[str, ColumnElement[Any]]:
    """The new values, but the old ones where a new one is null."""
    return {
        name: func.coalesce(statement.excluded[name], statement.table.c[name]) for name in columns
    }


def known_lists(statement: Insert, *columns: str) -> Mapping[str, ColumnElement[Any]]:
    """The new lists, but the old ones where a new one is empty."""
    return {
        name: case(
            (func.cardinality(statement.excluded[name]) == 0, statement.table.c[name]),
            else_=statement.excluded[name],
        )
        for name in columns
    }
