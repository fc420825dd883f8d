"""Each function for callers says in the database what it is for."""

from __future__ import annotations

from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.migrations.comments import function_comments
from campaigndb.settings import Settings
from tests.conftest import APP_ROLE
from tests.migrations.catalog import connect
from tests.roles.as_role import FOR_CALLERS

SETTINGS = Settings(_env_file=None, app_role=APP_ROLE)
COMMENTS = """
    select proname, obj_description(oid, 'pg_proc') from pg_proc
    where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is not null
"""


def in_the_database(url: URL) -> dict[str, str]:
    with connect(url) as connection:
        return dict(connection.execute(COMMENTS).fetchall())


def test_every_function_for_callers_has_one_short_comment(database_url: URL) -> None:
    assert in_the_database(database_url) == function_comments()
    assert set(function_comments()) == set(FOR_CALLERS)
    for comment in function_comments().values():
        assert "\n" not in comment
        assert len(comment) <= 200
        assert comment.endswith(".")


def test_a_revision_up_or_down_puts_them_right(database_url: URL) -> None:
    with connect(database_url) as connection:
        connection.execute("comment on function update_campaign_statistics(uuid) is 'by hand'")
    downgrade(database_url, "-1", settings=SETTINGS)
    upgrade(database_url, settings=SETTINGS)
    assert in_the_database(database_url) == function_comments()
