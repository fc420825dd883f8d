"""What Supabase's advisors say of a migrated database: docs/supabase.md explains all of it.

The conditions are those of supabase/splinter that can meet this schema, in our own words: its SQL
has no licence. `CAMPAIGNDB_SPLINTER=splinter.sql` runs the original as well.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from campaigndb.tables import cost_gates, metadata
from tests.migrations.catalog import connect

GATES = {gate.name for gate in cost_gates}
# What is to be found, by the name of splinter's lint. Each finds names.
LINTS = {
    "unindexed_foreign_keys": """
        select c.conname from pg_constraint as c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
          select from pg_index as i
          where i.indrelid = c.conrelid and i.indpred is null
            and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] = c.conkey
        )
    """,
    "no_primary_key": """
        select c.relname from pg_class as c
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
          and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary)
    """,
    "multiple_permissive_policies": """
        select p.polrelid::regclass::text from pg_policy as p
        where p.polpermissive group by p.polrelid, p.polcmd having count(*) > 1
    """,
    "policy_exists_rls_disabled": """
        select c.relname from pg_policy as p join pg_class as c on c.oid = p.polrelid
        where not c.relrowsecurity
    """,
    "rls_enabled_no_policy": """
        select c.relname from pg_class as c
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relrowsecurity
          and not exists (select from pg_policy as p where p.polrelid = c.oid)
    """,
    "duplicate_index": """
        select min(c.relname) from pg_index as i join pg_class as c on c.oid = i.indexrelid
        where c.relnamespace = 'public'::regnamespace
        group by i.indrelid, replace(pg_get_indexdef(i.indexrelid), quote_ident(c.relname), '')
        having count(*) > 1
    """,
    "security_definer_view": """
        select c.relname from pg_class as c
        where c.relkind in ('v', 'm', 'f') and c.relnamespace = 'public'::regnamespace
    """,
    "function_search_path_mutable": """
        select p.proname from pg_proc as p
        where p.pronamespace = 'public'::regnamespace
          and not exists (select from unnest(p.proconfig) as s where s like 'search\\_path=%')
    """,
    "rls_disabled_in_public": """
        select c.relname from pg_class as c
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and not c.relrowsecurity
    """,
    "extension_in_public": """
        select e.extname from pg_extension as e where e.extnamespace = 'public'::regnamespace
    """,
    "table_exposed_in_graphql": """
        select c.relname from pg_class as c, unnest(array['anon', 'authenticated']) as role
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
          and has_any_column_privilege(role, c.oid, 'select')
    """,
    "security_definer_function_executable": """
        select p.proname from pg_proc as p, unnest(array['anon', 'authenticated']) as role
        where p.pronamespace = 'public'::regnamespace
          and has_function_privilege(role, p.oid, 'execute')
    """,
}
# Helpers whose path is not pinned: an SQL function with a setting is called and not inlined.
HELPERS = """
    select p.proname from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and not p.prosecdef
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as granted
        where granted.grantee <> p.proowner
      )
"""


def test_they_warn_of_nothing_but_helpers_that_nobody_may_call(supabase_database: URL) -> None:
    upgrade(supabase_database, settings=Settings(_env_file=None))
    with connect(supabase_database) as connection:
        found = {
            lint: {name for (name,) in connection.execute(query.encode())}
            for lint, query in LINTS.items()
        }
        helpers = {name for (name,) in connection.execute(HELPERS)}
    assert found.pop("function_search_path_mutable") <= helpers
    assert found.pop("no_primary_key") == GATES
    assert found.pop("rls_enabled_no_policy") == set(metadata.tables)
    assert not any(found.values()), found


@pytest.mark.skipif("CAMPAIGNDB_SPLINTER" not in os.environ, reason="names no splinter.sql")
def test_splinter_finds_nothing_else(supabase_database: URL) -> None:
    upgrade(supabase_database, settings=Settings(_env_file=None))
    script = Path(os.environ["CAMPAIGNDB_SPLINTER"]).read_text(encoding="utf-8")
    with connect(supabase_database) as connection:
        connection.execute("set search_path to ''; set pgrst.db_schemas to 'public'")
        lints = connection.execute(script[script.index("(") :].encode()).fetchall()
    found = defaultdict(set)
    for name, _, level, *_ in lints:
        found[level].add(name)
    assert found == {
        "WARN": {"function_search_path_mutable"},
        "INFO": {"no_primary_key", "rls_enabled_no_policy", "unused_index"},
    }
