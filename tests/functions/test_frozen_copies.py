"""Head files are what the latest frozen copies say, and revisions own the frozen copies."""

from __future__ import annotations

from collections import Counter
from typing import Any

from alembic.script import ScriptDirectory

from campaigndb.migrations.configuration import alembic_config
from campaigndb.migrations.functions import FROZEN_FOLDER
from campaigndb.migrations.history import head_problems, line_problems


def revisions() -> list[Any]:
    """The modules of all revisions, oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return [script.module for script in reversed(list(scripts.walk_revisions()))]


def test_the_head_of_a_function_is_its_latest_frozen_copy() -> None:
    assert list(head_problems()) == []


def test_every_frozen_copy_is_named_by_exactly_one_revision() -> None:
    named = Counter(
        f"{name}.{new}.sql"
        for revision in revisions()
        for name, (new, _) in getattr(revision, "FUNCTIONS", {}).items()
    )
    assert named == Counter(path.name for path in FROZEN_FOLDER.iterdir())


def test_every_revision_goes_back_to_the_copy_before() -> None:
    installed: dict[str, str] = {}
    for revision in revisions():
        for name, (new, previous) in getattr(revision, "FUNCTIONS", {}).items():
            assert new == revision.revision
            assert previous == installed.get(name)
            installed[name] = new


def test_there_is_one_line_of_revisions() -> None:
    assert list(line_problems()) == []
