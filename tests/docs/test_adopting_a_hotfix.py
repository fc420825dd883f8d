"""docs/deploying.md: a function that was replaced by hand becomes a revision, step by step."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import URL

from tests.conftest import APP_ROLE
from tests.migrations.catalog import connect
from tests.support.project_copy import PROJECT, Copy

DOCUMENT = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.split("\n### Adopting a hotfix\n")[1].split("\n### ")[0]
[STEPS] = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
PROGRAMS = {
    "campaigndb": '-m campaigndb.cli "$@"',
    "alembic": '-m alembic "$@"',
    # Of `make`, what the step is about: a copy has no virtual environment.
    "make": '-m campaigndb.cli revision "${2#m=}"',
}


def test_the_steps_end_without_drift(database_url: URL, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "checkout")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in PROGRAMS.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' {arguments}\n")
        program.chmod(0o755)
    head = copy.folder / "app/campaigndb/functions/scraped_text.sql"
    hotfix = head.read_text().replace("-- Scrapers", "-- Some scrapers\n  -- of ours")
    with connect(database_url) as connection:
        connection.execute(hotfix)

    for step in STEPS.splitlines():
        if step.startswith("make test"):
            continue
        done = subprocess.run(
            ["sh", "-c", step],
            cwd=copy.folder,
            env=os.environ
            | {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "PYTHONPATH": f"{copy.folder / 'app'}:{copy.folder}",
                "DATABASE_URL": database_url.render_as_string(hide_password=False),
                "CAMPAIGNDB_APP_ROLE": APP_ROLE,
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, (step, done.stdout, done.stderr)
    assert "no drift" in done.stdout
    assert head.read_text() == hotfix
    [revision] = (copy.folder / "alembic/versions").glob("*adopt_the_hotfix*")
    [frozen] = (copy.folder / "alembic/functions").glob(f"scraped_text.{revision.name[:4]}.sql")
    assert frozen.read_text() == hotfix
