"""No UPDATE or DELETE is without WHERE: Supabase's API loads pg-safeupdate, which refuses those."""

from __future__ import annotations

from pathlib import Path

import pytest
from pglast import ast

from campaigndb.migrations.functions import head_paths
from tests.functions.cluster_rules import nodes, statements


def unconditional(text: str) -> list[str]:
    return [
        type(node).__name__
        for statement in statements(text)
        for node in nodes(statement)
        if isinstance(node, (ast.UpdateStmt, ast.DeleteStmt)) and node.whereClause is None
    ]


@pytest.mark.parametrize("path", head_paths().values(), ids=lambda path: path.stem)
def test_a_function_changes_only_rows_that_it_names(path: Path) -> None:
    assert unconditional(path.read_text(encoding="utf-8")) == []


def test_one_without_a_condition_is_found() -> None:
    body = "begin update t set a = 1; delete from t where b; delete from t; end;"
    text = f"create function f() returns void language plpgsql as $$\n{body}\n$$;"
    assert unconditional(text) == ["UpdateStmt", "DeleteStmt"]
