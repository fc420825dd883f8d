"""The pipelines of docs/deploying.md: they parse, keep secrets out, and their commands work."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import URL

from tests.migrations.catalog import connect
from tests.migrations.databases import new_database
from tests.migrations.programs import clean_environment

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
GITHUB, GITLAB = re.findall(r"```yaml\n(.*?)```", DOCUMENT.split("\n## Pipelines\n")[1], re.DOTALL)
JOBS = ("check", "upgrade", "drift", "rollback")
PIPELINES = pytest.mark.parametrize("pipeline", ["github", "gitlab"])


def scripts(pipeline: str, job: str) -> list[str]:
    """The shell lines of a job, without setting the machine up."""
    if pipeline == "github":
        steps = yaml.safe_load(GITHUB)["jobs"][job]["steps"]
        lines = [step["run"] for step in steps if "run" in step]
    else:
        jobs = yaml.safe_load(GITLAB)
        described = {**jobs.get(jobs[job].get("extends"), {}), **jobs[job]}
        lines = [*described.get("before_script", []), *described["script"]]
    return [line for line in lines if line != "make setup" and not line.startswith("apt-get ")]


def run(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the CI's shell does, in the project's folder."""
    programs = f"{shlex.quote(str(Path(sys.executable).parent))}/"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", line.replace(".venv/bin/", programs)],
        cwd=ROOT,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url


@PIPELINES
def test_every_job_is_there_and_deploys_wait_for_the_check_and_for_each_other(
    pipeline: str,
) -> None:
    described: dict[str, Any] = yaml.safe_load(GITHUB if pipeline == "github" else GITLAB)
    jobs = described["jobs"] if pipeline == "github" else described
    assert set(JOBS) <= set(jobs)
    if pipeline == "github":
        assert jobs["upgrade"]["needs"] == "check"
        for job in JOBS[1:]:
            assert jobs[job]["environment"] == "production"
            assert jobs[job]["concurrency"]["cancel-in-progress"] is False
    else:
        assert described["stages"] == ["check", jobs[".production"]["stage"]]
        assert jobs[".production"]["resource_group"]
        assert {jobs[job]["extends"] for job in JOBS[1:]} == {".production"}


def test_the_address_of_the_database_comes_from_the_secret_store_alone() -> None:
    for text in (GITHUB, GITLAB):
        assert "://" not in text
    assert set(re.findall(r"DATABASE_URL: *(.*)", GITHUB)) == {"${{ secrets.DATABASE_URL }}"}
    assert "DATABASE_URL" not in GITLAB
    # What somebody typed must not become a part of a script.
    for job in JOBS:
        assert not [line for line in scripts("github", job) if "${{" in line]
    # The job that runs the code of a proposed change sees no secret.
    check = yaml.safe_load(GITHUB)["jobs"]["check"]
    assert "secrets" not in str(check)
    assert "environment" not in check


@PIPELINES
def test_the_whole_history_is_fetched_for_the_check(pipeline: str) -> None:
    if pipeline == "github":
        checkout = yaml.safe_load(GITHUB)["jobs"]["check"]["steps"][0]
        assert checkout["with"]["fetch-depth"] == 0
    else:
        assert yaml.safe_load(GITLAB)["variables"]["GIT_DEPTH"] == "0"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@PIPELINES
def test_the_check_compares_with_the_commit_before(pipeline: str) -> None:
    check, test = scripts(pipeline, "check")
    base = "BASE" if pipeline == "github" else "CI_MERGE_REQUEST_DIFF_BASE_SHA"
    dry = run(f"{check} --dry-run", **{base: "abc123"})
    assert dry.returncode == 0, dry.stderr
    assert ".venv/bin/campaigndb history check --against abc123\n" in dry.stdout.replace(
        f"{Path(sys.executable).parent}/", ".venv/bin/"
    )
    assert run(f"{test} --dry-run").returncode == 0


def test_upgrade_drift_gate_and_rollback_work(empty_database: URL, tmp_path: Path) -> None:
    address = empty_database.set(drivername="postgresql").render_as_string(hide_password=False)
    up, gate = scripts("github", "upgrade")
    (timed,) = scripts("gitlab", "drift")
    timed = timed.replace("drift.json", str(tmp_path / "drift.json"))
    for line in (up, gate, timed):
        done = run(line, DATABASE_URL=address)
        assert done.returncode == 0, done.stdout + done.stderr
    with connect(empty_database) as connection:
        connection.execute("alter table gmaps_campaigns drop column description")
    for line in (gate, timed):
        assert run(line, DATABASE_URL=address).returncode != 0
    down, current = scripts("github", "rollback")
    done = run(down, DATABASE_URL=address, REVISION="0001")
    assert done.returncode == 0, done.stderr
    assert run(current, DATABASE_URL=address).stdout.split()[0] == "0001"


def test_both_pipelines_run_the_same_commands() -> None:
    formats = re.compile(r" --format github| --json| \| tee \S+")
    for job in JOBS[1:]:
        github, gitlab = (
            [formats.sub("", line) for line in scripts(pipeline, job)]
            for pipeline in ("github", "gitlab")
        )
        assert github == gitlab
