"""A file that is not what its line in SHA256SUMS says is named, with what to do."""

from __future__ import annotations

from collections.abc import Callable

from tests.history.conftest import Checked, HistoryCopy

Check = Callable[[], Checked]
Sums = Callable[..., list[str]]
FROZEN = "alembic/functions/track_campaign_cost.0001.sql"
GONE = "alembic/functions/text_list.0001.sql"


def first_revision(copy: HistoryCopy) -> str:
    (path,) = (copy.folder / "alembic/versions").glob("0001_*.py")
    return f"alembic/versions/{path.name}"


def test_changed_missing_and_unsealed_files_fail_the_check(copy: HistoryCopy, check: Check) -> None:
    revision = first_revision(copy)
    copy.replace(revision, '"""Campaigns', '"""All campaigns')
    copy.replace(FROZEN, "  -- ", "  -- Really: ")
    extra = "alembic/functions/text_list.9999.sql"
    (copy.folder / GONE).rename(copy.folder / extra)

    checked = check()

    assert checked.exit_code == 1
    named = dict(line.split(": ", 1) for line in checked.problems)
    for path in (revision, FROZEN):
        assert named[path].startswith("changed since its line in SHA256SUMS was written: restore")
    assert named[extra] == "has no line in SHA256SUMS: make seal"
    assert named[GONE].startswith("has a line in SHA256SUMS and is not there: restore it")


def test_lines_are_as_sha256sum_writes_them_and_in_order(copy: HistoryCopy, sums: Sums) -> None:
    path = copy.folder / "alembic/SHA256SUMS"
    good = path.read_text()
    first, second, *rest = good.splitlines(keepends=True)
    for text in ("".join([second, first, *rest]), good + first, good.removesuffix("\n")):
        path.write_text(text)
        assert sums() == [
            "alembic/SHA256SUMS: lines out of order, or there twice: make seal",
        ]
    path.write_text(good + "abc  versions/0003.py\n" + f"{'0' * 64}  ../app/settings.py\n")
    assert [line.split(": not a line")[0] for line in sums()] == ["alembic/SHA256SUMS"] * 2
    path.unlink()
    assert sums() == ["alembic/SHA256SUMS is missing: restore it, or make seal"]


def test_a_new_revisions_lines_come_last(copy: HistoryCopy, sums: Sums) -> None:
    before = (copy.folder / "alembic/SHA256SUMS").read_text()
    path = copy.add_revision()
    after = (copy.folder / "alembic/SHA256SUMS").read_text()
    assert after.startswith(before)
    assert after.removeprefix(before).endswith(f"  {path.removeprefix('alembic/')}\n")
    assert sums() == []
    again = copy.seal()
    assert (again.returncode, again.stdout) == (0, "Every sum is up to date.\n")


def test_where_nothing_tells_what_is_released_no_line_is_changed(copy: HistoryCopy) -> None:
    before = (copy.folder / "alembic/SHA256SUMS").read_text()
    copy.replace(FROZEN, "  -- ", "  -- Really: ")
    refused = copy.seal()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{FROZEN} changed and may be released (there is no git history here)" in refused.stderr
    assert (copy.folder / "alembic/SHA256SUMS").read_text() == before
