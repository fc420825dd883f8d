"""The same key is the same cost: it is charged once, whatever happened to the first answer."""

import os
import threading
import uuid
from decimal import Decimal

import pytest

from campaigndb import CampaignStore, DuplicateRecordError, InvalidInputError
from campaigndb.tables import api_costs, campaigns
from tests.support.waiting import wait_until_blocked

KEY = {"idempotency_key": "job-1:page-2", "page": 2}


def test_the_same_key_and_payload_return_the_first_result_and_change_nothing(
    store: CampaignStore, campaign_id, nothing_changes
) -> None:
    first = store.track_campaign_cost(campaign_id, "bouncer", 3, Decimal("1.23456"), KEY)
    store.track_campaign_cost(campaign_id, "facebook", 1, 5)
    with nothing_changes():
        again = store.track_campaign_cost(campaign_id, "bouncer", 3, Decimal("1.23456"), KEY)
        rounds_to_the_same = store.track_campaign_cost(campaign_id, "bouncer", 3, "1.2346", KEY)
    assert (first.replayed, again.replayed) == (False, True)
    assert again == rounds_to_the_same
    # The total right after the first entry, not today's.
    assert (again.cost_id, again.new_total) == (first.cost_id, first.new_total)


def test_the_same_key_with_another_payload_is_a_duplicate(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    store.track_campaign_cost(campaign_id, "bouncer", 3, "1.5", KEY)
    for arguments in [
        ("facebook", 3, "1.5", KEY),
        ("bouncer", 4, "1.5", KEY),
        ("bouncer", 3, "1.5001", KEY),
        ("bouncer", 3, "1.5", KEY | {"page": 3}),
        ("bouncer", 3, "1.5", {"idempotency_key": KEY["idempotency_key"]}),
    ]:
        with subtests.test(arguments=arguments), nothing_changes():
            with pytest.raises(DuplicateRecordError) as caught:
                store.track_campaign_cost(campaign_id, *arguments)
            assert caught.value.error_code == "23505"
            assert caught.value.error == "Duplicate record detected"
            assert "used before with another payload" in caught.value.detail
            assert not caught.value.retry_recommended


def test_keys_are_unique_within_a_campaign_only(
    store: CampaignStore, campaign_id, other_campaign_id, rows
) -> None:
    for campaign in (campaign_id, other_campaign_id):
        assert not store.track_campaign_cost(campaign, "bouncer", 1, 1, KEY).replayed
    assert len(rows(api_costs)) == 2


def test_keys_of_every_kind_are_told_apart(store: CampaignStore, campaign_id, rows) -> None:
    keys = ["k", "K", " k", "k ", "κ", "0", "00", "null", "😀" * 255, "x" * 255, "%", "\\"]
    for key in keys:
        tracked = store.track_campaign_cost(campaign_id, "bouncer", 1, 1, {"idempotency_key": key})
        assert not tracked.replayed
    assert {entry.metadata["idempotency_key"] for entry in rows(api_costs)} == set(keys)


def test_every_call_of_the_store_has_a_key_of_its_own(
    store: CampaignStore, campaign_id, row, rows
) -> None:
    for metadata in (None, {}, {"idempotency_key": None}):
        store.track_campaign_cost(campaign_id, "bouncer", 1, 1, metadata)
    keys = {entry.metadata["idempotency_key"] for entry in rows(api_costs)}
    assert len({uuid.UUID(key) for key in keys}) == 3
    assert row(campaigns).actual_cost == 3


def test_a_key_in_use_by_an_open_transaction_is_waited_for(
    store: CampaignStore, app_engine, owner_engine, campaign_id, row
) -> None:
    results = []

    def track() -> None:
        results.append(store.track_campaign_cost(campaign_id, "bouncer", 1, 1, KEY))

    with app_engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        with connection.begin():
            first = store.bind(connection).track_campaign_cost(campaign_id, "bouncer", 1, 1, KEY)
            second = threading.Thread(target=track)
            second.start()
            wait_until_blocked(owner_engine)
        second.join(30)
    [again] = results
    assert (again.replayed, again.cost_id) == (True, first.cost_id)
    assert row(campaigns).actual_cost == 1


def test_a_key_that_cannot_be_stored_is_refused_and_never_becomes_another(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    # In any other text such characters are replaced.
    keys = ["k\0", "k\ud800", os.fsdecode(b"caf\xe8.csv"), os.fsdecode(b"caf\xe9.csv")]
    for key in keys:
        metadata = {"idempotency_key": key}
        cost = {
            "campaign_id": campaign_id,
            "service": "bouncer",
            "items_processed": 1,
            "cost_usd": 1,
            "metadata": metadata,
        }
        with subtests.test(key=ascii(key)), nothing_changes():
            with pytest.raises(InvalidInputError, match=r"p_metadata\.idempotency_key holds"):
                store.track_campaign_cost(campaign_id, "bouncer", 1, 1, metadata)
            with pytest.raises(InvalidInputError, match=r"p_costs\[1\]\.metadata\.idempotency_key"):
                store.track_campaign_costs_batch([cost | {"metadata": {}}, cost])
    assert store.track_campaign_cost(campaign_id, "bouncer", 1, 1, {"file": keys[2]}).new_total == 1
