"""The functions' work as application code over SQLAlchemy Core, without a stored function.

One module a function. The results, the errors and what the tables hold afterwards are those of the
stored functions, and both ways may write to the same campaigns at once: a rollout moves its callers
from one to the other share by share, and back.
"""

from app.application_path.application_path import (
    ApplicationPath,
    AsyncApplicationPath,
    AsyncBoundApplicationPath,
    BoundApplicationPath,
)

__all__ = [
    "ApplicationPath",
    "AsyncApplicationPath",
    "AsyncBoundApplicationPath",
    "BoundApplicationPath",
]
