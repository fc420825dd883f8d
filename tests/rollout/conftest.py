from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from app import CampaignStore
from app.application_path import ApplicationPath
from app.rollout import Percentages, RolloutStore


@pytest.fixture
def application(owner_engine: Engine) -> ApplicationPath:
    """The old way, as a role that may work on the tables."""
    return ApplicationPath(owner_engine, schema="public")


@pytest.fixture
def rollout(store: CampaignStore, application: ApplicationPath) -> Callable[..., RolloutStore]:
    """`rollout(track_campaign_cost=50)`: fixed percentages; `rollout()`: those of the table."""

    def make(options: dict[str, Any] | None = None, **percentages: int) -> RolloutStore:
        fixed = Percentages(in_settings=percentages) if percentages else None
        return RolloutStore(store, application, fixed=fixed, **(options or {}))

    return make


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which way each call went, in order: ("function", name) or ("old way", name)."""
    told: list[tuple[str, str]] = []

    def listen(store_class: type, way: str) -> None:
        run = store_class._run

        def told_run(self: Any, call: Any) -> Any:
            told.append((way, call.function.name))
            return run(self, call)

        monkeypatch.setattr(store_class, "_run", told_run)

    listen(CampaignStore, "function")
    listen(ApplicationPath, "old way")
    return told
