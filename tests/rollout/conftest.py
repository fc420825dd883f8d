from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from campaigndb import CampaignStore
from campaigndb.rollout import Percentages, RolloutStore
from campaigndb.rollout.percentages import FUNCTION_NAMES
from examples.application_logic import ApplicationLogic

# The functions that the example can do without.
EXAMPLE = tuple(name for name in FUNCTION_NAMES if hasattr(ApplicationLogic, name))


@pytest.fixture
def application(owner_engine: Engine) -> ApplicationLogic:
    """The fallback, as a role that may work on the tables."""
    return ApplicationLogic(owner_engine, schema="public")


@pytest.fixture
def rollout(store: CampaignStore, application: ApplicationLogic) -> Callable[..., RolloutStore]:
    """`rollout(track_campaign_cost=50)`: fixed percentages; `rollout()`: those of the table."""

    def make(options: dict[str, Any] | None = None, **percentages: int) -> RolloutStore:
        fixed = Percentages(in_settings=percentages) if percentages else None
        return RolloutStore(store, application, fixed=fixed, **(options or {}))

    return make


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Where each call went, in order: ("function", name) or ("fallback", name)."""
    told: list[tuple[str, str]] = []
    run = CampaignStore._run

    def run_and_tell(self: Any, call: Any) -> Any:
        told.append(("function", call.function.name))
        return run(self, call)

    monkeypatch.setattr(CampaignStore, "_run", run_and_tell)
    for name in EXAMPLE:
        method = getattr(ApplicationLogic, name)

        def call_and_tell(
            self: Any, *arguments: Any, name: str = name, method: Any = method, **named: Any
        ) -> Any:
            told.append(("fallback", name))
            return method(self, *arguments, **named)

        monkeypatch.setattr(ApplicationLogic, name, call_and_tell)
    return told
