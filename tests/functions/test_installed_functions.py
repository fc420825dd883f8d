"""What a migrated database holds is what the files say, and is closed to everybody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import URL

from campaigndb.calling import catalogue
from campaigndb.migrations.functions import head_paths
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
    for name, _, is_definer, settings, grantees in helpers:
        assert (is_definer, grantees) == (False, [])
        # A trigger's function is run by whoever updates a row; the others call a helper, and a
        # cluster's node calls them with a path of its own.
        if name in ("requeue_business", "email_words", "social_page"):
            continue
        assert not [setting for setting in settings if setting.startswith("search_path=")]


def test_only_these_functions_change_settings(installed: list[tuple[Any, ...]]) -> None:
    changing = {
        name: [s for s in settings if not s.startswith("search_path=")]
        for name, _, _, settings, _ in installed
    }
    # What is off costs 1e10 before PostgreSQL 18, and such a plan would be compiled for each call.
    by_key = ["jit=off", "enable_seqscan=off"]
    by_index = [*by_key, "enable_hashjoin=off", "enable_mergejoin=off"]
    by_an_index_in_order = [*by_key, "enable_sort=off"]
    of_costs = ["default_transaction_isolation=serializable", *by_key]
    generic = "plan_cache_mode=force_generic_plan"
    planned_once = [generic, *by_index]
    assert {name: settings for name, settings in changing.items() if settings} == {
        "create_campaign_with_coverage": [generic, *by_key],
        "update_campaign_statistics": by_key,
        "update_coverage_status": by_an_index_in_order,
        "get_businesses_for_enrichment": by_key,
        "get_businesses_for_enrichment_after": by_key,
        "get_enrichment_queue_page": by_key,
        "due_businesses": [*planned_once, "enable_sort=off"],
        "unclaimed_businesses": [
            *by_key,
            "enable_bitmapscan=off",
            "enable_hashjoin=off",
            "enable_mergejoin=off",
            "enable_sort=off",
        ],
        "advance_queue_heads": by_key,
        "claim_lookups": by_key,
        "extend_claims": by_key,
        "fail_lookups": by_index,
        "finish_lookups": by_key,
        "late_lookups": by_key,
        "get_work_status": by_key,
        "reclaim_lookups": by_index,
        "release_claims": by_key,
        "retry_failed_lookups": by_key,
        "wanted_lookups": by_index,
        "costs_by_key": by_an_index_in_order,
        "get_campaign": by_key,
        "get_campaign_leads": [
            "plan_cache_mode=force_custom_plan",
            *by_an_index_in_order,
            "enable_hashjoin=off",
            "enable_mergejoin=off",
        ],
        "log_export": by_key,
        "set_lead_texts": by_index,
        "track_campaign_cost": of_costs,
        "track_campaign_costs_batch": [of_costs[0], generic, *of_costs[1:]],
        "insert_businesses_batch": ["work_mem=32MB", *planned_once, "enable_memoize=off"],
        "update_enrichment_batch": ["work_mem=32MB", *planned_once],
        "adopt_business_emails": planned_once,
        "choose_business_emails": planned_once,
        "lock_businesses": planned_once,
        "settle_contacts": planned_once,
        "suppress_contacts": ["work_mem=32MB", "lock_timeout=5s"],
        "suppressed_emails": planned_once,
        "suppress_places": by_key,
        "check_contacts": by_key,
        "list_suppressions": by_an_index_in_order,
        "erase_contact": ["lock_timeout=5s"],
        "erased_emails": planned_once,
        "without_erased": by_key,
        "unsuppress_contacts": ["work_mem=32MB", "lock_timeout=5s"],
        "restore_leads": planned_once,
        "set_enrichment_verdicts": planned_once,
        "store_business_emails": planned_once,
        "store_verifications": planned_once,
    }


def test_the_functions_for_callers_are_those_that_python_calls() -> None:
    assert set(catalogue.FUNCTIONS) == set(FOR_CALLERS)


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
    for name, function in catalogue.FUNCTIONS.items():
        assert list(function.parameters) == parameters[name]
