"""Both ways beside each other: as the tables' owner, and through the application role."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app import CampaignStore
from app.application_path import ApplicationPath
from app.retries import NO_RETRY


@pytest.fixture
def application_path(owner_engine: Engine) -> ApplicationPath:
    return ApplicationPath(owner_engine, schema="public", policies=NO_RETRY)


@pytest.fixture
def functions(app_engine: Engine) -> CampaignStore:
    """The stored functions, once and not again: what they say is what is compared."""
    return CampaignStore(app_engine, schema="public", policies=NO_RETRY)
