"""docs/deploying.md: its scripts for psql bring a database where they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from campaigndb.migrations.configuration import ALEMBIC_INI
from tests.migrations.catalog import connect
from tests.migrations.programs import psql, run_alembic

DOCUMENT = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")
[BLOCK] = re.findall(
    r"```sh\n(.*?)```", DOCUMENT.split("\n### Scripts for psql\n")[1].split("\n### ")[0], re.DOTALL
)


def test_scripts_for_psql_go_up_down_and_up(empty_database: URL, tmp_path: Path) -> None:
    def script(line: str) -> str:
        """What a line of the document writes to a file."""
        program, *arguments = shlex.split(line.split(" > ")[0])
        assert program == "alembic"
        done = run_alembic(*arguments, url=None, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    from_empty, from_revision, back, by_psql = BLOCK.splitlines()
    assert "ON_ERROR_STOP=1" in by_psql  # as `psql` of the tests does
    assert "head:0008" in back
    everything = script(from_empty)
    head = ScriptDirectory.from_config(Config(ALEMBIC_INI)).get_current_head()
    with connect(empty_database) as connection:
        steps = [(everything, head), (script(back), "0008"), (script(from_revision), head)]
        for text, reached in steps:
            done = psql(empty_database, text)
            assert done.returncode == 0, done.stderr
            [found] = connection.execute("select version_num from gmaps_alembic_version").fetchall()
            assert found == (reached,)

        gone = psql(empty_database, script(back.replace("head:0008", "head:base")))
        assert gone.returncode == 0, gone.stderr
        assert psql(empty_database, everything).returncode == 0
