"""From application code to stored functions, a share of the campaigns at a time.

`RolloutStore` has the interface of `CampaignStore` and sends each call down one of two ways: to the
stored function, or to the application code that it replaces (`app.application_path`).
"""

from app.rollout.percentages import ALL, Percentages, RolloutSettingsError
from app.rollout.store import AsyncRolloutStore, RolloutStore

__all__ = ["ALL", "AsyncRolloutStore", "Percentages", "RolloutSettingsError", "RolloutStore"]
