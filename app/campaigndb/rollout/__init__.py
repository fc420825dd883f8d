"""From application code to stored functions, a share of the campaigns at a time.

`RolloutStore` has the interface of `CampaignStore` and sends each call to the stored function or to
a fallback: the application code that the function replaces, or `CostFallback` for the critical
call.
"""

from campaigndb.rollout.cost_fallback import CostFallback
from campaigndb.rollout.cost_fallback_async import AsyncCostFallback
from campaigndb.rollout.percentages import ALL, Percentages, RolloutSettingsError
from campaigndb.rollout.store import RolloutStore
from campaigndb.rollout.store_async import AsyncRolloutStore

__all__ = [
    "ALL",
    "AsyncCostFallback",
    "AsyncRolloutStore",
    "CostFallback",
    "Percentages",
    "RolloutSettingsError",
    "RolloutStore",
]
