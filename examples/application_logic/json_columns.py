"""JSON parameters, independent of the engine's own JSON encoder."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, bindparam, cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import Cast


def json_parameter(name: str) -> Cast[Any]:
    """A parameter that holds JSON text and becomes jsonb."""
    return cast(bindparam(name, type_=Text), JSONB)
