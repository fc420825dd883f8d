"""One change at a time, of every kind of object: each is told by name, and nothing else is; the
statements that are proposed mend it, lose no row and give up nothing unique meanwhile."""

from __future__ import annotations

import random
import re
import uuid

import pytest
from alembic import command
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.migrations.commands import upgrade
from campaigndb.migrations.configuration import alembic_config
from campaigndb.operations.drift import Difference
from tests.drift.conftest import SETTINGS, Execute, FoundDrift
from tests.drift.mutations import (
    BUSINESSES,
    CAMPAIGNS,
    COSTS,
    COVERAGE,
    MUTATIONS,
    Mutation,
)

ID = uuid.uuid4()


def told(difference: Difference) -> str:
    if difference.problem == "changed":
        return f"{difference.where}: {difference.attribute}"
    return {"missing": "-", "unexpected": "+"}[difference.problem] + difference.where


def filled_in(text: str, url: URL) -> str:
    """Not `format`: statements may hold braces of their own."""
    return text.replace("{database}", str(url.database)).replace("{owner}", str(url.username))


def test_there_are_many() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) > 80


ROWS = f"""
insert into {CAMPAIGNS} (id, name) values ('{ID}', 'Helsinki');
insert into {COVERAGE} (campaign_id, zip_code) values ('{ID}', '00100');
insert into {BUSINESSES} (campaign_id, place_id, name, zip_code, city, latitude, raw_data)
select '{ID}', n, 'Kahvila', '00100', 'Helsinki', 60.1, '{{}}' from generate_series(1, 50) as n;
insert into {COSTS} (campaign_id, service, items_processed, cost_usd)
select '{ID}', 'bouncer', 1, 0.0015 from generate_series(1, 50)
"""
# What a statement must never do, however it is written.
DROPS = re.compile(
    r"\bdrop (?!index concurrently|constraint \w+, add constraint|not null|default)|\btruncate\b",
    re.IGNORECASE,
)


def rows_of(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        tables = connection.exec_driver_sql(
            "select c.oid::regclass::text from pg_class as c where c.relkind = 'r'"
            " and c.relnamespace = 'public'::regnamespace and c.relname !~ 'gate|alembic'"
        ).scalars()
        return {
            table: connection.exec_driver_sql(f"select count(*) from {table}").scalar_one()
            for table in tables
        }


def unique_columns(engine: Engine) -> set[str]:
    """What is unique at this moment, by whatever index."""
    with engine.connect() as connection:
        return set(
            connection.exec_driver_sql(
                "select regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON', 'ON')"
                " from pg_index where indisunique and indisvalid"
                " and indrelid::regclass::text like 'gmaps%%'"
            ).scalars()
        )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_is_found_named_and_mended_where_that_is_safe(
    mutation: Mutation,
    database_url: URL,
    execute: Execute,
    found_drift: FoundDrift,
    admin_engine: Engine,
) -> None:
    with admin_engine.connect() as connection:
        version = connection.exec_driver_sql("show server_version_num").scalar_one()
    if int(version) < mutation.since * 10_000:
        pytest.skip(f"PostgreSQL {mutation.since} has it first")
    execute(ROWS)
    expected_unique = unique_columns(admin_engine)
    execute(filled_in(mutation.statements, database_url))

    report = found_drift()

    expected = {filled_in(item, database_url) for item in mutation.told}
    assert {told(item) for item in report.differences} == expected
    for item in report.differences:
        assert "\n" not in item.line
        assert item.where in item.line

    rows, unique = rows_of(admin_engine), unique_columns(admin_engine) & expected_unique
    for item in report.differences:
        for statement in item.statements:
            if not statement.startswith("alembic "):
                assert not DROPS.search(statement) or item.kind == "function", statement
            run(statement, database_url, admin_engine)
            assert unique_columns(admin_engine) >= unique
    after = rows_of(admin_engine)
    assert {table: after[table] for table in rows} == rows
    left = found_drift().differences
    assert not [item.where for item in left if item.statements]
    assert {told(item) for item in left} <= {
        told(item) for item in report.differences if not item.statements
    }


def run(statement: str, url: URL, engine: Engine) -> None:
    if statement == "alembic upgrade head":
        upgrade(url, "head", SETTINGS)
    elif statement == "alembic stamp head":
        command.stamp(alembic_config(url, settings=SETTINGS), "head")
    else:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def test_nothing_is_found_where_nothing_changed(found_drift: FoundDrift) -> None:
    assert found_drift().differences == []


@pytest.mark.parametrize("seed", range(12))
def test_of_two_mutations_both_are_found(
    seed: int,
    database_url: URL,
    execute: Execute,
    found_drift: FoundDrift,
    admin_engine: Engine,
) -> None:
    rng = random.Random(seed)
    done: list[Mutation] = []
    while len(done) < 2:
        mutation = rng.choice([each for each in MUTATIONS if each.since == 15])
        try:
            execute(filled_in(mutation.statements, database_url))
        except DBAPIError:  # what the first one dropped
            continue
        done.append(mutation)
    found = {told(item) for item in found_drift().differences}
    gone = {item[1:].partition(" ")[2] for item in found if item.startswith("-")}
    for mutation in done:
        for item in mutation.told:
            item = filled_in(item, database_url)
            # What belongs to something that is missing altogether is not told.
            assert item in found or any(name in item for name in gone), (done, found)
