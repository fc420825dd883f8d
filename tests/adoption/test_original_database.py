"""A database of the older design is taken over: what fits, what is mended, what is left and why."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from campaigndb.operations.adoption import Adoption, AdoptionError, ChangedTotal, Untaken, adopt
from campaigndb.operations.reconciliation import reconcile
from campaigndb.tables import (
    api_costs,
    business_emails,
    businesses,
    campaign_coverage,
    campaigns,
    email_verifications,
    facebook_enrichments,
    linkedin_enrichments,
)
from tests.migrations.catalog import connect
from tests.support.database_state import unchanged

ORIGINAL = Path(__file__).with_name("original.sql").read_text(encoding="utf-8")


def id_(suffix: str) -> uuid.UUID:
    return uuid.UUID(f"00000000-0000-0000-0000-{suffix:0>12}")


@pytest.fixture
def take(database_url: URL, owner_engine: Engine) -> Callable[..., Adoption]:
    with connect(database_url) as connection:
        connection.execute(ORIGINAL.encode())

    def run(keep: bool = True) -> Adoption:
        return adopt(owner_engine, "original", owner_engine, "public", keep=keep)

    return run


def test_nothing_is_written_unless_it_is_to_be_kept(
    take: Callable[..., Adoption], owner_engine: Engine
) -> None:
    with unchanged(owner_engine):
        found = take(keep=False)
    assert found.taken["gmaps_businesses"] == 2


def test_rows_are_taken_with_their_values_and_the_rest_is_kept(
    take: Callable[..., Adoption], row: Callable[..., Any], rows: Callable[..., Any]
) -> None:
    take()
    campaign = row(campaigns, id=id_("c1"))
    assert (campaign.status, campaign.created_by) == ("running", "anna@agency.example")
    assert campaign.created_at.isoformat().startswith("2025-01-01T10:00")
    nameless = row(campaigns, id=id_("c2"))
    assert (nameless.name, nameless.coverage_profile) == ("Campaign without a name", "balanced")
    assert nameless.target_zip_count == 0

    [coverage] = rows(campaign_coverage)
    assert (coverage.id, coverage.keywords, coverage.max_results) == (
        id_("201"),
        ["cafe", "bar"],
        200,
    )

    business = row(businesses, id=id_("b1"))
    assert business.raw_data["stars"] == 4.5
    assert business.raw_data["n"] == [1, 0.25]
    assert business.raw_data["adopted"] == {
        "company": "Kahvila Oy",
        "bouncer_reason": "accepted_email",
    }
    bar = row(businesses, id=id_("b3"))
    assert (bar.place_id, bar.latitude, bar.rating) == ("cid:77", None, None)
    assert bar.raw_data["adopted"] == {"latitude": 99, "rating": -1, "email_source": "guess"}

    [log] = rows(email_verifications)
    assert log.raw_response == {"score": 98, "adopted": {"bouncer_reason": "accepted_email"}}
    assert row(api_costs, id=id_("601")).metadata == {
        "idempotency_key": "k",
        "adopted": {"actor_run": "run-1"},
    }


def test_of_several_rows_the_newest_stands_for_all(
    take: Callable[..., Adoption], row: Callable[..., Any], rows: Callable[..., Any]
) -> None:
    take()
    assert {business.id for business in rows(businesses)} == {id_("b1"), id_("b3")}
    page = row(facebook_enrichments)
    assert (page.id, page.business_id, page.page_name) == (id_("f2"), id_("b1"), "New page")
    profile = row(linkedin_enrichments)
    assert (profile.profile_type, profile.email_source) == ("personal", "linkedin_direct")
    # The log of the older place, and the page that it names.
    log = row(email_verifications)
    assert (log.business_id, log.facebook_enrichment_id) == (id_("b1"), id_("f2"))


def test_every_address_is_kept_and_the_verified_one_is_chosen(
    take: Callable[..., Adoption], row: Callable[..., Any], rows: Callable[..., Any]
) -> None:
    take()
    stored = {(entry.email, entry.source, entry.status) for entry in rows(business_emails)}
    assert stored == {
        ("old@kahvila.fi", "google_maps", "deliverable"),
        ("new@kahvila.fi", "facebook", "deliverable"),
        ("early@kahvila.fi", "facebook", None),
        ("aino@kahvila.fi", "generated", None),
        ("info@baari.fi", "google_maps", None),
    }
    business = row(businesses, id=id_("b1"))
    assert (business.email, business.is_safe) == ("new@kahvila.fi", True)
    assert row(campaigns, id=id_("c1")).total_verified_emails == 1


def test_totals_are_the_ledgers_and_each_that_differed_is_told(
    take: Callable[..., Adoption], owner_engine: Engine, row: Callable[..., Any]
) -> None:
    found = take()
    assert found.totals == [
        ChangedTotal(id_("c1"), "Helsinki", column, Decimal(was), Decimal(ledger))
        for column, was, ledger in (
            ("actual_cost", "0.02", "0.0153"),
            ("google_maps_cost", "0.02", "0.0070"),
            ("bouncer_verification_cost", "0", "0.0083"),
        )
    ]
    assert not reconcile(owner_engine).discrepancies
    assert row(api_costs, id=id_("602")).metadata["repeated_idempotency_key"] == "k"


def test_what_is_not_taken_is_listed_with_its_reason(take: Callable[..., Adoption]) -> None:
    found = take()
    assert set(found.untaken) == {
        Untaken(f"gmaps_{table}", str(id_(suffix)), reason)
        for table, suffix, reason in (
            ("campaign_coverage", "202", f"{id_('201')} is newer"),
            ("campaign_coverage", "203", "its campaign was not taken"),
            ("businesses", "b2", f"{id_('b1')} is newer"),
            ("businesses", "b4", "name is missing"),
            ("facebook_enrichments", "f1", f"{id_('f2')} is newer"),
            ("facebook_enrichments", "f3", "its business was not taken"),
            ("email_verifications", "502", "email is missing"),
            (
                "api_costs",
                "603",
                "service is none of google_maps, facebook, linkedin, bouncer",
            ),
            ("api_costs", "604", "cost_usd is not a finite number"),
        )
    }
    assert found.changed["gmaps_businesses", "rating", "is negative"] == 1
    assert found.kept["gmaps_businesses", "company"] == 1
    assert found.lost["gmaps_campaigns", "team_color"] == 1


def test_it_runs_again_and_takes_only_what_is_new(
    take: Callable[..., Adoption], owner_engine: Engine, database_url: URL
) -> None:
    first = take()
    with unchanged(owner_engine):
        again = take(keep=False)
    assert again.there == first.taken
    assert not again.taken.total()
    with connect(database_url) as connection:
        connection.execute(
            "insert into original.gmaps_api_costs (id, campaign_id, service, cost_usd)"
            f" values (gen_random_uuid(), '{id_('c1')}', 'facebook', 1)"
        )
    assert take().taken == {"gmaps_api_costs": 1}
    assert not reconcile(owner_engine).discrepancies


def test_a_failure_leaves_nothing(
    take: Callable[..., Adoption], owner_engine: Engine, database_url: URL
) -> None:
    with connect(database_url) as connection:
        connection.execute(
            "alter table gmaps_api_costs add constraint no check (cost_usd <> 0.0083) not valid"
        )
    with unchanged(owner_engine), pytest.raises(Exception, match="violates check constraint"):
        take()


def test_a_schema_without_the_tables_is_named(owner_engine: Engine) -> None:
    with pytest.raises(AdoptionError, match="the schema nowhere has no table gmaps_campaigns"):
        adopt(owner_engine, "nowhere", owner_engine, "public", keep=True)
