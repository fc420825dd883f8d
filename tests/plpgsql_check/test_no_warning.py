"""plpgsql_check, which reads a body's SQL against the tables, has nothing to say."""

import os

import pytest
from sqlalchemy import Engine, text

_AVAILABLE = "select exists (select from pg_available_extensions where name = 'plpgsql_check')"
_FUNCTIONS = """
    select count(*) from pg_proc where prosecdef and pronamespace = 'public'::regnamespace
"""
_FINDINGS = """
    select p.proname || ':' || coalesce(c.lineno, 0) || ': ' || c.message
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang
    -- A trigger's function is checked against the table that it is for.
    left join pg_trigger as t on t.tgfoid = p.oid
    cross join lateral plpgsql_check_function_tb(
      p.oid, coalesce(t.tgrelid, 0::oid)::regclass, all_warnings => true
    ) as c
    where l.lanname = 'plpgsql' and p.pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
      -- The rows of an INSERT … SELECT are counted for clusters: a bare one is a COPY there, whose
      -- errors lose their codes.
      and c.message <> 'never read variable "v_written"'
      -- A parameter of a released function stays.
      and c.message <> 'unused parameter "p_after_created_at"'
"""


def test_every_function_is_free_of_findings(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        if not connection.execute(text(_AVAILABLE)).scalar_one():
            version = connection.execute(text("select version()")).scalar_one()
            reason = "the server has no plpgsql_check (Debian: postgresql-15-plpgsql-check)"
            if os.environ.get("CI") and version.startswith("PostgreSQL 15") and "Debian" in version:
                pytest.fail(reason)
            pytest.skip(reason)
        connection.execute(text("create extension plpgsql_check"))
        functions = connection.execute(text(_FUNCTIONS)).scalar_one()
        findings = connection.execute(text(_FINDINGS)).scalars().all()
    assert functions >= 9
    assert findings == []
