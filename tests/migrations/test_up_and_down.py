"""From an empty database to head and back, with the command that operators run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.migrations.configuration import ALEMBIC_FOLDER
from campaigndb.migrations.functions import head_paths
from campaigndb.settings import Settings
from campaigndb.tables import (
    api_costs,
    businesses,
    campaign_coverage,
    campaigns,
    cost_gates,
    metadata,
)
from tests.migrations.catalog import connect, names, snapshot
from tests.migrations.programs import Alembic

SETTINGS = Settings(_env_file=None)
# What a downgrade to nothing leaves.
VERSION_TABLE = {"gmaps_alembic_version", "_gmaps_alembic_version", "gmaps_alembic_version_pkc"}


def test_up_down_up_gives_the_same_catalog_and_down_leaves_only_the_version_table(
    alembic: Alembic, empty_database: URL
) -> None:
    before = snapshot(empty_database)
    up = alembic("upgrade", "head", url=empty_database)
    assert up.returncode == 0, up.stderr
    first = snapshot(empty_database)
    assert {row[0] for row in first["functions"]} == set(head_paths())
    assert {row[0] for row in first["relations"] if row[1] == "r"} == {
        *metadata.tables,
        "gmaps_alembic_version",
    }

    down = alembic("downgrade", "base", url=empty_database)
    assert down.returncode == 0, down.stderr
    assert names(empty_database) == VERSION_TABLE
    assert snapshot(empty_database)["schema"] == before["schema"]

    again = alembic("upgrade", "head", url=empty_database)
    assert again.returncode == 0, again.stderr
    assert snapshot(empty_database) == first


def test_a_database_with_data_goes_down_and_up_again(
    empty_database: URL, owned_store: Callable[[URL], CampaignStore]
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    first = snapshot(empty_database)
    store = owned_store(empty_database)
    fill(store, empty_database)

    downgrade(empty_database, "base", settings=SETTINGS)
    assert names(empty_database) == VERSION_TABLE

    upgrade(empty_database, settings=SETTINGS)
    assert snapshot(empty_database) == first
    fill(store, empty_database)


def test_every_row_that_both_versions_can_hold_survives_going_back_and_forth(
    empty_database: URL, owned_store: Callable[[URL], CampaignStore]
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    fill(owned_store(empty_database), empty_database)
    revisions = [path.name[:4] for path in sorted((ALEMBIC_FOLDER / "versions").glob("*.py"))]
    before = contents(empty_database)
    assert all(
        before[table.name] for table in (campaigns, campaign_coverage, businesses, api_costs)
    )

    steps = [(downgrade, revision) for revision in reversed(revisions[:-1])]
    steps += [(upgrade, revision) for revision in revisions[1:]]
    for step, revision in steps:
        step(empty_database, revision, settings=SETTINGS)
        after = contents(empty_database)
        assert before.keys() & after.keys()
        for table in before.keys() & after.keys():
            ours, theirs = in_common(before[table], after[table])
            # A table that came empty with one revision may be filled by a later one.
            if before[table] or step is downgrade:
                assert ours == theirs, f"{table}, {step.__name__} to {revision}"
        before = after


Rows = list[dict[str, Any]]
Contents = dict[str, Rows]


def contents(database: URL) -> Contents:
    """Every row of every table but the version's, by the columns' names."""
    found: Contents = {}
    with connect(database, row_factory=dict_row) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind = 'r' and relname <> 'gmaps_alembic_version'"
        ).fetchall()
        for table in tables:
            query = SQL("select * from {}").format(Identifier(table["relname"]))
            found[table["relname"]] = connection.execute(query).fetchall()
    return found


def in_common(one: Rows, other: Rows) -> tuple[list[str], list[str]]:
    """The rows of a table in two versions, by the columns that both have."""
    columns = sorted({*(one or [{}])[0]} & {*(other or [{}])[0]})
    ours, theirs = (
        sorted(repr([(column, row[column]) for column in columns]) for row in rows)
        for rows in (one, other)
    )
    return ours, theirs


def fill(store: CampaignStore, database: URL) -> None:
    """A row in every table but the gates: through the functions, or as the owner."""
    created = store.create_campaign_with_coverage({"name": "Oulu"}, ["90100", "90110"])
    store.insert_businesses_batch(
        created.campaign_id,
        "90100",
        [
            {
                "place_id": "a",
                "name": "A",
                "email": "a@a.example",
                "facebook_url": "https://facebook.com/a",
            }
        ],
    )
    (business,) = store.get_businesses_for_enrichment(created.campaign_id, "facebook")
    assert store.claim_businesses_for_enrichment(created.campaign_id, "facebook").businesses
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(
            kind,
            [
                {
                    "business_id": str(business.business_id),
                    "success": True,
                    "primary_email": "b@a.example",
                }
            ],
        )
    store.update_email_verification(business.business_id, "b@a.example", {"status": "deliverable"})
    store.update_coverage_status(created.campaign_id, "90100", 1, 1, Decimal("0.5"))
    # The other ZIP code is still being scraped.
    assert store.claim_coverage(created.campaign_id, worker="w").zip_codes
    store.suppress_contacts([{"domain": "b.example", "reason": "asked"}])
    assert store.track_campaign_cost(created.campaign_id, "bouncer", 1, "0.5").new_total == Decimal(
        "0.5"
    )
    assert store.update_campaign_statistics(created.campaign_id).total_businesses == 1
    with connect(database) as connection:
        connection.execute(
            "insert into gmaps_cost_repairs (campaign_id, total, amount_before, amount_after)"
            " values (%s, 'actual_cost', 'NaN', 0.5)",
            [created.campaign_id],
        )
        connection.execute(
            "insert into gmaps_business_emails (business_id, campaign_id, email, source)"
            " select id, campaign_id, 'b@a.example', 'facebook' from gmaps_businesses"
            " on conflict do nothing"
        )
        connection.execute(
            "insert into gmaps_exports (campaign_id, exported_at, leads, format)"
            " values (%s, now(), 1, 'csv')",
            [created.campaign_id],
        )
        connection.execute(
            "insert into gmaps_erasures (counts) values ('{\"gmaps_businesses\": 1}')"
        )
        connection.execute("insert into gmaps_rollout_percentages values ('all', 25)")


def test_every_table_but_the_gates_is_filled_by_the_test_above(
    empty_database: URL, owned_store: Callable[[URL], CampaignStore]
) -> None:
    upgrade(empty_database, settings=SETTINGS)
    store = owned_store(empty_database)
    fill(store, empty_database)
    engine: Engine = create_engine(empty_database)
    with engine.connect() as connection:
        empty = [
            table.name
            for table in metadata.sorted_tables
            if connection.execute(table.select().limit(1)).first() is None
        ]
    engine.dispose()
    assert sorted(empty) == sorted(gate.name for gate in cost_gates)


def test_an_upgrade_of_a_database_at_head_writes_nothing(empty_database: URL) -> None:
    upgrade(empty_database, settings=SETTINGS)
    row_versions = """
        select oid, xmin::text from pg_proc where pronamespace = 'public'::regnamespace
        union all
        select oid, xmin::text from pg_class where relnamespace = 'public'::regnamespace
        order by 1
    """
    with connect(empty_database) as connection:
        before = connection.execute(row_versions).fetchall()
        upgrade(empty_database, settings=SETTINGS)
        assert connection.execute(row_versions).fetchall() == before


def test_looking_at_a_database_without_the_schema_makes_nothing(
    alembic: Alembic, empty_database: URL
) -> None:
    for arguments in (("current",), ("check",)):
        alembic(*arguments, url=empty_database, CAMPAIGNDB_SCHEMA="elsewhere")
        assert snapshot(empty_database, "elsewhere")["schema"] == []
        assert names(empty_database) == set()
