"""However a demo ends, it says so in one line and leaves no process behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import uuid

import psutil
import pytest
import typer
from sqlalchemy.engine import URL

from campaigndb.embedded_server import status
from campaigndb.operations.drift import Difference, DriftReport
from campaigndb.settings import Settings
from examples.helsinki import command
from examples.helsinki.crew import Assignment, crew_at_work
from examples.helsinki.errors import DemoError


def is_alive(process: psutil.Process) -> bool:
    """A process whose parent was killed may stay a zombie: in many containers nobody looks."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_ends_all_it_started(demo, number: int, code: int) -> None:
    program = demo.start()
    workers = demo.workers(program)

    # Ctrl-C reaches the whole group, other signals the one process that they are sent to.
    if number == signal.SIGINT:
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)

    exit_code, _, errors = demo.end_of(program)
    assert (exit_code, errors) == (code, "demo: interrupted; its processes have ended\n")
    assert not any(map(is_alive, workers))
    assert demo.left_behind() == []


def test_ctrl_c_while_the_server_starts_is_heard_after_it(demo) -> None:
    program = demo.start()
    assert program.stdout is not None
    assert program.stdout.readline() == "Starting PostgreSQL ...\n"

    os.killpg(program.pid, signal.SIGINT)

    code, _, errors = demo.end_of(program)
    assert (code, errors) == (130, "demo: interrupted; its processes have ended\n")
    assert demo.left_behind() == []


def test_a_process_that_is_killed_is_named(demo) -> None:
    program = demo.start()
    workers = demo.workers(program)

    workers[1].kill()

    code, _, errors = demo.end_of(program)
    assert code == 2
    assert errors.count("\n") == 1
    assert errors.startswith("demo: the ")
    assert errors.endswith(" was ended by SIGKILL\n")
    assert not any(map(is_alive, workers))
    assert demo.left_behind() == []


def test_the_processes_of_a_demo_that_was_killed_end_with_it(demo, settings: Settings) -> None:
    program = demo.start()
    workers = demo.workers(program)

    program.kill()

    program.wait()
    deadline = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, workers))
    # The server it started stays behind; the next demo takes it over and stops it.
    code, output, errors = demo.run("--limit", "1")
    assert (code, errors) == (0, ""), output
    assert not status(settings).running


def test_a_process_that_fails_is_named_with_the_reason(app_url: URL) -> None:
    nobody = app_url.set(username="nobody_at_all")
    assignment = Assignment(nobody, "public", uuid.uuid4(), 1)
    with pytest.raises(DemoError, match=r"^the [\w ]+ failed: [^\n]*nobody_at_all[^\n]*$"):  # noqa: SIM117
        with crew_at_work(assignment) as crew:
            list(crew.messages())
    assert multiprocessing.active_children() == []


def test_a_campaign_that_does_not_exist_fails_in_the_process_that_needs_it(app_url: URL) -> None:
    assignment = Assignment(app_url, "public", uuid.uuid4(), 1)
    with pytest.raises(DemoError, match=r"failed: \w+: Referenced record not found \[23503\]"):  # noqa: SIM117
        with crew_at_work(assignment) as crew:
            list(crew.messages())
    assert multiprocessing.active_children() == []


def test_a_second_demo_on_the_same_server_is_refused(demo) -> None:
    first = demo.start("--limit", "130")
    demo.workers(first)
    code, _, errors = demo.run("--limit", "1")
    assert (code, errors) == (
        2,
        "demo: another demo is running on this server: wait until it has ended\n",
    )
    assert demo.end_of(first)[0] == 0
    assert demo.left_behind() == []


def test_a_difference_in_the_schema_fails_the_demo(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "get_settings", lambda: settings)
    missing = Difference("index", "idx_x", "missing")
    monkeypatch.setattr(command, "find_drift", lambda *_: DriftReport("public", "0002", [missing]))

    with pytest.raises(typer.Exit) as ended:
        command.demo(limit=1)

    assert ended.value.exit_code == 1
    output = capsys.readouterr().out
    assert "schema check: 1 difference\n" in output
    assert "index idx_x: expected, but missing" in output
    assert not status(settings).running


def test_a_server_that_cannot_start_is_one_line(demo, settings: Settings) -> None:
    assert settings.data_dir is not None
    settings.data_dir.mkdir()
    settings.data_dir.chmod(0o711)
    (settings.data_dir / "PG_VERSION").write_text("15\n")
    code, _, errors = demo.run()
    (settings.data_dir / "PG_VERSION").unlink()
    assert code == 2
    assert errors.startswith("demo: ")
    assert errors.count("\n") == 1
    assert "is itself a PostgreSQL data folder" in errors
