"""`campaigndb work` and the statuses and budget of `campaigndb campaign`."""

import json

from campaigndb import CampaignStore


def test_status_shows_leases_queues_and_failures(
    campaigndb, store: CampaignStore, campaign_id, add_business
) -> None:
    ids = [add_business(name) for name in ("held", "failed", "waits")]
    store.claim_businesses_for_enrichment(campaign_id, "facebook", 1, "enricher-1")
    for _ in range(3):
        store.update_enrichment_batch(
            "facebook", [{"business_id": ids[1], "error_message": "page is gone"}]
        )
    store.update_enrichment_batch("facebook", [{"business_id": ids[2], "success": False}])

    shown = campaigndb("work", "status", campaign_id)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert f"{campaign_id} is running; 0.0000 USD spent, 0 reserved, no budget" in shown.stdout
    for text in ("enricher-1", "page is gone", "verification"):
        assert text in shown.stdout

    document = json.loads(campaigndb("work", "status", campaign_id, "--json").stdout)
    [facebook] = [queue for queue in document["queues"] if queue["kind"] == "facebook"]
    assert (facebook["held"], facebook["waiting"], facebook["failed"]) == (1, 1, 1)
    assert [failure["business_id"] for failure in document["failed"]] == [str(ids[1])]

    assert campaigndb("work", "retry", campaign_id, "facebook").stdout == "1 lookup due again.\n"


def test_a_campaign_is_paused_resumed_and_completed(campaigndb, campaign_id) -> None:
    for command, status in (("pause", "paused"), ("resume", "running"), ("complete", "completed")):
        shown = campaigndb("campaign", command, campaign_id)
        assert (shown.exit_code, shown.stdout) == (0, f"{campaign_id} is {status}.\n")


def test_a_budget_is_set_and_taken_away(campaigndb, campaign_id) -> None:
    assert campaigndb("campaign", "budget", campaign_id, "100").stdout == (
        f"{campaign_id} has a budget of 100.0000 USD: 0.0000 spent, 0 reserved, 100.0000 left.\n"
    )
    assert "has no budget" in campaigndb("campaign", "budget", campaign_id, "none").stdout
    refused = campaigndb("campaign", "budget", campaign_id, "much")
    assert refused.exit_code == 2
    assert "budget_usd" in refused.stderr
