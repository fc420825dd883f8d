"""Every function keeps to what Citus can run; and what it cannot run is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.functions import frozen_copies, frozen_path, head_paths
from campaigndb.tables import metadata
from tests.functions.cluster_rules import (
    BROADCAST,
    COUNTED,
    CURSOR,
    DYNAMIC,
    EMPTY,
    INLINED,
    MUTABLE,
    NESTED,
    OUTSIDE,
    RETURNED,
    ROW_COUNT,
    SIMPLE_CASE,
    SOURCE,
    TEMPORARY,
    UNBOUND,
    VOLATILE,
    Names,
    read_names,
    unbound,
    violations,
)
from tests.migrations.catalog import connect

# Also the newest frozen copies, where they are others: what a database has is what they say.
HEADS = head_paths()
PATHS = [
    *HEADS.values(),
    *(
        newest
        for name, revisions in frozen_copies().items()
        if name in HEADS
        and (newest := frozen_path(name, revisions[-1])).read_bytes() != HEADS[name].read_bytes()
    ),
]


@pytest.fixture(scope="module")
def names(server_url: URL) -> Names:
    with connect(server_url) as connection:
        return read_names(connection)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_function_keeps_to_what_a_cluster_can_run(path: Path, names: Names) -> None:
    found = violations(path.read_text(encoding="utf-8"), names)
    assert not found, "\n".join([f"{path.name}:", *found])


def plpgsql(body: str, declare: str = "") -> str:
    return (
        "create or replace function f(p_id uuid)\nreturns setof int\nlanguage plpgsql\n"
        f"set search_path from current\nas $$\ndeclare\n  v_now timestamptz := now();\n"
        f"  v_row record;\n{declare}begin\n  {body}\nend;\n$$;\n"
    )


def sql(body: str) -> str:
    return f"create or replace function f(p_id uuid)\nreturns int\nlanguage sql\nas $$ {body} $$;"


def standard(body: str) -> str:
    return (
        "create or replace function f(p_id uuid)\nreturns int\nlanguage sql\n"
        f"begin atomic\n  {body};\nend;\n"
    )


def upsert(assigned: str, where: str = "") -> str:
    return (
        "insert into gmaps_campaigns as c (id) values (p_id)"
        f" on conflict (id) do update set updated_at = {assigned} {where};"
    )


SOUND = {
    "a variable in DO UPDATE SET": plpgsql(upsert("v_now")),
    "an immutable function in DO UPDATE SET": plpgsql(upsert("greatest(v_now, abs(1)::text)")),
    "now() elsewhere": plpgsql("update gmaps_campaigns set updated_at = now() where id = p_id;"),
    "a loop over what is no table": plpgsql(
        "for v_row in select * from jsonb_array_elements('[]') loop null; end loop;"
    ),
    "a name of the statement's own": sql("with x as (select 1 as n) select n from x"),
    "a row of a table of the schema": plpgsql("null;", "  v_c gmaps_campaigns%rowtype;\n"),
    "a helper that calls none": plpgsql(
        "perform from gmaps_campaigns as c where scraped_text(c.name) is null;"
    ),
    "a helper with a body that binds names": plpgsql(
        "perform from gmaps_campaigns as c where text_list('[]') = '{}';"
    ),
    "a helper that calls helpers, over no table": plpgsql("perform cost_problem('{}');"),
    "a body that binds names": standard("select abs(1)"),
    "a counted INSERT of what arrays hold": plpgsql(
        "v_ids := array(select c.id from gmaps_campaigns as c); with put as (insert into"
        " gmaps_exports (campaign_id) select given.id from unnest(v_ids) as given(id)"
        " on conflict do nothing returning 1) select count(*) into v_now from put;",
        "  v_ids uuid[];\n",
    ),
    "a counted INSERT of a WITH of its own": plpgsql(
        "with put as (insert into gmaps_exports (campaign_id) with given as (select p_id as id)"
        " select given.id from given returning 1) select count(*) into v_now from put;"
    ),
    "INSERT of values": plpgsql("insert into gmaps_campaigns (name) values ('x');"),
    "a stable function in a subquery in FROM": plpgsql(
        "update gmaps_campaigns as c set name = f.name from (select k.id, suppression_hash(k.name)"
        "::text as name from gmaps_campaigns as k where k::text ~ 'x') as f where c.id = f.id;"
    ),
    "a function that reads tables, called before": plpgsql(
        "v_row := list_campaigns(1); perform from gmaps_campaigns as c;"
    ),
    "CASE x WHEN y in a query": plpgsql(
        "perform case c.name when 'x' then 1 end from gmaps_campaigns as c;"
    ),
    "an SQL function with a setting of its own, over a table": sql(
        "select 1 from gmaps_campaigns"
    ).replace("as $$", "set enable_seqscan to off\nas $$"),
    "syntax that stands for pg_catalog": sql("select extract(year from date '2000-01-01')::int"),
}
UNSOUND = {
    "now()": (plpgsql(upsert("now()")), f"now(): {VOLATILE}"),
    "a volatile function": (
        plpgsql(upsert("coalesce(v_now, clock_timestamp())")),
        f"clock_timestamp(): {VOLATILE}",
    ),
    "current_timestamp": (plpgsql(upsert("current_timestamp")), f"current_timestamp: {VOLATILE}"),
    "in a subquery": (plpgsql(upsert("(select max(now()))")), f"now(): {VOLATILE}"),
    "in the WHERE": (plpgsql(upsert("v_now", "where c.updated_at < now()")), f"now(): {VOLATILE}"),
    "in a WITH": (
        sql(f"with x as ({upsert('now()')[:-1]} returning 1) select 1 from x"),
        f"now(): {VOLATILE}",
    ),
    "a stable function of the schema": (
        plpgsql(upsert("get_businesses_for_enrichment(p_id, 'x')")),
        f"get_businesses_for_enrichment(): {VOLATILE}",
    ),
    "a cast that reads the clock": (
        plpgsql(upsert("'now'::timestamptz")),
        f"cast to timestamptz: {VOLATILE}",
    ),
    "an interval, whose days depend on the time zone": (
        plpgsql(upsert("v_now + interval '1 day'")),
        f"arithmetic of interval: {VOLATILE}",
    ),
    "now() in MERGE": (
        plpgsql(
            "merge into gmaps_campaigns as c using (select p_id as id) as x on c.id = x.id"
            " when matched then update set updated_at = now();"
        ),
        f"now(): {VOLATILE}",
    ),
    "a temporary table": (plpgsql("create temp table t (a int);"), f"t: {TEMPORARY}"),
    "a temporary table of a query": (
        plpgsql("create temporary table t on commit drop as select 1 as a;"),
        f"t: {TEMPORARY}",
    ),
    "the schema of temporary tables": (plpgsql("perform from pg_temp.t;"), f"t: {TEMPORARY}"),
    "a cursor": (
        plpgsql("open v_c;", "  v_c cursor for select id from gmaps_campaigns;\n"),
        f"select id from gmaps_campaigns: {CURSOR}",
    ),
    "a cursor that is opened for a query": (
        plpgsql("open v_c for select id from gmaps_campaigns;", "  v_c refcursor;\n"),
        f"select id from gmaps_campaigns: {CURSOR}",
    ),
    "a loop over a table": (
        plpgsql("for v_row in select id from gmaps_campaigns loop null; end loop;"),
        f"select id from gmaps_campaigns: {CURSOR}",
    ),
    "DECLARE CURSOR": (
        sql("declare c cursor for select id from gmaps_campaigns"),
        f"declare c: {CURSOR}",
    ),
    "another schema's table": (
        plpgsql("perform from other.gmaps_campaigns;"),
        f"other.gmaps_campaigns: {OUTSIDE}",
    ),
    "a table that is no table of the schema": (
        plpgsql("perform from organizations;"),
        f"organizations: {OUTSIDE}",
    ),
    "a catalog": (sql("select 1 from pg_class"), f"pg_class: {OUTSIDE}"),
    "in an assignment": (
        plpgsql("v_now := (select max(t.at) from other.t as t);"),
        f"other.t: {OUTSIDE}",
    ),
    "in a condition": (
        plpgsql("if exists (select from other.t) then null; end if;"),
        f"other.t: {OUTSIDE}",
    ),
    "another schema's function": (
        sql("select extensions.crypt(1)"),
        f"extensions.crypt: {OUTSIDE}",
    ),
    "a function of an extension": (sql("select crypt(1)"), f"crypt(): {OUTSIDE}"),
    "another schema's type": (sql("select null::other.mood"), f"other.mood: {OUTSIDE}"),
    "a row of another schema's table": (
        plpgsql("null;", "  v_c other.gmaps_campaigns%rowtype;\n"),
        f"other.gmaps_campaigns%rowtype: {OUTSIDE}",
    ),
    "another search path": (
        plpgsql("set local search_path to other;"),
        f"set search_path: {OUTSIDE}",
    ),
    "another search path of the function": (
        plpgsql("null;").replace("search_path from current", "search_path to other"),
        f"set search_path: {OUTSIDE}",
    ),
    "another search path by a function": (
        plpgsql("perform set_config('search_path', 'other', true);"),
        f"set_config(): {OUTSIDE}",
    ),
    "a helper whose text calls helpers": (
        plpgsql("perform from gmaps_campaigns as c where cost_problem(c.totals) is null;"),
        f"cost_problem(): {UNBOUND}",
    ),
    "a helper whose text calls helpers, in an SQL-standard body": (
        standard("select 1 from gmaps_campaigns where idempotency_key_problem('{}') is null"),
        f"idempotency_key_problem(): {UNBOUND}",
    ),
    "a catalog in an SQL-standard body": (
        standard("select 1 from pg_class"),
        f"pg_class: {OUTSIDE}",
    ),
    "a bare INSERT of a query": (
        plpgsql("insert into gmaps_exports (campaign_id) select p_id;"),
        f"gmaps_exports: {COUNTED}",
    ),
    "an INSERT of a query in a WITH that returns nothing": (
        plpgsql(
            "with put as (insert into gmaps_exports (campaign_id) select p_id) select 1 into v_now;"
        ),
        f"gmaps_exports: {COUNTED}",
    ),
    "an INSERT of what it reads itself": (
        plpgsql(
            "with put as (insert into gmaps_exports (campaign_id) select c.id from gmaps_campaigns"
            " as c returning 1) select count(*) into v_now from put;"
        ),
        f"gmaps_exports from gmaps_campaigns: {SOURCE}",
    ),
    "an INSERT of a WITH of the statement around": (
        plpgsql(
            "with given as (select p_id as id), put as (insert into gmaps_exports (campaign_id)"
            " select given.id from given returning 1) select count(*) into v_now from put;"
        ),
        f"gmaps_exports from given: {BROADCAST}",
    ),
    "ROW_COUNT": (
        plpgsql("get diagnostics v_now = row_count;"),
        f"get diagnostics: {ROW_COUNT}",
    ),
    "a stable function of a column in SET": (
        plpgsql("update gmaps_campaigns as c set name = suppression_hash(c.name)::text;"),
        f"suppression_hash(): {MUTABLE}",
    ),
    "now() within COALESCE": (
        plpgsql("update gmaps_campaigns as c set started_at = coalesce(c.started_at, now());"),
        f"now(): {MUTABLE}",
    ),
    "an interval within CASE": (
        plpgsql(
            "update gmaps_lookups set due_at = case when attempts = 0"
            " then v_now + interval '1 hour' end;"
        ),
        f"arithmetic of interval: {MUTABLE}",
    ),
    "a row as a text in WHERE": (
        plpgsql("delete from gmaps_campaigns as c where c::text ~ 'x';"),
        f"cast of a row to text: {MUTABLE}",
    ),
    "a stable function in RETURNING": (
        plpgsql("update gmaps_campaigns set name = 'x' returning now() into v_now;"),
        f"now(): {RETURNED}",
    ),
    "CASE x WHEN y in what writes": (
        plpgsql(
            "update gmaps_campaigns as c set actual_cost = s.cost from (select sum(case a.service"
            " when 'bouncer' then 1 end) as cost from gmaps_api_costs as a) as s;"
        ),
        f"gmaps_campaigns: {SIMPLE_CASE}",
    ),
    "a UNION of SELECTs without columns": (
        plpgsql(
            "perform count(*) from (select from gmaps_campaigns union all"
            " select from gmaps_exports) as x;"
        ),
        f"union: {EMPTY}",
    ),
    "a function that reads tables, in a query over tables": (
        plpgsql("perform from gmaps_campaigns as c where suppressed_emails(c.keywords) = '{}';"),
        f"suppressed_emails(): {NESTED}",
    ),
    "an SQL function over a table": (
        sql("select 1 from gmaps_campaigns"),
        f"the body: {INLINED}",
    ),
    "a body that binds names, over a table": (
        standard("select abs(1) from gmaps_campaigns"),
        f"the body: {INLINED}",
    ),
    "EXECUTE": (plpgsql("execute 'select 1';"), f"dynexecute: {DYNAMIC}"),
    "RETURN QUERY EXECUTE": (
        plpgsql("return query execute 'select 1';"),
        f"return_query: {DYNAMIC}",
    ),
    "a table looked up by its name": (
        sql("select 'other.t'::regclass::int"),
        f"regclass: {DYNAMIC}",
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_what_a_cluster_can_run_is_let_through(case: str, names: Names) -> None:
    assert violations(SOUND[case], names) == []


@pytest.mark.parametrize("case", UNSOUND)
def test_what_a_cluster_cannot_run_is_found_with_its_reason(case: str, names: Names) -> None:
    text, expected = UNSOUND[case]
    assert expected in violations(text, names)


def test_helpers_that_need_the_schema_in_the_search_path_are_told_from_others() -> None:
    def standard_of(other: str) -> str:
        return standard(f"select {other}()")

    def text_of(other: str) -> str:
        return sql(f"select {other}()")

    assert unbound(
        {
            "leaf": text_of("abs"),
            "of_text": text_of("leaf"),
            "of_a_bound_text": standard_of("leaf"),
            "of_an_unbound_text": standard_of("of_text"),
            "pinned": plpgsql("perform of_text();"),
            "of_a_pinned_one": standard_of("pinned"),
        }
    ) == {"of_text", "of_an_unbound_text"}


def test_no_column_is_numbered_by_a_sequence() -> None:
    """A cluster's nodes number apart: what a sequence gives says nothing of the order."""
    for table in metadata.tables.values():
        for column in table.columns:
            assert column.identity is None, column
            assert "nextval" not in str(getattr(column.server_default, "arg", "")), column
