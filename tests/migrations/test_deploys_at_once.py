"""Several deploys migrate one database at the same time: one does it, the others find it done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL

from app.migrations.commands import upgrade
from app.settings import Settings
from tests.migrations.catalog import connect, snapshot
from tests.migrations.programs import SECONDS, start_alembic


def test_six_deploys_of_an_empty_database(
    empty_database: URL, second_database: URL, tmp_path: Path
) -> None:
    deploys = [
        start_alembic("upgrade", "head", url=empty_database, folder=tmp_path) for _ in range(6)
    ]
    outcomes = [(*deploy.communicate(timeout=SECONDS), deploy.returncode) for deploy in deploys]
    assert [outcome for outcome in outcomes if outcome[2] != 0] == []
    upgrade(second_database, settings=Settings(_env_file=None))
    assert snapshot(empty_database) == snapshot(second_database)
    with connect(empty_database) as connection:
        assert len(connection.execute("select from alembic_version").fetchall()) == 1
