"""Whatever goes wrong is one line on stderr and an exit code, and tells no secret."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from campaigndb.cli import main
from campaigndb.cli.failures import describe

CampaignDb = Callable[..., Any]
PROJECT = Path(__file__).parents[2]
SECRET = "a secret/42"

# Commands that read the tables, call a function, migrate.
ON_THE_DATABASE = [
    ["campaign", "list"],
    ["campaign", "show", "00000000-0000-0000-0000-000000000001"],
    ["campaign", "create", "--name", "x"],
    ["reconcile"],
    ["db", "migrate"],
]
WITH_A_SCHEMA = ON_THE_DATABASE[:-1]


def only_line(result: Any, exit_code: int = 2) -> str:
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr.startswith("campaigndb: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return str(result.stderr)


def set_url(monkeypatch: pytest.MonkeyPatch, url: URL) -> None:
    plain = url.set(drivername="postgresql")
    monkeypatch.setenv("DATABASE_URL", plain.render_as_string(hide_password=False))


@pytest.mark.parametrize("command", ON_THE_DATABASE, ids=" ".join)
def test_a_server_that_is_not_there(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL, command: list[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        set_url(monkeypatch, database_url.set(port=unused.getsockname()[1], password=SECRET))
        line = only_line(campaigndb(*command))
    assert "Connection refused" in line
    assert SECRET not in line


@pytest.mark.parametrize("command", ON_THE_DATABASE, ids=" ".join)
def test_a_wrong_password_is_not_shown(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL, command: list[str]
) -> None:
    set_url(monkeypatch, database_url.set(password=SECRET))
    line = only_line(campaigndb(*command))
    assert "password authentication failed" in line
    assert "secret" not in line


@pytest.mark.parametrize("command", ON_THE_DATABASE, ids=" ".join)
def test_a_database_that_does_not_exist(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL, command: list[str]
) -> None:
    set_url(monkeypatch, database_url.set(database="no_such_database"))
    assert 'database "no_such_database" does not exist' in only_line(campaigndb(*command))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DATABASE_URL", f"mysql://root:{SECRET}@localhost/x", "must be postgresql, not mysql"),
        ("DATABASE_URL", f"postgresql:{SECRET}", "not a database URL"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@localhost:port/x", "not a database URL"),
        ("CAMPAIGNDB_SCHEMA", "pg_catalog", "reserved by PostgreSQL"),
        ("CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT", "soon", "valid number"),
    ],
)
def test_a_wrong_setting_is_named(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    line = only_line(campaigndb("campaign", "list"))
    assert line.startswith(f"campaigndb: {name}: ")
    assert problem in line
    assert "secret" not in line


def test_an_option_that_the_driver_does_not_know(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL
) -> None:
    url = database_url.set(password=SECRET).update_query_dict({"no_such_option": "1"})
    set_url(monkeypatch, url)
    line = only_line(campaigndb("campaign", "list"))
    assert "no_such_option" in line
    assert "secret" not in line


@pytest.mark.parametrize("command", WITH_A_SCHEMA, ids=" ".join)
def test_a_database_that_was_never_migrated(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "no_such_schema")
    line = only_line(campaigndb(*command))
    assert "the schema is not there" in line
    assert "run campaigndb db migrate (or alembic upgrade head)" in line


def test_migrating_mends_it(campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNDB_SCHEMA", "tenant_1")
    migrated = campaigndb("db", "migrate")
    assert (migrated.exit_code, migrated.stderr) == (0, "")
    assert migrated.stdout.startswith("The schema tenant_1 is at revision 0")
    assert campaigndb("db", "migrate").stdout == migrated.stdout
    for command in (["campaign", "create", "--name", "x"], ["campaign", "list"], ["reconcile"]):
        assert campaigndb(*command).exit_code == 0


def test_an_application_role_that_does_not_exist(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNDB_APP_ROLE", "no_such_role")
    line = only_line(campaigndb("db", "migrate"))
    assert "no_such_role" in line
    assert "CAMPAIGNDB_APP_ROLE" in line
    assert "create role no_such_role" in line


def test_a_revision_that_does_not_exist(campaigndb: CampaignDb) -> None:
    assert "no_such_revision" in only_line(campaigndb("db", "migrate", "no_such_revision"))


@pytest.mark.parametrize("command", [*WITH_A_SCHEMA[:2], ["reconcile"]], ids=" ".join)
def test_the_application_role_reads_no_tables(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, app_url: URL, command: list[str]
) -> None:
    set_url(monkeypatch, app_url)
    assert "connect as the role that owns the tables" in only_line(campaigndb(*command))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["no-such-command"], "No such command 'no-such-command'"),
        (["--no-such-option"], "No such option: --no-such-option"),
        (["campaign", "create"], "--name"),
        (["campaign", "show", "x"], "valid UUID"),
        (["campaign", "list", "--status", "no-such-status"], "draft, running"),
        (["campaign", "create", "--name", "x", "--coverage-profile", "y"], "coverage_profile"),
        (["campaign", "create", "--name", " "], "name is missing"),
        (["campaign", "create", "--name", "x", "--zip-file", "no-file"], "No such file"),
        (["import", "no-file", "--new", "x"], "no-file: No such file or directory"),
        (["import", "."], "one of --campaign and --new"),
        (["import", "x", "--new", "x", "--batch-size", "0"], "--batch-size"),
        (["revision"], "say what changes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments(campaigndb: CampaignDb, arguments: list[str], problem: str) -> None:
    assert problem in only_line(campaigndb(*arguments))


def test_a_fault_of_the_program_is_one_line_too(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("two\nlines with postgresql://user:secret@host/ and password=secret")

    monkeypatch.setattr("campaigndb.cli.reconcile.run_reconciliation", fail)
    line = only_line(campaigndb("reconcile"))
    assert "unexpected RuntimeError: two | lines" in line
    assert "secret" not in line

    for debug in (["--debug", "reconcile"], ["reconcile"]):
        if debug == ["reconcile"]:
            monkeypatch.setenv("CAMPAIGNDB_DEBUG", "1")
        result = campaigndb(*debug)
        assert result.exit_code == 2
        assert "Traceback (most recent call last)" in result.stderr
        assert "RuntimeError" in result.stderr


def test_control_characters_of_a_server_reach_no_terminal() -> None:
    assert describe(RuntimeError("\x1b[31mred\x07")) == (
        "unexpected RuntimeError: \ufffd[31mred\ufffd (CAMPAIGNDB_DEBUG=1 shows where)",
        2,
    )


def test_interruption_has_its_exit_code(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("campaigndb.cli.reconcile.run_reconciliation", interrupt)
    assert only_line(campaigndb("reconcile"), 130) == "campaigndb: interrupted\n"


def test_output_that_nobody_reads_has_its_exit_code(
    campaigndb_process: Callable[..., subprocess.Popen[str]], owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("insert into gmaps_campaigns (name) select 'x' from generate_series(1, 2000)")
        )
    for arguments in (["--json"], ["--limit", "0"]):
        process = campaigndb_process("campaign", "list", *arguments)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == "campaigndb: the output was not read to its end\n"
        assert process.wait(timeout=30) == 141


@pytest.mark.parametrize("command", ["stats", "stats --json", "report --no-drift --html -"])
def test_a_closed_output_is_one_line(command: str) -> None:
    # Python has no sys.stdout then.
    closing = [
        "sh",
        "-c",
        '"$@" >&-',
        "sh",
        sys.executable,
        "-m",
        "campaigndb.cli",
        *command.split(),
    ]
    done = subprocess.run(
        closing,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "campaigndb: the standard output is closed\n")


def test_the_version_and_every_help_text(campaigndb: CampaignDb) -> None:
    version = campaigndb("--version")
    assert (version.exit_code, version.stderr) == (0, "")
    assert version.stdout.startswith("campaigndb 0.")

    def help_of(*path: str) -> None:
        result = campaigndb(*path, "--help")
        assert (result.exit_code, result.stderr) == (0, "")
        assert "Usage: campaigndb" in result.stdout

    help_of()
    for name in main.app.registered_commands:
        help_of(name.name or str(getattr(name.callback, "__name__", "")))
    for group in main.app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            help_of(str(group.name), command.name or str(getattr(command.callback, "__name__", "")))

    short = campaigndb("campaign", "-h")
    assert (short.exit_code, short.stderr) == (0, "")
    assert short.stdout == campaigndb("campaign", "--help").stdout


@pytest.mark.parametrize("group", [[], ["campaign"], ["db"], ["tenant"]], ids=" ".join)
def test_without_a_command_it_is_the_help_and_could_not_run(
    campaigndb: CampaignDb, group: list[str]
) -> None:
    bare = campaigndb(*group)
    assert (bare.exit_code, bare.stderr) == (2, "")
    assert bare.stdout.rstrip() == campaigndb(*group, "--help").stdout.rstrip()


def test_help_that_nobody_reads_has_its_exit_code(
    campaigndb_process: Callable[..., subprocess.Popen[str]],
) -> None:
    process = campaigndb_process("--help")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == "campaigndb: the output was not read to its end\n"
    assert process.wait(timeout=30) == 141


def test_a_shell_is_told_what_may_follow(
    campaigndb_process: Callable[..., subprocess.Popen[str]],
) -> None:
    asked = {"_CAMPAIGNDB_COMPLETE": "complete_bash", "COMP_WORDS": "campaigndb cam"}
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "COMP_CWORD": "1"} | asked
    output, errors = campaigndb_process(env=environment).communicate(timeout=30)
    assert (output.split(), errors) == (["campaign"], "")


@pytest.mark.parametrize("module", ["psycopg", "rich", "sqlalchemy", "typer"])
def test_ctrl_c_is_heard_while_it_imports(
    campaigndb_process: Callable[..., subprocess.Popen[str]], tmp_path: Path, module: str
) -> None:
    """What it imports sends the signal itself: whoever types it is hardly faster."""
    (tmp_path / f"{module}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(30)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(PROJECT)])
    process = campaigndb_process("campaign", "list", env=os.environ | {"PYTHONPATH": path})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "", "campaigndb: interrupted\n")


def test_the_installed_program_is_this_one(tmp_path: Path) -> None:
    import sys

    program = Path(sys.executable).with_name("campaigndb")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("campaigndb ")
