"""Verdicts, enrichments and scraped records that share addresses, in processes of their own."""

from campaigndb.tables import business_emails, businesses, email_verifications

SHARED = [f"shared{number}@chain.fi" for number in range(4)]
PLACES = 24


def test_verdicts_enrichments_and_records_of_shared_addresses_do_not_deadlock(
    crew, store, campaign_id, other_campaign_id, rows, rng
) -> None:
    records = [{"place_id": f"p{number:02}", "name": "Shop"} for number in range(PLACES)]
    store.insert_businesses_batch(campaign_id, "1", records[::2])
    store.insert_businesses_batch(other_campaign_id, "1", records[1::2])
    ids = [business.id for business in sorted(rows(businesses), key=lambda b: b.place_id)]
    store.update_enrichment_batch("facebook", [{"business_id": i, "emails": SHARED} for i in ids])

    def shuffled(values):
        return rng.sample(values, len(values))

    def verdicts(number):
        return [
            (
                "update_email_verification",
                (ids[(number * 7 + turn) % PLACES], email, {"status": "risky", "score": turn}),
            )
            for turn in range(3)
            for email in shuffled(SHARED)
        ]

    def enrichments(kind):
        return [
            (
                "update_enrichment_batch",
                (
                    kind,
                    [
                        {
                            "business_id": i,
                            "primary_email": rng.choice(SHARED),
                            "bouncer_status": "deliverable",
                        }
                        for i in shuffled(ids)[: PLACES // 2]
                    ],
                ),
            )
            for _ in range(4)
        ]

    def scraped(campaign):
        return [
            (
                "insert_businesses_batch",
                (
                    campaign,
                    "1",
                    [record | {"phone": str(rng.random())} for record in shuffled(records)],
                ),
            )
            for _ in range(5)
        ]

    results = crew.work(
        verdicts(1), verdicts(2), enrichments("facebook"), enrichments("linkedin"),
        scraped(campaign_id), scraped(other_campaign_id),
    )  # fmt: skip
    assert all(result.success for done in results for result in done)
    assert crew.new_deadlocks == 0
    # An address has one verdict, wherever it is, and every answer was logged.
    for email in SHARED:
        assert len({stored.status for stored in rows(business_emails, email=email)}) == 1
    assert len(rows(email_verifications)) == 2 * 12 + 8 * (PLACES // 2)
