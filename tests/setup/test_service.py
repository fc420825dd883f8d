"""A FastAPI service with a package `app` of its own: served, and type-checked strictly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.setup.environments import PROJECT, Environment, run

SERVICE = Path(__file__).with_name("service")


@pytest.mark.timeout(600)
def test_the_wheel_serves_fastapi_under_mypy_strict_and_pyright(
    wheel: Path, database_url: URL, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "environment")
    needed = ("fastapi", "httpx", "mypy", "basedpyright")
    environment.install("--constraint", PROJECT / "constraints.txt", wheel, *needed)
    folder = tmp_path / "service"
    shutil.copytree(SERVICE, folder, ignore=shutil.ignore_patterns("__pycache__"))

    address = database_url.render_as_string(hide_password=False)
    program = folder / "ask.py"
    printed = run(
        environment.python,
        "-W",
        "ignore",
        program,
        cwd=folder,
        DATABASE_URL=address,
        PYTHONPATH=".",
    )
    assert json.loads(printed) == [[201, 1], {"total": "0.2500"}, 422, 404, []]

    checked = run(environment.python, "-m", "mypy", "--strict", "app", cwd=folder)
    assert "no issues found" in checked
    python = ("--pythonpath", environment.python)
    checked = run(environment.folder / "bin" / "basedpyright", *python, cwd=folder)
    assert "0 errors, 0 warnings" in checked
