"""Changes that somebody may make to a live database, and what has to be told of each."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conftest import APP_ROLE

CAMPAIGNS = "gmaps_campaigns"
BUSINESSES = "gmaps_businesses"
# No SQL-standard body is bound to its columns.
VERIFICATIONS = "gmaps_email_verifications"
COSTS = "gmaps_api_costs"
COVERAGE = "gmaps_campaign_coverage"
STATISTICS = "update_campaign_statistics(uuid)"
COST = "track_campaign_cost(uuid, character varying, integer, numeric, jsonb)"


@dataclass(frozen=True)
class Mutation:
    """`told` holds `kind name` of what is missing (-) or unexpected (+), or `kind name: attribute`
    of what differs. All of it is told, and nothing else. `since` is the major version of PostgreSQL
    that has such a thing."""

    name: str
    statements: str
    told: frozenset[str]
    since: int = 15


def of(name: str, statements: str, *told: str, since: int = 15) -> Mutation:
    return Mutation(name, statements, frozenset(told), since)


def _grants(on: str, to: str, *privileges: str) -> tuple[str, ...]:
    return tuple(f"+grant {privilege} on {on} to {to}" for privilege in privileges)


MUTATIONS = [
    # Schema
    of("schema comment", "comment on schema public is 'x'", "schema public: comment"),
    of("schema owner", f"alter schema public owner to {APP_ROLE}", "schema public: owner"),
    of(
        "create in the schema",
        "grant create on schema public to public",
        "+grant CREATE on schema public to PUBLIC",
    ),
    of(
        "no use of the schema",
        f"revoke usage on schema public from {APP_ROLE}, public",
        "-grant USAGE on schema public to PUBLIC",
    ),
    # Tables
    of("table missing", f"drop table {COSTS}", f"-table {COSTS}"),
    of("table unexpected", "create table extra (id int primary key, x text)", "+table extra"),
    of(
        "table unlogged",
        "alter table gmaps_email_verifications set unlogged",
        "table gmaps_email_verifications: persistence",
    ),
    of(
        "fillfactor",
        f"alter table {BUSINESSES} set (fillfactor = 55)",
        f"table {BUSINESSES}: options",
    ),
    of(
        "autovacuum off",
        f"alter table {COSTS} set (autovacuum_enabled = off)",
        f"table {COSTS}: options",
    ),
    of(
        "toast option",
        f"alter table {BUSINESSES} set (toast.autovacuum_enabled = off)",
        f"table {BUSINESSES}: toast options",
    ),
    of(
        "row security off",
        f"alter table {COSTS} disable row level security",
        f"table {COSTS}: row security",
    ),
    of(
        "row security forced",
        f"alter table {COSTS} force row level security",
        f"table {COSTS}: forced row security",
    ),
    of(
        "replica identity full",
        f"alter table {COSTS} replica identity full",
        f"table {COSTS}: replica identity",
    ),
    of(
        "replica identity by index",
        f"alter table {BUSINESSES} replica identity using index idx_businesses_place_id",
        f"table {BUSINESSES}: replica identity",
    ),
    of("table owner", f"alter table {COSTS} owner to {APP_ROLE}", f"table {COSTS}: owner"),
    of("table comment", f"comment on table {COSTS} is 'x'", f"table {COSTS}: comment"),
    of(
        "table granted",
        f"grant select on {COSTS} to {APP_ROLE}",
        f"+grant SELECT on table {COSTS} to {APP_ROLE}",
    ),
    of(
        "table granted to all",
        f"grant select, insert on {COSTS} to public",
        *_grants(f"table {COSTS}", "PUBLIC", "SELECT", "INSERT"),
    ),
    of(
        "gate not granted",
        f"revoke update on gmaps_cost_gate_07 from {APP_ROLE}",
        f"-grant UPDATE on table gmaps_cost_gate_07 to {APP_ROLE}",
    ),
    of(
        "gate with grant option",
        f"grant update on gmaps_cost_gate_07 to {APP_ROLE} with grant option",
        f"grant UPDATE on table gmaps_cost_gate_07 to {APP_ROLE}: with grant option",
    ),
    of("gate missing", "drop table gmaps_cost_gate_63", "-table gmaps_cost_gate_63"),
    of(
        "partitions",
        "create table parted (id int) partition by range (id);\n"
        "create table parted_1 partition of parted for values from (1) to (9)",
        "+table parted",
        "+table parted_1",
    ),
    of(
        "child table",
        f"create table extra () inherits ({COSTS})",
        "+table extra",
    ),
    of(
        "rows in a gate",
        "insert into gmaps_cost_gate_07 default values",
        "table gmaps_cost_gate_07: holds rows",
    ),
    of("view", f"create view extra as select id from {COSTS}", "+view extra"),
    of(
        "materialized view",
        f"create materialized view extra as select id from {COSTS}",
        "+materialized view extra",
    ),
    # Columns
    of(
        "column missing",
        f"alter table {VERIFICATIONS} drop column suggestion",
        f"-column {VERIFICATIONS}.suggestion",
    ),
    of("column unexpected", f"alter table {COSTS} add column x int", f"+column {COSTS}.x"),
    of(
        "column renamed",
        f"alter table {VERIFICATIONS} rename column suggestion to advice",
        f"-column {VERIFICATIONS}.suggestion",
        f"+column {VERIFICATIONS}.advice",
    ),
    of(
        "column type",
        f"alter table {VERIFICATIONS} alter column suggestion type varchar(200)",
        f"column {VERIFICATIONS}.suggestion: type",
    ),
    of(
        "column precision",
        f"alter table {COVERAGE} alter column estimated_cost type numeric(20, 4)",
        f"column {COVERAGE}.estimated_cost: type",
    ),
    of(
        "column nullable",
        f"alter table {BUSINESSES} alter column name drop not null",
        f"column {BUSINESSES}.name: nullable",
    ),
    of(
        "column not nullable",
        f"alter table {BUSINESSES} alter column city set not null",
        f"column {BUSINESSES}.city: nullable",
    ),
    of(
        "default changed",
        f"alter table {CAMPAIGNS} alter column status set default 'running'",
        f"column {CAMPAIGNS}.status: default",
    ),
    of(
        "default dropped",
        f"alter table {CAMPAIGNS} alter column created_at drop default",
        f"column {CAMPAIGNS}.created_at: default",
    ),
    of(
        "generated expression dropped",
        f"alter table {BUSINESSES} alter column has_email drop expression",
        f"column {BUSINESSES}.has_email: generated",
    ),
    of(
        "collation",
        f'alter table {VERIFICATIONS} alter column suggestion type text collate "C"',
        f"column {VERIFICATIONS}.suggestion: collation",
    ),
    of(
        "storage",
        f"alter table {BUSINESSES} alter column raw_data set storage external",
        f"column {BUSINESSES}.raw_data: storage",
    ),
    of(
        "compression",
        f"alter table {BUSINESSES} alter column raw_data set compression pglz",
        f"column {BUSINESSES}.raw_data: compression",
    ),
    of(
        "statistics target",
        f"alter table {BUSINESSES} alter column city set statistics 7",
        f"column {BUSINESSES}.city: statistics target",
    ),
    of(
        "column options",
        f"alter table {BUSINESSES} alter column city set (n_distinct = 5)",
        f"column {BUSINESSES}.city: options",
    ),
    of(
        "column comment",
        f"comment on column {BUSINESSES}.city is 'x'",
        f"column {BUSINESSES}.city: comment",
    ),
    of(
        "column granted",
        f"grant select (city) on {BUSINESSES} to {APP_ROLE}",
        f"+grant SELECT on column {BUSINESSES}.city to {APP_ROLE}",
    ),
    of(
        "identity",
        f"alter table {COSTS} add column x int generated always as identity",
        f"+column {COSTS}.x",
        f"+sequence {COSTS}_x_seq",
    ),
    of(
        "not null not validated",
        f"alter table {BUSINESSES} alter name drop not null;\n"
        f"alter table {BUSINESSES} add constraint nn not null name not valid",
        f"column {BUSINESSES}.name: nullable",
        since=18,
    ),
    of(
        "not null not inherited",
        f"alter table {BUSINESSES} alter name drop not null;\n"
        f"alter table {BUSINESSES} add constraint nn not null name no inherit",
        f"column {BUSINESSES}.name: nullable",
        since=18,
    ),
    of(
        "column renamed beside another",
        f"alter table {VERIFICATIONS} add column note text;\n"
        f"alter table {VERIFICATIONS} drop column suggestion",
        f"-column {VERIFICATIONS}.suggestion",
        f"+column {VERIFICATIONS}.note",
    ),
    of(
        "column with an index missing",
        f"alter table {COSTS} drop column incurred_at",
        f"-column {COSTS}.incurred_at",
    ),
    # Constraints
    of(
        "check missing",
        f"alter table {BUSINESSES} drop constraint ck_{BUSINESSES}_latitude_range",
        f"-constraint ck_{BUSINESSES}_latitude_range on {BUSINESSES}",
    ),
    of(
        "check unexpected",
        f"alter table {BUSINESSES} add constraint x check (city <> '')",
        f"+constraint x on {BUSINESSES}",
    ),
    of(
        "check loosened",
        f"alter table {BUSINESSES} drop constraint ck_{BUSINESSES}_latitude_range;\n"
        f"alter table {BUSINESSES} add constraint ck_{BUSINESSES}_latitude_range "
        "check (latitude between -91 and 90)",
        f"constraint ck_{BUSINESSES}_latitude_range on {BUSINESSES}: definition",
    ),
    of(
        "check not validated",
        f"alter table {BUSINESSES} drop constraint ck_{BUSINESSES}_latitude_range;\n"
        f"alter table {BUSINESSES} add constraint ck_{BUSINESSES}_latitude_range "
        "check (latitude between -90 and 90) not valid",
        f"constraint ck_{BUSINESSES}_latitude_range on {BUSINESSES}: definition",
    ),
    of(
        "constraint renamed",
        f"alter table {BUSINESSES} rename constraint ck_{BUSINESSES}_latitude_range to x",
        f"-constraint ck_{BUSINESSES}_latitude_range on {BUSINESSES}",
        f"+constraint x on {BUSINESSES}",
    ),
    of(
        "foreign key missing",
        f"alter table {COSTS} drop constraint fk_{COSTS}_campaign_id",
        f"-constraint fk_{COSTS}_campaign_id on {COSTS}",
    ),
    of(
        "foreign key without cascade",
        f"alter table {COSTS} drop constraint fk_{COSTS}_campaign_id;\n"
        f"alter table {COSTS} add constraint fk_{COSTS}_campaign_id "
        f"foreign key (campaign_id) references {CAMPAIGNS}",
        f"constraint fk_{COSTS}_campaign_id on {COSTS}: definition",
        f'-internal trigger "RI_FKey_cascade_del" of fk_{COSTS}_campaign_id on {CAMPAIGNS}',
        f'+internal trigger "RI_FKey_noaction_del" of fk_{COSTS}_campaign_id on {CAMPAIGNS}',
    ),
    of(
        "foreign key deferrable",
        f"alter table {COSTS} alter constraint fk_{COSTS}_campaign_id deferrable",
        f"constraint fk_{COSTS}_campaign_id on {COSTS}: definition",
    ),
    of(
        "check not enforced",
        f"alter table {BUSINESSES} drop constraint ck_{BUSINESSES}_latitude_range;\n"
        f"alter table {BUSINESSES} add constraint ck_{BUSINESSES}_latitude_range "
        "check (latitude between -90 and 90) not enforced",
        f"constraint ck_{BUSINESSES}_latitude_range on {BUSINESSES}: definition",
        since=18,
    ),
    of(
        "foreign key not enforced",
        f"alter table {COSTS} alter constraint fk_{COSTS}_campaign_id not enforced",
        f"constraint fk_{COSTS}_campaign_id on {COSTS}: definition",
        *(
            f'-internal trigger "RI_FKey_{function}" of fk_{COSTS}_campaign_id on {table}'
            for function, table in (
                ("cascade_del", CAMPAIGNS),
                ("noaction_upd", CAMPAIGNS),
                ("check_ins", COSTS),
                ("check_upd", COSTS),
            )
        ),
        since=18,
    ),
    of(
        "primary key missing",
        f"alter table {COSTS} drop constraint pk_{COSTS}",
        f"-constraint pk_{COSTS} on {COSTS}",
    ),
    of(
        "unique missing",
        "drop index idx_businesses_place_id",
        "-index idx_businesses_place_id",
    ),
    of(
        "constraint comment",
        f"comment on constraint fk_{COSTS}_campaign_id on {COSTS} is 'x'",
        f"constraint fk_{COSTS}_campaign_id on {COSTS}: comment",
    ),
    # Indexes
    of(
        "index missing",
        "drop index idx_api_costs_campaign_id",
        "-index idx_api_costs_campaign_id",
    ),
    of(
        "index unexpected",
        f"create index extra on {BUSINESSES} (city)",
        "+index extra",
    ),
    of(
        "index invalid",
        "update pg_index set indisvalid = false "
        "where indexrelid = 'idx_api_costs_campaign_id'::regclass",
        "index idx_api_costs_campaign_id: state",
    ),
    of(
        "index without its predicate",
        "drop index idx_businesses_queue_linkedin;\n"
        f"create index idx_businesses_queue_linkedin on {BUSINESSES} (campaign_id, created_at, id)",
        "index idx_businesses_queue_linkedin: definition",
    ),
    of(
        "index without what it includes",
        "drop index idx_businesses_campaign_id;\n"
        f"create index idx_businesses_campaign_id on {BUSINESSES} (campaign_id)",
        "index idx_businesses_campaign_id: definition",
    ),
    of(
        "index of another operator class",
        "drop index idx_businesses_place_id;\n"
        f"create unique index idx_businesses_place_id on {BUSINESSES} "
        "(place_id text_pattern_ops)",
        "index idx_businesses_place_id: definition",
    ),
    of(
        "index of another method",
        "drop index idx_api_costs_campaign_id;\n"
        f"create index idx_api_costs_campaign_id on {COSTS} using hash (campaign_id)",
        "index idx_api_costs_campaign_id: definition",
    ),
    of(
        "index options",
        "alter index idx_api_costs_campaign_id set (fillfactor = 60)",
        "index idx_api_costs_campaign_id: definition",
    ),
    of(
        "index not unique",
        "drop index idx_businesses_place_id;\n"
        f"create index idx_businesses_place_id on {BUSINESSES} (place_id)",
        "index idx_businesses_place_id: definition",
    ),
    of(
        "index renamed",
        "alter index idx_api_costs_campaign_id rename to x",
        "-index idx_api_costs_campaign_id",
        "+index x",
    ),
    of(
        "index comment",
        "comment on index idx_api_costs_campaign_id is 'x'",
        "index idx_api_costs_campaign_id: comment",
    ),
    of(
        "clustered",
        f"alter table {COSTS} cluster on idx_api_costs_campaign_id",
        "index idx_api_costs_campaign_id: clustered",
    ),
    # Functions
    of("function missing", f"drop function {STATISTICS}", f"-function {STATISTICS}"),
    of(
        "function unexpected",
        "create function extra() returns int language sql as 'select 1'",
        "+function extra()",
    ),
    of(
        "function overloaded",
        "create function update_campaign_statistics(p_campaign_id text) returns int "
        "language sql as 'select 1'",
        "+function update_campaign_statistics(text)",
    ),
    of(
        "function body",
        "create or replace function scraped_text(p_value text) returns text language sql "
        "immutable parallel safe as 'select p_value'",
        "function scraped_text(text): body",
    ),
    of(
        "function not security definer",
        f"alter function {STATISTICS} security invoker",
        f"function {STATISTICS}: security definer",
    ),
    of(
        "function search path",
        f"alter function {STATISTICS} set search_path to public",
        f"function {STATISTICS}: settings",
    ),
    of(
        "function without settings",
        f"alter function {STATISTICS} reset all",
        f"function {STATISTICS}: settings",
    ),
    of(
        "function setting",
        f"alter function {STATISTICS} set statement_timeout to '1s'",
        f"function {STATISTICS}: settings",
    ),
    of(
        "function owner",
        f"alter function {STATISTICS} owner to {APP_ROLE}",
        f"function {STATISTICS}: owner",
        f"-grant EXECUTE on function {STATISTICS} to {APP_ROLE}",
    ),
    of(
        "function open to all",
        f"grant execute on function {COST} to public",
        f"+grant EXECUTE on function {COST} to PUBLIC",
    ),
    of(
        "function not granted",
        f"revoke execute on function {COST} from {APP_ROLE}",
        f"-grant EXECUTE on function {COST} to {APP_ROLE}",
    ),
    of(
        "function volatility",
        "alter function scraped_text(text) volatile",
        "function scraped_text(text): volatility",
    ),
    of(
        "function parallel",
        "alter function scraped_text(text) parallel unsafe",
        "function scraped_text(text): parallel",
    ),
    of(
        "function strict",
        "alter function scraped_text(text) strict",
        "function scraped_text(text): strict",
    ),
    of(
        "function leakproof",
        "alter function scraped_text(text) leakproof",
        "function scraped_text(text): leakproof",
    ),
    of(
        "function cost",
        f"alter function {STATISTICS} cost 5",
        f"function {STATISTICS}: cost",
    ),
    of(
        "function comment",
        f"comment on function {STATISTICS} is 'x'",
        f"function {STATISTICS}: comment",
    ),
    of(
        "procedure",
        "create procedure extra() language sql as 'select 1'",
        "+procedure extra()",
    ),
    of(
        "aggregate",
        "create aggregate extra(int) (sfunc = int4pl, stype = int)",
        "+aggregate extra(integer)",
    ),
    # Triggers, rules, policies
    of(
        "trigger",
        "create function noop() returns trigger language plpgsql as 'begin return new; end';\n"
        f"create trigger extra before update on {COSTS} for each row execute function noop()",
        "+function noop()",
        f"+trigger extra on {COSTS}",
    ),
    of(
        "foreign key's trigger off",
        f"update pg_trigger set tgenabled = 'D' where tgrelid = '{COSTS}'::regclass "
        "and tgfoid = '\"RI_FKey_check_ins\"'::regproc",
        f'internal trigger "RI_FKey_check_ins" of fk_{COSTS}_campaign_id on {COSTS}: enabled',
    ),
    of(
        "rule",
        f"create rule extra as on delete to {COSTS} do instead nothing",
        f"+rule extra on {COSTS}",
    ),
    of(
        "policy",
        f"create policy extra on {COSTS} for select to public using (true)",
        f"+policy extra on {COSTS}",
    ),
    of(
        "policy missing",
        "drop policy alembic_version_is_readable on gmaps_alembic_version",
        "-policy alembic_version_is_readable on gmaps_alembic_version",
    ),
    of(
        "policy changed",
        f"alter policy alembic_version_is_readable on gmaps_alembic_version to {APP_ROLE}"
        " using (false)",
        "policy alembic_version_is_readable on gmaps_alembic_version: roles",
        "policy alembic_version_is_readable on gmaps_alembic_version: using",
    ),
    # Types, sequences, extensions, the rest
    of("enum", "create type extra as enum ('a', 'b')", "+type extra"),
    of("domain", "create domain extra as int check (value > 0)", "+type extra"),
    of("composite type", "create type extra as (a int)", "+type extra"),
    of("range", "create type extra as range (subtype = int)", "+type extra"),
    of("sequence", "create sequence extra", "+sequence extra"),
    of("extension", "create extension pg_trgm", "+extension pg_trgm"),
    of(
        "statistics object",
        f"create statistics extra on city, state from {BUSINESSES}",
        "+statistics extra",
    ),
    of(
        "collation object",
        "create collation extra (locale = 'C')",
        "+collation public.extra",
    ),
    of(
        "operator",
        "create operator === (leftarg = int, rightarg = int, function = int4eq)",
        "+operator public.===(integer,integer)",
    ),
    of(
        "text search configuration",
        "create text search configuration extra (copy = pg_catalog.english)",
        "+text search configuration public.extra",
    ),
    of(
        "default privileges",
        f"alter default privileges in schema public grant select on tables to {APP_ROLE}",
        "+default privileges of {owner} for tables",
    ),
    of(
        "default privileges in every schema",
        f"alter default privileges grant execute on functions to {APP_ROLE}",
        "+default privileges of {owner} for functions in every schema",
    ),
    of(
        "publication of a table",
        f"create publication extra for table {COSTS} (id, campaign_id)",
        "+publication extra",
    ),
    of("publication of all", "create publication extra for all tables", "+publication extra"),
    of(
        "publication of the schema",
        "create publication extra for tables in schema public",
        "+publication extra",
    ),
    of(
        "event trigger",
        "create function noop() returns event_trigger language plpgsql as 'begin end';\n"
        "create event trigger extra on ddl_command_end execute function noop()",
        "+function noop()",
        "+event trigger extra",
    ),
    of(
        "setting of the database",
        "alter database {database} set work_mem = '8MB'",
        "+setting work_mem of database {database}",
    ),
    # The database
    of(
        "database owner",
        f"alter database {{database}} owner to {APP_ROLE}",
        "database {database}: owner",
        f"role {APP_ROLE}: creates schemas",
    ),
    of(
        "database connection limit",
        "alter database {database} connection limit 50",
        "database {database}: connection limit",
    ),
    of(
        "database open for schemas",
        "grant create on database {database} to public",
        "+grant CREATE on database {database} to PUBLIC",
        f"role {APP_ROLE}: creates schemas",
    ),
    of(
        "database closed",
        "revoke connect on database {database} from public",
        "-grant CONNECT on database {database} to PUBLIC",
    ),
    of(
        "language closed",
        "revoke usage on language plpgsql from public",
        "-grant USAGE on language plpgsql to PUBLIC",
    ),
    of(
        "implicit cast",
        "create cast (text as uuid) with inout as implicit",
        "+cast (text as uuid)",
    ),
    of(
        "implicit cast of a table's row",
        f"create cast ({COSTS} as text) with inout as implicit",
        f"+cast ({COSTS} as text)",
    ),
    of(
        "subscription",
        "create subscription extra connection 'dbname=nowhere' publication p with "
        "(connect = false, slot_name = none, enabled = false)",
        "+subscription extra",
    ),
    # What others put beside it
    of(
        "function hidden in an extension",
        "create function extra() returns int language sql as 'select 1';\n"
        "alter extension plpgsql add function extra()",
        "+function extra()",
    ),
    of(
        "foreign key from another schema",
        f"create schema other;\ncreate table other.t (id uuid constraint k references {CAMPAIGNS})",
        f'+internal trigger "RI_FKey_noaction_del" of k on {CAMPAIGNS}',
        f'+internal trigger "RI_FKey_noaction_upd" of k on {CAMPAIGNS}',
    ),
    of(
        "child in another schema",
        f"create schema other;\ncreate table other.t () inherits ({COSTS})",
        f"table {COSTS}: children elsewhere",
    ),
    of(
        "statistics in another schema",
        f"create schema other;\ncreate statistics other.extra on city, state from {BUSINESSES}",
        "+statistics extra",
    ),
    of(
        "schema with grant option",
        f"grant usage on schema public to {APP_ROLE} with grant option",
        f"+grant USAGE on schema public to {APP_ROLE}",
    ),
    # The revision
    of(
        "no revision",
        "delete from gmaps_alembic_version",
        "revision of schema public: number",
    ),
    of(
        "unknown revision",
        "update gmaps_alembic_version set version_num = 'ffff'",
        "revision of schema public: number",
    ),
    of(
        "two revisions",
        "insert into gmaps_alembic_version values ('0001')",
        "revision of schema public: number",
    ),
    of(
        "no table of the revision",
        "drop table gmaps_alembic_version",
        "-table gmaps_alembic_version",
        "revision of schema public: number",
    ),
]
