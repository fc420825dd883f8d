"""Fault injection: a seed for every choice, and two sizes of each test."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from campaigndb import CampaignStore
from tests.faults.workers import new_campaigns


@dataclass(frozen=True)
class Size:
    """How much of a fault: `faults` is a number of crashes or kills, `seconds` a time under load,
    `workers` the number of processes."""

    workers: int
    seconds: float
    faults: int


SHORT = Size(workers=3, seconds=2.0, faults=3)
LONG = Size(workers=8, seconds=60.0, faults=25)


@pytest.fixture(
    params=[
        pytest.param(SHORT, id="short"),
        pytest.param(LONG, id="long", marks=pytest.mark.torture),
    ]
)
def size(request: pytest.FixtureRequest) -> Size:
    return request.param


def load_for(seconds: float, enough: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Goes on for some time, and on a busy machine until there were enough faults."""
    started = time.monotonic()
    while time.monotonic() - started < seconds or not enough():
        assert time.monotonic() - started < seconds + 60, "there were not enough faults"
        yield


@pytest.fixture
def campaign_ids(store: CampaignStore) -> tuple[uuid.UUID, ...]:
    campaign_ids = new_campaigns(store, 3)
    store.engine.dispose()  # from here on, the workers alone are connected
    return campaign_ids
