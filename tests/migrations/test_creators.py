"""`created_by` becomes a text while callers work, and a UUID again."""

from __future__ import annotations

import uuid

from sqlalchemy.engine import URL

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.settings import Settings
from tests.migrations.catalog import connect

SETTINGS = Settings(_env_file=None)
BEFORE, REVISION = "0010", "0011"
CREATOR = uuid.uuid4()
CAMPAIGN, OTHER = uuid.uuid4(), uuid.uuid4()
COST = "select track_campaign_cost(%s, 'bouncer', 1, 0.5)"


def test_a_creator_is_kept_up_and_down_and_other_texts_are_lost_on_the_way_down(
    empty_database: URL,
) -> None:
    upgrade(empty_database, BEFORE, settings=SETTINGS)
    with connect(empty_database) as connection:
        add = "insert into gmaps_campaigns (id, name, created_by) values (%s, 'A', %s)"
        connection.execute(add, [CAMPAIGN, CREATOR])
        upgrade(empty_database, REVISION, settings=SETTINGS)
        connection.execute(add, [OTHER, "anna@agency.example"])
        read = "select id, created_by from gmaps_campaigns"
        assert dict(connection.execute(read).fetchall()) == {
            CAMPAIGN: str(CREATOR),
            OTHER: "anna@agency.example",
        }
        downgrade(empty_database, BEFORE, settings=SETTINGS)
        assert dict(connection.execute(read).fetchall()) == {CAMPAIGN: CREATOR, OTHER: None}


def test_a_cost_whose_snapshot_is_older_is_written_or_is_to_be_repeated(
    empty_database: URL,
) -> None:
    upgrade(empty_database, BEFORE, settings=SETTINGS)
    with connect(empty_database) as connection:
        add = "insert into gmaps_campaigns (id, name, created_by) values (%s, 'A', %s)"
        connection.execute(add, [CAMPAIGN, CREATOR])
        connection.execute(add, [OTHER, None])
    for step, target in ((upgrade, REVISION), (downgrade, BEFORE)):
        with connect(empty_database) as one, connect(empty_database) as other:
            for connection in (one, other):
                connection.execute("begin isolation level serializable")
                connection.execute("select pg_current_snapshot()")
            step(empty_database, target, settings=SETTINGS)
            # Its row was written anew; the other campaign's was not.
            [failure] = one.execute(COST, [CAMPAIGN]).fetchone() or [{}]
            assert failure["error_code"] == "40001"
            [success] = other.execute(COST, [OTHER]).fetchone() or [{}]
            assert success["success"], success
