"""One rule chooses the address that the business carries."""

from __future__ import annotations

import itertools
import threading

import pytest

from campaigndb.tables import business_emails, businesses
from tests.migrations.catalog import connect
from tests.support.waiting import wait_until_blocked


def lead(row, place_id="p0"):
    business = row(businesses, place_id=place_id)
    return business.email, business.email_source


# Best first: by verdict, then by source.
BEST_FIRST = [
    (status, source)
    for status in ("deliverable", None, "risky", "undeliverable")
    for source in ("manual", "linkedin", "facebook", "google_maps", "generated")
]


def test_verdict_before_source_and_source_before_order(owner, see, business_ids, row) -> None:
    [one, *_] = business_ids
    sources = {"manual": "google_maps", "generated": "linkedin"}
    for number, (status, source) in enumerate(reversed(BEST_FIRST)):
        address = f"a{number}@x.fi"
        see((one, address, source))
        owner.execute(
            "update gmaps_business_emails set status = %s, is_safe = %s, verified_at = now()"
            " where email = %s",
            [status, status == "deliverable", address],
        )
        owner.execute("select * from choose_business_emails(%s::uuid[])", [[one]])
        assert lead(row) == (address, sources.get(source, source))
        assert row(businesses, place_id="p0").bouncer_status == status
        assert row(businesses, place_id="p0").email_verified is (status == "deliverable")


@pytest.mark.parametrize("order", itertools.permutations(["a@x.fi", "b@x.fi", "c@x.fi"]))
def test_a_scrape_in_another_order_changes_nothing(
    see, business_ids, row, order, nothing_changes
) -> None:
    see(*[(business_ids[0], email, "google_maps") for email in ("b@x.fi", "c@x.fi", "a@x.fi")])
    assert lead(row) == ("b@x.fi", "google_maps")
    with nothing_changes():
        see(*[(business_ids[0], email, "google_maps") for email in order])


def test_what_is_unknown_is_as_good_as_what_was_not_asked(see, verify, business_ids, row) -> None:
    see((business_ids[0], "a@x.fi", "facebook"), (business_ids[0], "b@x.fi", "google_maps"))
    verify("a@x.fi", "unknown")
    assert lead(row)[0] == "a@x.fi"


def test_deliverable_but_not_safe_waits_behind_what_is_not_known(
    see, verify, business_ids, row
) -> None:
    see((business_ids[0], "a@x.fi", "linkedin"), (business_ids[0], "b@x.fi", "google_maps"))
    verify("a@x.fi", "deliverable", is_safe=False)
    assert lead(row)[0] == "b@x.fi"
    verify("b@x.fi", "undeliverable")
    assert lead(row)[0] == "a@x.fi"


def test_a_guess_never_replaces_a_verified_address(see, verify, business_ids, row) -> None:
    see((business_ids[0], "a@x.fi", "google_maps"))
    verify("a@x.fi", "deliverable")
    see((business_ids[0], "guess@x.fi", "generated"), (business_ids[0], "l@x.fi", "linkedin"))
    assert lead(row) == ("a@x.fi", "google_maps")


def test_an_undeliverable_address_gives_way_to_the_next_with_its_own_verdict(
    see, verify, business_ids, row
) -> None:
    see(
        (business_ids[0], "a@x.fi", "linkedin"),
        (business_ids[0], "b@x.fi", "facebook"),
        (business_ids[0], "c@x.fi", "google_maps"),
    )
    verify("a@x.fi", "undeliverable")
    assert lead(row) == ("b@x.fi", "facebook")
    business = row(businesses, place_id="p0")
    assert (business.bouncer_status, business.is_safe, business.bouncer_verified_at) == (None,) * 3
    verify("b@x.fi", "undeliverable")
    verify("c@x.fi", "risky")
    assert lead(row) == ("c@x.fi", "google_maps")
    verify("c@x.fi", "undeliverable")
    assert lead(row) == ("a@x.fi", "linkedin")  # there is no other


def test_a_business_that_gets_its_first_email_is_told(see, business_ids) -> None:
    _, chosen = see((business_ids[0], "a@x.fi", "google_maps"))
    assert chosen == [(business_ids[0], True)]
    _, chosen = see(
        (business_ids[0], "b@x.fi", "facebook"), (business_ids[1], "b@x.fi", "facebook")
    )
    assert sorted(chosen) == sorted([(business_ids[0], False), (business_ids[1], True)])


@pytest.mark.parametrize(
    ("email", "source", "adopted"),
    [
        ("Hand@x.fi", "linkedin", ("Hand@x.fi", "linkedin")),
        ("hand@x.fi", None, ("hand@x.fi", "manual")),
        ("mailto:hand@x.fi", "facebook", ("hand@x.fi", "facebook")),
    ],
)
def test_an_email_written_past_the_functions_takes_part_with_its_verdict(
    owner, see, business_ids, row, rows, email, source, adopted
) -> None:
    owner.execute(
        "update gmaps_businesses set email = %s, email_source = %s, email_verified = true,"
        " bouncer_status = 'deliverable', bouncer_score = 9, is_safe = true, is_role_based = true,"
        " bouncer_verified_at = '2026-01-01' where id = %s",
        [email, source, business_ids[0]],
    )
    see((business_ids[0], "b@x.fi", "linkedin"))
    assert lead(row)[0] == adopted[0]
    [kept] = rows(business_emails, email=adopted[0])
    assert (kept.source, kept.status, kept.score, kept.is_role_based) == (
        adopted[1],
        "deliverable",
        9,
        True,
    )
    assert row(businesses, place_id="p0").bouncer_status == "deliverable"


def test_what_no_usable_address_replaces_stays(owner, see, business_ids, row) -> None:
    owner.execute(
        "update gmaps_businesses set email = 'logo@2x.png' where id = %s", business_ids[:1]
    )
    owner.execute("select * from choose_business_emails(%s::uuid[])", [business_ids])
    assert lead(row)[0] == "logo@2x.png"
    see((business_ids[0], "a@x.fi", "google_maps"))
    assert lead(row)[0] == "a@x.fi"


def test_businesses_are_locked_in_the_order_of_their_places(
    owner_engine, database_url, business_ids
) -> None:
    done = []
    with connect(database_url) as first, first.transaction():
        first.execute("select from gmaps_businesses where place_id = 'p1' for update")

        def choose() -> None:
            with connect(database_url) as second:
                second.execute(
                    "select * from choose_business_emails(%s::uuid[])", [business_ids[::-1]]
                )
                done.append(True)

        thread = threading.Thread(target=choose)
        thread.start()
        wait_until_blocked(owner_engine)
        with connect(database_url) as third:
            free = third.execute(
                "select place_id from gmaps_businesses order by place_id for update skip locked"
            ).fetchall()
        assert free == [("p2",)]
    thread.join()
    assert done
