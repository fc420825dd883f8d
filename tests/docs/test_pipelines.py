"""The pipelines of docs/deploying.md: they parse, keep secrets out, and their commands work."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore, StoredFunctionError
from tests.migrations.catalog import connect
from tests.migrations.databases import PASSWORD
from tests.migrations.programs import clean_environment

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
GITHUB, GITLAB = re.findall(r"```yaml\n(.*?)```", DOCUMENT.split("\n## Pipelines\n")[1], re.DOTALL)
[ROLES] = re.findall(
    r"```sql\n(.*?)```", DOCUMENT.split("\n## Roles\n")[1].split("\n## ")[0], re.DOTALL
)
JOBS = ("check", "upgrade", "drift", "rollback")
# Those that compare the schema, for which they bring a server.
COMPARING = ("upgrade", "drift")
PIPELINES = pytest.mark.parametrize("pipeline", ["github", "gitlab"])


def gitlab_job(name: str) -> dict[str, Any]:
    """A job with what it extends."""
    jobs = yaml.safe_load(GITLAB)
    extended = jobs[name].get("extends", [])
    described: dict[str, Any] = {}
    for base in [extended] if isinstance(extended, str) else extended:
        described |= jobs[base]
    return described | jobs[name]


def scripts(pipeline: str, job: str) -> list[str]:
    """The shell lines of a job, without setting the machine up."""
    if pipeline == "github":
        steps = yaml.safe_load(GITHUB)["jobs"][job]["steps"]
        lines = [step["run"] for step in steps if "run" in step]
    else:
        described = gitlab_job(job)
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
        assert all(".production" in jobs[job]["extends"] for job in JOBS[1:])


def test_the_address_of_the_database_comes_from_the_secret_store_alone() -> None:
    for text in (GITHUB, GITLAB):
        # But for the throw-away server's, which has no password.
        addresses = re.findall(r"\S*://\S*", text)
        assert set(addresses) <= {shadow(pipeline)[1] for pipeline in ("github", "gitlab")}
    assert set(re.findall(r"DATABASE_URL: +(.*)", GITHUB)) == {"${{ secrets.DATABASE_URL }}"}
    assert "DATABASE_URL: " not in GITLAB
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


def shadow(pipeline: str, job: str = "drift") -> tuple[str, str, str]:
    """The image of the server beside a job, its address, and where it can be reached."""
    if pipeline == "github":
        described = yaml.safe_load(GITHUB)["jobs"][job]
        service = described["services"]["shadow"]
        [port] = service["ports"]
        return (
            service["image"],
            described["env"]["CAMPAIGNDB_SHADOW_URL"],
            f"localhost:{port.split(':')[0]}",
        )
    described = gitlab_job(job)
    [service] = described["services"]
    return (
        service["name"],
        described["variables"]["CAMPAIGNDB_SHADOW_URL"],
        f"{service['alias']}:5432",
    )


@PIPELINES
def test_jobs_that_compare_the_schema_bring_a_server_for_the_shadow(pipeline: str) -> None:
    for job in COMPARING:
        assert any("campaigndb drift" in line for line in scripts(pipeline, job))
        image, address, reached_at = shadow(pipeline, job)
        assert re.fullmatch(r"postgres:\d+", image)
        assert address == f"postgresql://postgres@{reached_at}/postgres"


@PIPELINES
def test_a_secret_that_is_not_set_ends_a_deploy_at_once(pipeline: str) -> None:
    for job in JOBS[1:]:
        first = scripts(pipeline, job)[0]
        assert run(first, DATABASE_URL="").returncode != 0
        assert run(first, DATABASE_URL="postgresql:").returncode == 0


@pytest.mark.timeout(240)  # many processes, one after the other
def test_upgrade_drift_gate_and_rollback_work_for_the_documented_roles(
    empty_database: URL, server_url: URL, tmp_path: Path
) -> None:
    settings = yaml.safe_load(GITHUB)["env"]
    names = re.findall(r"create role (\w+)", ROLES)
    _, migrator, application = names
    settings["CAMPAIGNDB_SHADOW_URL"] = server_url.set(drivername="postgresql").render_as_string(
        hide_password=False
    )
    settings["DATABASE_URL"] = empty_database.set(
        drivername="postgresql", username=migrator, password=PASSWORD
    ).render_as_string(hide_password=False)
    up, gate = scripts("github", "upgrade")[1:]
    [timed] = scripts("gitlab", "drift")[1:]
    timed = timed.replace("drift.json", str(tmp_path / "drift.json"))
    with connect(empty_database) as connection:
        try:
            connection.execute(ROLES)
            for name in (migrator, application):
                connection.execute(f"alter role {name} password '{PASSWORD}'")
            for line in (up, gate, timed):
                done = run(line, **settings)
                assert done.returncode == 0, done.stdout + done.stderr

            engine = create_engine(empty_database.set(username=application, password=PASSWORD))
            named = CampaignStore(engine, schema=settings["CAMPAIGNDB_SCHEMA"])
            assert named.create_campaign_with_coverage({"name": "Helsinki"}, ["00100"]).zip_count
            with pytest.raises(StoredFunctionError, match="42883") as unnamed:
                CampaignStore(engine, schema="public").create_campaign_with_coverage({"name": "x"})
            assert "function public." in unnamed.value.detail
            engine.dispose()

            connection.execute("alter table campaigns.gmaps_campaigns drop column description")
            for line in (gate, timed):
                assert run(line, **settings).returncode != 0
            down, current = scripts("github", "rollback")[1:]
            done = run(down, REVISION="0001", **settings)
            assert done.returncode == 0, done.stderr
            assert run(current, **settings).stdout.split()[0] == "0001"
        finally:
            for name in names:
                connection.execute(f"drop owned by {name} cascade; drop role {name}")


def test_both_pipelines_run_the_same_commands() -> None:
    formats = re.compile(r" --format github| --json| \| tee \S+")
    for job in JOBS[1:]:
        github, gitlab = (
            [formats.sub("", line) for line in scripts(pipeline, job)]
            for pipeline in ("github", "gitlab")
        )
        assert github == gitlab
