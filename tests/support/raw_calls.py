"""The stored functions as any client calls them: one SQL statement, parameters by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from campaigndb.calling.json_codec import load_json


def call_function(connection: Connection, function: str, parameters: Mapping[str, Any]) -> Any:
    """The function's envelope. Lists and mappings are sent as JSON, all else as its text.

    Every value goes as a text without a type, so that the server reads it as the parameter's.
    """
    values = {
        name: json.dumps(value)
        if isinstance(value, (list, dict))
        else None
        if value is None
        else str(value)
        for name, value in parameters.items()
    }
    arguments = ", ".join(f"{name} => :{name}" for name in values)
    result = connection.execute(text(f"select {function}({arguments})::text"), values)
    return load_json(result.scalar_one())


def isolation_level(function: str) -> str:
    """The level that the contract names for a function."""
    return "SERIALIZABLE" if function == "track_campaign_cost" else "READ COMMITTED"
