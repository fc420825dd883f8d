"""Revisions are one line: two heads, and one number taken twice, fail the check."""

from __future__ import annotations

from app.migrations import checksums
from tests.history.conftest import HistoryCopy
from tests.migrations.project import NEXT


def test_two_heads_are_named(copy: HistoryCopy) -> None:
    copy.add_revision()
    copy.add_revision(name=f"{NEXT}b")
    checked = copy.check()
    assert checked.returncode == 1
    (line,) = checked.stdout.splitlines()
    assert line.startswith(f"alembic/versions: 2 heads ({NEXT}, {NEXT}b): revisions are one line")


def test_a_number_that_two_branches_took_is_named(copy: HistoryCopy) -> None:
    path = copy.folder / copy.add_revision()
    other = path.with_name(f"{NEXT}_of_another_branch.py")
    other.write_bytes(path.read_bytes())
    checksums.add([other])
    checked = copy.check()
    assert checked.returncode == 1
    (line,) = checked.stdout.splitlines()
    assert line.startswith("alembic/versions: ")
    assert f"Revision {NEXT} is present more than once" in line
