"""What is published is whole: types, SQL, revisions; and holds nothing for developers only."""

import subprocess
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ALEMBIC = "campaigndb/_alembic/"


def test_the_wheel_holds_what_git_has_of_the_package_and_the_revisions(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "app", "alembic", "alembic.ini"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    expected = {
        name.removeprefix("app/")
        if name.startswith("app/")
        else ALEMBIC + name.removeprefix("alembic/")
        for name in listed
        if (PROJECT / name).exists()
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert expected - held == set()
    assert {name for name in held if not name.startswith("campaigndb/")} == set()


def test_type_checkers_read_the_packages_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "campaigndb/py.typed" in archive.namelist()
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        assert b"Classifier: Typing :: Typed" in archive.read(metadata)
