"""A cost goes from the store's method to the SQL text through few functions: `-s` prints them."""

from __future__ import annotations

import dataclasses
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import campaigndb
from campaigndb import CampaignStore

PACKAGE = Path(campaigndb.__file__).parent
AMOUNT = "4711.0815"
MOST_FUNCTIONS, MOST_FILES = 10, 6


def holds(value: Any, depth: int = 4) -> bool:
    """Whether the amount is in the value, as itself or in what it is made of."""
    if isinstance(value, str):
        return AMOUNT in value
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return any(holds(each, depth - 1) for each in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds(each, depth - 1) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return any(
            holds(getattr(value, field.name, None), depth - 1)
            for field in dataclasses.fields(value)
        )
    return False


def test_a_cost_passes_few_functions(store: CampaignStore, campaign_id: uuid.UUID) -> None:
    passed: list[tuple[str, str]] = []
    is_sent = False
    store.track_campaign_cost(campaign_id, "bouncer", 1, 1)

    def look(frame: FrameType, event: str, _: Any) -> None:
        nonlocal is_sent
        if event != "call" or is_sent:
            return
        if any(map(holds, frame.f_locals.values())):
            note(frame)
        if frame.f_code.co_qualname.endswith("Cursor.execute"):
            # With all that called it, whether or not it looks at the value.
            is_sent = True
            callers: FrameType | None = frame
            while callers is not None:
                note(callers)
                callers = callers.f_back

    def note(frame: FrameType) -> None:
        path = Path(frame.f_code.co_filename)
        step = (path.name, frame.f_code.co_qualname)
        if path.is_relative_to(PACKAGE) and step not in passed:
            passed.append(step)

    sys.setprofile(look)
    try:
        store.track_campaign_cost(campaign_id, "bouncer", 1, AMOUNT)
    finally:
        sys.setprofile(None)
    files = {name for name, _ in passed}
    for name, function in passed:
        print(f"{name}: {function}")
    print(f"{len(passed)} functions in {len(files)} files")
    assert passed[0] == ("methods.py", "StoredFunctions.track_campaign_cost")
    assert is_sent
    assert len(passed) <= MOST_FUNCTIONS
    assert len(files) <= MOST_FILES
