"""campaigndb: a campaign database whose operations are PostgreSQL functions.

`CampaignStore` and `AsyncCampaignStore` call them; every failure is a `StoredFunctionError`.
"""

from app.errors import (
    CallTimeoutError,
    ConflictError,
    DatabaseConnectionError,
    DuplicateRecordError,
    InvalidInputError,
    IsolationLevelError,
    MissingReferenceError,
    StoredFunctionError,
)
from app.retries import RetryPolicy
from app.store import AsyncBoundStore, AsyncCampaignStore, BoundStore, CampaignStore

__all__ = [
    "AsyncBoundStore",
    "AsyncCampaignStore",
    "BoundStore",
    "CallTimeoutError",
    "CampaignStore",
    "ConflictError",
    "DatabaseConnectionError",
    "DuplicateRecordError",
    "InvalidInputError",
    "IsolationLevelError",
    "MissingReferenceError",
    "RetryPolicy",
    "StoredFunctionError",
]
