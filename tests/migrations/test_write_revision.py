"""`make revision`: what changed is frozen, and its revision goes up and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Column, Integer, Table, Text
from sqlalchemy.engine import URL

from campaigndb.migrations import checksums, revise, unsafe_operations
from campaigndb.migrations.commands import downgrade, offline_script, upgrade
from campaigndb.migrations.configuration import alembic_config
from campaigndb.migrations.revise import RevisionError, renumber, write_revision
from campaigndb.settings import Settings
from campaigndb.tables import metadata
from tests.migrations.catalog import Snapshot, connect, snapshot
from tests.migrations.databases import new_database
from tests.migrations.programs import psql
from tests.migrations.project import LATEST, NEXT, NEXT_BUT_ONE, Project

SETTINGS = Settings(_env_file=None)
HELPER = """\
create or replace function double_of(p_value int)
returns int
language sql
immutable
as $$
  -- Twice as much: 100%, a :b, 'c' and \\d.
  select p_value * 2;
$$;
"""
FOR_CALLERS = """\
create or replace function quadruple_of(p_value int)
returns int
language sql
security definer
set search_path from current
as $$
  -- In two steps.
  select double_of(double_of(p_value));
$$;
"""


@pytest.fixture
def scratch(server_url: URL) -> Iterator[URL]:
    """The disposable database that a new revision is compared with."""
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def live(server_url: URL) -> Iterator[URL]:
    """A database at the released head, with a row, before the new revision comes."""
    with new_database(server_url) as url:
        yield url


def fill(live: URL) -> None:
    upgrade(live, settings=SETTINGS)
    with connect(live) as connection:
        connection.execute("""select create_campaign_with_coverage('{"name": "x"}', '["1"]')""")


def goes_up_and_back(live: URL) -> tuple[Snapshot, Snapshot]:
    """The catalogs before and after the newest revision, which comes back and goes up again."""
    before = snapshot(live)
    upgrade(live, settings=SETTINGS)
    after = snapshot(live)
    downgrade(live, "-1", settings=SETTINGS)
    assert snapshot(live) == before
    upgrade(live, settings=SETTINGS)
    assert snapshot(live) == after
    with connect(live) as connection:
        assert len(connection.execute("select from gmaps_campaign_coverage").fetchall()) == 1
    return before, after


def bodies(found: Snapshot) -> dict[str, str]:
    return {row[0]: row[3] for row in found["functions"]}


def without_bodies(found: Snapshot) -> list[tuple[object, ...]]:
    return [(*row[:3], *row[4:]) for row in found["functions"]]


def test_a_changed_function_is_replaced_and_comes_back_with_its_grants(
    project: Project, scratch: URL, live: URL
) -> None:
    fill(live)
    project.edit("scraped_text", "Scrapers write", "50% of :scrapers write \\: and ::text and")
    project.edit("track_campaign_cost", "Rounded once, before both writes", "Rounded once")

    revision, *copies = write_revision("Only a", scratch)

    assert {path.name for path in copies} == {
        f"scraped_text.{NEXT}.sql",
        f"track_campaign_cost.{NEXT}.sql",
    }
    assert revision.name == f"{NEXT}_only_a.py"
    before, after = goes_up_and_back(live)
    changed = {name for name, body in bodies(after).items() if bodies(before)[name] != body}
    assert changed == {"scraped_text", "track_campaign_cost"}
    assert without_bodies(before) == without_bodies(after)
    with connect(live) as connection:
        ((body,),) = connection.execute(
            "select prosrc from pg_proc where proname = 'scraped_text'"
        ).fetchall()
    assert body == (project.heads / "scraped_text.sql").read_text("utf-8").split("$$")[1]


def test_the_revision_as_a_script_does_the_same(
    project: Project, scratch: URL, live: URL, empty_database: URL
) -> None:
    fill(live)
    released = snapshot(live)
    project.edit("scraped_text", "Scrapers write", "50% of :scrapers write \\: and ::text and")
    write_revision("Only a", scratch)
    upgrade(live, settings=SETTINGS)

    fill(empty_database)
    downgrade(empty_database, LATEST, settings=SETTINGS)
    applied = psql(empty_database, offline_script("upgrade", f"{LATEST}:{NEXT}", SETTINGS))
    assert (applied.returncode, applied.stderr) == (0, "")
    assert snapshot(empty_database) == snapshot(live)
    applied = psql(empty_database, offline_script("downgrade", f"{NEXT}:{LATEST}", SETTINGS))
    assert (applied.returncode, applied.stderr) == (0, "")
    assert snapshot(empty_database) == released


def test_new_functions_are_created_in_order_closed_and_dropped_again(
    project: Project, scratch: URL, live: URL
) -> None:
    fill(live)
    (project.heads / "double_of.sql").write_text(HELPER, encoding="utf-8")
    (project.heads / "quadruple_of.sql").write_text(FOR_CALLERS, encoding="utf-8")
    write_revision("Double and quadruple", scratch)

    before, after = goes_up_and_back(live)
    assert set(bodies(after)) - set(bodies(before)) == {"double_of", "quadruple_of"}
    with connect(live) as connection:
        open_to_all = connection.execute(
            "select proname from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))"
            " where pronamespace = 'public'::regnamespace and grantee = 0"
        ).fetchall()
        assert open_to_all == []
        assert connection.execute("select quadruple_of(3)").fetchall() == [(12,)]


def test_a_function_that_a_later_revision_drops_comes_back_closed(
    project: Project, scratch: URL, live: URL
) -> None:
    """Made anew by a downgrade, it would be open to everybody."""
    fill(live)
    (project.heads / "double_of.sql").write_text(HELPER, encoding="utf-8")
    write_revision("Double", scratch)
    upgrade(live, settings=SETTINGS)
    (project.heads / "double_of.sql").unlink()
    (project.alembic / "versions" / f"{NEXT_BUT_ONE}_no_double.py").write_text(
        "from campaigndb.migrations.functions import replace_functions, restore_functions\n"
        f"revision, down_revision = '{NEXT_BUT_ONE}', '{NEXT}'\n"
        f"FUNCTIONS = {{'double_of': ('{NEXT}', None)}}\n"
        "def upgrade(): restore_functions(FUNCTIONS)\n"
        "def downgrade(): replace_functions(FUNCTIONS)\n",
        encoding="utf-8",
    )
    before, after = goes_up_and_back(live)
    assert "double_of" in bodies(before)
    assert "double_of" not in bodies(after)


def test_a_changed_table_is_migrated_with_its_row_security(
    project: Project, scratch: URL, live: URL
) -> None:
    fill(live)
    notes = Table("gmaps_notes", metadata, Column("id", Integer, primary_key=True))
    metadata.tables["gmaps_campaigns"].append_column(Column("remark", Text))
    try:
        (revision,) = write_revision("Notes and remarks", scratch)
        _, after = goes_up_and_back(live)
    finally:
        metadata.remove(notes)
        campaigns = metadata.tables["gmaps_campaigns"]
        campaigns._columns.remove(campaigns.c.remark)
    assert ("gmaps_campaigns", "remark") in {(row[0], row[2]) for row in after["columns"]}
    (secured,) = [row[3] for row in after["relations"] if row[0] == "gmaps_notes"]
    assert secured
    assert "replace_functions" in revision.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("update_campaign_statistics", "p_campaign_id uuid", "p_campaign uuid", "parameters"),
        ("update_campaign_statistics", "p_campaign_id uuid", "p_campaign_id text", "parameters"),
        (
            "update_campaign_statistics",
            "p_campaign_id uuid",
            "p_campaign_id uuid, p_other int",
            "parameters",
        ),
        (
            "create_campaign_with_coverage",
            "p_campaign_data jsonb",
            "p_zip_codes jsonb, p_campaign_data jsonb, p_swapped_with",
            "parameters",
        ),
        ("track_campaign_cost", "p_metadata jsonb default null", "p_metadata jsonb", "parameters"),
        ("get_businesses_for_enrichment", "p_limit int default 100", "p_limit int", "parameters"),
        ("update_campaign_statistics", "returns jsonb", "returns json", "return type"),
        ("update_campaign_statistics", "returns jsonb", "returns json\nstable", "return type"),
        ("get_businesses_for_enrichment", "place_id text", "place_id varchar", "return type"),
        (
            "get_businesses_for_enrichment",
            "needs_enrichment boolean",
            "needs_enrichment boolean, rows int",
            "return type",
        ),
    ],
)
def test_another_signature_is_refused_with_advice(
    project: Project, scratch: URL, name: str, old: str, new: str, what: str
) -> None:
    files = project.files()
    path = project.heads / f"{name}.sql"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RevisionError) as refused:
        write_revision("Another", scratch)
    assert f"{name}.sql: the {what} changed from" in str(refused.value)
    assert f"({name}_v2.sql) and restore this one (expand), move the callers" in str(refused.value)
    assert "drop the old one in a later release (contract)" in str(refused.value)
    assert project.files() == files


def test_the_next_version_of_a_second_version_is_the_third(project: Project, scratch: URL) -> None:
    second = HELPER.replace("double_of", "double_of_v2")
    (project.heads / "double_of_v2.sql").write_text(second, encoding="utf-8")
    write_revision("Second", scratch)
    project.edit("double_of_v2", "returns int", "returns bigint")
    with pytest.raises(RevisionError, match=re.escape("(double_of_v3.sql)")):
        write_revision("Third", scratch)


def test_another_volatility_is_no_other_signature(project: Project, scratch: URL) -> None:
    project.edit("update_campaign_statistics", "returns jsonb\n", "returns jsonb\nvolatile\n")
    project.edit("get_businesses_for_enrichment", "\nstable\n", "\nvolatile\n")
    _, *copies = write_revision("Volatile", scratch)
    assert len(copies) == 2


def test_a_revision_without_a_change_is_refused(project: Project, scratch: URL) -> None:
    files = project.files()
    with pytest.raises(RevisionError, match="Nothing changed"):
        write_revision("Nothing", scratch)
    assert project.files() == files


def test_a_failure_leaves_no_file_behind(project: Project, scratch: URL) -> None:
    files = project.files()
    project.edit("scraped_text", "Scrapers write", "Scrapers say")
    (project.alembic / "script.py.mako").write_text("${no_such_name}", encoding="utf-8")
    with pytest.raises(CommandError, match="Template rendering failed"):
        write_revision("Broken", scratch)
    assert project.files() == files


USES_REMARK = """\
create or replace function remarks(p_id uuid)
returns text
language sql
stable
begin atomic
  select remark from gmaps_campaigns where id = p_id;
end;
"""


def test_the_contract_step_drops_functions_and_columns_and_brings_them_back(
    project: Project, scratch: URL, live: URL
) -> None:
    fill(live)
    campaigns = metadata.tables["gmaps_campaigns"]
    campaigns.append_column(Column("remark", Text))
    (project.heads / "remarks.sql").write_text(USES_REMARK, encoding="utf-8")
    try:
        write_revision("Remarks", scratch)
        upgrade(live, settings=SETTINGS)
    finally:
        campaigns._columns.remove(campaigns.c.remark)
    (project.heads / "remarks.sql").unlink()

    (revision,) = write_revision("No remarks", scratch)

    text = revision.read_text(encoding="utf-8")
    assert f"'remarks': '{NEXT}'" in text
    assert "'ban-drop-column': \"contract: no supported release's callers use" in text
    assert "gmaps_campaigns.remark" in text
    before, after = goes_up_and_back(live)
    assert "remarks" in bodies(before)
    assert "remarks" not in bodies(after)
    scripts = ScriptDirectory.from_config(alembic_config())
    (newest,) = [script for script in scripts.walk_revisions() if script.revision == NEXT_BUT_ONE]
    assert list(unsafe_operations.problems([newest], SETTINGS)) == []


def test_an_unreleased_revision_comes_after_one_of_a_parallel_branch(
    project: Project, scratch: URL, live: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "ALEMBIC_FOLDER", project.alembic)
    monkeypatch.setattr(checksums, "SUMS_PATH", project.alembic / "SHA256SUMS")
    monkeypatch.setattr(revise, "ALEMBIC_FOLDER", project.alembic)
    project.edit("scraped_text", "Scrapers write", "Scrapers say")
    mine, copy = write_revision("Mine", scratch)
    mine_only = {f"versions/{mine.name}", f"functions/{copy.name}"}
    project.add_revision(NEXT, LATEST, functions=["update_campaign_statistics"])
    sums = checksums.current_sums()
    released = checksums.Released(
        {name: sums[name] for name in sums if name not in mine_only}, ("a commit",)
    )
    frozen = copy.read_bytes()

    with pytest.raises(RevisionError, match=f"the number {LATEST} is taken"):
        renumber(NEXT, LATEST, released)
    moved, copied = renumber(NEXT, NEXT_BUT_ONE, released)

    assert (moved.name, copied.name) == (
        f"{NEXT_BUT_ONE}_mine.py",
        f"scraped_text.{NEXT_BUT_ONE}.sql",
    )
    assert copied.read_bytes() == frozen
    assert [path for path in (mine, copy) if path.exists()] == []
    sealed = checksums.SUMS_PATH.read_text().splitlines()[-2:]
    assert [line.partition("  ")[2] for line in sealed] == [
        f"functions/{copied.name}",
        f"versions/{moved.name}",
    ]
    fill(live)
    downgrade(live, NEXT, settings=SETTINGS)
    goes_up_and_back(live)
    with pytest.raises(RevisionError, match=f"0 unreleased revisions have the number {NEXT}"):
        renumber(NEXT, "9999", released)
