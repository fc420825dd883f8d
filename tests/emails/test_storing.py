"""Every address of a business is kept once, with where it came from and when it was seen."""

from __future__ import annotations

import pytest

from campaigndb import CampaignStore
from campaigndb.tables import business_emails, businesses


@pytest.fixture
def days_pass(owner):
    """`days_pass(2)`: what was seen becomes that much older."""

    def pass_by(days: int) -> None:
        owner.execute(
            "update gmaps_business_emails set first_seen_at = first_seen_at - %(by)s,"
            " last_seen_at = last_seen_at - %(by)s".replace("%(by)s", f"interval '{days} days'")
        )

    return pass_by


def test_every_address_is_stored_with_its_source_and_campaign(
    see, business_ids, campaign_id, rows
) -> None:
    [one, two, _] = business_ids
    stored, _ = see(
        (one, "a@x.fi", "google_maps"), (one, "b@x.fi", "facebook"), (two, "a@x.fi", "generated")
    )
    assert [row[:2] for row in sorted(stored, key=lambda row: business_ids.index(row[0]))] == [
        (one, "a@x.fi"),
        (one, "b@x.fi"),
        (two, "a@x.fi"),
    ]
    assert all(is_new and not has_verdict for _, _, is_new, has_verdict in stored)
    assert {(e.business_id, e.campaign_id, e.email, e.source) for e in rows(business_emails)} == {
        (one, campaign_id, "a@x.fi", "google_maps"),
        (one, campaign_id, "b@x.fi", "facebook"),
        (two, campaign_id, "a@x.fi", "generated"),
    }


def test_one_address_in_several_letters_is_one_row_in_the_first_ones(
    see, business_ids, row, days_pass
) -> None:
    see(
        (business_ids[0], "Info@X.fi", "google_maps"), (business_ids[0], "INFO@x.fi", "google_maps")
    )
    days_pass(2)
    see((business_ids[0], "info@x.fi", "google_maps"))
    assert (row(business_emails).email, row(business_emails).email_lower) == (
        "Info@X.fi",
        "info@x.fi",
    )


def test_an_address_that_comes_again_within_the_day_writes_nothing(
    see, business_ids, nothing_changes
) -> None:
    see((business_ids[0], "a@x.fi", "facebook"))
    with nothing_changes():
        assert see((business_ids[0], "A@x.fi", "google_maps")) == ([], [])


def test_after_a_day_it_was_seen_again_and_first_seen_as_before(
    see, business_ids, row, days_pass
) -> None:
    see((business_ids[0], "a@x.fi", "google_maps"))
    days_pass(2)
    before = row(business_emails)
    updated_at = row(businesses, place_id="p0").updated_at
    [(_, _, is_new, _)], chosen = see((business_ids[0], "a@x.fi", "google_maps"))
    after = row(business_emails)
    assert (is_new, chosen) == (False, [])
    assert after.first_seen_at == before.first_seen_at
    assert after.last_seen_at > before.last_seen_at
    assert row(businesses, place_id="p0").updated_at == updated_at


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("generated", "google_maps", "google_maps"),
        ("google_maps", "facebook", "facebook"),
        ("facebook", "linkedin", "linkedin"),
        ("linkedin", "manual", "manual"),
        ("linkedin", "google_maps", "linkedin"),
        ("google_maps", "generated", "google_maps"),
    ],
)
def test_the_best_source_of_an_address_is_kept(see, business_ids, row, first, second, kept) -> None:
    see((business_ids[0], "a@x.fi", first))
    see((business_ids[0], "a@x.fi", second))
    assert row(business_emails).source == kept


def test_a_verdict_of_the_address_elsewhere_is_taken_over(
    store: CampaignStore, see, verify, business_ids, other_campaign_id, rows, row
) -> None:
    see((business_ids[0], "a@x.fi", "google_maps"))
    verify("a@x.fi", "deliverable")
    store.insert_businesses_batch(
        other_campaign_id, None, [{"place_id": "elsewhere", "name": "Branch"}]
    )
    elsewhere = row(businesses, place_id="elsewhere").id
    [(_, _, _, has_verdict)], _ = see((elsewhere, "A@X.fi", "facebook"))
    assert has_verdict
    known, taken = (
        [e for e in rows(business_emails) if e.business_id == owner]
        for owner in (business_ids[0], elsewhere)
    )
    columns = (
        "status", "score", "is_safe", "is_disposable", "is_role_based", "is_free_email",
        "is_gibberish", "verified_at",
    )  # fmt: skip
    assert [getattr(taken[0], c) for c in columns] == [getattr(known[0], c) for c in columns]
    business = row(businesses, id=elsewhere)
    assert (business.bouncer_status, business.email_verified) == ("deliverable", True)
    assert business.bouncer_verified_at == known[0].verified_at


@pytest.mark.parametrize(
    ("status", "days_ago", "max_age", "taken"),
    [
        ("deliverable", 89, None, True),
        ("deliverable", 91, None, False),
        ("undeliverable", 89, None, True),
        ("risky", 89, None, True),
        ("unknown", 1, None, False),
        ("deliverable", 31, 30, False),
        ("deliverable", 29, 30, True),
        ("deliverable", 0, 0, False),
    ],
)
def test_how_old_a_verdict_may_be_is_the_campaigns_to_say(
    owner, see, verify, business_ids, rows, status, days_ago, max_age, taken
) -> None:
    if max_age is not None:
        owner.execute("update gmaps_campaigns set verdict_max_age_days = %s", [max_age])
    see((business_ids[0], "a@x.fi", "google_maps"))
    verify("a@x.fi", status, days_ago=days_ago)
    see((business_ids[1], "a@x.fi", "google_maps"))
    [stored] = rows(business_emails, business_id=business_ids[1])
    assert stored.status == (status if taken else None)


def test_the_newest_of_several_verdicts_is_taken(owner, see, business_ids, rows) -> None:
    see((business_ids[0], "a@x.fi", "google_maps"), (business_ids[1], "a@x.fi", "google_maps"))
    for business_id, status, days in ((0, "deliverable", 20), (1, "undeliverable", 10)):
        owner.execute(
            "update gmaps_business_emails set status = %s,"
            " verified_at = now() - make_interval(days => %s) where business_id = %s",
            [status, days, business_ids[business_id]],
        )
    see((business_ids[2], "a@x.fi", "google_maps"))
    assert rows(business_emails, business_id=business_ids[2])[0].status == "undeliverable"


def test_an_address_is_looked_up_by_its_indexes_in_a_table_without_statistics(
    owner, see, store: CampaignStore, campaign_id, rows
) -> None:
    store.insert_businesses_batch(
        campaign_id, None, [{"place_id": f"q{n:05}", "name": "x"} for n in range(5000)]
    )
    ids = [business.id for business in rows(businesses)]
    owner.execute("set plan_cache_mode to force_generic_plan")
    see(*[(business_id, f"a{n}@x.fi", "google_maps") for n, business_id in enumerate(ids)])
    owner.execute("select pg_stat_force_next_flush()")
    read = "select coalesce(seq_tup_read, 0) from pg_stat_user_tables where relname = any (%s)"
    tables = ["gmaps_business_emails", "gmaps_businesses"]
    before = owner.execute(read, [tables]).fetchall()
    assert see((ids[0], "A0@x.fi", "google_maps")) == ([], [])
    owner.execute("select pg_stat_force_next_flush()")
    assert owner.execute(read, [tables]).fetchall() == before


def test_addresses_go_with_their_business_and_campaign(owner, see, business_ids, rows) -> None:
    see((business_ids[0], "a@x.fi", "google_maps"), (business_ids[1], "b@x.fi", "google_maps"))
    owner.execute("delete from gmaps_businesses where id = %s", [business_ids[0]])
    assert [e.email for e in rows(business_emails)] == ["b@x.fi"]
    owner.execute("delete from gmaps_campaigns")
    assert rows(business_emails) == []
