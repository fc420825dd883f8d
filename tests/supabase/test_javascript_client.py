"""The JavaScript client's own tests, each file against a database of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.supabase.api_server import Api
from tests.supabase.node import CLIENT, node

FILES = sorted((CLIENT / "test").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_file(api: Api, file: Path) -> None:
    done = subprocess.run(
        [node(), "--test-reporter=spec", str(file)],
        cwd=CLIENT,
        env={
            **os.environ,
            "TEST_API_URL": api.url,
            "TEST_SERVICE_KEY": api.service_key,
            "TEST_ANON_KEY": api.anon_key,
            "TEST_DATABASE_URL": api.database_url.set(drivername="postgres").render_as_string(
                hide_password=False
            ),
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    # The report names every test that failed, and why.
    assert done.returncode == 0, f"\n{done.stdout}\n{done.stderr}"
    assert "pass 0" not in done.stdout, f"no test ran:\n{done.stdout}"
