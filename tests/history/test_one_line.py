"""Revisions are one line: two heads, and one number taken twice, fail the check."""

from __future__ import annotations

from collections.abc import Callable

from campaigndb.migrations import checksums
from tests.history.conftest import Checked, HistoryCopy
from tests.migrations.project import NEXT

Check = Callable[[], Checked]


def test_two_heads_are_named(copy: HistoryCopy, check: Check) -> None:
    copy.add_revision()
    copy.add_revision(name=f"{NEXT}b")
    checked = check()
    assert checked.exit_code == 1
    (line,) = checked.problems
    assert line.startswith(f"alembic/versions: 2 heads ({NEXT}, {NEXT}b): revisions are one line")


def test_a_number_that_two_branches_took_is_named(copy: HistoryCopy, check: Check) -> None:
    path = copy.folder / copy.add_revision()
    other = path.with_name(f"{NEXT}_of_another_branch.py")
    other.write_bytes(path.read_bytes())
    checksums.add([other])
    checked = check()
    assert checked.exit_code == 1
    (line,) = checked.problems
    assert line.startswith("alembic/versions: ")
    assert f"Revision {NEXT} is present more than once" in line
