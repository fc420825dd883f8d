"""What the main branch or the newest tag holds is released: neither file nor line changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from campaigndb.migrations import checksums
from tests.history.conftest import HistoryCopy

Sums = Callable[..., list[str]]
FROZEN = "alembic/functions/track_campaign_cost.0001.sql"
SUMS = "alembic/SHA256SUMS"


@pytest.fixture
def branch(copy: HistoryCopy) -> str:
    """A branch off main; main's commit."""
    main = copy.commit("Main")
    copy.git("checkout", "--quiet", "-b", "work")
    return main


def change_with_its_line(copy: HistoryCopy, path: str) -> None:
    """As somebody would who wants it to pass."""
    copy.replace(path, "  -- ", "  -- Really: ")
    name = path.removeprefix("alembic/")
    lines = (copy.folder / SUMS).read_text()
    old = dict(line.split("  ")[::-1] for line in lines.splitlines())[name]
    copy.replace(SUMS, old, checksums.current_sums()[name])


def test_a_released_file_fails_also_with_a_new_sum(
    copy: HistoryCopy, branch: str, sums: Sums
) -> None:
    assert sums() == []
    change_with_its_line(copy, FROZEN)
    copy.commit("Quietly")
    assert sums() == [
        f"{FROZEN}: changed after its release: restore it (git checkout {branch[:12]} -- {FROZEN}),"
        " and put the change into a new revision (make revision)"
    ]
    refused = copy.seal()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{FROZEN} changed and is released: restore it" in refused.stderr


def test_a_released_line_may_not_go_with_or_without_its_file(
    copy: HistoryCopy, branch: str, sums: Sums
) -> None:
    text = (copy.folder / SUMS).read_text()
    (line,) = (line for line in text.splitlines() if line.endswith(FROZEN[8:]))
    copy.replace(SUMS, f"{line}\n", "")
    assert sums() == [
        f"{FROZEN}: its released line was removed from SHA256SUMS: restore it ({line})"
    ]
    (copy.folder / FROZEN).unlink()
    (problem,) = sums()
    assert problem.startswith(f"{FROZEN}: was removed after its release: restore it (git checkout")


@pytest.mark.usefixtures("branch")
def test_a_revision_of_the_branch_may_be_edited_and_sealed_until_it_is_on_main(
    copy: HistoryCopy, sums: Sums
) -> None:
    path = copy.add_revision()
    copy.commit("A revision")
    copy.replace(path, "pass", "op.execute('select 1')")
    assert sums() == [
        f"{path}: changed since its line in SHA256SUMS was written, and is not released: make seal"
    ]
    sealed = copy.seal()
    assert (sealed.returncode, sealed.stdout) == (0, f"{path.removeprefix('alembic/')}\n")
    assert sums() == []

    copy.commit("Edited")
    copy.git("branch", "--force", "main")
    copy.replace(path, "select 1", "select 2")
    (problem,) = sums()
    assert problem.startswith(f"{path}: changed after its release")


def test_on_main_itself_the_newest_tag_or_a_named_commit_is_compared_with(
    copy: HistoryCopy, sums: Sums
) -> None:
    first = copy.commit("Main")
    assert checksums.released().doubt == "this is the main branch itself, and it has no tag"
    change_with_its_line(copy, FROZEN)
    copy.commit("Quietly")
    assert sums()[0].startswith(f"{FROZEN}: changed after its release")
    (copy.folder / "more.txt").write_text("more")
    copy.commit("And more")
    assert sums() == []  # nothing tells
    assert sums(first)[0].startswith(f"{FROZEN}: changed after its release")

    copy.git("tag", "v1.0.0", first)
    assert checksums.released().doubt is None
    assert sums()[0].startswith(f"{FROZEN}: changed after its release")


@pytest.mark.usefixtures("branch")
def test_a_tag_of_the_branch_itself_releases_nothing(copy: HistoryCopy, sums: Sums) -> None:
    change_with_its_line(copy, FROZEN)
    copy.commit("Quietly")
    for tag in ("wip", "v9"):
        copy.git("tag", tag)
        assert sums()[0].startswith(f"{FROZEN}: changed after its release")


def test_an_unfinished_clone_is_said_and_a_commit_that_is_not_there_is_exit_code_2(
    copy: HistoryCopy,
) -> None:
    copy.commit("Main")
    copy.git("checkout", "--quiet", "--detach")
    copy.git("branch", "--delete", "--force", "main")
    checked = copy.check("--against", "origin/main")
    assert (checked.returncode, checked.stdout) == (2, "")
    assert checked.stderr.startswith("campaigndb: origin/main is no commit that this one has")
    assert "fetch-depth: 0" in checked.stderr


def test_without_a_main_branch_that_is_said(copy: HistoryCopy) -> None:
    copy.commit("Main")
    copy.git("branch", "--move", "other")
    assert checksums.released().doubt == "the main branch is not in this clone"
