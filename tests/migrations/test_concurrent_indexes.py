"""A revision may leave its transaction to build an index that lets writers through."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import URL

from app.migrations.commands import downgrade, offline_script, upgrade
from app.settings import Settings
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.programs import psql
from tests.migrations.project import LATEST, NEXT, Project

SETTINGS = Settings(_env_file=None)
REVISION = f"""
from alembic import op

revision, down_revision = "{NEXT}", "{LATEST}"
INDEX = {{"table_name": "gmaps_businesses", "postgresql_concurrently": True}}


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("idx_businesses_city", columns=["city"], **INDEX)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("idx_businesses_city", **INDEX)
"""


@pytest.fixture
def with_index(project: Project) -> None:
    (project.alembic / "versions" / f"{NEXT}_index.py").write_text(REVISION, encoding="utf-8")


@pytest.mark.usefixtures("with_index")
@pytest.mark.parametrize("starts_at", ["base", LATEST])
def test_it_is_built_and_dropped_concurrently(empty_database: URL, starts_at: str) -> None:
    if starts_at != "base":
        upgrade(empty_database, starts_at, settings=SETTINGS)
    upgrade(empty_database, settings=SETTINGS)
    assert "idx_businesses_city" in names(empty_database)
    with connect(empty_database) as connection:
        assert connection.execute("select * from alembic_version").fetchall() == [(NEXT,)]
    downgrade(empty_database, LATEST, settings=SETTINGS)
    assert "idx_businesses_city" not in names(empty_database)


@pytest.mark.usefixtures("with_index")
def test_a_script_does_the_same(empty_database: URL, second_database: URL) -> None:
    applied = psql(empty_database, offline_script("upgrade", "head", SETTINGS))
    assert (applied.returncode, applied.stderr) == (0, "")
    upgrade(second_database, settings=SETTINGS)
    assert snapshot(empty_database) == snapshot(second_database)
