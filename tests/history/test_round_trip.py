"""A revision that does not come back, or comes back as something else, fails the check."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.history.conftest import Checked, HistoryCopy
from tests.migrations.project import NEXT

Check = Callable[[], Checked]

NOTE = "op.execute(\"comment on table gmaps_campaigns is 'noted'\")"


@pytest.mark.parametrize(
    ("upgrade", "downgrade", "problem"),
    [
        (NOTE, "pass", "its downgrade gives another catalog: +COMMENT ON TABLE public.gmaps_camp"),
        ("pass", "raise NotImplementedError('no way')", "its downgrade fails: NotImplementedError"),
    ],
    ids=["leaves something behind", "does not go down"],
)
def test_it_is_named_with_what_is_wrong(
    copy: HistoryCopy, check: Check, upgrade: str, downgrade: str, problem: str
) -> None:
    copy.add_revision(upgrade, downgrade)
    checked = check()
    assert checked.exit_code == 1
    (line,) = checked.problems
    assert line.startswith(f"{NEXT}: {problem}")
