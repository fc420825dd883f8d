"""campaigndb: a campaign database whose operations are PostgreSQL functions.

`CampaignStore` and `AsyncCampaignStore` call them; every failure is a `StoredFunctionError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


# Imported when they are first asked for: the command line has to be ready for Ctrl-C before that,
# and Python runs this file first.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.endswith("Store"):
        module = "app.store"
    else:
        module = "app.retries" if name == "RetryPolicy" else "app.errors"
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
