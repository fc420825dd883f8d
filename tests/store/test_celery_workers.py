"""Celery's prefork workers use an engine of their parent's: each task gets its own answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery, group
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from tests.support.waiting import wait_until

PROCESSES, TASKS = 4, 400
PROJECT = Path(__file__).parents[2]
# As in celery_tasks.py, which makes its engine when it is imported.
BROKER, DATABASE = "CELERY_TEST_BROKER", "CELERY_TEST_DATABASE"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server")
    socket = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        wait_until(socket.exists)
        yield f"redis+socket://{socket}"
        server.terminate()


@pytest.fixture
def application(broker: str, app_url: URL, tmp_path: Path) -> Iterator[Celery]:
    environment = os.environ | {
        BROKER: broker,
        DATABASE: app_url.render_as_string(hide_password=False),
    }
    arguments = ["--pool", "prefork", "--concurrency", str(PROCESSES), "--without-gossip"]
    log = tmp_path / "worker.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "tests.store.celery_tasks",
                "worker",
                *arguments,
            ],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as worker,
    ):
        application = Celery("client", broker=broker, backend=broker)
        yield application
        application.close()
        worker.terminate()
    print(log.read_text()[-4000:])


def test_each_task_gets_its_own_answers(
    application: Celery, owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    keys = [f"task {number}" for number in range(TASKS)]
    tasks = group(
        application.signature("track", args=(str(campaign_id), key, number))
        for number, key in enumerate(keys)
    )
    answers = tasks.apply_async().get(timeout=100)
    with owner_engine.connect() as connection:
        query = text("select metadata->>'idempotency_key', id::text from gmaps_api_costs")
        ledger = {row[0]: row[1] for row in connection.execute(query)}
    assert len(ledger) == TASKS
    assert {key: answer[1] for key, answer in zip(keys, answers, strict=True)} == ledger
    assert [answer[2] for answer in answers] == list(range(TASKS))
    assert len({answer[0] for answer in answers}) > 1
