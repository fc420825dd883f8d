"""The JavaScript client's own tests, each file against a database of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.supabase.api_server import Api
from tests.supabase.node import CLIENT, node

N8N = ["--require", "./test/frozen.cjs"]
FILES = sorted((CLIENT / "test").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_file(api: Api, file: Path) -> None:
    run_file(api, file)


@pytest.mark.parametrize("api", ["postgrest"], indirect=True)
@pytest.mark.parametrize("name", ["scenarios", "documents", "costs"])
def test_file_against_what_postgrest_runs(api: Api, name: str) -> None:
    run_file(api, CLIENT / "test" / f"{name}.test.js")


# What else the other files use, such as the database's driver, cannot be used there.
@pytest.mark.parametrize("realm", ["n8n", "frozen-intrinsics"])
@pytest.mark.parametrize("name", ["answers", "realm", "scenarios"])
def test_file_where_prototypes_are_frozen(api: Api, name: str, realm: str) -> None:
    flags = ["--frozen-intrinsics"] if realm == "frozen-intrinsics" else N8N
    run_file(api, CLIENT / "test" / f"{name}.test.js", *flags, TEST_REALM=realm)


def run_file(api: Api, file: Path, *flags: str, **environment: str) -> None:
    done = subprocess.run(
        # Node's other reporters fail where prototypes are frozen.
        [node(), *flags, "--test-reporter=tap", str(file)],
        cwd=CLIENT,
        env={
            **os.environ,
            **environment,
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
