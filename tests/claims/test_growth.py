"""Nothing that claims keep grows without bound, without a cron job."""

from __future__ import annotations

from sqlalchemy import func, select, text

from campaigndb.tables import lookups, queue_heads

KINDS = ("facebook", "linkedin", "verification", "coverage")


def test_what_is_finished_however_leaves_no_row(
    claim, places, store, campaign_id, later, rows, owner_engine
) -> None:
    """Claimed, then finished by another, closed, deleted, or left by a worker that died."""
    places(6)
    for kind in KINDS:
        claim(kind, limit=6, worker="dies")
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_businesses where place_id = 'p00000'"))
        connection.execute(
            text(
                "update gmaps_businesses set business_status = 'closed_permanently'"
                " where place_id = 'p00001'"
            )
        )
    leads = store.get_campaign_leads(campaign_id, {"emails": "any"}, 10)
    for kind in ("facebook", "linkedin"):
        store.update_enrichment_batch(
            kind, [{"business_id": lead.business_id, "success": True} for lead in leads]
        )
    store.update_email_verifications_batch(
        [
            {"business_id": lead.business_id, "email": lead.email, "status": "deliverable"}
            for lead in leads
        ]
    )
    for zip_code in ("00100", "00120"):
        store.update_coverage_status(campaign_id, zip_code, 3, 1, "0")
    later("1 hour")
    # What was deleted or closed is dropped by the next claim that comes across it.
    for kind in KINDS:
        assert claim(kind, worker="b")["items"] == []
    assert rows(lookups) == []


def test_an_item_has_one_row_however_often_it_is_claimed_and_fails(
    claim, places, store, later, owner_engine
) -> None:
    places(3)
    for turn in range(12):
        answer = claim("facebook", limit=3, worker=f"worker-{turn}")
        for business in answer["businesses"]:
            store.update_enrichment_batch(
                "facebook", [{"business_id": business["business_id"], "error": "timeout"}]
            )
        claim("linkedin", limit=3, worker=f"worker-{turn}")
        later("1 day")
    with owner_engine.connect() as connection:
        counts = dict(
            connection.execute(select(lookups.c.kind, func.count()).group_by(lookups.c.kind)).all()
        )
        heads = connection.scalar(select(func.count()).select_from(queue_heads))
    assert counts == {"facebook": 3, "linkedin": 3}
    assert heads == 2


def test_a_deleted_campaign_leaves_nothing(claim, places, campaign_id, rows, owner_engine) -> None:
    places(3)
    for kind in KINDS:
        claim(kind, worker="w")
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_campaigns where id = :id"), {"id": campaign_id})
    assert rows(lookups) == []
    assert rows(queue_heads) == []
