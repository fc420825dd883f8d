"""What the commands ask of a Citus cluster, of which a stand-in here keeps a record.

The stand-in has the extension's row in the catalog, and its views and functions by their names: so
what is found is found as on a cluster, and nothing is moved. What a node is asked is answered here:
its tables are beside the others, with the number 1 behind their names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import offline_script, upgrade
from campaigndb.operations.tenants.lifecycle import create_tenant, drop_tenant
from campaigndb.operations.tenants.roles import tenant_settings
from tests.migrations.catalog import connect
from tests.tenants.tenants import SETTINGS, TENANTS, alembic_with, tenants_of

CampaignDb = Callable[..., Any]

STAND_IN = """
    set allow_system_table_mods to on;
    insert into pg_extension
      (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      select 999999, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.0-1';
    create schema citus;
    create type citus.shard_transfer_mode as enum ('auto', 'force_logical', 'block_writes');
    create table public.asked (what text, of text);
    create function pg_catalog.citus_schema_move(
      schema_id regnamespace, target_node_name text, target_node_port integer,
      shard_transfer_mode citus.shard_transfer_mode default 'auto'
    ) returns void language sql as $$
      insert into public.asked values (
        'move', schema_id::text || ' ' || target_node_name || ' ' || target_node_port || ' '
          || shard_transfer_mode::text
      )
    $$;
    create function pg_catalog.citus_schema_move(
      schema_id regnamespace, target_node_id integer,
      shard_transfer_mode citus.shard_transfer_mode default 'auto'
    ) returns void language sql as $$ select $$;
    create view pg_catalog.citus_shards as
      select c.oid::regclass as table_name, 1::bigint as shardid, c.relname::text as shard_name,
        'schema'::text as citus_table_type, 1 as colocation_id, 'node1'::text as nodename,
        5433 as nodeport, 1000::bigint as shard_size
      from pg_class as c
      join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = 'acme' and c.relkind = 'r';
    create table pg_catalog.pg_dist_local_group as select 0 as groupid;
    create table pg_catalog.pg_dist_node as
      select 0 as groupid, 'node0' as nodename, 5432 as nodeport, 'primary' as noderole
      union all select 1, 'node1', 5433, 'primary';
    create table pg_catalog.pg_dist_shard as
      select c.oid::regclass as logicalrelid, 1::bigint as shardid
      from pg_class as c
      join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = 'acme' and c.relkind = 'r';
    create function pg_catalog.shard_name(
      object_name regclass, shard_id bigint, skip_qualify_public boolean default true
    ) returns text language sql stable as $$
      select format('%I.%I', c.relnamespace::regnamespace, c.relname || '_' || shard_id)
      from pg_class as c where c.oid = object_name
    $$;
    create function pg_catalog.run_command_on_placements(
      table_name regclass, command text, parallel boolean default true,
      out nodename text, out nodeport integer, out shardid bigint, out success boolean,
      out result text
    ) returns setof record language plpgsql as $$
      begin
        success := true;
        execute format(command, 'shard') into result;
        return next;
      exception when others then
        success := false;
        result := sqlerrm;
        return next;
      end
    $$;
    create function public.note() returns event_trigger language plpgsql as $$
      begin
        insert into public.asked
          select coalesce(current_setting('citus.enable_schema_based_sharding', true), 'not set'),
            object_identity
          from pg_event_trigger_ddl_commands() where command_tag = 'CREATE SCHEMA';
      end
    $$;
    create event trigger note on ddl_command_end when tag in ('CREATE SCHEMA')
      execute function public.note();
"""


@pytest.fixture
def cluster_url(tenants_url: URL) -> URL:
    with connect(tenants_url) as connection:
        connection.execute(STAND_IN)
    return tenants_url


def asked(url: URL) -> list[tuple[str, str]]:
    with connect(url) as connection:
        return connection.execute("select what, of from public.asked").fetchall()


def test_a_tenants_schema_is_created_to_be_placed_and_no_other_is(cluster_url: URL) -> None:
    create_tenant(cluster_url, "fresh", SETTINGS)
    command.upgrade(alembic_with(cluster_url, "tenant=by_alembic"), "head")
    # Not what the settings name: that is no tenant's.
    upgrade(cluster_url, settings=replace(SETTINGS, schema_name="shared"))
    assert asked(cluster_url) == [
        ("on", "fresh"),
        ("on", "by_alembic"),
        ("not set", "shared"),
    ]
    drop_tenant(cluster_url, "fresh", SETTINGS)
    assert "fresh" not in tenants_of(cluster_url)


@pytest.mark.parametrize("name", ["Acme", "a-b", "select", "ünï"])
def test_a_name_that_wants_quotes_is_refused(
    campaigndb: CampaignDb, cluster_url: URL, name: str
) -> None:
    refused = campaigndb("tenant", "create", name)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "cannot be a tenant on a Citus cluster: use a-z" in refused.stderr
    assert name not in tenants_of(cluster_url)
    assert asked(cluster_url) == []


def test_on_one_server_nothing_is_set(tenants_url: URL) -> None:
    with connect(tenants_url) as connection:
        connection.execute(STAND_IN + "delete from pg_extension where extname = 'citus';")
    create_tenant(tenants_url, "fresh", SETTINGS)
    assert asked(tenants_url) == [("not set", "fresh")]


def test_a_script_finds_out_on_its_own_server(cluster_url: URL) -> None:
    script = offline_script("upgrade", "head", tenant_settings("fresh", SETTINGS), tenant="fresh")
    with connect(cluster_url) as connection:
        connection.execute(script.encode())
    assert asked(cluster_url) == [("on", "fresh")]
    assert "fresh" in tenants_of(cluster_url)
    assert "schema_based_sharding" not in offline_script("upgrade", "head", SETTINGS)


def test_a_schema_that_is_there_already_would_not_be_placed(
    campaigndb: CampaignDb, cluster_url: URL
) -> None:
    with connect(cluster_url) as connection:
        connection.execute("create schema prepared")
    refused = campaigndb("tenant", "create", "prepared")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "would not be placed on a node" in refused.stderr


def test_the_list_shows_nodes_and_their_sizes(campaigndb: CampaignDb, cluster_url: URL) -> None:
    listed = {
        item["name"]: item for item in json.loads(campaigndb("tenant", "list", "--json").stdout)
    }
    assert listed["acme"]["node"] == "node1:5433"
    assert listed["acme"]["size"] % 1000 == 0
    # Made before the cluster was one: it is where the coordinator is.
    assert listed[TENANTS[1]]["node"] is None
    shown = campaigndb("tenant", "list").stdout
    assert "node1:5433" in shown
    assert "node" in shown.splitlines()[1]


@pytest.mark.parametrize(
    ("name", "schema"), [("acme", "acme"), (TENANTS[1], f'"{TENANTS[1]}"')], ids=ascii
)
def test_a_move(campaigndb: CampaignDb, cluster_url: URL, name: str, schema: str) -> None:
    moved = campaigndb("tenant", "move", name, "--to", "node2.example:5432")
    assert (moved.exit_code, moved.stderr) == (0, "")
    assert asked(cluster_url) == [("move", f"{schema} node2.example 5432 force_logical")]
    nobody = campaigndb("tenant", "move", "nobody", "--to", "node2.example:5432")
    assert nobody.exit_code == 2
    assert len(asked(cluster_url)) == 1


def test_what_the_extension_gives_the_tables_is_no_drift(
    campaigndb: CampaignDb, cluster_url: URL
) -> None:
    upgrade(cluster_url, settings=tenant_settings("acme", SETTINGS), tenant="acme")
    with connect(cluster_url) as connection:
        connection.execute("""
            set allow_system_table_mods to on;
            create function public.truncated() returns trigger language plpgsql
              as $$ begin return null; end $$;
            create trigger truncated after truncate on acme.gmaps_campaigns
              execute function public.truncated();
            update pg_trigger set tgisinternal = true where tgname = 'truncated';
            insert into pg_depend
              (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
              select 'pg_proc'::regclass, 'public.truncated'::regproc, 0,
                'pg_extension'::regclass, 999999, 0, 'e'
              union all
              select 'pg_event_trigger'::regclass, oid, 0, 'pg_extension'::regclass, 999999, 0, 'e'
              from pg_event_trigger where evtname = 'note';
        """)
    found = campaigndb("drift", "--tenant", "acme")
    assert (found.exit_code, found.stderr) == (0, ""), found.stdout


def test_a_plan_that_a_cluster_cannot_keep_is_drift_there_alone(
    campaigndb: CampaignDb, cluster_url: URL
) -> None:
    def drift(name: str, *arguments: str) -> Any:
        stand_ins = ("--ignore", "event trigger note")
        return campaigndb("drift", "--tenant", name, *stand_ins, *arguments)

    # Made before the cluster was one.
    found = drift("acme")
    assert found.exit_code == 1
    assert "plan_cache_mode" in found.stdout
    with connect(cluster_url) as connection:
        connection.execute(drift("acme", "--format", "sql").stdout.encode())
    create_tenant(cluster_url, "fresh", SETTINGS)
    for name in ("acme", "fresh"):
        found = drift(name)
        assert (found.exit_code, found.stderr) == (0, ""), found.stdout

    with connect(cluster_url) as connection:
        connection.execute("drop function fresh.track_campaign_cost")
    script = drift("fresh", "--format", "sql").stdout.lower()
    assert "create or replace function fresh.track_campaign_cost" in script
    assert "plan_cache_mode" not in script


@pytest.mark.parametrize(
    "arguments",
    [["drift"], ["drift", "--all-tenants"], ["drift", "--tenant", "acme"]],
    ids=" ".join,
)
def test_drift_asks_for_the_coordinator_where_there_are_only_copies(
    campaigndb: CampaignDb, cluster_url: URL, arguments: list[str]
) -> None:
    with connect(cluster_url) as connection:
        connection.execute("update pg_catalog.pg_dist_local_group set groupid = 1")
    refused = campaigndb(*arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert "ask the coordinator (node0:5432)" in refused.stderr


SHARD = """
    create table acme.gmaps_campaigns_1 (id int constraint pk_gmaps_campaigns_1 primary key);
    insert into acme.gmaps_campaigns_1 select generate_series(1, 30);
    delete from acme.gmaps_campaigns_1 where id <= 10;
    select pg_stat_force_next_flush();
"""


def test_the_statistics_are_those_of_the_node_that_has_the_rows(
    campaigndb: CampaignDb, cluster_url: URL
) -> None:
    with connect(cluster_url) as connection:
        connection.execute(SHARD)
    found = json.loads(campaigndb("stats", "--tenant", "acme", "--json").stdout)
    [table] = found["tables"]
    assert (table["table"], table["live_rows"], table["dead_rows"]) == ("gmaps_campaigns", 20, 10)
    assert table["bytes"] > 0
    [index] = found["indexes"]
    assert (index["index"], index["table"]) == ("pk_gmaps_campaigns", "gmaps_campaigns")
    assert index["bytes"] > 0
    assert any("each node of a Citus cluster counts" in note for note in found["notes"])

    assert "gmaps_campaigns " in campaigndb("stats", "--tenant", "acme").stdout
    samples = campaigndb("stats", "--tenant", "acme", "--prometheus").stdout
    assert 'schema="acme",table="gmaps_campaigns"} 20.0' in samples


def test_what_is_not_placed_is_read_where_it_is(campaigndb: CampaignDb, cluster_url: URL) -> None:
    found = json.loads(campaigndb("stats", "--tenant", TENANTS[1], "--json").stdout)
    assert "gmaps_api_costs" in [table["table"] for table in found["tables"]]
    assert len(found["indexes"]) > len(found["tables"])


def test_what_the_node_does_not_tell_is_unavailable(
    campaigndb: CampaignDb, cluster_url: URL
) -> None:
    with connect(cluster_url) as connection:
        connection.execute("""
            create or replace function pg_catalog.run_command_on_placements(
              table_name regclass, command text, parallel boolean default true,
              out nodename text, out nodeport integer, out shardid bigint, out success boolean,
              out result text
            ) returns setof record language sql as $$
              select 'node1', 5433, 1::bigint, false, E'failed to connect\\n to node1:5433'
            $$
        """)
    result = campaigndb("stats", "--tenant", "acme", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    for part in ("tables", "indexes"):
        assert found[part]["unavailable"].endswith("failed to connect to node1:5433")
    assert found["queues"] == []
