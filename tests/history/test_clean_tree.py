"""The project as it is passes, whatever database and roles the settings name."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.history.conftest import HistoryCopy


def test_the_project_passes(copy: HistoryCopy) -> None:
    checked = copy.check()
    assert (checked.returncode, checked.stdout) == (0, "The history of revisions is sound.\n")
    # Without git it cannot be told what is released, and that is said.
    assert checked.stderr == (
        "campaigndb: what is released is not fully known: there is no git history here"
        " (--against COMMIT)\n"
    )


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_sums_are_in_the_format_of_sha256sum(copy: HistoryCopy) -> None:
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"],
        cwd=copy.folder / "alembic",
        check=True,
    )
