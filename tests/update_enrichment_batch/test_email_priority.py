"""linkedin > facebook > google_maps; of equal ones the first stays, and a verdict outranks both."""

import itertools

from campaigndb import CampaignStore
from campaigndb.tables import businesses, facebook_enrichments

RANK = {None: 0, "google_maps": 1, "facebook": 2, "linkedin": 3}
VERIFICATION = (
    "bouncer_status",
    "bouncer_score",
    "is_safe",
    "is_disposable",
    "is_role_based",
    "is_free_email",
    "bouncer_verified_at",
)


def verification(row):
    return tuple(getattr(row, column) for column in VERIFICATION)


def test_each_source_replaces_worse_ones_only(
    store: CampaignStore, campaign_id, rows, subtests
) -> None:
    pairs = list(itertools.product(RANK, ("facebook", "linkedin")))
    store.insert_businesses_batch(
        campaign_id,
        "1",
        [
            {"place_id": f"{old}-{new}", "name": "x"}
            | ({"email": "old@x.fi", "email_source": old} if old else {})
            for old, new in pairs
        ],
    )
    ids = {business.place_id: business.id for business in rows(businesses)}
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(
            kind,
            [
                {"business_id": ids[f"{old}-{new}"], "primary_email": "new@x.fi"}
                for old, new in pairs
                if new == kind
            ],
        )
    stored = {business.place_id: business for business in rows(businesses)}
    for old, new in pairs:
        with subtests.test(old=old, new=new):
            business = stored[f"{old}-{new}"]
            expected = ("new@x.fi", new) if RANK[new] > RANK[old] else ("old@x.fi", old)
            assert (business.email, business.email_source) == expected


def test_an_enrichment_without_email_keeps_the_known_one(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="kept@x.fi")
    for kind in ("facebook", "linkedin"):
        for item in ({}, {"primary_email": None}, {"primary_email": "none"}, {"emails": []}):
            store.update_enrichment_batch(kind, [{"business_id": business_id, **item}])
    business = row(businesses)
    assert (business.email, business.email_source) == ("kept@x.fi", "google_maps")


def test_a_verified_address_is_replaced_by_none_that_is_not_verified(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="a@x.fi")
    store.update_email_verification(business_id, "a@x.fi", {"status": "deliverable", "score": 9})
    verified = verification(row(businesses))

    store.update_enrichment_batch(
        "facebook", [{"business_id": business_id, "primary_email": "a@x.fi"}]
    )
    same = row(businesses)
    assert (same.email_source, same.email_verified) == ("facebook", True)
    assert verification(same) == verified

    store.update_enrichment_batch(
        "linkedin", [{"business_id": business_id, "primary_email": "b@x.fi"}]
    )
    business = row(businesses)
    assert (business.email, business.email_verified) == ("a@x.fi", True)
    assert verification(business) == verified


def test_an_undeliverable_address_gives_way_to_the_next(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a", email="a@x.fi")
    store.update_enrichment_batch(
        "linkedin", [{"business_id": business_id, "primary_email": "b@x.fi"}]
    )
    store.update_email_verification(business_id, "b@x.fi", {"status": "undeliverable"})
    business = row(businesses)
    assert (business.email, business.email_source) == ("a@x.fi", "google_maps")
    assert (business.email_verified, business.bouncer_status) == (False, None)


def test_an_enrichments_own_verification_goes_with_its_email(
    store: CampaignStore, add_business, row
) -> None:
    business_id = add_business("a")

    def enrich(**item):
        store.update_enrichment_batch("facebook", [{"business_id": business_id, **item}])
        return row(facebook_enrichments)

    enrich(primary_email="a@x.fi")
    store.update_email_verification(business_id, "a@x.fi", {"status": "deliverable"})
    for same in (enrich(primary_email="a@x.fi"), enrich()):
        assert (same.email_verified, same.bouncer_status) == (True, "deliverable")
    changed = enrich(primary_email="b@x.fi")
    assert (changed.primary_email, changed.email_verified) == ("b@x.fi", False)
    assert verification(changed) == (None,) * len(VERIFICATION)
