"""What a migrated database holds is what the files say, and is closed to everybody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import URL

from app import calls
from app.migrations.functions import head_paths
from tests.migrations.catalog import connect
from tests.roles.as_role import FOR_CALLERS


@pytest.fixture
def installed(database_url: URL) -> list[tuple[Any, ...]]:
    """Name, body, is for callers, settings and grantees but the owner, of every function."""
    with connect(database_url) as connection:
        return connection.execute(
            """
            select p.proname, p.prosrc, p.prosecdef, coalesce(p.proconfig, '{}'),
              array(
                select case when granted.grantee = 0 then 'public'
                  else pg_get_userbyid(granted.grantee) end
                from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as granted
                where granted.grantee <> p.proowner
              )
            from pg_proc as p where p.pronamespace = 'public'::regnamespace order by p.proname
            """
        ).fetchall()


def test_every_file_is_installed_once_to_the_letter(installed: list[tuple[Any, ...]]) -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in head_paths().items()}
    # Of an SQL-standard body the database keeps no text.
    assert [row[:2] for row in installed] == [
        (name, text.split("$$")[1] if "$$" in text else "") for name, text in sorted(texts.items())
    ]


def test_creating_every_file_again_changes_nothing(database_url: URL) -> None:
    definitions = (
        "select proname, pg_get_functiondef(oid) from pg_proc"
        " where pronamespace = 'public'::regnamespace order by proname"
    )
    with connect(database_url) as connection:
        before = connection.execute(definitions).fetchall()
        with connection.transaction(force_rollback=True):
            connection.execute("set local search_path to public, pg_temp")
            for path in head_paths().values():
                connection.execute(path.read_bytes())
            assert connection.execute(definitions).fetchall() == before


def test_functions_for_callers_run_as_their_owner_in_their_own_schema(
    installed: list[tuple[Any, ...]], app_url: URL
) -> None:
    for name, _, is_definer, settings, grantees in installed:
        if name in FOR_CALLERS:
            assert is_definer
            assert "search_path=public, pg_temp" in settings
            assert grantees == [app_url.username]


def test_helpers_run_as_their_caller_and_only_the_owner_may_execute_them(
    installed: list[tuple[Any, ...]],
) -> None:
    helpers = [row for row in installed if row[0] not in FOR_CALLERS]
    assert len(helpers) >= 2
    for _, _, is_definer, settings, grantees in helpers:
        assert (is_definer, settings, grantees) == (False, [], [])


def test_only_these_functions_change_settings(installed: list[tuple[Any, ...]]) -> None:
    changing = {
        name: [s for s in settings if not s.startswith("search_path=")]
        for name, _, _, settings, _ in installed
    }
    of_costs = ["default_transaction_isolation=serializable", "enable_seqscan=off"]
    assert {name: settings for name, settings in changing.items() if settings} == {
        "track_campaign_cost": of_costs,
        "track_campaign_costs_batch": of_costs,
        "insert_businesses_batch": [
            "work_mem=32MB",
            "enable_seqscan=off",
            "enable_hashjoin=off",
            "enable_mergejoin=off",
        ],
    }


def test_the_functions_for_callers_are_those_that_python_calls() -> None:
    called = {
        value.name for value in vars(calls).values() if isinstance(value, calls.StoredFunction)
    }
    assert called == set(FOR_CALLERS)


def test_the_names_that_callers_pass_are_the_parameters_of_the_functions(
    database_url: URL,
) -> None:
    with connect(database_url) as connection:
        parameters = dict(
            connection.execute(
                "select proname, proargnames[1:pronargs] from pg_proc"
                " where pronamespace = 'public'::regnamespace and prosecdef"
            ).fetchall()
        )
    for value in vars(calls).values():
        if isinstance(value, calls.StoredFunction):
            assert list(value.parameters) == parameters[value.name]
