"""Whoever writes while somebody is erased, nothing of them is there afterwards."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from campaigndb.tables import businesses

WORKERS = 3


@pytest.mark.parametrize("first", ["the erasure alone", "the suppression first"])
def test_importers_and_enrichers_at_work(store, campaign_id, found, rows, first) -> None:
    stop = threading.Event()

    def work(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            place = {"place_id": f"p{worker}-{number}", "name": "Hall", "email": "Anna@shop.fi"}
            store.insert_businesses_batch(campaign_id, "1", [place, place | {"note": number}])
            queue = store.get_businesses_for_enrichment(campaign_id, "linkedin", 1)
            item = {"emails": ["anna@SHOP.fi"], "name": "Anna"}
            store.update_enrichment_batch(
                "linkedin", [item | {"business_id": each.business_id} for each in queue]
            )

    def wait_for_businesses(count: int) -> None:
        until = time.monotonic() + 60
        while len(rows(businesses)) < count and time.monotonic() < until:
            time.sleep(0.02)

    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(work, number) for number in range(WORKERS)]
        try:
            wait_for_businesses(10)
            if first == "the suppression first":
                store.suppress_contacts([{"email": "anna@shop.fi", "is_erased": True}])
            erased = store.erase_contact("anna@shop.fi")
            wait_for_businesses(len(rows(businesses)) + 5)
        finally:
            stop.set()
    for worker in workers:
        worker.result()
    assert erased.erased > 0
    assert found("anna") == {}
