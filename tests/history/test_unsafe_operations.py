"""What squawk finds is named, unless the revision excuses it with a reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigndb.cli.failures import describe
from campaigndb.migrations import unsafe_operations
from tests.history.conftest import Checked, HistoryCopy
from tests.migrations.project import NEXT
from tests.support.project_copy import PROJECT

Check = Callable[[], Checked]

UPGRADE = """\
op.create_index("idx_businesses_city", "gmaps_businesses", ["city"])
    op.alter_column("gmaps_api_costs", "items_processed", type_=sa.BigInteger())
    op.alter_column("gmaps_businesses", "city", nullable=False)
    op.drop_column("gmaps_email_verifications", "suggestion")
    op.rename_table("gmaps_cost_repairs", "gmaps_repairs")
    op.create_table("gmaps_new", sa.Column("id", sa.UUID(), primary_key=True))
    op.create_index("idx_new", "gmaps_new", ["id"])"""
DOWNGRADE = """\
op.drop_table("gmaps_new")
    op.rename_table("gmaps_repairs", "gmaps_cost_repairs")
    op.add_column("gmaps_email_verifications", sa.Column("suggestion", sa.Text()))
    op.alter_column("gmaps_businesses", "city", nullable=True)
    op.alter_column("gmaps_api_costs", "items_processed", type_=sa.Integer())
    op.drop_index("idx_businesses_city", "gmaps_businesses")"""
EXCUSES = """
SQUAWK_EXCUSES = {
    "ban-drop-column": "nothing has ever read it",
    "renaming-table": " ",
    "ban-drop-database": "it drops none",
}
"""


def test_unsafe_operations_and_excuses_without_use_or_reason_fail_the_check(
    copy: HistoryCopy, check: Check
) -> None:
    copy.add_revision(UPGRADE, DOWNGRADE, EXCUSES)
    checked = check()
    assert checked.exit_code == 1
    found = [line for line in checked.problems if line.startswith(f"{NEXT}: ")]
    assert [line.split(": ")[1] for line in found] == [
        "require-concurrent-index-creation",
        "changing-column-type",
        "adding-not-nullable-field",
        "SQUAWK_EXCUSES",
        "SQUAWK_EXCUSES",
    ]
    assert "'CREATE INDEX idx_businesses_city ON gmaps_businesses (city);'" in found[0]
    assert found[0].endswith("(or SQUAWK_EXCUSES, with a reason)")
    assert found[3:] == [
        f"{NEXT}: SQUAWK_EXCUSES: 'renaming-table' has no reason",
        f"{NEXT}: SQUAWK_EXCUSES: squawk does not report 'ban-drop-database': remove it",
    ]


def test_the_index_that_the_document_shows_is_safe_and_comes_back(
    copy: HistoryCopy, check: Check
) -> None:
    document = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(create_index_concurrently.*?)\n```", document, re.DOTALL)
    copy.add_revision(
        "from campaigndb.migrations.revision_operations import create_index_concurrently\n"
        f"    {shown}",
        "from campaigndb.migrations.revision_operations import drop_index_concurrently\n"
        "    drop_index_concurrently('idx_businesses_city', 'gmaps_businesses')",
    )
    checked = check()
    assert checked.exit_code == 1
    (line,) = checked.problems  # it is in no table of the code
    assert line.startswith("tables/: no revision has ('remove_index', Index('idx_businesses_city'")


def test_where_squawk_is_missing_or_broken_the_check_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(unsafe_operations.SquawkError, match="squawk is not installed") as missing:
        unsafe_operations.run_squawk({"a": "select 1"})
    line, exit_code = describe(missing.value)
    assert exit_code == 2
    assert "unsafe operations were not looked for" in line

    squawk = tmp_path / "squawk"
    squawk.write_text("#!/bin/sh\nexit 1\n")
    squawk.chmod(0o755)
    with pytest.raises(unsafe_operations.SquawkError, match="squawk does not work here"):
        unsafe_operations.run_squawk({"a": "select 1"})
