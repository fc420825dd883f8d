"""Puts the revisions into the wheel, so that an installed package migrates too.

A hook rather than `force-include`: that would also copy them beside an editable
install, where the copy goes stale.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RevisionsHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"] |= {
                "alembic": "campaigndb/_alembic",
                "alembic.ini": "campaigndb/_alembic/alembic.ini",
            }
