"""What every revision keeps to, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from campaigndb.migrations.configuration import ALEMBIC_FOLDER

REVISIONS = sorted((ALEMBIC_FOLDER / "versions").glob("*.py"))
CONCURRENT = {"create_index_concurrently", "drop_index_concurrently"}


def problems(source: str) -> Iterator[str]:
    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        called = {_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
        if "autocommit_block" in called:
            yield f"{function.name}: leaves its transaction other than for an index"
        if "postgresql_concurrently" in {
            node.arg for node in ast.walk(function) if isinstance(node, ast.keyword)
        }:
            yield f"{function.name}: CONCURRENTLY without the helpers for it"
        alone = all(
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and _name(statement.value.func) in CONCURRENT
            for statement in function.body
        )
        if called & CONCURRENT and not alone:
            yield f"{function.name}: CONCURRENTLY beside something else"


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", None) or getattr(function, "id", "")


@pytest.mark.parametrize("path", REVISIONS, ids=lambda path: path.name[:4])
def test_a_revision_keeps_to_them(path) -> None:
    assert list(problems(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("create_index_concurrently('i', 't', ['c'])", None),
        ("create_index_concurrently('i', 't', ['c'])\n    drop_index_concurrently('j', 't')", None),
        ("op.create_index('i', 't', ['c'])", None),
        (
            "create_index_concurrently('i', 't', ['c'])\n    op.drop_column('t', 'd')",
            "CONCURRENTLY beside something else",
        ),
        (
            "replace_functions(FUNCTIONS)\n    drop_index_concurrently('i', 't')",
            "CONCURRENTLY beside something else",
        ),
        (
            "with op.get_context().autocommit_block():\n        op.execute('vacuum')",
            "leaves its transaction",
        ),
        ("op.create_index('i', 't', postgresql_concurrently=True)", "without the helpers"),
    ],
)
def test_a_breach_is_found(body: str, problem: str | None) -> None:
    found = list(problems(f"def upgrade() -> None:\n    {body}\n"))
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]
