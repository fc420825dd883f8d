"""Which statements are proposed, and in which order."""

from __future__ import annotations

import pytest

from campaigndb.operations.drift import Difference
from campaigndb.operations.drift.comparison import in_working_order
from campaigndb.operations.drift.repair_statements import keeps_every_value


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("character varying(200)", "text", True),
        ("text", "character varying(200)", True),  # ALTER refuses what is too long
        ("integer", "bigint", True),
        ("bigint", "integer", False),
        ("numeric(20,4)", "numeric(14,4)", True),  # ALTER refuses what is too large
        ("numeric(14,6)", "numeric(14,4)", False),  # it would round
        ("numeric(14,4)", "numeric", True),
        ("double precision", "numeric(14,4)", False),
        ("text", "uuid", False),
        ("jsonb", "text", False),
        ("timestamp with time zone", "timestamp without time zone", False),
    ],
)
def test_a_type_is_changed_back_only_where_no_value_changes(
    found: str, wanted: str, expected: bool
) -> None:
    assert keeps_every_value(found, wanted) is expected


def test_statements_work_from_the_top() -> None:
    def missing(kind: str, name: str, *statements: str) -> Difference:
        return Difference(kind, name, "missing", statements=statements)

    grant = missing("grant", "EXECUTE on function make_id() to app", "grant execute …")
    revision = missing("revision", "of schema public", "alembic upgrade head")
    column = missing("column", "t.a", "alter table t add column a uuid default make_id()")
    foreign_key = missing("constraint", "a on t", "alter table t add FOREIGN KEY (a) …")
    key = missing("constraint", "z on u", "alter table u add PRIMARY KEY (id)")
    index = missing("index", "t_a", "create unique index t_a on t (a)")
    function = missing("function", "make_id()", "create function make_id() … select helper()")
    helper = missing("function", "helper()", "create function helper() …")
    owner = Difference("table", "t", "changed", "owner", statements=["alter table t owner to o"])

    given = [revision, grant, foreign_key, key, index, column, function, helper, owner]

    assert in_working_order(given) == [
        owner, helper, function, column, index, key, foreign_key, grant, revision
    ]  # fmt: skip
