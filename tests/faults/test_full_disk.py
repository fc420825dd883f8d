"""A disk that is full ends the server by a PANIC: what was under way is told as unknown."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from campaigndb import CampaignStore, DatabaseConnectionError
from campaigndb.calling.retries import NO_RETRY
from campaigndb.embedded_server import TemporaryServer, temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.faults.ledger import check_totals, entries
from tests.faults.test_server_crashes import DURABLE
from tests.support.server_folders import server_folder

SIZE, BALLAST = 192 * 2**20, 64 * 2**20
# What a cost writes to the log: mostly its metadata, which compression cannot shorten.
NOTE = 300_000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own. Only root can make one."""
    with server_folder("campaigndb-disk-") as folder:
        disk = folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)],
            check=False,
            capture_output=True,
        )
        if mounted.returncode != 0:
            pytest.skip("no file system can be mounted here")
        yield disk
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def server(small_disk: Path) -> Iterator[TemporaryServer]:
    """Its log (WAL) is on the small disk, and is all kept."""
    settings = Settings(_env_file=None)
    with temporary_server(settings, server_settings=DURABLE) as server:
        upgrade(server.url, settings=settings)
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("select pg_create_physical_replication_slot('all', true)"))
        engine.dispose()
        server.kill()
        log = server.log_path.parent / "data" / "pg_wal"
        owner, moved = log.stat(), small_disk / "wal"
        shutil.copytree(log, moved)
        shutil.rmtree(log)
        log.symlink_to(moved)
        for path in (moved, *moved.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        server.restart()
        yield server


@pytest.mark.timeout(300)
def test_a_cost_is_repeated_when_there_is_room_again(
    server: TemporaryServer, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    engine = create_engine(server.url)
    strict = CampaignStore(engine, schema="public", policies=NO_RETRY)
    campaign_id = strict.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id

    def cost(number: int) -> dict[str, Any]:
        note = base64.b64encode(random.Random(number).randbytes(NOTE)).decode()
        return {
            "campaign_id": campaign_id,
            "service": "bouncer",
            "items_processed": 1,
            "cost_usd": 1,
            "metadata": {"idempotency_key": f"cost {number}", "note": note},
        }

    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        for number in range(SIZE // NOTE):
            strict.track_campaign_cost(**cost(number))
            acknowledged += 1

    with pytest.raises(DatabaseConnectionError) as caught:
        fill()
    assert caught.value.retry_recommended is True
    log = server.log_path.read_text()
    assert "PANIC" in log
    assert "No space left on device" in log

    # The same cost again, by the policy that stores have, while somebody makes room.
    store, told = CampaignStore(engine, schema="public"), []
    again = cost(acknowledged)
    caller = threading.Thread(target=lambda: told.append(store.track_campaign_cost(**again)))
    caller.start()
    ballast.unlink()
    server.kill()
    server.restart()
    caller.join(60)
    assert [each.new_total for each in told] == [acknowledged + 1]

    assert len(entries(engine)) == acknowledged + 1
    check_totals(engine, [campaign_id])
    engine.dispose()
