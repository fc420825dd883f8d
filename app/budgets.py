"""How fast each stored function must be: what benchmarks and the demo measure against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that the median call may take, in milliseconds, and which call that is."""

    function: str
    milliseconds: int
    measured: str


# For the embedded server on two cores; each is meant to be kept with room to spare.
_BUDGETS = (
    Budget("create_campaign_with_coverage", 500, "a campaign with 100 ZIP codes"),
    Budget("insert_businesses_batch", 1000, "a batch of 50 businesses"),
    Budget("update_campaign_statistics", 200, "a campaign with 100,000 businesses"),
    Budget("track_campaign_cost", 100, "one cost"),
    Budget("track_campaign_costs_batch", 1000, "a batch of 1,000 costs"),
    Budget("update_coverage_status", 50, "one ZIP code"),
    Budget("update_enrichment_batch", 1000, "a batch of 50 enrichments"),
    Budget("update_email_verification", 50, "one email"),
    Budget("get_businesses_for_enrichment", 500, "a page of 100 businesses"),
    Budget("get_businesses_for_enrichment_after", 500, "a page of 100 businesses"),
)

BUDGETS: Mapping[str, Budget] = MappingProxyType({budget.function: budget for budget in _BUDGETS})
