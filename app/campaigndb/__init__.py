"""campaigndb: a campaign database whose operations are PostgreSQL functions.

`CampaignStore` and `AsyncCampaignStore` call them; every failure is a `StoredFunctionError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigndb.calling.errors import (
        CallTimeoutError,
        ConflictError,
        DatabaseConnectionError,
        DuplicateRecordError,
        InvalidInputError,
        IsolationLevelError,
        MissingReferenceError,
        StoredFunctionError,
    )
    from campaigndb.calling.retries import RetryPolicy
    from campaigndb.calling.store import BoundStore, CampaignStore
    from campaigndb.calling.store_async import AsyncBoundStore, AsyncCampaignStore

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

# The distribution's version is read from here.
__version__ = "0.3.0"


# Imported when they are first asked for: the command line has to be ready for Ctrl-C before that,
# and Python runs this file first.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "retries" if name == "RetryPolicy" else "store" if name.endswith("Store") else "errors"
    if name.startswith("Async"):
        module = "store_async"
    value = getattr(importlib.import_module(f"campaigndb.calling.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
